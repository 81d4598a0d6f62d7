// Image-to-image and upscale. Loads sharp, so only the painter process may import this file. Only JPEG, PNG and WebP
// bytes are ever decoded. Invariant: strength 0 keeps the base image as it is, and so does an opaque mask.
import { readFile } from 'node:fs/promises';
import sharp, { type Sharp } from 'sharp';
import { finishPixels, type Pixels } from './canvas.ts';
import { fromRgb, mix, type Oklch, rampTable } from './colour.ts';
import { type PictureRequest, paintPixels } from './paint.ts';
import { planPicture } from './plan.ts';
import { Random } from './random.ts';

/** An input file that is not there or cannot be read as a picture; the message is safe to show. */
export class InputPictureError extends Error {
  readonly missing: boolean;
  constructor(message: string, missing: boolean) {
    super(message);
    this.name = 'InputPictureError';
    this.missing = missing;
  }
}

/** The engine has checked inputs already; this bounds memory should it ever not have. */
const INPUT_LIMIT_PIXELS = 64_000_000;

async function openInput(path: string): Promise<Sharp> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch {
    throw new InputPictureError('An input image is no longer there', true);
  }
  const isJpeg = bytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]));
  const isPng = bytes.subarray(0, 8).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]));
  const isWebp = bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP';
  if (!isJpeg && !isPng && !isWebp)
    throw new InputPictureError('An input image is not a JPEG, PNG or WebP file', false);
  return sharp(bytes, { limitInputPixels: INPUT_LIMIT_PIXELS, failOn: 'error' }).autoOrient();
}

async function decoded<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof InputPictureError) throw error;
    throw new InputPictureError('An input image cannot be decoded', false);
  }
}

/** The input, covering the asked size from its middle, on white where it is transparent. */
async function loadPixels(path: string, width: number, height: number): Promise<Pixels> {
  const data = await decoded(
    openInput(path).then((image) =>
      image
        .toColourspace('srgb')
        .flatten({ background: '#ffffff' })
        .resize(width, height, { fit: 'cover', kernel: 'lanczos3' })
        .removeAlpha()
        .raw()
        .toBuffer(),
    ),
  );
  return { data, width, height };
}

/** How much each pixel keeps of the base, 0-255: a mask's transparent pixels are the ones to edit. */
async function loadMask(path: string, width: number, height: number): Promise<Uint8Array> {
  return decoded(
    openInput(path).then((image) =>
      image
        .ensureAlpha()
        .extractChannel('alpha')
        .resize(width, height, { fit: 'cover', kernel: 'nearest' })
        .raw()
        .toBuffer(),
    ),
  );
}

export interface TransformRequest extends PictureRequest {
  /** 0 keeps the base, 1 ignores it. */
  strength: number;
  /** The first is the base, the others lend their colours. */
  imagePaths: readonly string[];
  maskPath: string | null;
}

/**
 * The base repainted: brushed into patches of one colour, toned to the palette of the prompt and lit by the
 * picture that the prompt alone would give. Throws `InputPictureError`.
 */
export async function transformPixels(request: TransformRequest): Promise<Pixels> {
  const { width, height, strength, imagePaths, maskPath, seed } = request;
  const [basePath, ...colourPaths] = imagePaths;
  if (basePath === undefined) throw new InputPictureError('There is no input image', true);
  const base = await loadPixels(basePath, width, height);
  const keep = maskPath === null ? null : await loadMask(maskPath, width, height);
  if (strength === 0) return base;
  const [painted, ...lenders] = await Promise.all([
    paintPixels({ ...request }),
    ...colourPaths.map((path) => loadPixels(path, 24, 24)),
  ]);
  const stops = toneStops(request, lenders);
  const edited = repaint(base, painted, { strength, tones: rampTable(stops, 256) });
  await finishPixels(
    edited,
    { bloom: 0.12 * strength, vignette: 0.12 * strength, grain: 5 * strength },
    new Random(`finish/${seed}`),
  );
  if (keep) keepUnmasked(edited, base, keep);
  return edited;
}

/** Dark to light: the tones that the picture is graded to. */
function toneStops(request: PictureRequest, lenders: readonly Pixels[]): Oklch[] {
  const { palette } = planPicture(request.prompt, request.negativePrompt, request.seed);
  const own: Oklch[] = [
    [0.16, palette.ink[1], palette.ink[2]],
    [0.42, palette.accents[3][1], palette.accents[3][2]],
    [0.66, palette.accents[0][1], palette.accents[0][2]],
    [0.84, palette.accents[1][1] * 0.8, palette.accents[1][2]],
    [0.97, palette.paper[1], palette.paper[2]],
  ];
  if (lenders.length === 0) return own;
  const means = lenders.map((picture) => {
    const sums = [0, 0, 0];
    for (let i = 0; i < picture.data.length; i++)
      sums[i % 3] = (sums[i % 3] as number) + (picture.data[i] as number);
    const [red = 0, green = 0, blue = 0] = sums.map((sum) => sum / (picture.width * picture.height));
    return fromRgb(red, green, blue);
  });
  return own.map((stop, index) => {
    const [, chroma, hue] = means[index % means.length] as Oklch;
    return mix(stop, [stop[0], Math.max(0.05, chroma * 1.3), hue], 0.7);
  });
}

const LUMA = [0.2126, 0.7152, 0.0722] as const;

function repaint(base: Pixels, painted: Pixels, options: { strength: number; tones: Float32Array }): Pixels {
  const { strength, tones } = options;
  const { width, height } = base;
  const brushed = brush(base, Math.max(2, Math.round((Math.min(width, height) / 170) * (0.4 + strength))));
  const out = new Uint8Array(base.data.length);
  const toned = Math.min(0.85, 0.25 + strength * 0.6);
  const lit = strength * 0.6;
  // Up to about 0.7 the base's composition leads; from there the prompt's own picture takes over until 1.
  const replaced = Math.max(0, (strength - 0.7) / 0.3) ** 1.5;
  const blend = Math.min(1, strength * 2.2);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const at = pixel * 3;
    const luma =
      (brushed[at] as number) * LUMA[0] +
      (brushed[at + 1] as number) * LUMA[1] +
      (brushed[at + 2] as number) * LUMA[2];
    const tone = Math.min(255, Math.floor(luma)) * 3;
    for (let channel = 0; channel < 3; channel++) {
      const source = brushed[at + channel] as number;
      const graded = source + ((tones[tone + channel] as number) - source) * toned;
      const scene = painted.data[at + channel] as number;
      // Soft light (Pegtop): the scene lends light and colour but no outlines.
      const [a, b] = [graded / 255, scene / 255];
      const soft = 255 * ((1 - 2 * b) * a * a + 2 * b * a);
      const changed = graded + (soft - graded) * lit;
      const final = changed + (scene - changed) * replaced;
      const original = base.data[at + channel] as number;
      out[at + channel] = Math.min(255, Math.max(0, original + (final - original) * blend + 0.5));
    }
  }
  return { data: out, width, height };
}

/** The calmest of the four quadrants around each pixel gives its colour (Kuwahara), which leaves strokes and keeps edges. */
function brush(picture: Pixels, radius: number): Uint8Array {
  const { data, width, height } = picture;
  const stride = width + 1;
  const sums = [0, 1, 2].map(() => new Uint32Array(stride * (height + 1))) as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  const squares = new Float64Array(stride * (height + 1));
  for (let y = 0; y < height; y++) {
    const row = [0, 0, 0];
    let rowSquares = 0;
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      const here = (y + 1) * stride + x + 1;
      for (let channel = 0; channel < 3; channel++) {
        row[channel] = (row[channel] as number) + (data[at + channel] as number);
        const table = sums[channel] as Uint32Array;
        table[here] = (table[here - stride] as number) + (row[channel] as number);
      }
      // Green stands for lightness where only calmness is measured.
      rowSquares += (data[at + 1] as number) ** 2;
      squares[here] = (squares[here - stride] as number) + rowSquares;
    }
  }
  const box = (table: Uint32Array | Float64Array, x0: number, y0: number, x1: number, y1: number) =>
    (table[y1 * stride + x1] as number) -
    (table[y0 * stride + x1] as number) -
    (table[y1 * stride + x0] as number) +
    (table[y0 * stride + x0] as number);
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let best = Number.POSITIVE_INFINITY;
      let [left, top, right, bottom] = [x, y, x + 1, y + 1];
      for (let quadrant = 0; quadrant < 4; quadrant++) {
        const x0 = Math.max(0, quadrant & 1 ? x : x - radius);
        const x1 = Math.min(width, quadrant & 1 ? x + radius + 1 : x + 1);
        const y0 = Math.max(0, quadrant & 2 ? y : y - radius);
        const y1 = Math.min(height, quadrant & 2 ? y + radius + 1 : y + 1);
        const count = (x1 - x0) * (y1 - y0);
        const mean = box(sums[1], x0, y0, x1, y1) / count;
        const variance = box(squares, x0, y0, x1, y1) / count - mean * mean;
        if (variance < best) {
          best = variance;
          left = x0;
          top = y0;
          right = x1;
          bottom = y1;
        }
      }
      const count = (right - left) * (bottom - top);
      const at = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel++)
        out[at + channel] = box(sums[channel] as Uint32Array, left, top, right, bottom) / count;
    }
  }
  return out;
}

function keepUnmasked(edited: Pixels, base: Pixels, keep: Uint8Array): void {
  for (let pixel = 0; pixel < keep.length; pixel++) {
    const kept = (keep[pixel] as number) / 255;
    for (let at = pixel * 3; at < pixel * 3 + 3; at++) {
      const value = edited.data[at] as number;
      edited.data[at] = value + ((base.data[at] as number) - value) * kept + 0.5;
    }
  }
}

/** The first input, enlarged to cover the asked size (Lanczos) and sharpened a little. Throws `InputPictureError`. */
export async function upscalePixels(
  path: string | undefined,
  width: number,
  height: number,
): Promise<Pixels> {
  if (path === undefined) throw new InputPictureError('There is no input image', true);
  const data = await decoded(
    openInput(path).then((image) =>
      image
        .toColourspace('srgb')
        .flatten({ background: '#ffffff' })
        .resize(width, height, { fit: 'cover', kernel: 'lanczos3' })
        .sharpen({ sigma: 0.9, m1: 0.5, m2: 2 })
        .removeAlpha()
        .raw()
        .toBuffer(),
    ),
  );
  return { data, width, height };
}
