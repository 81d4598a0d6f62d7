// What the models of the Images API can do, as data: one profile for each family, found by the model's name. Names
// are free, since compatible servers serve any; one that no profile knows gets the generic one.
import type { Capabilities, ProviderModel } from '../provider.ts';

/** `list`: only these sizes are taken. `free`: any size within the limits. */
export type SizeRule =
  | { kind: 'list'; sizes: readonly (readonly [width: number, height: number])[] }
  | {
      kind: 'free';
      multiple: number;
      minPixels: number;
      maxPixels: number;
      maxSide: number;
      maxRatio: number;
    };

/** Settings that are sent to the models that take them, under their names in the API. */
export const OPTION_NAMES = [
  'quality',
  'background',
  'output_format',
  'moderation',
  'input_fidelity',
  'complexity',
] as const;
export type OptionName = (typeof OPTION_NAMES)[number];

export interface ModelProfile {
  /** Matches names of the family, without the maker's name that some relays put in front. */
  pattern: RegExp;
  sizeRule: SizeRule;
  /** Takes `size: "auto"` and then follows the input picture. */
  autoSize: boolean;
  /** Values of each option that may be sent; an option that is not named is left out. */
  options: Readonly<Partial<Record<OptionName, readonly string[]>>>;
  /** The service streams this model's unfinished pictures. */
  streams: boolean;
  /** `never`: sending `response_format` is refused; otherwise the value sent unless the settings say another. */
  responseFormat: 'never' | 'omit' | 'b64_json';
  /** Largest `n` of one call. */
  maxImages: number;
  /** 0: there are no edits. */
  maxInputImages: number;
  mask: boolean;
  typicalSeconds: number;
}

const SQUARE_AND_3_2: SizeRule = {
  kind: 'list',
  sizes: [
    [1024, 1024],
    [1536, 1024],
    [1024, 1536],
  ],
};

/** gpt-image-2 and later. */
const FREE: SizeRule = {
  kind: 'free',
  multiple: 16,
  minPixels: 655_360,
  maxPixels: 8_294_400,
  maxSide: 3840,
  maxRatio: 3,
};

const BACKGROUNDS = ['auto', 'opaque', 'transparent'];
/** What the media store can keep; `gif` and `svg` exist too. */
const PICTURE_FORMATS = ['png', 'jpeg', 'webp'];
const BASIC_QUALITIES = ['auto', 'low', 'medium', 'high'];
const MODERATION = ['auto', 'low'];

/** What all GPT image models have in common. */
const GPT_IMAGE = {
  autoSize: true,
  streams: true,
  responseFormat: 'never',
  maxImages: 10,
  maxInputImages: 16,
  mask: true,
} as const;

/** 2.5 and later. */
const NEWER_OPTIONS = {
  quality: [...BASIC_QUALITIES, 'xhigh', 'max'],
  background: BACKGROUNDS,
  output_format: PICTURE_FORMATS,
  moderation: MODERATION,
} as const;

const OLDER_OPTIONS = {
  quality: BASIC_QUALITIES,
  background: BACKGROUNDS,
  output_format: PICTURE_FORMATS,
  moderation: MODERATION,
} as const;

/** The first that matches counts; the last matches everything. */
export const MODEL_PROFILES: readonly ModelProfile[] = [
  {
    ...GPT_IMAGE,
    pattern: /^gpt-image-(?:2\.(?:[6-9]|\d\d)|[3-9])/,
    sizeRule: FREE,
    options: { ...NEWER_OPTIONS, complexity: ['low', 'medium', 'high'] },
    typicalSeconds: 30,
  },
  {
    ...GPT_IMAGE,
    pattern: /^gpt-image-2\.\d/,
    sizeRule: FREE,
    options: NEWER_OPTIONS,
    typicalSeconds: 30,
  },
  {
    ...GPT_IMAGE,
    pattern: /^gpt-image-2/,
    sizeRule: FREE,
    // Reports disagree on whether this model paints transparent pictures.
    options: { ...OLDER_OPTIONS, background: ['auto', 'opaque'] },
    typicalSeconds: 90,
  },
  {
    ...GPT_IMAGE,
    pattern: /^gpt-image-1-mini/,
    sizeRule: SQUARE_AND_3_2,
    options: { ...OLDER_OPTIONS, input_fidelity: ['low'] },
    typicalSeconds: 30,
  },
  {
    ...GPT_IMAGE,
    pattern: /^(?:gpt-image-1|chatgpt-image)/,
    sizeRule: SQUARE_AND_3_2,
    options: { ...OLDER_OPTIONS, input_fidelity: ['low', 'high'] },
    typicalSeconds: 45,
  },
  {
    pattern: /^dall-e-3/,
    sizeRule: {
      kind: 'list',
      sizes: [
        [1024, 1024],
        [1792, 1024],
        [1024, 1792],
      ],
    },
    autoSize: false,
    options: { quality: ['standard', 'hd'] },
    streams: false,
    responseFormat: 'b64_json',
    maxImages: 1,
    maxInputImages: 0,
    mask: false,
    typicalSeconds: 20,
  },
  {
    pattern: /^dall-e-2/,
    sizeRule: {
      kind: 'list',
      sizes: [
        [256, 256],
        [512, 512],
        [1024, 1024],
      ],
    },
    autoSize: false,
    options: {},
    streams: false,
    responseFormat: 'b64_json',
    maxImages: 10,
    maxInputImages: 1,
    mask: true,
    typicalSeconds: 15,
  },
  {
    pattern: /^/,
    sizeRule: {
      kind: 'free',
      multiple: 8,
      minPixels: 64 * 64,
      maxPixels: 4096 * 4096,
      maxSide: 4096,
      maxRatio: 8,
    },
    autoSize: false,
    options: {},
    streams: false,
    responseFormat: 'omit',
    maxImages: 4,
    maxInputImages: 4,
    mask: true,
    typicalSeconds: 60,
  },
];

/** Offered when the settings name no models: what OpenAI itself serves and has announced no end for. */
export const DEFAULT_MODELS: readonly string[] = [
  'gpt-image-2',
  'gpt-image-2.6-flare',
  'gpt-image-2.6-sunburst',
  'gpt-image-2.5-flare',
  'gpt-image-2.5-sunburst',
];

/** Callers may ask for any shape down to this side; the size sent is made one that the model takes. */
const MIN_SIDE = 256;
const FREE_RATIOS = ['1:1', '4:3', '3:4', '3:2', '2:3', '16:9', '9:16'];

/** The profile of a model, whose name may have its maker's in front: `openai/gpt-image-2`. */
export function profileOf(model: string): ModelProfile {
  const name = model.slice(model.lastIndexOf('/') + 1);
  return MODEL_PROFILES.find(({ pattern }) => pattern.test(name)) as ModelProfile;
}

function ratioOf([width, height]: readonly [number, number]): string {
  const divide = (a: number, b: number): number => (b === 0 ? a : divide(b, a % b));
  const divisor = divide(width, height);
  return `${width / divisor}:${height / divisor}`;
}

function limitsOf(rule: SizeRule): Pick<Capabilities, 'sizes' | 'aspectRatios'> {
  if (rule.kind === 'free') {
    const { multiple, maxPixels, maxSide } = rule;
    const minSide = Math.min(MIN_SIDE, Math.ceil(Math.sqrt(rule.minPixels)));
    return { sizes: { minSide, maxSide, maxPixels, multiple }, aspectRatios: FREE_RATIOS };
  }
  return {
    sizes: {
      minSide: MIN_SIDE,
      maxSide: Math.max(...rule.sizes.flat()),
      maxPixels: Math.max(...rule.sizes.map(([width, height]) => width * height)),
      multiple: 1,
    },
    aspectRatios: [...new Set(rule.sizes.map(ratioOf))],
  };
}

/** `name` as the registry wants it; `priceMicros` is the price of one picture in micro-credits. */
export function openAiModel(name: string, priceMicros: number): ProviderModel {
  const profile = profileOf(name);
  const hasEdits = profile.maxInputImages > 0;
  return {
    name,
    title: { en: name, zh: name },
    capabilities: {
      modes: hasEdits ? ['text-to-image', 'image-to-image'] : ['text-to-image'],
      ...limitsOf(profile.sizeRule),
      maxImages: profile.maxImages,
      maxInputImages: profile.maxInputImages,
      negativePrompt: false,
      seed: false,
      mask: profile.mask,
      strength: false,
      cancel: false,
      progress: false,
      lookup: false,
      idempotentSubmit: false,
      callback: false,
    },
    priceMicros,
    typicalSeconds: profile.typicalSeconds,
  };
}
