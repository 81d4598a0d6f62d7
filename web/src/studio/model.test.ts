import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Model, Task, TaskImage } from '../api/resources.ts';
import {
  cleanSeed,
  countChoices,
  draftFromTask,
  EMPTY_DRAFT,
  fitDraft,
  mergeTask,
  nearestRatio,
  parametersText,
  parseDraft,
  parseRatio,
  priceOf,
  ratioOf,
  stackVariants,
  type TaskPages,
  tabTitle,
  toTaskRequest,
  unusedBy,
  variationOf,
} from './model.ts';

const model: Model = {
  id: 'ink',
  object: 'model',
  created: 0,
  owned_by: 'sandbox',
  drawbridge: {
    is_default: false,
    title: { en: 'Ink', zh: '墨' },
    provider: 'sandbox',
    provider_state: 'healthy',
    provider_reason: null,
    providers: [{ name: 'sandbox', state: 'healthy' }],
    median_seconds: null,
    queue_ahead: 0,
    input_schema: {},
    price_credits: 0.5,
    typical_seconds: 4,
    capabilities: {
      modes: ['text-to-image', 'image-to-image'],
      sizes: { min_side: 64, max_side: 2048, max_pixels: 4_194_304, multiple: 8 },
      mask: false,
      aspect_ratios: ['1:1', '16:9'],
      max_images: 3,
      max_input_images: 1,
      negative_prompt: true,
      seed: true,
      strength: true,
      cancel: true,
      progress: true,
    },
  },
};

function task(id: string, version: number, createdAt: string, more: Partial<Task> = {}): Task {
  return {
    id,
    version,
    status: 'queued',
    phase: null,
    progress: null,
    eta_s: null,
    provider_model: 'ink-1',
    style: null,
    final_prompt: `prompt of ${id}`,
    final_negative_prompt: null,
    timings: { queued_ms: null, submit_ms: null, wait_ms: null, save_ms: null, total_ms: null },
    preview_url: null,
    queue_position: null,
    waiting_reason: null,
    waiting: null,
    mode: 'text-to-image',
    model: 'ink',
    provider: 'sandbox',
    prompt: `prompt of ${id}`,
    params: {
      size: '1024x1024',
      negative_prompt: null,
      seed: 9,
      strength: null,
      images: [],
      mask: null,
      deadline_s: 300,
      priority: 0,
    },
    n: 1,
    images: [],
    error: null,
    cost: { held: 0, captured: 0, released: 0 },
    attempts: [],
    cancel: { state: 'none', note: null, remark: null },
    retry_of: null,
    batch_id: null,
    metadata: {},
    created_at: createdAt,
    started_at: null,
    finished_at: null,
    urls: { get: '', events: '', cancel: '', web: '' },
    ...more,
  };
}

const pages = (...lists: [Task[], string | null][]): TaskPages => ({
  pages: lists.map(([data, next_cursor]) => ({ data, next_cursor })),
  pageParams: lists.map(() => null),
});
const ids = (loaded: TaskPages) => loaded.pages.map((page) => page.data.map((entry) => entry.id).join(','));

test('a newer version replaces, an older or equal one changes nothing', () => {
  const loaded = pages([[task('a', 3, '2026-01-01', { progress: 0.5 })], null]);
  assert.equal(mergeTask(loaded, task('a', 3, '2026-01-01')), loaded);
  assert.equal(mergeTask(loaded, task('a', 2, '2026-01-01')), loaded);
  assert.equal(mergeTask(loaded, task('a', 4, '2026-01-01')).pages[0]?.data[0]?.version, 4);
});

test('an unknown task takes its place by creation', () => {
  const loaded = pages([[task('d', 1, '04'), task('b', 1, '02')], 'next'], [[task('a', 1, '01')], null]);
  assert.deepEqual(ids(mergeTask(loaded, task('e', 1, '05'))), ['e,d,b', 'a']);
  assert.deepEqual(ids(mergeTask(loaded, task('c', 1, '03'))), ['d,c,b', 'a']);
  assert.deepEqual(ids(mergeTask(loaded, task('0', 1, '00'))), ['d,b', 'a,0']);
  const partial = pages([[task('d', 1, '04')], 'next']);
  assert.equal(mergeTask(partial, task('0', 1, '00')), partial);
  assert.deepEqual(ids(mergeTask(pages([[], null]), task('a', 1, '01'))), ['a']);
});

test('a draft survives storage, and rubbish becomes the empty draft', () => {
  const draft = { ...EMPTY_DRAFT, prompt: '雪 "x"', seed: '42', count: 3 };
  assert.deepEqual(parseDraft(JSON.stringify(draft)), draft);
  for (const rubbish of [null, '', '{', '7', '"x"', 'null'])
    assert.deepEqual(parseDraft(rubbish), EMPTY_DRAFT);
  assert.equal(parseDraft('{"aspectRatio":"javascript:1","strength":9}').aspectRatio, '1:1');
  assert.equal(parseDraft('{"strength":9}').strength, 1);
});

test('the request carries what the model offers and nothing else', () => {
  const input = { kind: 'upload', id: 'up_1', url: '/x', name: 'x', width: 1, height: 1 } as const;
  const words = { prompt: ' a fox ', negativePrompt: 'text', seed: '7' };
  const draft = { ...EMPTY_DRAFT, ...words, count: 4, inputs: [input] };
  assert.deepEqual(toTaskRequest({ ...draft, aspectRatio: '3:2' }, model, 'card'), {
    prompt: 'a fox',
    mode: 'image-to-image',
    model: 'ink',
    aspect_ratio: '1:1',
    n: 3,
    negative_prompt: 'text',
    seed: 7,
    images: [{ upload_id: 'up_1' }],
    strength: 0.6,
    metadata: { studio_card: 'card' },
  });
  const plain = fitDraft(draft, { ...model.drawbridge.capabilities, max_input_images: 0, seed: false });
  assert.deepEqual([plain.inputs, plain.seed], [[], '']);
  assert.deepEqual(unusedBy(draft, { ...model.drawbridge.capabilities, max_input_images: 0, seed: false }), [
    'seed',
    'pictures',
  ]);
  assert.deepEqual(unusedBy(draft, model.drawbridge.capabilities), []);
});

test('price, counts, seeds and ratios', () => {
  assert.equal(priceOf({ ...EMPTY_DRAFT, count: 2 }, model), 1);
  assert.equal(priceOf(EMPTY_DRAFT, null), null);
  assert.deepEqual(countChoices(3), [1, 2, 3]);
  assert.deepEqual(countChoices(0), [1]);
  assert.equal(cleanSeed('-99999999999'), '2147483647');
  assert.equal(cleanSeed('12a'), '12');
  assert.equal(parseRatio('1536x1024'), 1.5);
  assert.equal(parseRatio('0:0'), null);
  assert.equal(ratioOf({ images: [], params: { size: '1600x900' } }), 16 / 9);
  assert.equal(ratioOf({ images: [], params: { size: '' } }), 1);
  assert.equal(nearestRatio(1.75, ['1:1', '16:9', '3:2'], '1:1'), '16:9');
  assert.equal(nearestRatio(1.75, [], '4:5'), '4:5');
});

test('the tab title counts what is under way', () => {
  const running = [0.4, 0.44, null].map((progress) => ({ status: 'running' as const, progress }));
  assert.equal(tabTitle(running, 0, 'Studio'), '(3) 42 % · Studio');
  assert.equal(tabTitle([{ status: 'queued', progress: null }], 1, 'Studio'), '(2) · Studio');
  assert.equal(tabTitle([{ status: 'failed', progress: 0.3 }], 0, 'Studio'), 'Studio · Drawbridge');
});

const picture = (id: string, more: Partial<TaskImage> = {}): TaskImage => ({
  id,
  kind: 'final',
  url: `https://host/media/final/${id}-key?signature=1`,
  thumb_url: '',
  download_url: '',
  width: 1600,
  height: 900,
  mime: 'image/png',
  bytes: 1,
  seed: 5,
  thumbhash: null,
  extra: false,
  late: false,
  trashed: false,
  ...more,
});

test('an HD variant stands under the picture it was made from, as long as that is there', () => {
  const made = task('a', 1, '01', { images: [picture('img_1')] });
  const source = { url: 'https://host/media/final/img_1-key', width: 1600, height: 900 };
  const plain = task('b', 1, '02', { mode: 'upscale' });
  const variant = { ...plain, params: { ...plain.params, images: [source] } };
  const { cards, variants } = stackVariants([variant, made]);
  assert.deepEqual(cards, [made]);
  assert.deepEqual(variants.get('img_1'), [variant]);
  const gone = task('a', 1, '01', { images: [picture('img_1', { trashed: true })] });
  assert.deepEqual(stackVariants([variant, gone]).cards, [variant, gone]);
});

test('a variation starts from the picture where the model takes one, and never from the same seed', () => {
  const made = task('a', 1, '01', { n: 4, images: [picture('img_1')] });
  const varied = variationOf(made, picture('img_1'), model, 'card');
  assert.deepEqual([varied.images, varied.n, varied.seed], [[{ image_id: 'img_1' }], 1, undefined]);
  const blind = {
    ...model.drawbridge,
    capabilities: { ...model.drawbridge.capabilities, max_input_images: 0 },
  };
  const inWords = variationOf(made, picture('img_1'), { ...model, drawbridge: blind }, 'card');
  assert.deepEqual([inWords.mode, inWords.images, inWords.seed], ['text-to-image', undefined, undefined]);
});

test('parameters are copied as words and one line of settings', () => {
  assert.equal(
    parametersText(task('a', 1, '01'), picture('img_1'), 'en'),
    'prompt of a\nSize: 1600x900, Seed: 5, Model: ink',
  );
});

test('a task can be repeated', () => {
  const plain = task('a', 1, '01', { n: 2 });
  const old = { ...plain, params: { ...plain.params, size: '1600x912', negative_prompt: 'text' } };
  const draft = draftFromTask({ ...EMPTY_DRAFT, seed: '1' }, old, 'all', model);
  assert.deepEqual(
    [draft.seed, draft.count, draft.aspectRatio, draft.negativePrompt],
    ['9', 2, '16:9', 'text'],
  );
  assert.equal(draftFromTask({ ...EMPTY_DRAFT, seed: '1' }, old, 'prompt', model).seed, '1');
});
