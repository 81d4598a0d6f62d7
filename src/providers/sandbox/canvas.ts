// Turns a scene's layers into pixels: a painted ground, vector layers over it, then one finish (bloom, vignette,
// grain). Loads sharp, so only the painter process may import this file.
import sharp from 'sharp';
import { type Oklch, toRgb } from './colour.ts';
import type { Drawing, View } from './drawing.ts';
import type { Random } from './random.ts';

/** Red, green and blue bytes, row by row. */
export interface Pixels {
  data: Uint8Array;
  width: number;
  height: number;
}

export interface Layer {
  drawing: Drawing;
  blend?: 'over' | 'screen' | 'soft-light' | 'multiply' | 'overlay';
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
  const scale = longSidePx / Math.max(view.width, view.height);
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

async function rasterise(layer: Layer, width: number, height: number) {
  const blend = layer.blend ?? 'over';
  if (!layer.blur) return { input: layer.drawing.toSvg(width, height), blend };
  const smallWidth = Math.max(4, Math.round(width / BLURRED_LAYER_SHRINK));
  const smallHeight = Math.max(4, Math.round(height / BLURRED_LAYER_SHRINK));
  const sigma = Math.max(0.4, (layer.blur * Math.min(smallWidth, smallHeight)) / 1000);
  const small = await sharp(layer.drawing.toSvg(smallWidth, smallHeight))
    .ensureAlpha()
    .blur(sigma)
    .raw()
    .toBuffer({ resolveWithObject: true });
  const large = await sharp(small.data, { raw: small.info })
    .resize(width, height, { fit: 'fill' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { input: large.data, raw: large.info, blend };
}

/** Paints a scene at a size in pixels, finished. */
export async function compose(
  scene: ScenePicture,
  random: Random,
  width: number,
  height: number,
): Promise<Pixels> {
  const { data, ...raw } = scene.ground;
  const overlays = await Promise.all(scene.layers.map((layer) => rasterise(layer, width, height)));
  const painted = await sharp(data, { raw: { ...raw, channels: 3 } })
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .composite(overlays)
    .removeAlpha()
    .raw()
    .toBuffer();
  const pixels = { data: painted, width, height };
  await finishPixels(pixels, scene.finish, random);
  return pixels;
}

const GRAIN_TILE = 256;
const GLOW_SHRINK = 8;

/** Adds bloom, vignette and grain in place. The grain also hides the steps that 8-bit gradients show. */
export async function finishPixels(pixels: Pixels, finish: Finish, random: Random): Promise<void> {
  const { data, width, height } = pixels;
  const glow = await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(Math.max(4, Math.round(width / GLOW_SHRINK)), Math.max(4, Math.round(height / GLOW_SHRINK)), {
      fit: 'fill',
    })
    .linear(1.6, -110)
    .blur(Math.max(0.4, Math.min(width, height) / 260))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const spread = await sharp(glow.data, { raw: glow.info })
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .raw()
    .toBuffer();
  const tile = new Float32Array(GRAIN_TILE * GRAIN_TILE);
  const grainRandom = random.fork('grain');
  for (let i = 0; i < tile.length; i++)
    tile[i] = (grainRandom.next() + grainRandom.next() - 1) * finish.grain;
  const bloom = finish.bloom / 255;
  let offset = 0;
  for (let y = 0; y < height; y++) {
    const dy = (y / height - 0.5) * 2;
    // Tiles are shifted from one to the next, so that their repetition is not seen.
    const shift = Math.floor(y / GRAIN_TILE) * 91;
    const tileRow = (y % GRAIN_TILE) * GRAIN_TILE;
    for (let x = 0; x < width; x++) {
      const dx = (x / width - 0.5) * 2;
      const distance = dx * dx + dy * dy;
      const shadow = 1 - finish.vignette * distance * distance * 0.25;
      const grain = tile[tileRow + ((x + shift + Math.floor(x / GRAIN_TILE) * 57) % GRAIN_TILE)] as number;
      for (let channel = 0; channel < 3; channel++, offset++) {
        const value = data[offset] as number;
        const lit = value + (255 - value) * (spread[offset] as number) * bloom;
        data[offset] = Math.min(255, Math.max(0, lit * shadow + grain + 0.5));
      }
    }
  }
}

/** Low, since grain does not compress: level 3 is 4 times faster than 9 for files 3 % larger. */
const PNG_LEVEL = 3;

export function encodePng(pixels: Pixels): Promise<Buffer> {
  return sharp(pixels.data, { raw: { width: pixels.width, height: pixels.height, channels: 3 } })
    .png({ compressionLevel: PNG_LEVEL, adaptiveFiltering: false })
    .toBuffer();
}
