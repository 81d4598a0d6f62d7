// The Studio's rules as plain functions: the draft and what it becomes on the wire, prices, how task versions are
// merged (an older version never replaces a newer one), and what the tab title says.
import type { Model, ModelCapabilities, Task, TaskImage, TaskPage, TaskRequest } from '../api/resources.ts';

/** A picture to start from: an upload, or a picture made earlier. */
export interface DraftInput {
  kind: 'upload' | 'image';
  id: string;
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
  aspectRatio: string;
  count: number;
  /** Digits, or empty for a new seed each time. */
  seed: string;
  /** 0 keeps the input picture, 1 ignores it. */
  strength: number;
  input: DraftInput | null;
}

export const EMPTY_DRAFT: Draft = {
  prompt: '',
  negativePrompt: '',
  model: null,
  aspectRatio: '1:1',
  count: 1,
  seed: '',
  strength: 0.6,
  input: null,
};

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
    kind: input.kind === 'image' ? 'image' : 'upload',
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
    aspectRatio: RATIO_SHAPE.test(ratio) ? ratio : EMPTY_DRAFT.aspectRatio,
    count: Math.max(1, Math.round(numberOr(stored.count, 1))),
    seed: cleanSeed(stringOr(stored.seed, '')),
    strength: Math.min(1, Math.max(0, numberOr(stored.strength, EMPTY_DRAFT.strength))),
    input: parseInput(stored.input),
  };
}

/** Keeps the digits of what was typed, within the seeds that providers accept. */
export function cleanSeed(text: string): string {
  const digits = text.replace(/\D/g, '').slice(0, 12);
  return digits === '' ? '' : String(Math.min(Number(digits), LARGEST_SEED));
}

/** What can be asked for while no model is known: a form that promises nothing. */
const PLAIN_CAPABILITIES: Omit<ModelCapabilities, 'sizes' | 'mask'> = {
  modes: ['text-to-image'],
  aspect_ratios: ['1:1'],
  max_images: 1,
  max_input_images: 0,
  negative_prompt: false,
  seed: false,
  strength: false,
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
    input: takesPictures(capabilities) ? draft.input : null,
  };
}

/** The request for a draft; `cardKey` marks the task as the one this card stands for. */
export function toTaskRequest(draft: Draft, model: Model | null, cardKey: string): TaskRequest {
  const capabilities = capabilitiesOf(model);
  const fitted = fitDraft(draft, capabilities);
  const request: TaskRequest = {
    prompt: fitted.prompt.trim(),
    mode: fitted.input ? 'image-to-image' : 'text-to-image',
    aspect_ratio: fitted.aspectRatio,
    n: fitted.count,
    metadata: { [CARD_KEY]: cardKey },
  };
  if (model) request.model = model.id;
  if (fitted.negativePrompt.trim() !== '') request.negative_prompt = fitted.negativePrompt.trim();
  if (fitted.seed !== '') request.seed = Number(fitted.seed);
  if (fitted.input) {
    const { kind, id } = fitted.input;
    request.images = [kind === 'upload' ? { upload_id: id } : { image_id: id }];
    if (capabilities.strength) request.strength = fitted.strength;
  }
  return request;
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
  images: readonly TaskImage[];
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

/** Prompts used before, newest first, each once. */
export function promptHistory(tasks: readonly Pick<Task, 'prompt'>[]): string[] {
  return [...new Set(tasks.map((task) => task.prompt))];
}

/** The draft that repeats a task: everything, or its words alone. `model` is the one that the task asked for, if it still exists. */
export function draftFromTask(draft: Draft, task: Task, what: 'prompt' | 'all', model: Model | null): Draft {
  const negativePrompt = task.params.negative_prompt ?? '';
  if (what === 'prompt') return { ...draft, prompt: task.prompt, negativePrompt };
  return {
    ...draft,
    prompt: task.prompt,
    negativePrompt,
    model: model?.id ?? draft.model,
    count: task.n,
    aspectRatio: nearestRatio(ratioOf(task), capabilitiesOf(model).aspect_ratios, draft.aspectRatio),
    seed: cleanSeed(String(task.params.seed)),
    strength: task.params.strength ?? draft.strength,
  };
}
