// What checks say about rows is recognised: the sentences are taken from the checks themselves, so that one that is worded anew
// fails here, and every code has its words in both languages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../kernel/errors.ts';
import { FIELD_REASONS, reasonOf } from '../kernel/field-reasons.ts';
import { batchesEn } from '../kernel/messages/batches-en.ts';
import { batchesZh } from '../kernel/messages/batches-zh.ts';
import { checkCapabilities, type RequestNeeds } from '../tasks/create.ts';
import { checkSize } from '../tasks/size.ts';
import { createBatchBody } from './contract.ts';
import { draftItems } from './items.ts';
import { readSource } from './source.ts';

async function reasonsOf(body: object): Promise<string[]> {
  const source = readSource(createBatchBody.parse(body));
  const { errors } = await draftItems(source, {});
  return errors.map(({ field, detail }) => `${field ?? ''} ${reasonOf(detail).code}`.trim());
}

test('what is wrong with rows of a source has a code', async () => {
  const items = [
    { prompt: '' },
    { prompt: 'a', size: 'large' },
    { prompt: 'a', aspect_ratio: 'wide' },
    { prompt: 'a', size: '64x64', aspect_ratio: '1:1' },
    { prompt: 'a', n: 99 },
    { prompt: 'a', n: 0 },
    { prompt: 'a', n: 1.5 },
    { prompt: 'a', n: 'two' },
    { prompt: 7 },
    { prompt: 'a'.repeat(50_000) },
    { prompt: 'a', mode: 'dream' },
    { prompt: 'a', colour: 'red' },
    { prompt: 'a', priority: 3 },
    { prompt: 'a', images: [{ b64: 'AAAA' }] },
    { prompt: 'a', metadata: 5 },
  ];
  assert.deepEqual(await reasonsOf({ items }), [
    'prompt empty',
    'size size_form',
    'aspect_ratio ratio_form',
    'size size_and_ratio',
    'n too_large',
    'n too_small',
    'n not_a_whole_number',
    'n not_a_number',
    'prompt not_a_text',
    'prompt too_long',
    'mode not_an_option',
    'unknown_field',
    'priority not_of_items',
    'images upload_first',
    'metadata_not_object',
  ]);
  assert.deepEqual(await reasonsOf({ csv: 'prompt,n\na cat, in the rain,2' }), ['too_many_cells']);
  assert.deepEqual(await reasonsOf({ jsonl: '{"prompt": "a"\n[]' }), ['not_json', 'not_an_object']);
  assert.deepEqual(await reasonsOf({ lines: '{a|b|c}'.repeat(12) }), ['prompt too_many_choices']);
});

test('what a model cannot do has a code, and the values that say why', () => {
  const sizes = { minSide: 16, maxSide: 64, maxPixels: 2_048, multiple: 8 };
  const capabilities = {
    modes: ['text-to-image' as const, 'image-to-image' as const],
    sizes,
    aspectRatios: ['1:1'],
    maxImages: 1,
    maxInputImages: 1,
    negativePrompt: false,
    seed: false,
    mask: false,
    strength: false,
    cancel: false,
    progress: false,
    callback: false,
    lookup: false,
    idempotentSubmit: false,
  };
  const needs: RequestNeeds = {
    mode: 'text-to-image',
    images: 0,
    n: 1,
    hasMask: false,
    hasStrength: false,
    hasNegativePrompt: false,
  };
  const said = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      assert.ok(error instanceof AppError);
      return reasonOf(error.options.errors?.[0]?.detail ?? error.message);
    }
    return assert.fail('it was not refused');
  };
  const cannot = (more: Partial<RequestNeeds>) =>
    said(() => checkCapabilities('brush', capabilities, { ...needs, ...more }));
  const size = (width: number, height: number) => said(() => checkSize({ width, height }, sizes, '/size'));
  assert.deepEqual(cannot({ mode: 'upscale', images: 1 }), {
    code: 'mode_not_done',
    params: { model: 'brush', mode: 'upscale' },
  });
  assert.deepEqual(cannot({ n: 2 }).params, { model: 'brush', most: '1' });
  assert.deepEqual(
    [
      cannot({ images: 1 }),
      cannot({ mode: 'image-to-image' }),
      cannot({ mode: 'image-to-image', images: 2 }),
      cannot({ hasMask: true }),
      cannot({ hasStrength: true }),
      cannot({ hasNegativePrompt: true }),
      size(8, 16),
      size(17, 16),
      size(64, 64),
    ].map(({ code }) => code),
    [
      'pictures_not_taken',
      'picture_missing',
      'too_many_inputs',
      'mask_not_taken',
      'strength_not_taken',
      'negative_not_taken',
      'side_out_of_range',
      'side_not_multiple',
      'too_many_pixels',
    ],
  );
});

test('every code has words in both languages that name only values it has', () => {
  for (const code of FIELD_REASONS) {
    if (code === 'other') continue;
    for (const texts of [batchesEn, batchesZh]) assert.ok(texts[`field.${code}`], code);
  }
  assert.deepEqual(reasonOf('something nobody foresaw'), { code: 'other', params: {} });
});
