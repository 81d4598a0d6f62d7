// What several scenes share: skies, ridges, stars, moons, pines and birds. All lengths are in units (short side 1000).
import { type Pixels, SOFT_GROUND_SIDE_PX, shade } from './canvas.ts';
import { lighten, mix, type Oklch, rampTable, toRgb } from './colour.ts';
import { curve, type Drawing, lines, type Point, path, type View } from './drawing.ts';
import type { Palette } from './palettes.ts';
import type { Noise, Random } from './random.ts';

/** What a scene paints from. `motifs` are the prompt's words for things and weather that scenes know. */
export interface SceneContext {
  view: View;
  random: Random;
  noise: Noise;
  palette: Palette;
  motifs: ReadonlySet<string>;
}

export function smoothstep(low: number, high: number, value: number): number {
  const t = Math.min(1, Math.max(0, (value - low) / (high - low)));
  return t * t * (3 - 2 * t);
}

const SKY_STEPS = 256;

export interface SkyOptions {
  /** Where the sky's lowest colour is. */
  horizon: number;
  sun?: Point;
  /** Strength of the light around the sun, 0-1. */
  glow?: number;
  /** How much cloud, 0-1. */
  clouds?: number;
}

/** A sky with a lit haze around the sun and drifting clouds. Below the horizon it goes on in the horizon's colour. */
export function sky(context: SceneContext, options: SkyOptions): Pixels {
  const { palette, noise, view, random } = context;
  const table = rampTable(palette.sky, SKY_STEPS);
  const light = toRgb(palette.light);
  const cloudLit = toRgb(mix(palette.sky[3], palette.light, 0.5));
  const cloudDark = toRgb(mix(palette.sky[1], palette.sky[3], 0.35));
  const { horizon, sun = { x: -9999, y: 0 }, glow = 0.6, clouds = 0.5 } = options;
  const cloudSeed = random.fork('clouds').range(0, 200);
  return shade(view, SOFT_GROUND_SIDE_PX, (x, y, out) => {
    const wobble = noise.at(x / 500 + 40, y / 300) * 0.05;
    const level = Math.min(1, Math.max(0, y / horizon + wobble));
    const slot = Math.floor(level * (SKY_STEPS - 1)) * 3;
    const distance = Math.hypot(x - sun.x, (y - sun.y) * 1.25);
    const shine = glow * Math.exp(-distance / 230) + glow * 0.35 * Math.exp(-distance / 620);
    // Clouds flatten towards the horizon, as perspective makes them.
    const flatten = 0.35 + level * 1.6;
    const puff = noise.fractal(
      x / (460 / flatten ** 0.3) + cloudSeed,
      (y / 190) * flatten + cloudSeed * 0.37,
      5,
    );
    const cover =
      smoothstep(0.02, 0.42, puff + clouds * 0.16) * clouds * (0.4 + 0.6 * smoothstep(0, 0.25, level));
    const lit =
      smoothstep(
        -0.12,
        0.2,
        puff - noise.fractal(x / 430 + cloudSeed, (y + 40) / 170 + cloudSeed * 0.37, 2),
      ) *
        0.6 +
      Math.min(0.5, shine);
    for (let channel = 0; channel < 3; channel++) {
      const base = table[slot + channel] as number;
      const cloud = (cloudDark[channel] as number) * (1 - lit) + (cloudLit[channel] as number) * lit;
      const covered = base + (cloud - base) * cover;
      out[channel] = covered + ((light[channel] as number) - covered) * Math.min(1, shine);
    }
  });
}

export interface RidgeOptions {
  /** Mean height of the crest line, and how far it swings. */
  crest: number;
  swing: number;
  /** Horizontal size of the largest hills. */
  scale: number;
  /** 0 rolls, 1 is jagged. */
  jagged: number;
  /** Tells ridges of one picture apart. */
  row: number;
}

const RIDGE_STEPS = 220;

/** The crest line of a ridge, left to right. */
export function ridgeLine(context: SceneContext, options: RidgeOptions): Point[] {
  const { noise, view } = context;
  const { crest, swing, scale, jagged, row } = options;
  return Array.from({ length: RIDGE_STEPS + 1 }, (_, i) => {
    const x = (i / RIDGE_STEPS) * (view.width + 40) - 20;
    const rolling = noise.fractal(x / scale + row * 13.7, row * 7.1, 4);
    const sharp = noise.ridged(x / scale + row * 13.7, row * 7.1 + 50, 5) * 2 - 1.35;
    return { x, y: crest - swing * (rolling * (1 - jagged) + sharp * jagged) };
  });
}

/** Closes a crest line along the bottom of the view (or at `floor`). */
export function ridgeShape(crestLine: readonly Point[], view: View, floor = view.height + 20): string {
  const last = crestLine.at(-1) as Point;
  const first = crestLine[0] as Point;
  return lines([...crestLine, { x: last.x, y: floor }, { x: first.x, y: floor }]);
}

export function lowest(points: readonly Point[]): number {
  return points.reduce((best, point) => Math.max(best, point.y), -Infinity);
}

export function highest(points: readonly Point[]): number {
  return points.reduce((best, point) => Math.min(best, point.y), Infinity);
}

/** The point of a crest line above `x`. */
export function crestAt(crestLine: readonly Point[], x: number): Point {
  return crestLine.find((point) => point.x >= x) ?? (crestLine.at(-1) as Point);
}

/** A disc with its halo. */
export function drawSun(drawing: Drawing, at: Point, radius: number, colour: Oklch, halo = 5): void {
  const glow = drawing.radial(at, radius * halo, [
    [0, colour, 0.55],
    [0.3, colour, 0.2],
    [1, colour, 0],
  ]);
  drawing.circle(at, radius * halo, { fill: glow });
  const disc = drawing.radial({ x: at.x, y: at.y - radius * 0.2 }, radius * 1.2, [
    [0, lighten(colour, 0.04)],
    [1, colour],
  ]);
  drawing.circle(at, radius, { fill: disc });
}

/** A full moon with seas, or a crescent. */
export function drawMoon(
  drawing: Drawing,
  context: SceneContext,
  at: Point,
  radius: number,
  crescent: boolean,
): void {
  const { palette, random } = context;
  const colour = palette.light;
  const glow = drawing.radial(at, radius * 4, [
    [0, colour, 0.5],
    [0.25, colour, 0.22],
    [0.6, colour, 0.06],
    [1, colour, 0],
  ]);
  drawing.circle(at, radius * 4, { fill: glow });
  if (crescent) {
    const r = radius;
    const shape = path`M0 ${-r}A${r} ${r} 0 1 1 0 ${r}A${r * 0.82} ${r * 1.02} 0 0 0 0 ${-r}Z`;
    drawing.path(shape, { fill: colour, at, rotate: 28 });
    return;
  }
  const disc = drawing.radial({ x: at.x - radius * 0.3, y: at.y - radius * 0.3 }, radius * 1.5, [
    [0, lighten(colour, 0.03)],
    [1, lighten(colour, -0.08)],
  ]);
  drawing.circle(at, radius, { fill: disc });
  const stains = random.fork('moon');
  for (let i = 0; i < 9; i++) {
    const angle = stains.range(0, Math.PI * 2);
    const reach = Math.sqrt(stains.next()) * radius * 0.68;
    const size = radius * stains.range(0.08, 0.26);
    const centre = { x: at.x + Math.cos(angle) * reach, y: at.y + Math.sin(angle) * reach };
    drawing.ellipse(centre, size, size * stains.range(0.7, 1), {
      fill: lighten(colour, -0.13),
      opacity: 0.35,
    });
  }
}

export function drawStars(
  drawing: Drawing,
  context: SceneContext,
  count: number,
  floor: number,
  visible: (at: Point) => boolean = () => true,
): void {
  const { view, palette } = context;
  const random = context.random.fork('stars');
  for (let i = 0; i < count; i++) {
    const at = { x: random.range(0, view.width), y: random.range(0, 1) ** 1.25 * floor };
    const size = 0.6 + random.next() ** 6 * 2.6;
    const colour = mix(palette.light, random.pick(palette.accents), random.range(0, 0.35));
    if (!visible(at)) continue;
    const fade = 1 - (at.y / floor) ** 3;
    drawing.circle(at, size, { fill: colour, opacity: random.range(0.35, 1) * fade });
    if (size > 2.2) {
      const ray = size * 5;
      const sparkle = path`M${-ray} 0L0 ${-size * 0.5}L${ray} 0L0 ${size * 0.5}ZM0 ${-ray}L${size * 0.5} 0L0 ${ray}L${-size * 0.5} 0Z`;
      drawing.path(sparkle, { fill: colour, opacity: 0.55 * fade, at });
    }
  }
}

/** A conifer as path data, its foot at (x, y). */
export function pine(random: Random, x: number, y: number, height: number): string {
  const width = height * random.range(0.17, 0.24);
  const tiers = 5 + Math.round(height / 45);
  const lean = random.bell() * width * 0.05;
  const right: Point[] = [{ x: x + lean, y: y - height }];
  const left: Point[] = [];
  for (let tier = 1; tier <= tiers; tier++) {
    const t = tier / tiers;
    const level = y - height * (1 - t * 0.93);
    const reach = width * t ** 0.85 * random.range(0.8, 1.12);
    const reachLeft = width * t ** 0.85 * random.range(0.8, 1.12);
    const notch = height * 0.035;
    right.push({ x: x + reach, y: level + notch * 0.6 }, { x: x + reach * 0.5, y: level - notch * 0.3 });
    left.unshift(
      { x: x - reachLeft * 0.5, y: level - notch * 0.3 },
      { x: x - reachLeft, y: level + notch * 0.6 },
    );
  }
  const trunk = width * 0.09;
  const foot = [
    { x: x + trunk, y: y - height * 0.06 },
    { x: x + trunk, y: y + height * 0.03 },
    { x: x - trunk, y: y + height * 0.03 },
    { x: x - trunk, y: y - height * 0.06 },
  ];
  return lines([...right, ...foot, ...left]);
}

/** A wood of conifers standing on a crest line. */
export function pinesAlong(
  random: Random,
  crestLine: readonly Point[],
  count: number,
  height: number,
  density: (x: number) => number = () => 1,
): string {
  const first = (crestLine[0] as Point).x;
  const last = (crestLine.at(-1) as Point).x;
  let data = '';
  for (let i = 0; i < count; i++) {
    const x = first + ((i + random.next()) / count) * (last - first);
    const keep = density(x);
    if (!random.chance(keep)) continue;
    data += pine(
      random,
      x,
      crestAt(crestLine, x).y + height * 0.08,
      height * random.range(0.45, 1.05) * (0.6 + keep * 0.4),
    );
  }
  return data;
}

export function drawBirds(
  drawing: Drawing,
  random: Random,
  colour: Oklch,
  centre: Point,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    const size = random.range(7, 15);
    const at = { x: centre.x + random.bell() * 130, y: centre.y + random.bell() * 45 };
    const lift = random.range(0.3, 0.75) * size;
    const data = path`M${-size} ${-lift * 0.5}Q${-size * 0.4} ${-lift} 0 0Q${size * 0.4} ${-lift} ${size} ${-lift * 0.6}`;
    drawing.path(data, { stroke: colour, strokeWidth: 2.2, at, rotate: random.range(-14, 14), opacity: 0.8 });
  }
}

/** Horizontal glints of light on water, dense near `centreX` and wider towards the viewer. */
export function drawGlints(
  drawing: Drawing,
  random: Random,
  options: { centreX: number; top: number; bottom: number; spread: number; colour: Oklch; count: number },
): void {
  const { centreX, top, bottom, spread, colour, count } = options;
  for (let i = 0; i < count; i++) {
    const depth = random.next() ** 1.3;
    const y = top + depth * (bottom - top);
    const x = centreX + random.bell() * spread * (0.25 + depth * 0.9);
    const length = (6 + depth * 62) * random.range(0.4, 1.3);
    drawing.ellipse({ x, y }, length, 0.8 + depth * 3.2, {
      fill: colour,
      opacity: random.range(0.15, 0.75) * (1 - depth * 0.3),
    });
  }
}

/** A closed soft blob through jittered points of a circle. */
export function blob(random: Random, centre: Point, radius: number, jitter: number, corners = 9): string {
  const points = Array.from({ length: corners }, (_, i) => {
    const angle = (i / corners) * Math.PI * 2;
    const reach = radius * (1 + random.bell() * jitter);
    return { x: centre.x + Math.cos(angle) * reach, y: centre.y + Math.sin(angle) * reach };
  });
  return curve(points, true);
}
