// What is known of some of the AI SDK's packages, as data. A package that is not here works too, with safe defaults; every
// value can be overridden in the settings.

/** What a known package is like; every value can be overridden in the settings. */
export interface KnownPackage {
  /** Where its calls go unless a base URL is set; as its documentation says. */
  baseUrl: string | null;
  /** It has no address of its own. */
  needsBaseUrl: boolean;
  /** How its models are told the size. */
  shape: 'size' | 'aspect_ratio';
  seed: boolean;
  /** Answers 2xx to a good key (as Bearer) and 401 to another; costs nothing. */
  checkPath: string | null;
  /** What its factory needs beside key and address. */
  settings: Readonly<Record<string, unknown>>;
}

const UNKNOWN: KnownPackage = {
  baseUrl: null,
  needsBaseUrl: false,
  shape: 'size',
  seed: false,
  checkPath: null,
  settings: {},
};

const KNOWN: Readonly<Record<string, KnownPackage>> = {
  '@ai-sdk/fal': { ...UNKNOWN, baseUrl: 'https://fal.run', seed: true },
  '@ai-sdk/replicate': {
    ...UNKNOWN,
    baseUrl: 'https://api.replicate.com/v1',
    seed: true,
    checkPath: '/account',
  },
  '@ai-sdk/google': {
    ...UNKNOWN,
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta',
    shape: 'aspect_ratio',
  },
  '@ai-sdk/luma': { ...UNKNOWN, baseUrl: 'https://api.lumalabs.ai', shape: 'aspect_ratio' },
  '@ai-sdk/black-forest-labs': {
    ...UNKNOWN,
    baseUrl: 'https://api.bfl.ai/v1',
    shape: 'aspect_ratio',
    seed: true,
  },
  '@ai-sdk/togetherai': {
    ...UNKNOWN,
    baseUrl: 'https://api.together.xyz/v1',
    seed: true,
    checkPath: '/models',
  },
  '@ai-sdk/xai': { ...UNKNOWN, baseUrl: 'https://api.x.ai/v1', shape: 'aspect_ratio', checkPath: '/models' },
  '@ai-sdk/openai-compatible': {
    ...UNKNOWN,
    needsBaseUrl: true,
    checkPath: '/models',
    settings: { name: 'compatible' },
  },
};

/** What is known of a package; safe defaults for any other. */
export function knownPackage(name: string): KnownPackage {
  return (Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined) ?? UNKNOWN;
}
