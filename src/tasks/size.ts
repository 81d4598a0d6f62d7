// From what a caller asks for (pixels, a ratio, an input picture) to the pixels that a model can paint.
import { AppError } from '../kernel/errors.ts';
import type { Capabilities } from '../providers/provider.ts';

export interface PixelSize {
  width: number;
  height: number;
}

/** The area of a picture whose caller gave only a ratio: about one megapixel, as most models were trained on. */
const DEFAULT_PIXELS = 1024 * 1024;

/** `1024x768` as pixels; undefined when it is not a size. */
export function parseSize(text: string): PixelSize | undefined {
  const match = /^(\d{2,5})[x×*](\d{2,5})$/.exec(text);
  return match ? { width: Number(match[1]), height: Number(match[2]) } : undefined;
}

/** The size of a ratio at about `pixels`, within the model's limits. */
export function sizeOfRatio(
  ratio: string,
  limits: Capabilities['sizes'],
  pixels = DEFAULT_PIXELS,
): PixelSize {
  const [w = 1, h = 1] = ratio.split(':').map(Number);
  if (w < 1 || h < 1) throw invalid('/aspect_ratio', 'must be two numbers above 0, such as 16:9');
  const area = Math.min(pixels, limits.maxPixels);
  const scale = Math.min(Math.sqrt(area / (w * h)), limits.maxSide / w, limits.maxSide / h);
  const round = (side: number) => {
    const steps = Math.max(1, Math.round((side * scale) / limits.multiple));
    return steps * limits.multiple;
  };
  const size = { width: round(w), height: round(h) };
  // Rounding up may have gone one step over a limit.
  while (size.width * size.height > limits.maxPixels) size[w > h ? 'width' : 'height'] -= limits.multiple;
  return checkSize(size, limits, '/aspect_ratio');
}

/** Refuses a size that the model cannot paint, saying what it can. */
export function checkSize(size: PixelSize, limits: Capabilities['sizes'], pointer: string): PixelSize {
  const { minSide, maxSide, maxPixels, multiple } = limits;
  for (const side of [size.width, size.height]) {
    if (side < minSide || side > maxSide)
      throw invalid(pointer, `each side must be ${minSide} to ${maxSide} pixels for this model`);
    if (side % multiple !== 0)
      throw invalid(pointer, `each side must be a multiple of ${multiple} for this model`);
  }
  if (size.width * size.height > maxPixels)
    throw invalid(pointer, `at most ${maxPixels} pixels in all for this model`);
  return size;
}

export function invalid(pointer: string, detail: string): AppError {
  return new AppError('validation_failed', { errors: [{ pointer, detail }] });
}
