// Abstract fields: ribbons that follow a flow, poured colours with metal veins, and a map of contour lines.
import { type ScenePicture, SHARP_GROUND_SIDE_PX, SOFT_GROUND_SIDE_PX, shade } from './canvas.ts';
import { alongStops, lighten, mix, type Oklch, rampTable, toRgb } from './colour.ts';
import { curve, Drawing, lines, type Point } from './drawing.ts';
import { type SceneContext, smoothstep } from './scenery.ts';

const STEPS = 512;

export function ribbons(context: SceneContext): ScenePicture {
  const { view, random, noise, palette, motifs } = context;
  const dark = motifs.has('night') || random.chance(0.6);
  const edge = toRgb(dark ? lighten(palette.ink, -0.06) : palette.paper);
  const heart = toRgb(
    dark ? mix(palette.ink, palette.accents[2], 0.3) : mix(palette.paper, palette.sky[2], 0.5),
  );
  const middle = { x: view.width * random.range(0.3, 0.7), y: view.height * random.range(0.3, 0.7) };
  const ground = shade(view, SOFT_GROUND_SIDE_PX, (x, y, out) => {
    const t = smoothstep(0, 800, Math.hypot(x - middle.x, y - middle.y));
    for (let channel = 0; channel < 3; channel++)
      out[channel] = (heart[channel] as number) * (1 - t) + (edge[channel] as number) * t;
  });
  const swirl = random.range(0.6, 1.5) * (random.chance(0.5) ? 1 : -1);
  const scale = random.range(420, 680);
  const drift = random.range(0, Math.PI * 2);
  const angleAt = (x: number, y: number) => {
    const away = Math.hypot(x - middle.x, y - middle.y);
    const around = Math.atan2(y - middle.y, x - middle.x) + (Math.PI / 2) * swirl;
    const pull = Math.exp(-away / 430);
    // Directions are mixed as vectors, for a mix of angles jumps where they wrap.
    const flow = Math.atan2(
      Math.sin(drift) * (1 - pull) + Math.sin(around) * pull,
      Math.cos(drift) * (1 - pull) + Math.cos(around) * pull,
    );
    return flow + noise.fractal(x / scale, y / scale, 2) * Math.PI * 1.9 * smoothstep(0, 260, away);
  };
  const shadow = new Drawing(view);
  const drawing = new Drawing(view);
  const count = Math.round((340 * view.width * view.height) / 1_000_000);
  for (let i = 0; i < count; i++) {
    const late = i / count;
    const points: Point[] = [];
    let at: Point = { x: random.range(-0.1, 1.1) * view.width, y: random.range(-0.1, 1.1) * view.height };
    const start = at;
    const steps = random.int(10, 24);
    for (let step = 0; step < steps; step++) {
      points.push(at);
      const angle = angleAt(at.x, at.y);
      at = { x: at.x + Math.cos(angle) * 26, y: at.y + Math.sin(angle) * 26 };
    }
    const hue = (noise.fractal(start.x / 600 + 50, start.y / 600, 2) + 0.6) / 1.2 + random.bell() * 0.12;
    const colour = alongStops(palette.accents, hue);
    const width = (1 - late) ** 1.6 * 26 + random.range(1.5, 7);
    const tinted = random.chance(0.16)
      ? mix(colour, palette.light, 0.65)
      : lighten(colour, random.bell() * 0.06);
    drawRibbon(drawing, points, { width, colour: tinted, opacity: 0.93 });
    if (width > 9 && i % 3 === 0)
      drawRibbon(shadow, points, { width: width * 1.3, colour: palette.ink, opacity: 0.35 });
  }
  return {
    ground,
    layers: [{ drawing: shadow, blur: 12 }, { drawing }],
    finish: { bloom: dark ? 0.35 : 0.1, vignette: 0.3, grain: 5 },
  };
}

/** A band that tapers at both ends, lit along one edge. */
function drawRibbon(
  drawing: Drawing,
  points: readonly Point[],
  options: { width: number; colour: Oklch; opacity: number },
): void {
  const { width, colour, opacity } = options;
  const left: Point[] = [];
  const right: Point[] = [];
  points.forEach((point, i) => {
    const next = points[i + 1] ?? point;
    const before = points[i - 1] ?? point;
    const length = Math.hypot(next.x - before.x, next.y - before.y) || 1;
    const half = Math.sin((i / (points.length - 1)) * Math.PI) ** 0.6 * width * 0.5;
    const side = { x: (-(next.y - before.y) / length) * half, y: ((next.x - before.x) / length) * half };
    left.push({ x: point.x + side.x, y: point.y + side.y });
    right.push({ x: point.x - side.x, y: point.y - side.y });
  });
  const first = points[0] as Point;
  const last = points.at(-1) as Point;
  // A gradient on a thin band is not seen, but takes half of the painting time.
  const isThin = width < 11;
  const fill = isThin
    ? colour
    : drawing.linear(first, last, [
        [0, lighten(colour, -0.1)],
        [0.55, colour],
        [1, lighten(colour, 0.1)],
      ]);
  drawing.path(curve([...left, ...right.toReversed()], true), { fill, opacity });
  if (width > 8)
    drawing.path(curve(left), { stroke: lighten(colour, 0.16), strokeWidth: 1.4, opacity: opacity * 0.55 });
}

/** Paint poured on paint: noise that is bent by noise that is bent by noise, with veins of metal. */
export function pour(context: SceneContext): ScenePicture {
  const { view, random, noise, palette, motifs } = context;
  const stops: Oklch[] = random.chance(0.5)
    ? [
        palette.ink,
        palette.accents[3],
        palette.accents[0],
        palette.paper,
        palette.accents[1],
        palette.accents[2],
      ]
    : [
        palette.paper,
        palette.accents[2],
        palette.ink,
        palette.accents[0],
        palette.accents[4],
        palette.accents[3],
      ];
  const table = rampTable(stops, STEPS);
  const vein = toRgb(motifs.has('silver') ? [0.88, 0.02, 240] : [0.83, 0.11, 85]);
  const scale = random.range(480, 800);
  const angle = random.range(0, Math.PI);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const strength = random.range(1.3, 2.1);
  const seed = random.range(0, 120);
  const heightAt = (x: number, y: number) => {
    const u = (x * cos + y * sin) / scale;
    const v = ((y * cos - x * sin) / scale) * 1.7;
    const warpX = noise.fractal(u + seed, v, 2);
    const warpY = noise.fractal(u - 4.7, v + seed, 2);
    return noise.fractal(u + warpX * strength, v + warpY * strength, 4);
  };
  const ground = shade(view, SHARP_GROUND_SIDE_PX * 0.62, (x, y, out) => {
    const height = heightAt(x, y);
    const level = height * 1.25 + 0.5;
    const slot = Math.floor(Math.min(0.999, Math.max(0, level + Math.sin(height * 46) * 0.035)) * STEPS) * 3;
    const line = Math.abs(height * 5.2 - Math.round(height * 5.2));
    const metal = smoothstep(0.055, 0.012, line) * smoothstep(-0.2, 0.35, noise.at(x / 210 + seed, y / 210));
    // The slope towards the upper left, taken from the noise next to it, lights the paint like wet lacquer.
    const slope = height - heightAt(x - 5, y - 5);
    const sheen = Math.min(46, Math.max(-40, slope * 900));
    for (let channel = 0; channel < 3; channel++) {
      const paint = (table[slot + channel] as number) + sheen;
      out[channel] = paint + ((vein[channel] as number) + sheen * 2 - paint) * metal;
    }
  });
  return { ground, layers: [], finish: { bloom: 0.15, vignette: 0.2, grain: 5 } };
}

/** A map of an unknown island: tinted heights, shaded slopes, contour lines and a route. */
export function contours(context: SceneContext): ScenePicture {
  const { view, random, noise, palette } = context;
  const scale = random.range(430, 640);
  const seed = random.range(0, 100);
  const peak = { x: view.width * random.range(0.25, 0.75), y: view.height * random.range(0.25, 0.75) };
  const heightAt = (x: number, y: number) =>
    noise.fractal(x / scale + seed, y / scale, 4) * 0.8 +
    0.42 -
    Math.hypot(x - peak.x, y - peak.y) / 1500 +
    noise.at(x / scale + 8, y / scale + seed) * 0.3;
  const land = rampTable(
    [
      mix(palette.accents[4], palette.paper, 0.35),
      mix(palette.accents[1], palette.paper, 0.4),
      palette.accents[0],
      mix(palette.accents[2], palette.ink, 0.15),
      lighten(palette.paper, 0.02),
    ],
    STEPS,
  );
  const water = rampTable(
    [palette.ink, mix(palette.accents[3], palette.ink, 0.4), mix(palette.accents[3], palette.paper, 0.42)],
    STEPS,
  );
  const ink = toRgb(palette.ink);
  const levels = 17;
  const side = Math.min(view.longSidePx, Math.round(SHARP_GROUND_SIDE_PX * 0.8));
  const unit = Math.max(view.width, view.height) / side;
  // Heights once for each pixel: lines and shading both need the neighbours.
  const width = Math.round(view.width / unit);
  const height = Math.round(view.height / unit);
  const heights = new Float32Array((width + 2) * (height + 2));
  for (let row = 0; row < height + 2; row++) {
    for (let column = 0; column < width + 2; column++)
      heights[row * (width + 2) + column] = heightAt(column * unit, row * unit);
  }
  const ground = shade(view, side, (x, y, out) => {
    const index = Math.floor(y / unit) * (width + 2) + Math.floor(x / unit);
    const here = heights[index] as number;
    const dx = (heights[index + 1] as number) - here;
    const dy = (heights[index + width + 2] as number) - here;
    const steep = Math.hypot(dx, dy) * levels + 1e-6;
    const scaled = here * levels;
    const nearest = Math.round(scaled);
    const bold = nearest % 4 === 0;
    const line = smoothstep(bold ? 1.7 : 1.05, 0.25, Math.abs(scaled - nearest) / steep);
    const dry = here > 0;
    const table = dry ? land : water;
    const banded = (Math.floor(scaled) / levels) * 0.75 + here * 0.25;
    const level = dry ? banded / 0.85 : 1 + banded / 0.7;
    const slot = Math.floor(Math.min(0.999, Math.max(0, level)) * STEPS) * 3;
    const hill = Math.min(30, Math.max(-36, (dx + dy) * -2600)) * (dry ? 1 : 0.3);
    const shore = smoothstep(2.2, 0.5, Math.abs(scaled) / steep);
    const drawn = Math.max(line * (dry ? (bold ? 0.6 : 0.36) : 0.2), shore * 0.85);
    for (let channel = 0; channel < 3; channel++) {
      const tint = (table[slot + channel] as number) + hill;
      out[channel] = tint + ((ink[channel] as number) - tint) * drawn;
    }
  });
  const map = new Drawing(view);
  drawRoute(map, context, peak);
  return { ground, layers: [{ drawing: map }], finish: { bloom: 0, vignette: 0.18, grain: 6 } };
}

function drawRoute(drawing: Drawing, context: SceneContext, peak: Point): void {
  const { view, palette, noise } = context;
  const random = context.random.fork('route');
  const start = {
    x: random.chance(0.5) ? view.width * 0.08 : view.width * 0.92,
    y: view.height * random.range(0.2, 0.9),
  };
  const stops = Array.from({ length: 40 }, (_, i) => {
    const t = i / 39;
    const sway = Math.sin(t * Math.PI) * 190;
    return {
      x: start.x + (peak.x - start.x) * t + noise.at(t * 3.4, 5) * sway,
      y: start.y + (peak.y - start.y) * t + noise.at(t * 3.4, 40) * sway,
    };
  });
  stops.forEach((stop, i) => {
    if (i % 2 === 0 && stops[i + 1])
      drawing.path(lines([stop, stops[i + 1] as Point], false), { stroke: palette.paper, strokeWidth: 9 });
  });
  stops.forEach((stop, i) => {
    if (i % 2 === 0 && stops[i + 1])
      drawing.path(lines([stop, stops[i + 1] as Point], false), {
        stroke: mix(palette.accents[0], [0.6, 0.21, 28], 0.7),
        strokeWidth: 5,
      });
  });
  for (const [at, size] of [
    [start, 13],
    [peak, 17],
  ] as const) {
    drawing.circle(at, size + 4, { fill: palette.paper });
    drawing.circle(at, size, { fill: [0.58, 0.21, 28] });
    drawing.circle(at, size * 0.4, { fill: palette.paper });
  }
}
