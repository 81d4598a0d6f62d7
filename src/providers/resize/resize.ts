// The built-in helper `resize`: makes a picture larger by plain interpolation, free and at once, where no configured provider can
// upscale. It adds pixels and no detail, and everything that it makes is labelled so. It keeps nothing: a submit that broke
// off is made again.
import {
  type LocalFile,
  type Output,
  type PollResult,
  type ProbeResult,
  type ProviderAdapter,
  ProviderError,
  type ProviderModel,
  type SubmitCall,
  type SubmitResult,
} from '../provider.ts';

export const RESIZE_PROVIDER = 'resize';
const MIN_SIDE = 64;
const MAX_SIDE = 8192;
const MAX_PIXELS = 40_000_000;

const MODEL: ProviderModel = {
  name: 'resize',
  title: { en: 'Plain enlargement (no new detail)', zh: '普通放大(不增加细节)' },
  capabilities: {
    modes: ['upscale'],
    sizes: { minSide: MIN_SIDE, maxSide: MAX_SIDE, maxPixels: MAX_PIXELS, multiple: 1 },
    aspectRatios: [],
    maxImages: 1,
    maxInputImages: 1,
    negativePrompt: false,
    seed: false,
    mask: false,
    strength: false,
    cancel: false,
    progress: false,
    lookup: false,
    // Made twice, it is the same picture and costs nothing.
    idempotentSubmit: true,
    callback: false,
  },
  priceMicros: 0,
  typicalSeconds: 2,
};

export interface ResizeOptions {
  /** Writes the picture in this size to a private file of the server's. */
  enlarge(path: string, size: { width: number; height: number }): Promise<LocalFile>;
}

export function createResizeProvider(options: ResizeOptions): ProviderAdapter {
  return {
    name: RESIZE_PROVIDER,
    models: [MODEL],
    endpoints: [],
    async submit({ request }: SubmitCall): Promise<SubmitResult> {
      const [image] = request.images;
      if (request.mode !== 'upscale' || !image)
        throw new ProviderError('invalid_request', 'no', 'It only makes pictures larger.');
      try {
        const { width, height } = request;
        const file = await options.enlarge(image.path, { width, height });
        const outputs: Output[] = [{ file, seed: null }];
        return { state: 'done', jobId: null, outputs };
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new ProviderError('unavailable', 'no', why, { cause: error });
      }
    },
    async poll(): Promise<PollResult> {
      return { state: 'lost' };
    },
    async probe(): Promise<ProbeResult> {
      return { note: null };
    },
    async close(): Promise<void> {},
  };
}
