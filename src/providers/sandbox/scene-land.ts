// Land: layered mountains (with a lake when asked), ink-wash mountains, and desert dunes.
import { type Pixels, type ScenePicture, SOFT_GROUND_SIDE_PX, shade } from './canvas.ts';
import { lighten, mix, type Oklch, toRgb } from './colour.ts';
import { curve, Drawing, lines, type Point, path, type Stop } from './drawing.ts';
import {
  crestAt,
  drawBirds,
  drawGlints,
  drawMoon,
  drawStars,
  drawSun,
  highest,
  pinesAlong,
  ridgeLine,
  ridgeShape,
  type SceneContext,
  sky,
  smoothstep,
} from './scenery.ts';

/** Snow and shadow on a crest: slanted facets below each part of the line that faces away from the light. */
function drawFacets(
  drawing: Drawing,
  context: SceneContext,
  crest: readonly Point[],
  depth: number,
  toRight: boolean,
): void {
  const { palette, random, motifs } = context;
  const facets = random.fork('facets');
  const snowy = motifs.has('snow');
  const top = highest(crest);
  for (let i = 4; i < crest.length - 4; i += 2) {
    const here = crest[i] as Point;
    const next = crest[i + 3] ?? here;
    const descends = toRight ? next.y < here.y : next.y > here.y;
    const reach = depth * facets.range(0.25, 1) * (1 - smoothstep(top, top + depth * 2.2, here.y));
    if (reach < 12) continue;
    const slant = (toRight ? -1 : 1) * reach * facets.range(0.25, 0.6);
    const shape = lines([
      here,
      next,
      { x: next.x + slant * 0.6, y: next.y + reach * 0.7 },
      { x: here.x + slant, y: here.y + reach },
    ]);
    const colour = descends ? lighten(palette.light, -0.02) : palette.near;
    drawing.path(shape, { fill: colour, opacity: descends ? (snowy ? 0.75 : 0.2) : 0.12 });
  }
}

interface Range {
  crest: Point[];
  colour: Oklch;
  haze: Oklch;
  /** Path of the trees that stand on it. */
  wood: string;
  floor: number | undefined;
}

function rangesOf(context: SceneContext, shore: number, water: boolean): Range[] {
  const { view, random, palette, noise } = context;
  const count = random.int(5, 7);
  return Array.from({ length: count }, (_, row) => {
    const depth = row / (count - 1);
    const crest = ridgeLine(context, {
      crest: shore * (0.5 + depth * (water ? 0.42 : 0.4)),
      swing: shore * (row === 1 ? 0.3 : 0.19 - depth * 0.09) * random.range(0.75, 1.25),
      scale: 520 - depth * 190,
      jagged: Math.max(0.05, 0.95 - depth * 0.9),
      row: row + random.range(0, 30),
    });
    const colour = mix(
      mix(palette.sky[3], palette.far, 0.35 + depth * 0.5),
      palette.near,
      depth ** 1.35 * 0.96,
    );
    const haze = mix(colour, mix(palette.sky[3], palette.light, 0.3), 0.62 * (1 - depth * 0.75));
    const isFront = row === count - 1;
    const density = (x: number) => smoothstep(-0.25, 0.45, noise.at(x / 240, row * 9));
    const trees = random.fork(`wood${row}`);
    const wood =
      row < count - 2 ? '' : pinesAlong(trees, crest, isFront ? 90 : 130, isFront ? 120 : 52, density);
    return { crest, colour, haze, wood, floor: water ? shore : view.height + 20 };
  });
}

function drawRanges(
  drawing: Drawing,
  context: SceneContext,
  ranges: readonly Range[],
  shore: number,
  litFromLeft: boolean,
): void {
  ranges.forEach(({ crest, colour, haze, wood, floor }, row) => {
    const top = highest(crest);
    const fill = drawing.linear({ x: 0, y: top }, { x: 0, y: top + shore * 0.34 }, [
      [0, colour],
      [1, haze],
    ]);
    drawing.path(ridgeShape(crest, context.view, floor), { fill });
    if (row === 1) drawFacets(drawing, context, crest, shore * 0.16, litFromLeft);
    if (wood) drawing.path(wood, { fill: mix(colour, context.palette.near, 0.55) });
  });
}

/** Ranges of hills that fade into haze, lit from behind. */
export function mountains(context: SceneContext): ScenePicture {
  const { view, random, palette, motifs } = context;
  const water = motifs.has('lake') || (!motifs.has('forest') && random.chance(0.3));
  const shore = view.height * (water ? random.range(0.58, 0.66) : 1.02);
  const sun = { x: view.width * (0.5 + random.bell() * 0.3), y: shore * random.range(0.2, 0.44) };
  const night = motifs.has('night');
  const back = new Drawing(view);
  if (night) drawStars(back, context, 260, shore * 0.6);
  if (night) drawMoon(back, context, sun, random.range(42, 62), motifs.has('crescent'));
  else drawSun(back, sun, random.range(44, 92), palette.light);
  const ranges = rangesOf(context, shore, water);
  const litFromLeft = sun.x < view.width / 2;
  const land = new Drawing(view);
  drawRanges(land, context, ranges, shore, litFromLeft);
  if (water) {
    drawLake(land, context, shore, sun, () => drawRanges(land, context, ranges, shore, litFromLeft));
  }
  if (motifs.has('bird') || random.chance(0.6)) {
    const flock = { x: view.width * random.range(0.25, 0.75), y: shore * 0.32 };
    drawBirds(land, random.fork('birds'), palette.near, flock, random.int(4, 9));
  }
  return {
    ground: sky(context, {
      horizon: shore * 0.72,
      sun,
      glow: night ? 0.35 : 0.85,
      clouds: night ? 0.3 : random.range(0.35, 0.8),
    }),
    layers: [{ drawing: back }, { drawing: land }],
    finish: { bloom: 0.4, vignette: 0.25, grain: 4 },
  };
}

/** Still water below `shore`: the land upside down, streaked with the sky's light. */
function drawLake(
  lake: Drawing,
  context: SceneContext,
  shore: number,
  sun: Point,
  drawLand: () => void,
): void {
  const { view, palette, random } = context;
  const depth = view.height - shore;
  const mirrored = lake.linear({ x: 0, y: shore }, { x: 0, y: view.height }, [
    [0, mix(palette.sky[3], palette.far, 0.25)],
    [0.5, palette.sky[2]],
    [1, palette.sky[0]],
  ]);
  lake.rect(0, shore, view.width, depth + 2, { fill: mirrored });
  lake.group({ at: { x: 0, y: shore * 1.86 }, scale: [1, -0.86], opacity: 0.72 }, drawLand);
  const dusk = lake.linear({ x: 0, y: shore }, { x: 0, y: view.height }, [
    [0, palette.near, 0.12],
    [1, palette.near, 0.5],
  ]);
  lake.rect(0, shore, view.width, depth + 2, { fill: dusk });
  const streaks = random.fork('streaks');
  for (let i = 0; i < 130; i++) {
    const near = streaks.next() ** 1.5;
    const at = { x: streaks.range(0, view.width), y: shore + 2 + near * depth };
    const colour = streaks.chance(0.4) ? palette.near : palette.sky[3];
    lake.ellipse(at, streaks.range(40, 190), 0.8 + near * 2.6, {
      fill: colour,
      opacity: streaks.range(0.05, 0.26),
    });
  }
  drawGlints(lake, random.fork('glints'), {
    centreX: sun.x,
    top: shore + 4,
    bottom: view.height,
    spread: 80,
    colour: palette.light,
    count: 110,
  });
}

/** Paper with pale stains of wash. */
export function paperGround(context: SceneContext): Pixels {
  const { view, palette, noise } = context;
  const paper = toRgb(palette.paper);
  const stain = toRgb(mix(palette.paper, palette.sky[1], 0.7));
  return shade(view, SOFT_GROUND_SIDE_PX, (x, y, out) => {
    const cloud = smoothstep(-0.5, 0.7, noise.fractal(x / 330, y / 260, 4)) * 0.75;
    for (let channel = 0; channel < 3; channel++) {
      out[channel] = (paper[channel] as number) * (1 - cloud) + (stain[channel] as number) * cloud;
    }
  });
}

/** Mountains in ink on paper: each range is dark at its crest and dissolves into mist. */
export function inkWash(context: SceneContext): ScenePicture {
  const { view, random, palette, noise } = context;
  const ground = paperGround(context);
  const wash = new Drawing(view);
  const sun = {
    x: view.width * (random.chance(0.5) ? random.range(0.18, 0.34) : random.range(0.66, 0.82)),
    y: view.height * random.range(0.16, 0.26),
  };
  wash.circle(sun, random.range(44, 70), { fill: palette.accents[0], opacity: 0.88 });
  const ranges = 5;
  const soft = new Drawing(view);
  for (let row = 0; row < ranges; row++) {
    const depth = row / (ranges - 1);
    const crest = ridgeLine(context, {
      crest: view.height * (0.42 + depth * 0.42),
      swing: view.height * (0.3 - depth * 0.14),
      scale: 330 + random.range(-40, 120),
      jagged: 0.75,
      row: row * 5 + random.range(0, 60),
    });
    const top = highest(crest);
    const strength = 0.22 + depth ** 1.4 * 0.72;
    const stops: Stop[] = [
      [0, palette.ink, strength],
      [0.35, palette.ink, strength * 0.5],
      [1, palette.ink, 0],
    ];
    const target = row % 2 === 0 ? soft : wash;
    target.path(ridgeShape(crest, view), {
      fill: target.linear({ x: 0, y: top }, { x: 0, y: top + view.height * 0.3 }, stops),
    });
    const strokes = random.fork(`strokes${row}`);
    for (let i = 0; i < 60 * depth; i++) {
      const from = crestAt(crest, strokes.range(0, view.width));
      const fall = strokes.range(20, 120);
      const data = curve([
        from,
        { x: from.x + strokes.bell() * 16, y: from.y + fall * 0.5 },
        { x: from.x + strokes.bell() * 40, y: from.y + fall },
      ]);
      wash.path(data, {
        stroke: palette.ink,
        strokeWidth: strokes.range(1, 5),
        opacity: strokes.range(0.04, 0.2),
      });
    }
    if (row === ranges - 1)
      wash.path(
        pinesAlong(random.fork('pines'), crest, 46, 84, (x) => smoothstep(0.1, 0.5, noise.at(x / 210, 3))),
        { fill: palette.ink, opacity: 0.85 },
      );
  }
  const boat = { x: view.width * random.range(0.3, 0.7), y: view.height * 0.93 };
  wash.path(path`M-62 -6Q0 20 62 -8Q40 16 0 17Q-40 16 -62 -6ZM-14 -2L-10 -34L-4 -38L2 -34L5 -2Z`, {
    fill: palette.ink,
    at: boat,
  });
  wash.path(path`M-26 -36L-2 -50L20 -35Z`, { fill: palette.ink, at: boat });
  drawSeal(wash, context);
  drawBirds(wash, random.fork('birds'), palette.ink, { x: view.width - sun.x, y: sun.y + 30 }, 5);
  return {
    ground,
    layers: [{ drawing: soft, blur: 5 }, { drawing: wash }],
    finish: { bloom: 0, vignette: 0.16, grain: 6 },
  };
}

/** A painter's red seal with strokes that belong to no script. */
export function drawSeal(drawing: Drawing, context: SceneContext, onLeft = false): void {
  const { view, palette, random } = context;
  const size = 46;
  const at = { x: onLeft ? 50 : view.width - 96, y: view.height - 104 };
  drawing.rect(at.x, at.y, size, size, { fill: palette.accents[0], opacity: 0.92 });
  const strokes = random.fork('seal');
  for (let i = 0; i < 4; i++) {
    const y = at.y + 9 + i * 9.5;
    drawing.path(
      lines(
        [
          { x: at.x + strokes.range(6, 14), y },
          { x: at.x + strokes.range(30, 40), y },
        ],
        false,
      ),
      { stroke: palette.paper, strokeWidth: 3 },
    );
    const x = at.x + 10 + i * 9;
    drawing.path(
      lines(
        [
          { x, y: at.y + strokes.range(6, 18) },
          { x, y: at.y + strokes.range(26, 40) },
        ],
        false,
      ),
      { stroke: palette.paper, strokeWidth: 2.4 },
    );
  }
}

/** Dunes: the slope of each crest is carried down its face along winding lines, so that light meets shade in an edge. */
export function dunes(context: SceneContext): ScenePicture {
  const { view, random, palette, motifs } = context;
  const horizon = view.height * random.range(0.34, 0.46);
  const fromLeft = random.chance(0.5);
  const night = motifs.has('night');
  const sun = {
    x: view.width * (fromLeft ? random.range(0.14, 0.36) : random.range(0.64, 0.86)),
    y: horizon * random.range(0.3, 0.66),
  };
  const air = sky(context, { horizon, sun, glow: night ? 0.35 : 0.8, clouds: random.range(0, 0.35) });
  const back = new Drawing(view);
  if (night) {
    drawStars(back, context, 300, horizon);
    drawMoon(back, context, sun, 46, motifs.has('crescent'));
  } else drawSun(back, sun, random.range(38, 64), palette.light);
  const rows = Array.from({ length: DUNE_ROWS }, (_, row) => {
    const depth = row / (DUNE_ROWS - 1);
    const lit = mix(mix(palette.sky[3], palette.far, 0.5), palette.accents[0], 0.2 + depth * 0.7);
    const dark = mix(
      mix(palette.far, palette.accents[4], 0.45 + depth * 0.3),
      palette.near,
      0.15 + depth * 0.5,
    );
    return {
      depth,
      lit: toRgb(lighten(lit, night ? -0.12 : 0.04)),
      dark: toRgb(dark),
      crest: duneCrest(context, horizon, depth, random.range(0, 90)),
    };
  });
  const side = fromLeft ? 1 : -1;
  const sand = shade(view, DUNE_SIDE_PX, (x, y, out) => {
    const row = rows.findLast((dune) => (dune.crest[crestIndex(x, view)] as number) <= y);
    if (!row) {
      const pixel =
        (Math.floor((y / view.height) * air.height) * air.width + Math.floor((x / view.width) * air.width)) *
        3;
      for (let channel = 0; channel < 3; channel++) out[channel] = air.data[pixel + channel] as number;
      return;
    }
    const below = y - (row.crest[crestIndex(x, view)] as number);
    const reach = 60 + row.depth * 300;
    const sway =
      context.noise.at(x / (260 + row.depth * 200) + row.depth * 9, y / 210) * (0.5 + row.depth * 0.5);
    const carried = x - side * below * (0.55 + sway);
    const here = crestIndex(carried, view);
    const slope = ((row.crest[here + 3] as number) - (row.crest[here - 3] as number)) * side;
    // The crest falls away from the sun where its height sinks on the far side.
    const shadow =
      smoothstep(-0.4, 1.6, slope / (0.6 + row.depth)) * (1 - smoothstep(reach * 0.4, reach * 1.6, below));
    const ripple =
      row.depth > 0.3
        ? Math.sin(below * 0.34 + context.noise.fractal(x / 120, y / 90, 2) * 9) * 3.2 * row.depth
        : 0;
    const edge = Math.exp(-below / (2 + row.depth * 4)) * 22 * (1 - shadow);
    const sink = 1 - 0.2 * smoothstep(0, reach * 2, below) * row.depth;
    for (let channel = 0; channel < 3; channel++) {
      const lit = row.lit[channel] as number;
      out[channel] = (lit + ((row.dark[channel] as number) - lit) * shadow) * sink + ripple + edge;
    }
  });
  // The sun is drawn over the sky only: its halo over the sand is what heat and dust do.
  return { ground: sand, layers: [{ drawing: back }], finish: { bloom: 0.35, vignette: 0.22, grain: 7 } };
}

const DUNE_ROWS = 6;
const DUNE_SIDE_PX = 700;
const CREST_STEPS = 1400;
/** Crests go on beyond both edges, since slopes are carried sideways. */
const CREST_MARGIN = 500;

function crestIndex(x: number, view: Drawing['view']): number {
  const index = Math.round(((x + CREST_MARGIN) / (view.width + CREST_MARGIN * 2)) * CREST_STEPS);
  return Math.min(CREST_STEPS - 4, Math.max(3, index));
}

function duneCrest(context: SceneContext, horizon: number, depth: number, seed: number): Float32Array {
  const { view, noise } = context;
  const scale = 300 + depth * 420;
  const base = horizon + 14 + depth ** 1.25 * (view.height - horizon) * 0.74;
  return Float32Array.from({ length: CREST_STEPS + 1 }, (_, i) => {
    const x = (i / CREST_STEPS) * (view.width + CREST_MARGIN * 2) - CREST_MARGIN;
    const peaks = 1 - Math.abs(noise.at(x / scale + seed, seed * 0.7)) * 1.5;
    const swell = noise.at(x / (scale * 2.4) + seed, seed + 9);
    return base - (26 + depth * 120) * (peaks - 0.4) - swell * (20 + depth * 50);
  });
}
