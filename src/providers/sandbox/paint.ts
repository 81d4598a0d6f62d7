// Paints a picture of a prompt. Loads sharp, so only the painter process (and benches) may import this file.
// Invariant: prompt, negative prompt, seed and size decide every byte.
import { compose, encodePng, type Pixels } from './canvas.ts';
import type { View } from './drawing.ts';
import { planPicture, SCENES } from './plan.ts';
import { Noise, Random } from './random.ts';
import type { SceneContext } from './scenery.ts';
import { weatherOf } from './weather.ts';

export interface PictureRequest {
  prompt: string;
  negativePrompt: string | null;
  seed: number;
  /** Pixels. */
  width: number;
  height: number;
}

/** Strips longer than this show less across instead, or their scenes would have no end. */
const LONGEST_SIDE_UNITS = 3000;

/** The view of a size in pixels: its short side is 1000 units, less where the picture is a long strip. */
export function viewOf(width: number, height: number): View {
  const longSidePx = Math.max(width, height);
  const scale = Math.min(1000 / Math.min(width, height), LONGEST_SIDE_UNITS / longSidePx);
  return { width: width * scale, height: height * scale, longSidePx };
}

export async function paintPixels(request: PictureRequest): Promise<Pixels> {
  const { prompt, negativePrompt, seed, width, height } = request;
  const plan = planPicture(prompt, negativePrompt, seed);
  const random = new Random(plan.seedText);
  const context: SceneContext = {
    view: viewOf(width, height),
    random,
    noise: new Noise(random.fork('noise')),
    palette: plan.palette,
    motifs: plan.motifs,
  };
  const scene = SCENES[plan.scene].paint(context);
  const layers = SCENES[plan.scene].outdoors ? [...scene.layers, ...weatherOf(context)] : scene.layers;
  return compose({ ...scene, layers }, random.fork('finish'), width, height);
}

/** The picture as the bytes of a PNG. */
export async function paintPng(request: PictureRequest): Promise<Buffer> {
  return encodePng(await paintPixels(request));
}
