// What can be done with one finished picture, as one list that the card's menu and the picture's own menu show.
import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query';
import { problemOf } from '../api/problem.ts';
import type { Model, TaskImage } from '../api/resources.ts';
import { copyPicture, copyText } from '../ui/clipboard.ts';
import { type Text, useText } from '../ui/language.ts';
import type { MenuItem } from '../ui/Menu.tsx';
import { describeProblem } from '../ui/ProblemNote.tsx';
import { showToast } from '../ui/toast.tsx';
import {
  capabilitiesOf,
  cleanSeed,
  draftFromTask,
  parametersText,
  ratioOf,
  takesPictures,
  variationOf,
} from './model.ts';
import { modelsQuery, trashImage, upscaleImage } from './queries.ts';
import type { RepeatedPicture } from './repeat-picture.ts';
import { type Studio, useStudio } from './studio-context.ts';

export interface PictureItem extends MenuItem {
  /** What comes of it shows in the room, so that a view over the room closes first. */
  leaves?: boolean;
}

/** What of a picture the actions need. */
export type ActedOn = Pick<
  TaskImage,
  'id' | 'kind' | 'url' | 'thumb_url' | 'download_url' | 'width' | 'height' | 'seed'
>;

interface ActionContext {
  text: Text;
  client: QueryClient;
  studio: Studio;
  models: readonly Model[];
  task: RepeatedPicture;
  onShare(imageIds: readonly string[]): void;
}

/** Says that it was done, or why not. */
async function report(text: Text, action: Promise<boolean | undefined>, done: string): Promise<void> {
  try {
    const succeeded = await action;
    showToast(
      succeeded === false
        ? { text: text.t('task.copy.refused'), tone: 'alarm' }
        : { text: done, shownMs: 3_000 },
    );
  } catch (error) {
    showToast({ text: describeProblem(problemOf(error), text).title, tone: 'alarm' });
  }
}

function remove({ text, client }: ActionContext, image: ActedOn): void {
  const fail = (error: unknown) =>
    showToast({ text: describeProblem(problemOf(error), text).title, tone: 'alarm' });
  trashImage(client, image.id, true).then(
    () =>
      showToast({
        text: text.t('task.deleted'),
        action: {
          label: text.t('app.undo'),
          run: () => void trashImage(client, image.id, false).catch(fail),
        },
      }),
    fail,
  );
}

/** A new picture close to this one, sent at once: from the picture where the model can, else from its words with a new seed. */
export function vary(context: ActionContext, image: ActedOn): void {
  const { studio, models, task } = context;
  const model = models.find(({ id }) => id === task.model) ?? null;
  studio.outbox.submit((key) => variationOf(task, image, model, key), ratioOf(task));
}

/** Makes the picture larger; the card shows the variant under it. */
export function enlarge({ text, client }: ActionContext, image: ActedOn): void {
  upscaleImage(client, image.id).catch((error: unknown) =>
    showToast({ text: describeProblem(problemOf(error), text).title, tone: 'alarm' }),
  );
}

/** Puts every setting that made the picture into the draft. */
function takeOverAll({ studio, models, task }: ActionContext, image: ActedOn): void {
  const model = models.find(({ id }) => id === task.model) ?? null;
  const params = { ...task.params, seed: image.seed ?? task.params.seed };
  studio.takeOver(draftFromTask(studio.draft.get(), { ...task, params }, 'all', model));
}

function itemsOf(context: ActionContext, image: ActedOn): PictureItem[] {
  const { text, studio, models, task } = context;
  const { t } = text;
  const { draft } = studio;
  const canTake = models.some((known) => takesPictures(capabilitiesOf(known)));
  const canEnlarge = models.some((known) => capabilitiesOf(known).modes.includes('upscale'));
  const seed = image.seed ?? task.params.seed;
  return [
    { label: t('task.download'), icon: 'download', href: image.download_url, download: true },
    { label: t('task.vary'), icon: 'vary', leaves: true, run: () => vary(context, image) },
    ...(canEnlarge && image.kind === 'final'
      ? [{ label: t('task.hd'), icon: 'hd' as const, leaves: true, run: () => enlarge(context, image) }]
      : []),
    {
      label: t('task.useAll'),
      icon: 'settings',
      leaves: true,
      run: () => takeOverAll(context, image),
    },
    ...(seed === null
      ? []
      : [
          {
            label: t('task.useSeed'),
            icon: 'seed' as const,
            leaves: true,
            run: () => {
              draft.update({ seed: cleanSeed(String(seed)) });
              studio.focusPrompt();
            },
          },
        ]),
    ...(canTake
      ? [
          {
            label: t('task.useAsInput'),
            icon: 'input' as const,
            leaves: true,
            run: () => {
              const { id, thumb_url: url, width, height } = image;
              studio.inputs.add({ kind: 'image', id, url, name: '', width, height });
              studio.focusPrompt();
            },
          },
        ]
      : []),
    { label: t('task.share'), icon: 'share', run: () => context.onShare([image.id]) },
    {
      label: t('task.copyPicture'),
      icon: 'copy',
      run: () => void report(text, copyPicture(image.url), t('app.copied')),
    },
    {
      label: t('task.copyLink'),
      icon: 'link',
      run: () => void report(text, copyText(image.url), t('app.copied')),
    },
    {
      label: t('task.copyParameters'),
      icon: 'prompt',
      run: () => void report(text, copyText(parametersText(task, image, text.language)), t('app.copied')),
    },
    { label: t('task.delete'), icon: 'trash', isDanger: true, run: () => remove(context, image) },
  ];
}

export interface PictureActions {
  useAll(image: ActedOn): void;
  usePrompt(): void;
  remove(image: ActedOn): void;
  items(image: ActedOn): PictureItem[];
  vary(image: ActedOn): void;
  /** null where no model makes pictures larger. */
  enlarge: ((image: ActedOn) => void) | null;
}

export function usePictureActions(
  task: RepeatedPicture,
  onShare: (imageIds: readonly string[]) => void,
): PictureActions {
  const text = useText();
  const client = useQueryClient();
  const studio = useStudio();
  const { data: models = [] } = useQuery(modelsQuery);
  const context: ActionContext = { text, client, studio, models, task, onShare };
  const canEnlarge = models.some((model) => capabilitiesOf(model).modes.includes('upscale'));
  return {
    useAll: (image) => takeOverAll(context, image),
    usePrompt: () => studio.takeOver(draftFromTask(studio.draft.get(), task, 'prompt', null)),
    remove: (image) => remove(context, image),
    items: (image) => itemsOf(context, image),
    vary: (image) => vary(context, image),
    enlarge: canEnlarge ? (image) => enlarge(context, image) : null,
  };
}
