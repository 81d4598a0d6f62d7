// jimeng's models and picture sizes, as data: who serves what, and which `ratio` and `resolution` come nearest to the
// pixels that were asked for (the service takes no pixels).
import type { Capabilities, GenerationRequest, ProviderModel } from '../provider.ts';

/** Where the account of a session lives; decides which models it can use. */
export type Region = 'cn' | 'us' | 'hk' | 'jp' | 'sg';
export type Dialect = 'jimeng-api' | 'jimeng-free-api';
export type Resolution = '1k' | '2k' | '4k';

export interface JimengModel {
  name: string;
  title: { en: string; zh: string };
  /** A session of another region either refuses the name or silently paints with another model. */
  regions: readonly Region[];
  /** Smallest first. */
  resolutions: readonly Resolution[];
}

const RATIOS = ['1:1', '4:3', '3:4', '16:9', '9:16', '3:2', '2:3', '21:9'] as const;
type Ratio = (typeof RATIOS)[number];

/** The longer side in pixels. At 1k the service has 4:3 and 3:4 the wrong way round, so those two start at 2k. */
const LONGER_SIDE: Record<Resolution, Partial<Record<Ratio, number>>> = {
  '1k': { '1:1': 1024, '16:9': 1024, '9:16': 1024, '3:2': 1024, '2:3': 1024, '21:9': 1195 },
  '2k': {
    '1:1': 2048,
    '4:3': 2304,
    '3:4': 2304,
    '16:9': 2560,
    '9:16': 2560,
    '3:2': 2496,
    '2:3': 2496,
    '21:9': 3024,
  },
  '4k': {
    '1:1': 4096,
    '4:3': 4608,
    '3:4': 4608,
    '16:9': 5120,
    '9:16': 5120,
    '3:2': 4992,
    '2:3': 4992,
    '21:9': 6048,
  },
};
/** A resolution will do when its longer side is at least this part of the one asked for: 1365 x 768 is still 1k. */
const LEAST_PART_OF_SIDE = 0.75;

const EVERYWHERE: readonly Region[] = ['cn', 'us', 'hk', 'jp', 'sg'];
const ABROAD: readonly Region[] = ['us', 'hk', 'jp', 'sg'];
const NOT_US: readonly Region[] = ['cn', 'hk', 'jp', 'sg'];
const ALL_RESOLUTIONS: readonly Resolution[] = ['1k', '2k', '4k'];

const jimeng = (version: string, regions: readonly Region[]): JimengModel => ({
  name: `jimeng-${version}`,
  title: { en: `Jimeng ${version}`, zh: `即梦 ${version}` },
  regions,
  resolutions: ALL_RESOLUTIONS,
});

/** Newest known first after 4.5, which is the service's own default. */
const MODELS: Record<Dialect, readonly JimengModel[]> = {
  'jimeng-api': [
    jimeng('4.5', EVERYWHERE),
    jimeng('5.0', NOT_US),
    jimeng('4.6', NOT_US),
    jimeng('4.1', EVERYWHERE),
    jimeng('4.0', EVERYWHERE),
    jimeng('3.1', ['cn']),
    jimeng('3.0', EVERYWHERE),
    {
      name: 'nanobanana',
      title: { en: 'Nano Banana (Dreamina)', zh: 'Nano Banana(Dreamina)' },
      regions: ABROAD,
      resolutions: ['1k'],
    },
    {
      name: 'nanobananapro',
      title: { en: 'Nano Banana Pro (Dreamina)', zh: 'Nano Banana Pro(Dreamina)' },
      regions: ABROAD,
      resolutions: ALL_RESOLUTIONS,
    },
  ],
  'jimeng-free-api': [jimeng('3.0', ['cn']), jimeng('2.1', ['cn'])],
};

/** Pictures of one text-to-image call; compositions usually give one. */
const MOST_PICTURES = 4;
export const MOST_INPUT_IMAGES = 10;
const TYPICAL_SECONDS = 60;

/**
 * The models that sessions of these regions can use. `names` replaces the built-in table: a name it does not know is
 * taken to be served everywhere, in every resolution.
 */
export function jimengModels(
  dialect: Dialect,
  regions: readonly Region[],
  names: readonly string[] | null,
): readonly JimengModel[] {
  const known = MODELS[dialect];
  const unknown = (name: string): JimengModel => ({
    name,
    title: { en: name, zh: name },
    regions: EVERYWHERE,
    resolutions: ALL_RESOLUTIONS,
  });
  const listed = names?.map((name) => known.find((model) => model.name === name) ?? unknown(name)) ?? known;
  // Without any session the table is still shown: health says what is missing.
  return listed.filter((model) => regions.length === 0 || model.regions.some((one) => regions.includes(one)));
}

export function toProviderModel(model: JimengModel, dialect: Dialect, priceMicros: number): ProviderModel {
  const isSmall = !model.resolutions.includes('2k');
  const isFree = dialect === 'jimeng-free-api';
  const sizes: Capabilities['sizes'] = isSmall
    ? { minSide: 256, maxSide: 1600, maxPixels: 1_600_000, multiple: 1 }
    : { minSide: 256, maxSide: 6048, maxPixels: 16_777_216, multiple: 1 };
  return {
    name: model.name,
    title: model.title,
    capabilities: {
      modes: isFree ? ['text-to-image'] : ['text-to-image', 'image-to-image'],
      sizes: isFree ? { minSide: 256, maxSide: 2048, maxPixels: 4_194_304, multiple: 8 } : sizes,
      aspectRatios: ratiosOf(model),
      maxImages: MOST_PICTURES,
      maxInputImages: isFree ? 0 : MOST_INPUT_IMAGES,
      negativePrompt: !isFree,
      seed: false,
      mask: false,
      strength: false,
      cancel: false,
      progress: false,
      lookup: false,
      idempotentSubmit: false,
      callback: false,
    },
    priceMicros,
    typicalSeconds: TYPICAL_SECONDS,
  };
}

function ratiosOf(model: JimengModel): readonly Ratio[] {
  return RATIOS.filter((ratio) => model.resolutions.some((one) => LONGER_SIDE[one][ratio] !== undefined));
}

/** The `ratio` nearest to the pixels asked for, and the smallest `resolution` that is not clearly smaller. */
export function shapeFor(
  model: JimengModel,
  { width, height }: Pick<GenerationRequest, 'width' | 'height'>,
): { ratio: string; resolution: Resolution } {
  const wanted = Math.log(width / height);
  const distance = (ratio: Ratio) => {
    const [w = 1, h = 1] = ratio.split(':').map(Number);
    return Math.abs(Math.log(w / h) - wanted);
  };
  const ratio = [...ratiosOf(model)].sort((a, b) => distance(a) - distance(b))[0] ?? '1:1';
  const offered = model.resolutions.filter((one) => LONGER_SIDE[one][ratio] !== undefined);
  const least = LEAST_PART_OF_SIDE * Math.max(width, height);
  const fits = offered.find((one) => (LONGER_SIDE[one][ratio] ?? 0) >= least);
  return { ratio, resolution: fits ?? offered.at(-1) ?? '2k' };
}
