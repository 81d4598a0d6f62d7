// What a model takes, as JSON Schema of the fields of `POST /v1/tasks`: a form draws exactly the fields that are there. It
// follows from the model's capabilities, by which requests are checked too.
import type { Capabilities } from '../providers/provider.ts';
import { MAX_NEGATIVE_PROMPT_CHARS, MAX_PROMPT_CHARS, MAX_SEED } from './contract.ts';

type JsonSchema = Record<string, unknown>;

const PICTURE: JsonSchema = { $ref: '#/$defs/picture' };
const PICTURE_DEFINITION: JsonSchema = {
  oneOf: ['upload_id', 'image_id', 'url', 'b64'].map((name) => ({
    type: 'object',
    properties: { [name]: { type: 'string' } },
    required: [name],
    additionalProperties: false,
  })),
};

/** Sizes are `WIDTHxHEIGHT` within `x-limits`, which JSON Schema has no words for. */
export function inputSchemaOf(capabilities: Capabilities): JsonSchema {
  const { sizes, maxImages, maxInputImages, modes } = capabilities;
  const takesPictures = maxInputImages > 0;
  const properties: JsonSchema = {
    prompt: { type: 'string', minLength: modes.includes('upscale') ? 0 : 1, maxLength: MAX_PROMPT_CHARS },
    mode: { enum: [...modes] },
    style: { type: 'string' },
    n: { type: 'integer', minimum: 1, maximum: maxImages, default: 1 },
    aspect_ratio: { type: 'string', enum: [...capabilities.aspectRatios] },
    size: {
      type: 'string',
      pattern: '^\\d{2,5}x\\d{2,5}$',
      'x-limits': {
        min_side: sizes.minSide,
        max_side: sizes.maxSide,
        max_pixels: sizes.maxPixels,
        multiple: sizes.multiple,
      },
    },
    ...(capabilities.negativePrompt
      ? { negative_prompt: { type: 'string', maxLength: MAX_NEGATIVE_PROMPT_CHARS } }
      : {}),
    ...(capabilities.seed ? { seed: { type: 'integer', minimum: 0, maximum: MAX_SEED } } : {}),
    ...(takesPictures
      ? {
          images: {
            type: 'array',
            minItems: modes.includes('text-to-image') ? 0 : 1,
            maxItems: maxInputImages,
            items: PICTURE,
          },
        }
      : {}),
    ...(capabilities.mask && takesPictures ? { mask: PICTURE } : {}),
    ...(capabilities.strength ? { strength: { type: 'number', minimum: 0, maximum: 1 } } : {}),
  };
  return {
    type: 'object',
    properties,
    required: ['prompt'],
    ...(takesPictures ? { $defs: { picture: PICTURE_DEFINITION } } : {}),
  };
}
