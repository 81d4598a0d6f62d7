// What a picture model is asked for a page. Each page of a story carries the same sheet: the look of every character word for word,
// the style, the seed, and where the model takes pictures the characters' reference pictures.
import type { Capabilities } from '../providers/provider.ts';
import { type CreateTaskBody, MAX_PROMPT_CHARS } from '../tasks/contract.ts';
import { AHEAD_PRIORITY, USUAL_PRIORITY } from '../tasks/tasks.ts';
import type { OutlineBody } from './contract.ts';
import { NEGATIVE_PROMPT, soften } from './safety.ts';
import type { PageRow, StoryRow } from './store.ts';

const MAX_SCENE_CHARS = 1500;
/** More references than this confuse models rather than help them. */
const MOST_REFERENCES = 3;

/** The fixed description: the same words in every picture of a story. */
export function characterSheet(outline: Pick<OutlineBody, 'characters'>): string {
  return outline.characters.map(({ name, look }) => `${name}: ${soften(look).text}`).join('; ');
}

export type PictureModel = { name: string; capabilities: Capabilities };

/** The request for a page's picture, as `POST /v1/tasks` takes it. */
export function pictureRequest(
  story: Pick<StoryRow, 'id' | 'model' | 'style_id' | 'style_text' | 'aspect_ratio' | 'seed'>,
  outline: OutlineBody,
  page: Pick<PageRow, 'id' | 'picture_prompt' | 'opened'>,
  { capabilities }: PictureModel,
): CreateTaskBody {
  const sheet = characterSheet(outline);
  const scene = soften(page.picture_prompt).text.slice(0, MAX_SCENE_CHARS);
  const parts = [
    scene,
    ...(sheet === '' ? [] : [`Characters, the same in every picture: ${sheet}`]),
    ...(story.style_text ? [`Style: ${story.style_text}`] : []),
  ];
  const references = outline.characters.flatMap(({ image_id: image }) =>
    image === undefined ? [] : [image],
  );
  const takes = capabilities.modes.includes('image-to-image') ? capabilities.maxInputImages : 0;
  const used = [...new Set(references)].slice(0, Math.min(takes, MOST_REFERENCES));
  return {
    prompt: parts.join('. ').slice(0, MAX_PROMPT_CHARS),
    ...(story.model === null ? {} : { model: story.model }),
    ...(story.style_id === null ? {} : { style: story.style_id }),
    ...(capabilities.negativePrompt ? { negative_prompt: NEGATIVE_PROMPT } : {}),
    ...(used.length === 0
      ? {}
      : { images: used.map((id) => (id.startsWith('up_') ? { upload_id: id } : { image_id: id })) }),
    aspect_ratio: story.aspect_ratio,
    seed: story.seed,
    n: 1,
    priority: page.opened === 1 ? USUAL_PRIORITY : AHEAD_PRIORITY,
    dedupe_window_s: 0,
    metadata: { story_id: story.id, story_page_id: page.id },
  };
}
