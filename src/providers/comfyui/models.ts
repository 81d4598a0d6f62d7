// The models of the ComfyUI provider, as data made from the settings: one that paints for each checkpoint, one that upscales.
import type { Capabilities, ProviderModel } from '../provider.ts';
import type { ComfyuiSettings } from './comfyui-settings.ts';
import type { TemplateName } from './workflow.ts';

/** Every picture of a job is its own part of the graph. */
const MAX_IMAGES = 8;
/** Stable Diffusion works on blocks of 8 pixels. */
const PIXEL_MULTIPLE = 8;
const MIN_SIDE = 64;
/** An upscaled picture may be so many times as wide as a painted one. */
const UPSCALE_FACTOR = 2;
const ASPECT_RATIOS = ['1:1', '4:3', '3:4', '3:2', '2:3', '16:9', '9:16'] as const;

export interface ComfyuiModel extends ProviderModel {
  /** The checkpoint it stands for, or null for the first one that the servers have. */
  checkpoint: string | null;
}

function paintingCapabilities({ templates, maxSide }: ComfyuiSettings): Capabilities {
  const painting: TemplateName[] = ['text-to-image', 'image-to-image'];
  const all = (input: 'seed' | 'negative') => painting.every((name) => templates[name].places.has(input));
  return {
    modes: ['text-to-image', 'image-to-image'],
    sizes: { minSide: MIN_SIDE, maxSide, maxPixels: maxSide * maxSide, multiple: PIXEL_MULTIPLE },
    aspectRatios: ASPECT_RATIOS,
    // Without a seed to vary, all pictures of a job would be the same one.
    maxImages: all('seed') ? MAX_IMAGES : 1,
    maxInputImages: 1,
    negativePrompt: all('negative'),
    seed: all('seed'),
    mask: true,
    strength: templates['image-to-image'].places.has('strength'),
    cancel: true,
    progress: true,
    lookup: true,
    // A prompt id that is sent twice runs twice.
    idempotentSubmit: false,
    callback: false,
  };
}

function upscalingCapabilities(settings: ComfyuiSettings): Capabilities {
  const maxSide = settings.maxSide * UPSCALE_FACTOR;
  return {
    ...paintingCapabilities(settings),
    modes: ['upscale'],
    sizes: { minSide: MIN_SIDE, maxSide, maxPixels: maxSide * maxSide, multiple: 1 },
    maxImages: 1,
    negativePrompt: false,
    seed: settings.templates.upscale.places.has('seed'),
    mask: false,
    strength: false,
  };
}

/** `models/sdxl/Dream Shaper.safetensors` as part of a model name: `dream-shaper`. */
function slug(checkpoint: string): string {
  const stem = (checkpoint.split(/[\\/]/).at(-1) ?? checkpoint).replace(/\.[a-z0-9]+$/i, '');
  return stem
    .toLowerCase()
    .replace(/[^a-z0-9._]+/g, '-')
    .replace(/^-+|-+$/g, '');
}

/** The models for the settings; the first checkpoint is plain `comfyui`, further ones are `comfyui-<file>`. */
export function comfyuiModels(settings: ComfyuiSettings): ComfyuiModel[] {
  const { priceMicros, typicalSeconds, checkpoints } = settings;
  const capabilities = paintingCapabilities(settings);
  const painters = (checkpoints.length === 0 ? [null] : checkpoints).map((checkpoint, position) => {
    const name = position === 0 || checkpoint === null ? 'comfyui' : `comfyui-${slug(checkpoint)}`;
    const suffix = position === 0 || checkpoint === null ? '' : ` (${slug(checkpoint)})`;
    const title = { en: `ComfyUI${suffix}`, zh: `ComfyUI${suffix}` };
    return { name, title, capabilities, priceMicros, typicalSeconds, checkpoint };
  });
  const upscaler: ComfyuiModel = {
    name: 'comfyui-upscale',
    title: { en: 'ComfyUI, upscale', zh: 'ComfyUI(放大)' },
    capabilities: upscalingCapabilities(settings),
    priceMicros,
    typicalSeconds,
    checkpoint: null,
  };
  return settings.offersUpscale ? [...painters, upscaler] : painters;
}
