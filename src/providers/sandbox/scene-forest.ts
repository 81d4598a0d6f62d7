// A forest: tall trunks in mist with shafts of light, or (when it is a matter of pines) tiers of conifers.
import type { ScenePicture } from './canvas.ts';
import { lighten, mix, type Oklch } from './colour.ts';
import { curve, Drawing, lines, type Point, path } from './drawing.ts';
import type { Random } from './random.ts';
import { blob, drawBirds, pine, ridgeLine, ridgeShape, type SceneContext, sky } from './scenery.ts';

export function forest(context: SceneContext): ScenePicture {
  const { motifs } = context;
  const conifers =
    motifs.has('pine') ||
    motifs.has('snow') ||
    (!motifs.has('autumn') && context.random.fork('kind').chance(0.35));
  return conifers ? pines(context) : trunks(context);
}

function pines(context: SceneContext): ScenePicture {
  const { view, random, palette } = context;
  const sun = { x: view.width * random.range(0.25, 0.75), y: view.height * random.range(0.12, 0.3) };
  const rows = 6;
  const near = new Drawing(view);
  for (let row = 0; row < rows; row++) {
    const depth = row / (rows - 1);
    const crest = ridgeLine(context, {
      crest: view.height * (0.42 + depth * 0.52),
      swing: 120,
      scale: 560,
      jagged: 0.1,
      row: row * 9 + random.range(0, 40),
    });
    const colour = mix(mix(palette.sky[2], palette.far, 0.5), palette.near, depth ** 1.1);
    const haze = mix(colour, palette.sky[3], 0.8 * (1 - depth) ** 0.8);
    const trees = random.fork(`row${row}`);
    const height = 90 + depth * 250;
    const count = Math.round(54 - depth * 32);
    let data = '';
    for (let i = 0; i < count; i++) {
      const x = ((i + trees.next()) / count) * (view.width + 80) - 40;
      const foot = crest[
        Math.min(
          crest.length - 1,
          Math.max(0, Math.round(((x + 20) / (view.width + 40)) * (crest.length - 1))),
        )
      ] as Point;
      data += pine(trees, x, foot.y + 22, height * trees.range(0.5, 1.15));
    }
    const fill = near.linear(
      { x: 0, y: view.height * (0.3 + depth * 0.35) },
      { x: 0, y: view.height * (0.58 + depth * 0.5) },
      [
        [0, colour],
        [0.55, colour],
        [1, haze],
      ],
    );
    near.path(data, { fill });
    near.path(ridgeShape(crest, view), { fill });
  }
  const beams = new Drawing(view);
  drawBeams(beams, context, sun);
  const birds = new Drawing(view);
  drawBirds(birds, random.fork('birds'), palette.near, { x: view.width - sun.x, y: view.height * 0.16 }, 6);
  return {
    ground: sky(context, { horizon: view.height * 0.6, sun, glow: 0.9, clouds: 0.4 }),
    layers: [{ drawing: near }, { drawing: beams, blend: 'screen', blur: 7 }, { drawing: birds }],
    finish: { bloom: 0.45, vignette: 0.3, grain: 4 },
  };
}

function trunks(context: SceneContext): ScenePicture {
  const { view, random, palette } = context;
  const sun = { x: view.width * random.range(0.28, 0.72), y: view.height * random.range(0.2, 0.4) };
  const rows = 5;
  const wood = new Drawing(view);
  const floor = view.height * random.range(0.74, 0.82);
  for (let row = 0; row < rows; row++) {
    const depth = row / (rows - 1);
    const trees = random.fork(`row${row}`);
    const colour = mix(
      mix(palette.sky[3], palette.far, 0.55 + depth * 0.3),
      palette.near,
      depth ** 0.9 * 0.95,
    );
    const ground = floor + depth ** 1.5 * (view.height - floor) * 0.8;
    const count = Math.round((17 - depth * 12) * (view.width / 1000) ** 0.8);
    drawCanopy(wood, trees, {
      colour: mix(colour, palette.accents[depth < 0.5 ? 1 : 0], 0.42 * (1 - depth * 0.6)),
      depth,
      height: view.height,
    });
    for (let i = 0; i < count; i++) {
      const x = ((i + 0.5 + trees.bell() * 0.45) / count) * view.width;
      drawTrunk(wood, trees, {
        x,
        foot: ground + trees.range(-8, 22),
        width: 9 + depth ** 1.4 * 74 * trees.range(0.6, 1.1),
        colour,
        lit: palette.light,
        toSun: sun.x > x ? 1 : -1,
        depth,
      });
    }
    const crest = ridgeLine(context, { crest: ground, swing: 34, scale: 330, jagged: 0, row: row * 5 + 40 });
    const soil = mix(colour, palette.accents[2], 0.3);
    wood.path(ridgeShape(crest, view), {
      fill: wood.linear({ x: sun.x, y: ground - 30 }, { x: sun.x, y: ground + 190 }, [
        [0, mix(soil, palette.sky[3], 0.45 * (1 - depth))],
        [1, soil],
      ]),
    });
    drawGrass(wood, trees, crest, {
      colour: mix(colour, palette.accents[0], 0.3),
      height: 14 + depth * 52,
      count: 60 + depth * 130,
    });
  }
  const beams = new Drawing(view);
  drawBeams(beams, context, sun);
  const motes = new Drawing(view);
  const dust = random.fork('motes');
  for (let i = 0; i < 60; i++)
    motes.circle({ x: dust.range(0, view.width), y: dust.range(0.2, 0.95) * view.height }, dust.range(1, 4), {
      fill: palette.light,
      opacity: dust.range(0.15, 0.7),
    });
  return {
    ground: sky(context, { horizon: floor, sun, glow: 1, clouds: 0.2 }),
    layers: [{ drawing: wood }, { drawing: beams, blend: 'screen', blur: 8 }, { drawing: motes }],
    finish: { bloom: 0.5, vignette: 0.42, grain: 4 },
  };
}

function drawTrunk(
  drawing: Drawing,
  random: Random,
  options: {
    x: number;
    foot: number;
    width: number;
    colour: Oklch;
    lit: Oklch;
    toSun: number;
    depth: number;
  },
): void {
  const { x, foot, width, colour, lit, toSun, depth } = options;
  const lean = random.bell() * 40;
  const spread = width * 0.9;
  const half = width / 2;
  const data = path`M${x - spread} ${foot + width * 0.28}Q${x - half} ${foot} ${x - half * 0.92 + lean * 0.2} ${foot - 190}L${x - half * 0.62 + lean} -20L${x + half * 0.62 + lean} -20L${x + half * 0.92 + lean * 0.2} ${foot - 190}Q${x + half} ${foot} ${x + spread} ${foot + width * 0.28}Z`;
  const fill = drawing.linear({ x: x - half * toSun, y: 0 }, { x: x + half * toSun, y: 0 }, [
    [0, lighten(colour, -0.03)],
    [0.7, colour],
    [1, mix(colour, lit, 0.42 - depth * 0.12)],
  ]);
  drawing.path(data, { fill });
  for (let i = 0; i < random.int(2, 4); i++) {
    const y = foot - random.range(260, 760);
    const side = random.chance(0.5) ? 1 : -1;
    const reach = side * random.range(60, 190) * (0.5 + depth * 0.6);
    const from = { x: x + lean * 0.5, y };
    const limb = curve([
      from,
      { x: from.x + reach * 0.5, y: y - 40 },
      { x: from.x + reach, y: y - random.range(70, 150) },
    ]);
    drawing.path(limb, { stroke: colour, strokeWidth: Math.max(2, width * 0.14) });
  }
}

function drawCanopy(
  drawing: Drawing,
  random: Random,
  options: { colour: Oklch; depth: number; height: number },
): void {
  const { colour, depth, height } = options;
  const { view } = drawing;
  const count = Math.round(26 - depth * 8);
  let data = '';
  for (let i = 0; i < count; i++) {
    const at = {
      x: ((i + random.next()) / count) * view.width,
      y: height * (0.02 + random.next() ** 2 * (0.2 - depth * 0.06)),
    };
    for (let leaf = 0; leaf < 3; leaf++)
      data += blob(
        random,
        { x: at.x + random.bell() * 60, y: at.y + random.bell() * 36 },
        random.range(22, 62) * (0.6 + depth * 0.6),
        0.3,
        8,
      );
  }
  drawing.path(data, { fill: colour, opacity: 0.72 });
}

function drawGrass(
  drawing: Drawing,
  random: Random,
  crest: readonly Point[],
  options: { colour: Oklch; height: number; count: number },
): void {
  let data = '';
  for (let i = 0; i < options.count; i++) {
    const foot = random.pick(crest);
    const x = foot.x + random.bell() * 6;
    const tip = {
      x: x + random.bell() * options.height * 0.6,
      y: foot.y - options.height * random.range(0.3, 1),
    };
    data += `${lines([{ x: x - 2.4, y: foot.y + 6 }, tip, { x: x + 2.4, y: foot.y + 6 }])}`;
  }
  drawing.path(data, { fill: options.colour });
}

/** Shafts of light that fan out from the sun. */
function drawBeams(drawing: Drawing, context: SceneContext, sun: Point): void {
  const { view, palette } = context;
  const random = context.random.fork('beams');
  // A moon has no such shafts, only a shimmer of them.
  const strength = palette.sky[0][0] < 0.45 ? 0.35 : 1;
  const origin = { x: sun.x, y: sun.y - 220 };
  for (let i = 0; i < 9; i++) {
    const angle = Math.PI / 2 + random.bell() * 0.85;
    const width = random.range(0.02, 0.075);
    const reach = view.height * 1.3;
    const end = (turn: number) => ({
      x: origin.x + Math.cos(angle + turn) * reach,
      y: origin.y + Math.sin(angle + turn) * reach,
    });
    const fill = drawing.radial(origin, reach, [
      [0, palette.light, 0.34 * strength],
      [0.55, palette.light, 0.17 * strength],
      [0.95, palette.light, 0],
    ]);
    drawing.path(lines([origin, end(-width), end(width)]), { fill });
  }
}
