// The Studio's rules as plain functions: the draft and what it becomes on the wire, prices, how task versions are
// merged (an older version never replaces a newer one), and what the tab title says.
import type { Model, ModelCapabilities, Task, TaskImage, TaskPage, TaskRequest } from '../api/resources.ts';

/** A picture to start from: an upload, a picture made earlier, or one that the server fetches from `id` as its address. */
export interface DraftInput {
  kind: 'upload' | 'image' | 'url';
  id: string;
  /** A small view of it; empty where the page may not show it. */
  url: string;
  name: string;
  width: number;
  height: number;
}

export interface Draft {
  prompt: string;
  negativePrompt: string;
  /** null follows the server's default model. */
  model: string | null;
  /** Id of a style. */
  style: string | null;
  aspectRatio: string;
  count: number;
  /** Digits, or empty for a new seed each time. */
  seed: string;
  /** 0 keeps the input picture, 1 ignores it. */
  strength: number;
  inputs: readonly DraftInput[];
  /** What may change in the first input picture, as an upload with transparency there. */
  mask: DraftInput | null;
  /** Whether it was sent as it stands, so that nothing of it would be lost. */
  isSent: boolean;
}

export const EMPTY_DRAFT: Draft = {
  prompt: '',
  negativePrompt: '',
  model: null,
  style: null,
  aspectRatio: '1:1',
  count: 1,
  seed: '',
  strength: 0.6,
  inputs: [],
  mask: null,
  isSent: false,
};

/** Whether the draft holds work that somebody would miss. */
export function hasContent(draft: Draft): boolean {
  return draft.prompt.trim() !== '' || draft.negativePrompt.trim() !== '' || draft.inputs.length > 0;
}

/** The largest seed that a task may ask for. */
export const LARGEST_SEED = 2_147_483_647;
const RATIO_SHAPE = /^(\d{1,4}):(\d{1,4})$/;
/** The metadata key by which a task is recognised as the card that was drawn before it existed. */
export const CARD_KEY = 'studio_card';

const stringOr = (value: unknown, fallback: string) => (typeof value === 'string' ? value : fallback);
const numberOr = (value: unknown, fallback: number) =>
  typeof value === 'number' && Number.isFinite(value) ? value : fallback;

function parseInput(value: unknown): DraftInput | null {
  if (typeof value !== 'object' || value === null) return null;
  const input = value as Record<string, unknown>;
  if (typeof input.id !== 'string' || typeof input.url !== 'string') return null;
  return {
    kind: input.kind === 'image' || input.kind === 'url' ? input.kind : 'upload',
    id: input.id,
    url: input.url,
    name: stringOr(input.name, ''),
    width: numberOr(input.width, 1),
    height: numberOr(input.height, 1),
  };
}

/** Reads a stored draft; anything unreadable becomes the empty draft's value, never an error. */
export function parseDraft(json: string | null): Draft {
  let value: unknown = null;
  try {
    value = JSON.parse(json ?? 'null');
  } catch {
    return EMPTY_DRAFT;
  }
  if (typeof value !== 'object' || value === null) return EMPTY_DRAFT;
  const stored = value as Record<string, unknown>;
  const ratio = stringOr(stored.aspectRatio, '');
  return {
    prompt: stringOr(stored.prompt, ''),
    negativePrompt: stringOr(stored.negativePrompt, ''),
    model: typeof stored.model === 'string' ? stored.model : null,
    style: typeof stored.style === 'string' ? stored.style : null,
    aspectRatio: RATIO_SHAPE.test(ratio) ? ratio : EMPTY_DRAFT.aspectRatio,
    count: Math.max(1, Math.round(numberOr(stored.count, 1))),
    seed: cleanSeed(stringOr(stored.seed, '')),
    strength: Math.min(1, Math.max(0, numberOr(stored.strength, EMPTY_DRAFT.strength))),
    inputs: (Array.isArray(stored.inputs) ? stored.inputs : []).flatMap((input) => parseInput(input) ?? []),
    mask: parseInput(stored.mask),
    isSent: stored.isSent === true,
  };
}

/** Keeps the digits of what was typed, within the seeds that providers accept. */
export function cleanSeed(text: string): string {
  const digits = text.replace(/\D/g, '').slice(0, 12);
  return digits === '' ? '' : String(Math.min(Number(digits), LARGEST_SEED));
}

/** What can be asked for while no model is known: a form that promises nothing. */
const PLAIN_CAPABILITIES: Omit<ModelCapabilities, 'sizes'> = {
  modes: ['text-to-image'],
  aspect_ratios: ['1:1'],
  max_images: 1,
  max_input_images: 0,
  negative_prompt: false,
  seed: false,
  strength: false,
  mask: false,
  cancel: false,
  progress: false,
};

/** What the form is drawn by. */
export type FormCapabilities = typeof PLAIN_CAPABILITIES;

export function capabilitiesOf(model: Model | null): FormCapabilities {
  return model?.drawbridge.capabilities ?? PLAIN_CAPABILITIES;
}

/** The draft's model if it exists, else the server's default, else the first that is not out of order, else the first. */
export function chosenModel(models: readonly Model[], id: string | null): Model | null {
  return (
    models.find((model) => model.id === id) ??
    models.find((model) => model.drawbridge.is_default) ??
    models.find((model) => model.drawbridge.provider_state !== 'down') ??
    models[0] ??
    null
  );
}

/** The counts offered for a model: 1 to 4, and 8, as far as it can. */
export function countChoices(maxImages: number): number[] {
  return [1, 2, 3, 4, 8].filter((count) => count <= Math.max(1, maxImages));
}

/** Whether the input picture will be used with this model. */
export function takesPictures(capabilities: FormCapabilities): boolean {
  return capabilities.max_input_images > 0 && capabilities.modes.includes('image-to-image');
}

/** The draft as this model can run it: choices it does not offer fall back, nothing stored is changed. */
export function fitDraft(draft: Draft, capabilities: FormCapabilities): Draft {
  const ratios = capabilities.aspect_ratios;
  const counts = countChoices(capabilities.max_images);
  return {
    ...draft,
    aspectRatio: ratios.includes(draft.aspectRatio) ? draft.aspectRatio : (ratios[0] ?? '1:1'),
    count: counts.includes(draft.count)
      ? draft.count
      : Math.max(...counts.filter((n) => n <= draft.count), 1),
    negativePrompt: capabilities.negative_prompt ? draft.negativePrompt : '',
    seed: capabilities.seed ? draft.seed : '',
    inputs: takesPictures(capabilities) ? draft.inputs.slice(-capabilities.max_input_images) : [],
    mask: takesPictures(capabilities) && capabilities.mask && draft.inputs.length > 0 ? draft.mask : null,
  };
}

/** The request for a draft; `cardKey` marks the task as the one this card stands for. */
export function toTaskRequest(draft: Draft, model: Model | null, cardKey: string): TaskRequest {
  const capabilities = capabilitiesOf(model);
  const fitted = fitDraft(draft, capabilities);
  const request: TaskRequest = {
    prompt: fitted.prompt.trim(),
    mode: fitted.inputs.length > 0 ? 'image-to-image' : 'text-to-image',
    aspect_ratio: fitted.aspectRatio,
    n: fitted.count,
    metadata: { [CARD_KEY]: cardKey },
  };
  if (model) request.model = model.id;
  if (fitted.negativePrompt.trim() !== '') request.negative_prompt = fitted.negativePrompt.trim();
  if (fitted.seed !== '') request.seed = Number(fitted.seed);
  if (fitted.style) request.style = fitted.style;
  if (fitted.inputs.length > 0) {
    request.images = fitted.inputs.map(sourceOf);
    if (fitted.mask) request.mask = sourceOf(fitted.mask);
    if (capabilities.strength) request.strength = fitted.strength;
  }
  return request;
}

function sourceOf({ kind, id }: DraftInput): NonNullable<TaskRequest['images']>[number] {
  if (kind === 'url') return { url: id };
  return kind === 'upload' ? { upload_id: id } : { image_id: id };
}

/** What the draft holds that this model has no use for; empty when everything will be used. */
export function unusedBy(
  draft: Draft,
  capabilities: FormCapabilities,
): ('negative' | 'seed' | 'pictures' | 'mask')[] {
  return [
    ...(draft.negativePrompt.trim() !== '' && !capabilities.negative_prompt ? (['negative'] as const) : []),
    ...(draft.seed !== '' && !capabilities.seed ? (['seed'] as const) : []),
    ...(draft.inputs.length > 0 && !takesPictures(capabilities) ? (['pictures'] as const) : []),
    ...(draft.mask && draft.inputs.length > 0 && !capabilities.mask ? (['mask'] as const) : []),
  ];
}

/** Price of the whole draft in credits, or null while no model is known. */
export function priceOf(draft: Draft, model: Model | null): number | null {
  if (!model) return null;
  return model.drawbridge.price_credits * fitDraft(draft, capabilitiesOf(model)).count;
}

/** Width over height of `w:h` or `wxh`, or null. */
export function parseRatio(text: unknown): number | null {
  const match = typeof text === 'string' ? /^(\d+(?:\.\d+)?)\s*[:x×]\s*(\d+(?:\.\d+)?)$/.exec(text) : null;
  const ratio = match ? Number(match[1]) / Number(match[2]) : Number.NaN;
  return Number.isFinite(ratio) && ratio > 0 ? ratio : null;
}

/** Width over height of the pictures of a task, known before they exist so that nothing moves when they arrive. */
export function ratioOf(task: {
  params: Pick<Task['params'], 'size'>;
  images: readonly Pick<TaskImage, 'width' | 'height'>[];
}): number {
  const image = task.images[0];
  if (image && image.width > 0 && image.height > 0) return image.width / image.height;
  return parseRatio(task.params.size) ?? 1;
}

/** The offered shape (`w:h`) closest to a ratio, judged by proportion; the given fallback when none is offered. */
export function nearestRatio(ratio: number, offered: readonly string[], fallback: string): string {
  const distance = (name: string) => Math.abs(Math.log((parseRatio(name) ?? 1) / ratio));
  return (
    offered.reduce<string | null>(
      (best, name) => (best === null || distance(name) < distance(best) ? name : best),
      null,
    ) ?? fallback
  );
}

/** The pictures that were asked for; extras that a provider gave for free come after them. */
export function picturesOf(task: Pick<Task, 'images'>): TaskImage[] {
  return task.images.filter((image) => !image.trashed).sort((a, b) => Number(a.extra) - Number(b.extra));
}

/** Whether every picture of a finished task lies in the trash: its card has nothing left to show. */
export function isEmptied(task: Pick<Task, 'status' | 'images'>): boolean {
  return task.status === 'succeeded' && task.images.length > 0 && task.images.every(({ trashed }) => trashed);
}

/** The file's key at the end of a picture's address, whatever host and signature surround it. */
function keyOfUrl(url: string): string {
  return url.split(/[?#]/, 1)[0]?.split('/').at(-1) ?? '';
}

/**
 * Puts HD variants under the picture that they were made from: an upscale task whose parent is loaded has no card of its own.
 * Returns the tasks that have cards, and the variants by picture id, newest first.
 */
export function stackVariants(tasks: readonly Task[]): { cards: Task[]; variants: Map<string, Task[]> } {
  const imageIds = new Map<string, string>();
  for (const task of tasks)
    for (const { id, url, trashed } of task.images) if (!trashed) imageIds.set(keyOfUrl(url), id);
  const variants = new Map<string, Task[]>();
  const cards = tasks.filter((task) => {
    const source = task.mode === 'upscale' ? task.params.images[0] : undefined;
    const parent = source && imageIds.get(keyOfUrl(source.url));
    if (!parent) return true;
    variants.set(parent, [...(variants.get(parent) ?? []), task]);
    return false;
  });
  return { cards, variants };
}

export function isActive(task: Pick<Task, 'status'>): boolean {
  return task.status === 'queued' || task.status === 'running';
}

export interface TaskPages {
  pages: readonly TaskPage[];
  pageParams: readonly unknown[];
}

/**
 * Puts a task into the loaded pages: replaces an older version, keeps a newer one, and adds an unknown task at its place
 * by creation (ids sort by time). An unknown task older than everything loaded is left for its own page.
 */
export function mergeTask<Pages extends TaskPages>(loaded: Pages, task: Task): Pages {
  for (const [index, page] of loaded.pages.entries()) {
    const at = page.data.findIndex((known) => known.id === task.id);
    const known = page.data[at];
    if (!known) continue;
    if (known.version >= task.version) return loaded;
    const pages = loaded.pages.with(index, { ...page, data: page.data.with(at, task) });
    return { ...loaded, pages };
  }
  for (const [index, page] of loaded.pages.entries()) {
    const at = page.data.findIndex((known) => known.created_at < task.created_at);
    const isLast = index === loaded.pages.length - 1;
    if (at < 0 && !(isLast && page.next_cursor === null)) continue;
    const data = page.data.toSpliced(at < 0 ? page.data.length : at, 0, task);
    return { ...loaded, pages: loaded.pages.with(index, { ...page, data }) };
  }
  return loaded;
}

/** Changes one picture of a loaded task without a new version, for what the stream does not tell. */
export function patchImage<Pages extends TaskPages>(
  loaded: Pages,
  imageId: string,
  change: Partial<TaskImage>,
): Pages {
  const patch = (task: Task): Task =>
    task.images.some(({ id }) => id === imageId)
      ? {
          ...task,
          images: task.images.map((image) => (image.id === imageId ? { ...image, ...change } : image)),
        }
      : task;
  return { ...loaded, pages: loaded.pages.map((page) => ({ ...page, data: page.data.map(patch) })) };
}

/** A refetched page must not turn back what the stream has already said. */
export function keepNewer(fetched: Task, known: Task | undefined): Task {
  return known && known.version > fetched.version ? known : fetched;
}

/** The tab's title, such as `(3) 42 % · Studio`. */
export function tabTitle(
  tasks: readonly Pick<Task, 'status' | 'progress'>[],
  pending: number,
  room: string,
): string {
  const active = tasks.filter(isActive);
  const count = active.length + pending;
  if (count === 0) return `${room} · Drawbridge`;
  const known = active.flatMap((task) => (task.progress === null ? [] : [task.progress]));
  const percent =
    known.length === 0 ? '' : ` ${Math.floor((known.reduce((a, b) => a + b, 0) / known.length) * 100)} %`;
  return `(${count})${percent} · ${room}`;
}

/** What of a task can be repeated. */
export interface RepeatedTask extends Pick<Task, 'prompt' | 'n'> {
  params: Pick<Task['params'], 'size' | 'negative_prompt' | 'strength'> & {
    /** null: a new one each time. */
    seed: number | null;
  };
  style: Pick<NonNullable<Task['style']>, 'id' | 'names'> | null;
  /** For their shape alone. */
  images: readonly Pick<TaskImage, 'width' | 'height'>[];
}

/** The draft that repeats a task: everything, or its words alone. `model` is the one that the task asked for, if it still exists. */
export function draftFromTask(
  draft: Draft,
  task: RepeatedTask,
  what: 'prompt' | 'all',
  model: Model | null,
): Draft {
  const negativePrompt = task.params.negative_prompt ?? '';
  if (what === 'prompt') return { ...draft, prompt: task.prompt, negativePrompt, isSent: false };
  return {
    ...draft,
    isSent: false,
    prompt: task.prompt,
    negativePrompt,
    model: model?.id ?? draft.model,
    style: task.style?.id ?? null,
    count: task.n,
    aspectRatio: nearestRatio(ratioOf(task), capabilitiesOf(model).aspect_ratios, draft.aspectRatio),
    seed: task.params.seed === null ? '' : cleanSeed(String(task.params.seed)),
    strength: task.params.strength ?? draft.strength,
  };
}

/** How far a variation goes from its picture. */
const VARIATION_STRENGTH = 0.45;

/** The request for a picture close to this one: from the picture where its model takes pictures, else from its words alone. */
export function variationOf(
  task: RepeatedTask,
  image: Pick<TaskImage, 'id' | 'url'>,
  model: Model | null,
  cardKey: string,
): TaskRequest {
  const capabilities = capabilitiesOf(model);
  const base = { ...draftFromTask(EMPTY_DRAFT, task, 'all', model), count: 1, seed: '' };
  const input: DraftInput = { kind: 'image', id: image.id, url: image.url, name: '', width: 1, height: 1 };
  const draft = takesPictures(capabilities)
    ? { ...base, inputs: [input], strength: VARIATION_STRENGTH }
    : base;
  return toTaskRequest(draft, model, cardKey);
}

/** A picture's parameters as people paste them: the words, then one line of settings. */
export function parametersText(
  task: RepeatedTask & Pick<Task, 'model'>,
  image: Pick<TaskImage, 'width' | 'height' | 'seed'>,
  language: 'en' | 'zh',
): string {
  const seed = image.seed ?? task.params.seed;
  const settings = [
    `Size: ${image.width}x${image.height}`,
    ...(seed === null ? [] : [`Seed: ${seed}`]),
    `Model: ${task.model}`,
    ...(task.style ? [`Style: ${task.style.names[language]}`] : []),
    ...(task.params.strength === null ? [] : [`Strength: ${task.params.strength}`]),
  ];
  return [
    task.prompt,
    ...(task.params.negative_prompt ? [`Negative prompt: ${task.params.negative_prompt}`] : []),
    settings.join(', '),
  ].join('\n');
}
