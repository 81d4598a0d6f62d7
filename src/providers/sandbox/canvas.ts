// Turns a scene's layers into pixels: a painted ground, vector layers over it, then one finish (bloom, vignette,
// grain). Loads sharp, so only the painter process may import this file.
import sharp from 'sharp';
import { type Oklch, toRgb } from './colour.ts';
import { Drawing, type View } from './drawing.ts';
import type { Random } from './random.ts';

/** Red, green and blue bytes, row by row. */
export interface Pixels {
  data: Uint8Array;
  width: number;
  height: number;
}

type Blend = 'over' | 'screen' | 'soft-light';

export interface Layer {
  drawing: Drawing;
  blend?: Blend;
  /** Softness in units (1000 = short side). */
  blur?: number;
}

export interface Finish {
  /** Light that spills from bright places, 0-1. */
  bloom: number;
  /** Darkening of the corners, 0-1. */
  vignette: number;
  /** Film grain in steps of 255. */
  grain: number;
}

export interface ScenePicture {
  ground: Pixels;
  layers: readonly Layer[];
  finish: Finish;
}

/** Detail of smooth grounds: skies and washes hold nothing finer than this many pixels along the long side. */
export const SOFT_GROUND_SIDE_PX = 320;
/** Grounds with their own edges (contours, marble) are computed at up to this many pixels along the long side. */
export const SHARP_GROUND_SIDE_PX = 1024;

/** Sets the three channels (0-255) of the point (x, y), which is in units. */
export type Shader = (x: number, y: number, out: Float32Array) => void;

/** Runs a shader over the whole view at `longSidePx` pixels along the long side. */
export function shade(view: View, longSidePx: number, shader: Shader): Pixels {
  const scale = Math.min(longSidePx, view.longSidePx) / Math.max(view.width, view.height);
  const width = Math.max(8, Math.round(view.width * scale));
  const height = Math.max(8, Math.round(view.height * scale));
  const data = new Uint8Array(width * height * 3);
  const out = new Float32Array(3);
  let offset = 0;
  for (let row = 0; row < height; row++) {
    const y = ((row + 0.5) / height) * view.height;
    for (let column = 0; column < width; column++) {
      shader(((column + 0.5) / width) * view.width, y, out);
      for (let channel = 0; channel < 3; channel++) {
        data[offset++] = Math.min(255, Math.max(0, (out[channel] as number) + 0.5));
      }
    }
  }
  return { data, width, height };
}

/** A ground of one colour. */
export function flat(view: View, colour: Oklch): Pixels {
  const [red, green, blue] = toRgb(colour);
  return shade(view, 16, (_x, _y, out) => {
    out[0] = red;
    out[1] = green;
    out[2] = blue;
  });
}

const BLURRED_LAYER_SHRINK = 4;

interface Overlay {
  drawings: Drawing[];
  blend: Blend;
  blur: number;
}

/** Plain neighbours become one overlay: each pass over all pixels costs more than what is drawn in it. */
function overlaysOf(layers: readonly Layer[]): Overlay[] {
  const overlays: Overlay[] = [];
  for (const { drawing, blend = 'over', blur = 0 } of layers) {
    const last = overlays.at(-1);
    const joins = last && last.blend === 'over' && last.blur === 0 && blend === 'over' && blur === 0;
    if (joins) last.drawings.push(drawing);
    else overlays.push({ drawings: [drawing], blend, blur });
  }
  return overlays;
}

/** Red, green, blue and opacity of each pixel of an overlay. */
async function rasterise({ drawings, blur }: Overlay, width: number, height: number): Promise<Uint8Array> {
  if (blur === 0)
    return sharp(Drawing.toSvg(drawings, width, height))
      .ensureAlpha()
      .raw()
      .toBuffer();
  const smallWidth = Math.max(4, Math.round(width / BLURRED_LAYER_SHRINK));
  const smallHeight = Math.max(4, Math.round(height / BLURRED_LAYER_SHRINK));
  const sigma = Math.max(0.4, (blur * Math.min(smallWidth, smallHeight)) / 1000);
  const small = await sharp(Drawing.toSvg(drawings, smallWidth, smallHeight))
    .ensureAlpha()
    .blur(sigma)
    .raw()
    .toBuffer({ resolveWithObject: true });
  return sharp(small.data, { raw: small.info })
    .resize(width, height, { fit: 'fill', kernel: 'linear' })
    .raw()
    .toBuffer();
}

/** What a channel becomes where an overlay covers it fully. */
const BLENDS: Record<Blend, (below: number, above: number) => number> = {
  over: (_below, above) => above,
  screen: (below, above) => below + above - (below * above) / 255,
  // Pegtop's soft light: continuous, and neutral at half grey.
  'soft-light': (below, above) => (below * (below + (2 * above * (255 - below)) / 255)) / 255,
};

function lay(data: Uint8ClampedArray, overlay: Uint8Array, blend: Blend): void {
  const combine = BLENDS[blend];
  for (let at = 0, from = 0; at < data.length; at += 3, from += 4) {
    const opacity = overlay[from + 3] as number;
    if (opacity === 0) continue;
    const share = opacity / 255;
    for (let channel = 0; channel < 3; channel++) {
      const below = data[at + channel] as number;
      data[at + channel] = below + (combine(below, overlay[from + channel] as number) - below) * share;
    }
  }
}

/** Paints a scene at a size in pixels, finished. */
export async function compose(
  scene: ScenePicture,
  random: Random,
  width: number,
  height: number,
): Promise<Pixels> {
  const { data, ...raw } = scene.ground;
  const overlays = overlaysOf(scene.layers);
  const [ground, ...rasters] = await Promise.all([
    sharp(data, { raw: { ...raw, channels: 3 } })
      .resize(width, height, { fit: 'fill', kernel: 'cubic' })
      .raw()
      .toBuffer(),
    ...overlays.map((overlay) => rasterise(overlay, width, height)),
  ]);
  const clamped = new Uint8ClampedArray(ground.buffer, ground.byteOffset, ground.byteLength);
  rasters.forEach((raster, index) => {
    lay(clamped, raster, overlays[index]?.blend ?? 'over');
  });
  const pixels = { data: ground, width, height };
  await finishPixels(pixels, scene.finish, random);
  return pixels;
}

const GRAIN_TILE = 256;
const GLOW_SHRINK = 8;
/** Light below this does not spill. */
const GLOW_THRESHOLD = 69;
const GLOW_GAIN = 1.6;

/** The bright parts of a picture, blurred, at an eighth of its size. */
async function glowOf({ data, width, height }: Pixels) {
  const across = Math.max(2, Math.ceil(width / GLOW_SHRINK));
  const down = Math.max(2, Math.ceil(height / GLOW_SHRINK));
  const bright = new Uint8ClampedArray(across * down * 3);
  for (let row = 0, to = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      for (let channel = 0; channel < 3; channel++) {
        // Four samples of each block are enough for what is blurred anyway.
        let sum = 0;
        for (let corner = 0; corner < 4; corner++) {
          const x = Math.min(width - 1, column * GLOW_SHRINK + (corner & 1 ? 5 : 2));
          const y = Math.min(height - 1, row * GLOW_SHRINK + (corner & 2 ? 5 : 2));
          sum += data[(y * width + x) * 3 + channel] as number;
        }
        bright[to++] = (sum / 4 - GLOW_THRESHOLD) * GLOW_GAIN;
      }
    }
  }
  const blurred = await sharp(bright, { raw: { width: across, height: down, channels: 3 } })
    .blur(Math.max(0.4, Math.min(width, height) / 260))
    .raw()
    .toBuffer();
  return { data: blurred, across, down };
}

/** Adds bloom, vignette and grain in place. The grain also hides the steps that 8-bit gradients show. */
export async function finishPixels(pixels: Pixels, finish: Finish, random: Random): Promise<void> {
  const { width, height } = pixels;
  const data = new Uint8ClampedArray(pixels.data.buffer, pixels.data.byteOffset, pixels.data.byteLength);
  const glow = await glowOf(pixels);
  const tile = new Float32Array(GRAIN_TILE * GRAIN_TILE);
  const grainRandom = random.fork('grain');
  for (let i = 0; i < tile.length; i++)
    tile[i] = (grainRandom.next() + grainRandom.next() - 1) * finish.grain;
  const bloom = finish.bloom / 255;
  const sideways = Float32Array.from({ length: width }, (_, x) => ((x / width - 0.5) * 2) ** 2);
  const line = new Float32Array(glow.across * 3);
  for (let y = 0, offset = 0; y < height; y++) {
    glowLine(line, glow, y);
    const dy = ((y / height - 0.5) * 2) ** 2;
    // Tiles are shifted from one to the next, so that their repetition is not seen.
    const shift = Math.floor(y / GRAIN_TILE) * 91;
    const tileRow = (y % GRAIN_TILE) * GRAIN_TILE;
    for (let x = 0; x < width; x++) {
      const distance = (sideways[x] as number) + dy;
      const shadow = 1 - finish.vignette * distance * distance * 0.25;
      const grain = tile[tileRow + ((x + shift + (x >> 8) * 57) & (GRAIN_TILE - 1))] as number;
      const column = Math.min(glow.across - 1.001, Math.max(0, (x + 0.5) / GLOW_SHRINK - 0.5));
      const left = column | 0;
      const part = column - left;
      for (let channel = 0; channel < 3; channel++, offset++) {
        const value = data[offset] as number;
        const a = line[left * 3 + channel] as number;
        const light = a + ((line[left * 3 + 3 + channel] as number) - a) * part;
        data[offset] = (value + (255 - value) * light * bloom) * shadow + grain;
      }
    }
  }
}

/** The glow along one row of the finished picture. */
function glowLine(
  line: Float32Array,
  glow: { data: Uint8Array; across: number; down: number },
  y: number,
): void {
  const row = Math.min(glow.down - 1.001, Math.max(0, (y + 0.5) / GLOW_SHRINK - 0.5));
  const top = Math.floor(row) * line.length;
  const part = row - Math.floor(row);
  for (let i = 0; i < line.length; i++) {
    const a = glow.data[top + i] as number;
    line[i] = a + ((glow.data[top + line.length + i] as number) - a) * part;
  }
}

/** Low, since grain does not compress: level 3 is 4 times faster than 9 for files 3 % larger. */
const PNG_LEVEL = 3;

export function encodePng(pixels: Pixels): Promise<Buffer> {
  return sharp(pixels.data, { raw: { width: pixels.width, height: pixels.height, channels: 3 } })
    .png({ compressionLevel: PNG_LEVEL, adaptiveFiltering: false })
    .toBuffer();
}
