// KIE AI's picture models, as data. Every model names its fields differently (`image_urls`, `image_input`, `input_urls`;
// `image_size` or `aspect_ratio`), so a request is built from this table alone.
import type { Capabilities, GenerationRequest, ProviderModel } from '../provider.ts';

/** One step of a model's resolution field; `side` is the side in pixels of a square picture. */
interface Step {
  value: string;
  side: number;
}

/** Which of KIE's APIs serves a model; task-apis.ts knows how. */
export type KieApi = 'jobs' | 'flux-kontext' | 'gpt4o-image';

export interface KieModel {
  api: KieApi;
  /** Sent for text-to-image, and the name it is offered under. */
  name: string;
  /** Sent when there are input pictures. */
  editName: string;
  title: { en: string; zh: string };
  /** The field with the ratio, and what it takes. */
  ratio: { field: string; values: readonly string[] };
  resolution: { field: string; steps: readonly Step[] } | null;
  /** The field with the addresses of input pictures (one address in the API of Flux Kontext). */
  images: { field: string; most: number; mostBytes: number };
  fixed: Readonly<Record<string, string>>;
  /** The field with the number of pictures, where a task may make several. */
  variants?: { field: string; most: number };
  /** Offered only to those who name it in their settings. */
  isLegacy?: true;
  longestPrompt: number;
  typicalSeconds: number;
}

const MIB = 1024 * 1024;
/** Stated for most models; the others are held to it. */
const IMAGE_BYTES = 10 * MIB;
const MOST_INPUT_BYTES = 30 * MIB;
const COMMON_RATIOS = ['1:1', '4:3', '3:4', '3:2', '2:3', '16:9', '9:16'] as const;
const K_STEPS: readonly Step[] = [
  { value: '1K', side: 1024 },
  { value: '2K', side: 2048 },
  { value: '4K', side: 4096 },
];
/** A step will do when its side is at least this part of the one asked for. */
const LEAST_PART_OF_SIDE = 0.75;

const fluxKontext = (name: string, title: string): KieModel => ({
  api: 'flux-kontext',
  name,
  editName: name,
  title: { en: title, zh: title },
  ratio: { field: 'aspectRatio', values: ['1:1', '4:3', '3:4', '16:9', '9:16', '21:9'] },
  resolution: null,
  images: { field: 'inputImage', most: 1, mostBytes: IMAGE_BYTES },
  fixed: { outputFormat: 'png' },
  longestPrompt: 5000,
  typicalSeconds: 40,
});

const bananaWithResolution = (name: string, en: string, typicalSeconds: number): KieModel => ({
  api: 'jobs',
  name,
  editName: name,
  title: { en, zh: en },
  ratio: { field: 'aspect_ratio', values: COMMON_RATIOS },
  resolution: { field: 'resolution', steps: K_STEPS },
  images: { field: 'image_input', most: 8, mostBytes: MOST_INPUT_BYTES },
  fixed: { output_format: 'png' },
  longestPrompt: 5000,
  typicalSeconds,
});

export const KIE_MODELS: readonly KieModel[] = [
  bananaWithResolution('nano-banana-2', 'Nano Banana 2', 45),
  bananaWithResolution('nano-banana-pro', 'Nano Banana Pro', 60),
  bananaWithResolution('nano-banana-2-1', 'Nano Banana 2.1', 45),
  bananaWithResolution('nano-banana-2-lite', 'Nano Banana 2 Lite', 30),
  {
    api: 'jobs',
    name: 'google/nano-banana',
    editName: 'google/nano-banana-edit',
    title: { en: 'Nano Banana', zh: 'Nano Banana' },
    ratio: { field: 'image_size', values: [...COMMON_RATIOS, '5:4', '4:5', '21:9'] },
    resolution: null,
    images: { field: 'image_urls', most: 5, mostBytes: IMAGE_BYTES },
    fixed: { output_format: 'png' },
    longestPrompt: 5000,
    typicalSeconds: 30,
  },
  {
    api: 'jobs',
    name: 'seedream/4.5-text-to-image',
    editName: 'seedream/4.5-edit',
    title: { en: 'Seedream 4.5', zh: '即梦 Seedream 4.5' },
    ratio: { field: 'aspect_ratio', values: [...COMMON_RATIOS, '21:9'] },
    resolution: {
      field: 'quality',
      steps: [
        { value: 'basic', side: 2048 },
        { value: 'high', side: 4096 },
      ],
    },
    images: { field: 'image_urls', most: 5, mostBytes: IMAGE_BYTES },
    fixed: {},
    longestPrompt: 3000,
    typicalSeconds: 45,
  },
  {
    api: 'jobs',
    name: 'gpt-image-2-text-to-image',
    editName: 'gpt-image-2-image-to-image',
    title: { en: 'GPT Image 2', zh: 'GPT Image 2' },
    ratio: { field: 'aspect_ratio', values: ['1:1', '3:2', '2:3', '16:9', '9:16'] },
    resolution: null,
    images: { field: 'input_urls', most: 5, mostBytes: IMAGE_BYTES },
    fixed: {},
    longestPrompt: 5000,
    typicalSeconds: 120,
  },
  fluxKontext('flux-kontext-pro', 'FLUX.1 Kontext Pro'),
  fluxKontext('flux-kontext-max', 'FLUX.1 Kontext Max'),
  {
    api: 'gpt4o-image',
    name: 'gpt4o-image',
    editName: 'gpt4o-image',
    title: { en: 'GPT-4o Image', zh: 'GPT-4o 图片' },
    ratio: { field: 'size', values: ['1:1', '3:2', '2:3'] },
    resolution: null,
    images: { field: 'filesUrl', most: 5, mostBytes: IMAGE_BYTES },
    fixed: {},
    // KIE takes 1, 2 or 4: with 4, a task for 3 would pay for a picture that nobody asked for.
    variants: { field: 'nVariants', most: 2 },
    // Its maker has shut down the model behind it; KIE still documents it.
    isLegacy: true,
    longestPrompt: 5000,
    typicalSeconds: 120,
  },
];

export function toProviderModel(model: KieModel, priceMicros: number): ProviderModel {
  const sizes: Capabilities['sizes'] =
    model.resolution === null
      ? { minSide: 256, maxSide: 1792, maxPixels: 1_900_000, multiple: 1 }
      : { minSide: 256, maxSide: 6048, maxPixels: 16_777_216, multiple: 1 };
  return {
    name: model.name,
    title: model.title,
    capabilities: {
      modes: ['text-to-image', 'image-to-image'],
      sizes,
      aspectRatios: model.ratio.values,
      maxImages: model.variants?.most ?? 1,
      maxInputImages: model.images.most,
      negativePrompt: false,
      seed: false,
      mask: false,
      strength: false,
      cancel: false,
      // A fraction is passed on where one comes, but none is documented.
      progress: false,
      lookup: false,
      idempotentSubmit: false,
      callback: true,
    },
    priceMicros,
    typicalSeconds: model.typicalSeconds,
  };
}

type Size = Pick<GenerationRequest, 'width' | 'height'>;

/** The ratio on offer that is nearest to the pixels asked for. */
export function nearestRatio(values: readonly string[], { width, height }: Size): string {
  const wanted = Math.log(width / height);
  const distance = (value: string) => {
    const [w = 1, h = 1] = value.split(':').map(Number);
    return Math.abs(Math.log(w / h) - wanted);
  };
  return [...values].sort((a, b) => distance(a) - distance(b))[0] ?? '1:1';
}

/** The smallest step that is not clearly smaller than the picture asked for. */
export function stepFor(steps: readonly Step[], { width, height }: Size): string {
  const least = LEAST_PART_OF_SIDE * Math.sqrt(width * height);
  return (steps.find(({ side }) => side >= least) ?? steps.at(-1))?.value ?? '';
}
