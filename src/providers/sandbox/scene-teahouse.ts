// A house with curved eaves above a valley of mist and bamboo: a teahouse, or a pagoda where the prompt names one.
// It wears any palette; on paper and in ink where the palette is that of ink.
import type { ScenePicture } from './canvas.ts';
import { lighten, mix, type Oklch } from './colour.ts';
import { curve, Drawing, lines, type Point, path } from './drawing.ts';
import type { Random } from './random.ts';
import { drawSeal, paperGround } from './scene-land.ts';
import {
  crestAt,
  drawBirds,
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

const WINDOW: Oklch = [0.88, 0.13, 78];
const FAR_RANGES = 4;

export function teahouse(context: SceneContext): ScenePicture {
  const { view, random, palette, motifs } = context;
  const inked = palette.name === 'sumi';
  const night = motifs.has('night');
  const side = random.chance(0.5) ? 1 : -1;
  const across = (share: number) => view.width * (0.5 + (share - 0.5) * side);
  const sun = { x: across(random.range(0.2, 0.34)), y: view.height * random.range(0.17, 0.27) };
  const back = new Drawing(view);
  if (night) {
    drawStars(back, context, 200, view.height * 0.5);
    drawMoon(back, context, sun, 58, motifs.has('crescent'));
  } else if (inked) back.circle(sun, random.range(38, 54), { fill: palette.accents[0], opacity: 0.88 });
  else drawSun(back, sun, random.range(46, 64), palette.light);
  const soft = new Drawing(view);
  drawRanges(soft, context, inked);
  const mist = new Drawing(view);
  drawMist(mist, context);
  const near = new Drawing(view);
  const foot = { x: across(random.range(0.66, 0.71)), y: view.height * random.range(0.61, 0.65) };
  drawHill(near, context, foot, side);
  drawBirds(near, random.fork('birds'), palette.ink, { x: across(0.42), y: sun.y + view.height * 0.08 }, 5);
  const front = new Drawing(view);
  drawFront(front, context, side);
  if (inked) drawSeal(front, context, side < 0);
  return {
    ground: inked
      ? paperGround(context)
      : sky(context, { horizon: view.height * 0.72, sun, glow: night ? 0.3 : 0.8, clouds: 0.45 }),
    layers: [
      { drawing: back },
      { drawing: soft, blur: inked ? 3 : 1.5 },
      { drawing: near },
      { drawing: mist, blur: 22 },
      { drawing: front },
    ],
    finish: { bloom: inked ? 0 : 0.4, vignette: 0.18, grain: 6 },
  };
}

/** Ranges far off, each dark at its crest and gone in the mist below it. */
function drawRanges(drawing: Drawing, context: SceneContext, inked: boolean): void {
  const { view, palette } = context;
  const random = context.random.fork('ranges');
  for (let row = 0; row < FAR_RANGES; row++) {
    const depth = row / (FAR_RANGES - 1);
    const crest = ridgeLine(context, {
      crest: view.height * (0.45 + depth * 0.3),
      swing: view.height * (0.2 - depth * 0.09),
      scale: 360 + random.range(-30, 120),
      jagged: 0.5 - depth * 0.3,
      row: row * 5 + random.range(0, 60),
    });
    const top = highest(crest);
    const colour = mix(palette.far, palette.near, 0.1 + depth * 0.5);
    const strength = inked ? 0.42 + depth * 0.34 : 0.62 + depth * 0.3;
    const fill = drawing.linear({ x: 0, y: top }, { x: 0, y: top + view.height * (0.2 + depth * 0.08) }, [
      [0, colour, strength],
      [0.45, colour, strength * 0.55],
      [1, mix(colour, palette.sky[3], 0.9), inked ? 0 : 0.12],
    ]);
    // One path for both: where they overlap, nothing is painted twice.
    const grove = row < 2 ? '' : bambooAlong(random, crest, 110, 56 + depth * 44);
    drawing.path(grove + ridgeShape(crest, view), { fill });
  }
}

/** A far grove: plumes that bend over, standing on a crest line. */
function bambooAlong(random: Random, crest: readonly Point[], count: number, height: number): string {
  let data = '';
  for (let i = 0; i < count; i++) {
    const foot = crestAt(crest, random.range(0, (crest.at(-1) as Point).x));
    const tall = height * random.range(0.5, 1.1);
    const lean = random.bell() * tall * 0.35;
    const half = tall * random.range(0.1, 0.17);
    data += path`M${foot.x - half * 0.4} ${foot.y + 12}Q${foot.x - half * 1.6} ${foot.y - tall * 0.5} ${foot.x + lean} ${foot.y - tall}Q${foot.x + half * 1.5} ${foot.y - tall * 0.5} ${foot.x + half * 0.4} ${foot.y + 12}Z`;
  }
  return data;
}

/** Banks of mist in the valley, under the house. */
function drawMist(drawing: Drawing, context: SceneContext): void {
  const { view, palette } = context;
  const random = context.random.fork('mist');
  for (let i = 0; i < 16; i++) {
    const at = { x: random.range(0, view.width), y: view.height * random.range(0.72, 0.98) };
    drawing.ellipse(at, random.range(180, 420), random.range(22, 62), {
      fill: lighten(palette.sky[3], 0.01),
      opacity: random.range(0.2, 0.5),
    });
  }
}

/** The hill that rises at one side, its house, and what grows around it. */
function drawHill(drawing: Drawing, context: SceneContext, foot: Point, side: 1 | -1): void {
  const { view, palette, noise, motifs } = context;
  const random = context.random.fork('hill');
  const size = Math.min(view.width, view.height) / 1000;
  const crest: Point[] = Array.from({ length: 141 }, (_, i) => {
    const x = (i / 140) * (view.width + 40) - 20;
    const inland = (x - foot.x) * side;
    const fall = smoothstep(95, 400, -inland) * view.height * 0.4 + smoothstep(130, 420, inland) * -36;
    const rough = Math.min(1, Math.max(0, Math.abs(inland) - 120) / 130);
    return { x, y: foot.y + fall + noise.fractal(x / 150, 4, 3) * 34 * rough };
  });
  const colour = mix(palette.near, palette.far, 0.12);
  drawing.path(
    pinesAlong(random, crest, 44, 128 * size, (x) => {
      const inland = (x - foot.x) * side;
      return inland > 165 ? 0.85 : inland < -150 && inland > -225 ? 0.4 : 0;
    }),
    { fill: mix(colour, palette.far, 0.12) },
  );
  const tiers = motifs.has('pagoda') ? 4 : 1;
  drawing.group(
    {
      at: { x: foot.x, y: foot.y + 4 },
      scale: [size * (tiers > 1 ? 0.72 : 1), size * (tiers > 1 ? 0.72 : 1)],
    },
    () => {
      drawHouse(drawing, context, tiers);
    },
  );
  const fill = drawing.linear({ x: 0, y: foot.y - 10 }, { x: 0, y: foot.y + view.height * 0.3 }, [
    [0, colour],
    [0.35, mix(colour, palette.far, 0.3), 0.92],
    [1, mix(palette.far, palette.sky[3], 0.8), 0],
  ]);
  drawing.path(ridgeShape(crest, view), { fill });
  // Brush strokes that fall with the slope give the rock its body.
  for (let i = 0; i < 60; i++) {
    const from = crestAt(crest, foot.x + side * random.range(-180, 420));
    const fall = random.range(24, 130);
    const data = curve([
      from,
      { x: from.x - side * fall * 0.1, y: from.y + fall * 0.5 },
      { x: from.x - side * fall * random.range(0.1, 0.6), y: from.y + fall },
    ]);
    drawing.path(data, {
      stroke: palette.ink,
      strokeWidth: random.range(1, 5),
      opacity: random.range(0.05, 0.22),
    });
  }
}

/** A wooden house, its floor at (0, 0), about 260 wide: posts, paper screens with light behind, and curved eaves. */
function drawHouse(drawing: Drawing, context: SceneContext, tiers: number): void {
  const { palette } = context;
  const wood = mix(palette.near, [0.36, 0.06, 50], 0.4);
  const roof = lighten(mix(palette.near, palette.ink, 0.5), -0.01);
  const screen = mix(WINDOW, palette.light, palette.name === 'sumi' ? 0 : 0.2);
  drawing.path(
    path`M-112 0L112 0L112 10L-112 10ZM-96 10L-90 10L-90 46L-96 46ZM-34 10L-28 10L-28 40L-34 40ZM28 10L34 10L34 40L28 40ZM90 10L96 10L96 46L90 46Z`,
    {
      fill: roof,
    },
  );
  let floor = 0;
  for (let tier = 0; tier < tiers; tier++) {
    const shrink = 0.84 ** tier;
    drawing.group({ at: { x: 0, y: floor }, scale: [shrink, shrink] }, () => {
      drawStorey(drawing, { wood, roof, screen }, tier === tiers - 1);
    });
    floor -= 104 * shrink;
  }
  if (tiers === 1) return;
  const top = floor - 26;
  drawing.path(path`M-2.4 ${top + 46}L-1 ${top - 70}L1 ${top - 70}L2.4 ${top + 46}Z`, { fill: roof });
  for (let ring = 0; ring < 4; ring++)
    drawing.ellipse({ x: 0, y: top - ring * 13 }, 9 - ring * 1.6, 3, { fill: roof });
}

function drawStorey(
  drawing: Drawing,
  colours: { wood: Oklch; roof: Oklch; screen: Oklch },
  isTop: boolean,
): void {
  const { wood, roof, screen } = colours;
  drawing.rect(-84, -78, 168, 78, { fill: wood });
  for (const x of [-74, -24, 26]) {
    const fill = drawing.radial({ x: x + 24, y: -34 }, 44, [
      [0, lighten(screen, 0.06)],
      [1, lighten(screen, -0.1)],
    ]);
    drawing.rect(x, -64, 48, 58, { fill });
    let bars = '';
    for (let bar = 1; bar < 4; bar++) bars += path`M${x + bar * 12} -64L${x + bar * 12} -6`;
    for (let bar = 1; bar < 3; bar++) bars += path`M${x} ${-64 + bar * 19}L${x + 48} ${-64 + bar * 19}`;
    drawing.path(bars, { stroke: wood, strokeWidth: 1.6, opacity: 0.8 });
  }
  drawing.path(
    path`M-108 -22L108 -22M-108 -12L108 -12M-108 -24L-108 0M108 -24L108 0M-72 -22L-72 0M72 -22L72 0M-36 -22L-36 0M36 -22L36 0M0 -22L0 0`,
    {
      stroke: roof,
      strokeWidth: 2.6,
    },
  );
  for (const x of [-100, 94]) drawing.rect(x, -78, 6, 78, { fill: roof });
  const eave = path`M-152 -84Q-160 -92 -166 -102Q-120 -92 -92 -112Q-62 -134 -52 -158`;
  const data = isTop
    ? `${eave}${path`Q-58 -166 -64 -170Q-40 -166 0 -166Q40 -166 64 -170Q58 -166 52 -158Q62 -134 92 -112Q120 -92 166 -102Q160 -92 152 -84Q80 -74 0 -74Q-80 -74 -152 -84Z`}`
    : path`M-152 -84Q-160 -92 -166 -102Q-120 -94 -88 -112L88 -112Q120 -94 166 -102Q160 -92 152 -84Q80 -74 0 -74Q-80 -74 -152 -84Z`;
  drawing.path(data, { fill: roof });
  let tiles = '';
  for (let i = -6; i <= 6; i++) {
    const top = isTop ? -162 : -110;
    const reach = isTop ? 8 : 13;
    tiles += path`M${i * reach} ${top}Q${i * reach * 1.3} ${(top - 84) / 2 + 4} ${i * 21} -82`;
  }
  drawing.path(tiles, { stroke: lighten(roof, 0.14), strokeWidth: 1.5, opacity: 0.55 });
}

/** Bamboo close by, at the side away from the house. */
function drawFront(drawing: Drawing, context: SceneContext, side: 1 | -1): void {
  const { view, palette } = context;
  const random = context.random.fork('bamboo');
  const stalks = random.int(4, 6);
  for (let i = 0; i < stalks; i++) {
    const share = 0.015 + (i / stalks) * 0.2 + random.bell() * 0.012;
    const x = view.width * (0.5 + (share - 0.5) * side);
    const depth = random.range(0.35, 1);
    const colour = mix(
      mix(palette.far, palette.accents[0], palette.name === 'sumi' ? 0 : 0.2),
      palette.near,
      depth,
    );
    drawStalk(drawing, random, {
      x,
      width: 7 + depth * 11,
      colour,
      lean: side * random.range(-10, 60),
      depth,
    });
  }
}

function drawStalk(
  drawing: Drawing,
  random: Random,
  options: { x: number; width: number; colour: Oklch; lean: number; depth: number },
): void {
  const { x, width, colour, lean, depth } = options;
  const { height } = drawing.view;
  const top = height * random.range(-0.05, 0.22) * (1.4 - depth * 0.5);
  const at = (y: number): number => x + lean * (1 - y / height) ** 2;
  let y = height + 20;
  while (y > top) {
    const next = y - (74 + depth * 46) * random.range(0.85, 1.15);
    const half = (width / 2) * (0.55 + 0.45 * (y / height));
    const [low, high] = [at(y), at(next)];
    const data = path`M${low - half * 1.15} ${y}Q${low - half * 0.8} ${y - 12} ${high - half * 0.95} ${next + 4}L${high + half * 0.95} ${next + 4}Q${low + half * 0.8} ${y - 12} ${low + half * 1.15} ${y}Z`;
    drawing.path(data, {
      fill: drawing.linear({ x: low - half, y: 0 }, { x: low + half, y: 0 }, [
        [0, lighten(colour, -0.03)],
        [0.3, lighten(colour, 0.09)],
        [1, colour],
      ]),
      opacity: 0.94,
    });
    if (y < height * 0.8 && random.chance(0.75))
      drawSpray(drawing, random, { x: high, y: next }, colour, depth);
    y = next;
  }
}

/** A twig with a fan of hanging leaves. */
function drawSpray(drawing: Drawing, random: Random, at: Point, colour: Oklch, depth: number): void {
  const side = random.chance(0.5) ? 1 : -1;
  const tip = { x: at.x + side * random.range(30, 80), y: at.y - random.range(4, 40) };
  drawing.path(lines([at, tip], false), { stroke: colour, strokeWidth: 1.8, opacity: 0.9 });
  const leaves = random.int(6, 10);
  let data = '';
  for (let i = 0; i < leaves; i++) {
    const t = 0.4 + (0.6 * i) / leaves;
    const from = { x: at.x + (tip.x - at.x) * t, y: at.y + (tip.y - at.y) * t };
    const angle = Math.PI / 2 - side * random.range(-0.35, 1.25);
    const length = (34 + depth * 40) * random.range(0.7, 1.15);
    const end = { x: from.x + Math.cos(angle) * length, y: from.y + Math.sin(angle) * length };
    const [bx, by] = [-Math.sin(angle) * length * 0.11, Math.cos(angle) * length * 0.11];
    const [mx, my] = [from.x + (end.x - from.x) * 0.4, from.y + (end.y - from.y) * 0.4];
    data += path`M${from.x} ${from.y}Q${mx + bx} ${my + by} ${end.x} ${end.y}Q${mx - bx} ${my - by} ${from.x} ${from.y}Z`;
  }
  drawing.path(data, { fill: colour, opacity: 0.9 });
}
