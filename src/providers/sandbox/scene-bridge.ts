// A bridge between two towers over still water: its leaves rise where the prompt asks for a drawbridge, and are glass
// where it asks for glass. All that stands above the water is drawn once more, upside down, in it.
import { type Pixels, type ScenePicture, shade } from './canvas.ts';
import { lighten, mix, type Oklch, toRgb } from './colour.ts';
import { Drawing, lines, type Point, path } from './drawing.ts';
import type { Random } from './random.ts';
import {
  drawBirds,
  drawMoon,
  drawStars,
  drawSun,
  ridgeLine,
  ridgeShape,
  type SceneContext,
  sky,
  smoothstep,
} from './scenery.ts';

const WATER_SIDE_PX = 512;
const LAMP: Oklch = [0.93, 0.11, 80];
/** The lightness of the top of a sky under which lamps are lit. */
const LAMPS_LIT_BELOW = 0.45;

interface Place {
  horizon: number;
  /** The middle of the opening. */
  middle: number;
  /** From the middle to either pivot. */
  half: number;
  size: number;
  /** How far the leaves are raised, in degrees. */
  raisedDeg: number;
  lit: boolean;
  glass: boolean;
}

/** Heights above the water at size 1. */
const DECK = 66;
const TOWER_TOP = 330;
const TOWER_HALF = 25;

export function bridge(context: SceneContext): ScenePicture {
  const { view, random, palette, motifs } = context;
  const size =
    Math.min((view.height / 1000) * 1.15, Math.max(0.8, view.width / 1000)) * random.range(0.94, 1.06);
  const place: Place = {
    horizon: view.height * random.range(0.56, 0.61),
    middle: view.width * (0.5 + random.bell() * 0.05),
    half: random.range(196, 222) * size,
    size,
    raisedDeg: motifs.has('drawbridge') ? random.range(34, 50) : 0,
    lit: palette.sky[0][0] < LAMPS_LIT_BELOW,
    glass: motifs.has('glass'),
  };
  const { horizon } = place;
  const sun = {
    x: place.middle + random.bell() * place.half * 0.5,
    y: horizon - random.range(20, 110),
  };
  const back = new Drawing(view);
  if (motifs.has('night')) {
    drawStars(back, context, 200, horizon * 0.85);
    drawMoon(back, context, { x: sun.x, y: horizon * 0.3 }, 50, motifs.has('crescent'));
  } else if (!place.lit) drawSun(back, sun, random.range(40, 60), palette.light);
  const above = new Drawing(view);
  drawWorld(above, context, place);
  const mirrored = new Drawing(view);
  mirrored.group({ at: { x: 0, y: horizon * 2 }, scale: [1, -1], opacity: 0.92 }, () => {
    drawWorld(mirrored, context, place);
  });
  const water = new Drawing(view);
  drawWater(water, context, place);
  drawBirds(
    water,
    random.fork('birds'),
    palette.near,
    { x: view.width * random.range(0.2, 0.8), y: horizon * 0.3 },
    5,
  );
  return {
    ground: skyAndMirror(context, place, sun),
    layers: [{ drawing: back }, { drawing: mirrored, blur: 1.6 }, { drawing: above }, { drawing: water }],
    finish: { bloom: 0.28, vignette: 0.26, grain: 4 },
  };
}

/** The sky, and the same sky upside down in the water, a little darker and drawn out by small waves. */
function skyAndMirror(context: SceneContext, place: Place, sun: Point): Pixels {
  const { view, noise, palette } = context;
  const { horizon, lit } = place;
  const air = sky(context, { horizon, sun, glow: lit ? 0.45 : 0.8, clouds: 0.5 });
  const deep = toRgb(mix(palette.near, palette.accents[4], 0.25));
  return shade(view, WATER_SIDE_PX, (x, y, out) => {
    const depth = Math.max(0, (y - horizon) / (view.height - horizon));
    const wave = depth > 0 ? noise.fractal(x / 260, 14 / (0.05 + depth), 2) * (2 + depth * 26) : 0;
    const level = y < horizon ? y : Math.min(horizon, Math.max(0, horizon * 2 - y + wave));
    const column = Math.min(air.width - 1, Math.floor((x / view.width) * air.width));
    const row = Math.min(air.height - 1, Math.max(0, (level / view.height) * air.height - 0.5));
    const top = Math.floor(row);
    const next = Math.min(air.height - 1, top + 1);
    const dark = depth > 0 ? 0.16 + smoothstep(0, 1, depth) * 0.4 : 0;
    for (let channel = 0; channel < 3; channel++) {
      const a = air.data[(top * air.width + column) * 3 + channel] as number;
      const b = air.data[(next * air.width + column) * 3 + channel] as number;
      const bright = a + (b - a) * (row - top);
      out[channel] = bright + ((deep[channel] as number) - bright) * dark;
    }
  });
}

/** Everything above the water line. Called twice, so all its chance comes from forks. */
function drawWorld(drawing: Drawing, context: SceneContext, place: Place): void {
  const { palette, view } = context;
  const { horizon, middle, half, size, raisedDeg } = place;
  drawShore(drawing, context, place);
  const steel = mix(palette.near, palette.sky[1], 0.12);
  for (const side of [-1, 1] as const) {
    const tower = middle + side * half;
    const end = side < 0 ? -60 : view.width + 60;
    drawApproach(drawing, context, place, { tower, end, side, steel });
    drawing.group({ at: { x: tower, y: horizon }, scale: [size * side, size] }, () => {
      drawTower(drawing, context, place, steel);
    });
  }
  for (const side of [-1, 1] as const) {
    // A leaf is drawn to the right of its pivot; the one on the right is turned over.
    const at = { x: middle + side * (half - TOWER_HALF * size * 0.5), y: horizon - DECK * size };
    drawing.group({ at, rotate: raisedDeg * side, scale: [-side * size, size] }, () => {
      drawLeaf(drawing, context, place, (half - TOWER_HALF * size * 0.5) / size);
    });
  }
  if (raisedDeg === 0) drawSpanCable(drawing, place, steel);
}

/** Hills far off and the lights of a town at the waterside. */
function drawShore(drawing: Drawing, context: SceneContext, place: Place): void {
  const { view, palette } = context;
  const { horizon, lit } = place;
  for (let row = 0; row < 2; row++) {
    const crest = ridgeLine(context, {
      crest: horizon - 62 + row * 34,
      swing: 70 - row * 20,
      scale: 420,
      jagged: 0.15,
      row: 20 + row * 11,
    }).map((point) => ({ x: point.x, y: Math.min(horizon - 3, point.y) }));
    drawing.path(ridgeShape(crest, view, horizon), {
      fill: mix(mix(palette.sky[3], palette.far, 0.6 + row * 0.3), palette.near, row * 0.25),
    });
  }
  const random = context.random.fork('town');
  const wall = mix(palette.far, palette.near, 0.55);
  let x = -20;
  while (x < view.width + 20) {
    const width = random.range(20, 52);
    const height = random.range(14, 46) * (random.chance(0.12) ? 1.9 : 1);
    const colour = lighten(wall, random.bell() * 0.025);
    const roof = random.chance(0.5) ? random.range(8, 18) : 0;
    drawing.path(
      path`M${x} ${horizon}L${x} ${horizon - height}L${x + width / 2} ${horizon - height - roof}L${x + width} ${horizon - height}L${x + width} ${horizon}Z`,
      { fill: colour },
    );
    for (let row = 0; row < Math.floor(height / 11); row++) {
      for (let column = 0; column < Math.floor(width / 10); column++) {
        const shines = random.chance(lit ? 0.42 : 0.08);
        const tint = mix(LAMP, palette.accents[1], random.range(0, 0.4));
        if (shines)
          drawing.rect(x + 4 + column * 10, horizon - height + 4 + row * 11, 3.6, 4.6, {
            fill: tint,
            opacity: 0.9,
          });
      }
    }
    x += width + (random.chance(0.2) ? random.range(6, 40) : 0);
  }
}

/** The fixed span from a tower to the picture's edge: deck, piers, lamps, and cables from the tower's head. */
function drawApproach(
  drawing: Drawing,
  context: SceneContext,
  place: Place,
  options: { tower: number; end: number; side: 1 | -1; steel: Oklch },
): void {
  const { horizon, size, lit } = place;
  const { tower, end, side, steel } = options;
  const deck = horizon - DECK * size;
  const left = Math.min(tower, end);
  drawing.rect(left, deck, Math.abs(end - tower), 13 * size, { fill: steel });
  const span = 430 * size;
  const head = horizon - (TOWER_TOP - 34) * size;
  const cableAt = (t: number) => head + (deck - 8 - head) * (1 - (1 - t) ** 1.9);
  const cable: Point[] = Array.from({ length: 25 }, (_, i) => ({
    x: tower + side * (i / 24) * span,
    y: cableAt(i / 24),
  }));
  drawing.path(lines(cable, false), { stroke: steel, strokeWidth: 4.4 * size });
  let hangers = '';
  for (let i = 1; i < 16; i++) {
    const x = tower + side * (i / 16) * span;
    hangers += lines(
      [
        { x, y: cableAt(i / 16) },
        { x, y: deck },
      ],
      false,
    );
  }
  drawing.path(hangers, { stroke: steel, strokeWidth: 1.5 * size, opacity: 0.8 });
  for (let pier = tower + side * span; (end - pier) * side > 0; pier += side * span * 0.62) {
    drawing.rect(pier - 11 * size, deck, 22 * size, horizon - deck, { fill: steel });
  }
  if (!lit) return;
  for (let x = tower + side * 58 * size; (end - x) * side > 0; x += side * 62 * size) {
    drawing.rect(x - 0.9 * size, deck - 24 * size, 1.8 * size, 24 * size, { fill: steel });
    drawLamp(drawing, { x, y: deck - 26 * size }, 3.4 * size);
  }
  drawing.rect(left, deck + 1.5 * size, Math.abs(end - tower), 2 * size, {
    fill: mix(LAMP, context.palette.accents[1], 0.3),
    opacity: 0.75,
  });
}

function drawLamp(drawing: Drawing, at: Point, radius: number): void {
  const halo = drawing.radial(at, radius * 6, [
    [0, LAMP, 0.65],
    [0.3, LAMP, 0.22],
    [1, LAMP, 0],
  ]);
  drawing.circle(at, radius * 6, { fill: halo });
  drawing.circle(at, radius, { fill: lighten(LAMP, 0.04) });
}

/** One tower with its foot at (0, 0): a pier in the water, two legs, braces between them and a lit head. */
function drawTower(drawing: Drawing, context: SceneContext, place: Place, steel: Oklch): void {
  const { palette } = context;
  const stone = mix(steel, palette.far, 0.25);
  const { lit, glass } = place;
  drawing.path(path`M-50 0L-44 -42L44 -42L50 0Z`, { fill: lighten(stone, -0.03) });
  drawing.rect(-48, -46, 96, 7, { fill: lighten(stone, 0.08) });
  const pane = glass ? mix(palette.sky[3], palette.accents[4], 0.4) : lighten(stone, 0.04);
  drawing.path(path`M${-TOWER_HALF} -44L-19 ${-TOWER_TOP}L19 ${-TOWER_TOP}L${TOWER_HALF} -44Z`, {
    fill: drawing.linear({ x: 0, y: -44 }, { x: 0, y: -TOWER_TOP }, [
      [0, lit ? mix(pane, LAMP, 0.75) : pane, glass ? 0.7 : 1],
      [0.4, pane, glass ? 0.42 : 1],
      [1, lighten(pane, 0.06), glass ? 0.6 : 1],
    ]),
  });
  const legs = path`M${-TOWER_HALF - 3} -44L-22 ${-TOWER_TOP}L-15 ${-TOWER_TOP}L${-TOWER_HALF + 7} -44ZM${TOWER_HALF + 3} -44L22 ${-TOWER_TOP}L15 ${-TOWER_TOP}L${TOWER_HALF - 7} -44Z`;
  drawing.path(legs, { fill: steel });
  for (let y = -90; y > -TOWER_TOP + 20; y -= 48) {
    drawing.rect(-22, y, 44, 4, { fill: steel });
    drawing.path(path`M-21 ${y}L19 ${y - 46}M21 ${y}L-19 ${y - 46}`, {
      stroke: glass ? lighten(pane, 0.08) : steel,
      strokeWidth: 1.8,
      opacity: 0.7,
    });
  }
  drawing.rect(-27, -TOWER_TOP - 8, 54, 11, { fill: steel });
  drawing.path(path`M-20 ${-TOWER_TOP - 8}L0 ${-TOWER_TOP - 54}L20 ${-TOWER_TOP - 8}Z`, {
    fill: glass ? mix(pane, steel, 0.35) : steel,
  });
  drawing.rect(-1.2, -TOWER_TOP - 84, 2.4, 34, { fill: steel });
  if (lit) drawLamp(drawing, { x: 0, y: -TOWER_TOP - 84 }, 3.2);
}

/** One leaf from its pivot (0, 0) to the right: panes between two chords, a rail, and a line of light on the deck. */
function drawLeaf(drawing: Drawing, context: SceneContext, place: Place, length: number): void {
  const { palette } = context;
  const { glass, lit } = place;
  const random: Random = context.random.fork('panes');
  const panels = 8;
  const under = (x: number) => 12 + 40 * (1 - x / length) ** 1.5;
  const frame = glass
    ? mix(palette.paper, palette.accents[4], 0.55)
    : mix(palette.near, palette.sky[1], 0.12);
  const tints = [palette.accents[4], palette.accents[2], palette.sky[3], palette.accents[1]] as const;
  for (let i = 0; i < panels; i++) {
    const [from, to] = [(i / panels) * length, ((i + 1) / panels) * length];
    const corners = [
      { x: from, y: 0 },
      { x: to, y: 0 },
      { x: to, y: under(to) },
      { x: from, y: under(from) },
    ] as const;
    if (glass) {
      for (const half of [0, 1] as const) {
        const points =
          half === 0 ? [corners[0], corners[1], corners[3]] : [corners[1], corners[2], corners[3]];
        const tint = lighten(
          mix(palette.sky[2], random.pick(tints), random.range(0.2, 0.95)),
          random.bell() * 0.06,
        );
        drawing.path(lines(points), { fill: tint, opacity: random.range(0.5, 0.86) });
      }
      drawing.path(lines([corners[0], corners[1], { x: to, y: -24 }, { x: from, y: -24 }]), {
        fill: mix(palette.paper, palette.sky[3], 0.3),
        opacity: random.range(0.22, 0.42),
      });
    }
    drawing.path(lines([corners[3], corners[1], corners[2]], false), {
      stroke: frame,
      strokeWidth: glass ? 1.6 : 3,
    });
    drawing.path(lines([corners[0], { x: from, y: -24 }], false), { stroke: frame, strokeWidth: 1.5 });
  }
  const bottom = Array.from({ length: 17 }, (_, i) => ({
    x: (i / 16) * length,
    y: under((i / 16) * length),
  }));
  drawing.path(lines(bottom, false), { stroke: frame, strokeWidth: glass ? 2.6 : 5 });
  drawing.path(path`M0 -24L${length} -24M0 0L${length} 0L${length} 12`, {
    stroke: frame,
    strokeWidth: glass ? 2.4 : 4.5,
  });
  if (!lit) return;
  drawing.path(path`M4 2L${length - 3} 2`, { stroke: LAMP, strokeWidth: 3.4, opacity: 0.95 });
  for (let i = 1; i <= 4; i++) drawLamp(drawing, { x: (i / 4) * (length - 6), y: -27 }, 2.6);
}

/** The cable over the middle of a bridge that is closed, with its hangers. */
function drawSpanCable(drawing: Drawing, place: Place, steel: Oklch): void {
  const { middle, half, horizon, size } = place;
  const head = horizon - (TOWER_TOP - 34) * size;
  const low = horizon - (DECK + 34) * size;
  const at = (t: number): Point => ({ x: middle + t * half, y: low + (head - low) * t * t });
  const points = Array.from({ length: 41 }, (_, i) => at(i / 20 - 1));
  drawing.path(lines(points, false), { stroke: steel, strokeWidth: 4.4 * size });
  let hangers = '';
  for (let i = -9; i <= 9; i++) {
    const top = at(i / 10);
    hangers += lines([top, { x: top.x, y: horizon - DECK * size }], false);
  }
  drawing.path(hangers, { stroke: steel, strokeWidth: 1.5 * size, opacity: 0.8 });
}

/** Still water over the mirror image: a shore line, dark and bright streaks, and light drawn out under the lamps. */
function drawWater(drawing: Drawing, context: SceneContext, place: Place): void {
  const { view, palette } = context;
  const { horizon, middle, half, lit } = place;
  const depth = view.height - horizon;
  drawing.rect(0, horizon - 1.5, view.width, 3, {
    fill: mix(palette.near, palette.sky[3], 0.3),
    opacity: 0.6,
  });
  const veil = drawing.linear({ x: 0, y: horizon }, { x: 0, y: view.height }, [
    [0, palette.near, 0.22],
    [1, palette.near, 0.5],
  ]);
  drawing.rect(0, horizon, view.width, depth + 2, { fill: veil });
  const random = context.random.fork('streaks');
  for (let i = 0; i < 150; i++) {
    const near = random.next() ** 1.5;
    const at = { x: random.range(0, view.width), y: horizon + 3 + near * depth };
    drawing.ellipse(at, random.range(30, 170), 0.7 + near * 2.4, {
      fill: random.chance(0.45) ? palette.near : palette.sky[3],
      opacity: random.range(0.04, 0.2),
    });
  }
  if (!lit) return;
  for (let i = 0; i < 150; i++) {
    const near = random.next() ** 1.4;
    const side = random.chance(0.5) ? 1 : -1;
    const x = random.chance(0.6) ? middle + side * half + random.bell() * 46 : random.range(0, view.width);
    drawing.ellipse({ x, y: horizon + 4 + near * depth * 0.8 }, random.range(5, 26), 0.7 + near * 1.8, {
      fill: LAMP,
      opacity: random.range(0.1, 0.55) * (1 - near * 0.6),
    });
  }
}
