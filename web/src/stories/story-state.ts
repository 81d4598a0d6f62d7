// What is known of one story, and how answers and events change it. It never goes back: what is older than what is there is left
// aside, for the story and for each page.
import { networkProblem, type Problem } from '../api/problem.ts';
import type { ServerEvent } from '../live/sse.ts';
import type { Story, StoryPage, StoryStep } from './story-api.ts';

/** A stored error as every other problem; null where there is none. */
export function problemOfStep({ error }: Pick<StoryStep, 'error'>): Problem | null {
  return error === null ? null : { ...networkProblem(), status: 200, ...error };
}

/** Whether something is being made for the step, or will be by itself. */
export function isUnderWay({ status }: Pick<StoryStep, 'status'>): boolean {
  return status === 'queued' || status === 'waiting' || status === 'running';
}

/** The page a story begins with; undefined until it is started. */
export function firstPageOf({ pages }: Pick<Story, 'pages'>): StoryPage | undefined {
  return pages.find(({ parent_id: parent }) => parent === null);
}

/** Of two states of one story the newer, page by page; `next` wins where they are equally new. */
export function newerOf(known: Story | undefined, next: Story): Story {
  if (!known || known.id !== next.id) return next;
  const knownPages = new Map(known.pages.map((page) => [page.id, page]));
  const pages = next.pages.map((page) => {
    const before = knownPages.get(page.id);
    return before && before.version > page.version ? before : page;
  });
  if (next.version >= known.version) return { ...next, pages };
  const ids = new Set(pages.map(({ id }) => id));
  return { ...known, pages: [...pages, ...known.pages.filter(({ id }) => !ids.has(id))] };
}

/** Whether a page's text or picture may still be reached: pages made ahead go when their choice does. */
function isReachable(page: StoryPage, pages: readonly StoryPage[]): boolean {
  if (page.opened || page.parent_id === null) return true;
  const parent = pages.find(({ id }) => id === page.parent_id);
  return parent?.choices.some(({ text }) => text === page.choice) ?? false;
}

/** The story with one page put in its place, and its parent's choice leading to it. */
export function withPage(story: Story, page: StoryPage): Story {
  const before = story.pages.find(({ id }) => id === page.id);
  if (before && before.version > page.version) return story;
  const placed = before
    ? story.pages.map((known) => (known.id === page.id ? page : known))
    : [...story.pages, page];
  const linked = placed.map((known) =>
    known.id === page.parent_id && known.choices.some(({ text, page_id }) => text === page.choice && !page_id)
      ? {
          ...known,
          choices: known.choices.map((choice) =>
            choice.text === page.choice ? { ...choice, page_id: page.id } : choice,
          ),
        }
      : known,
  );
  return { ...story, pages: linked.filter((known) => isReachable(known, linked)) };
}

/** The story after one event of its stream; `isFirst` is the whole story that each connection begins with. */
export function afterEvent(
  story: Story | undefined,
  { name, data }: Pick<ServerEvent, 'name' | 'data'>,
  isFirst: boolean,
): Story | undefined {
  if (name === 'story.page') return story && withPage(story, JSON.parse(data) as StoryPage);
  if (name !== 'story.updated') return story;
  const next = JSON.parse(data) as Story;
  if (isFirst || !story) return newerOf(story, next);
  return next.version < story.version ? story : { ...next, pages: story.pages };
}
