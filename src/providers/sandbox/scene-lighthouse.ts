// A lighthouse on basalt columns above a rough sea. The hour is always late enough for its lamp to be seen.
import { type Layer, type Pixels, type ScenePicture, shade } from './canvas.ts';
import { lighten, mix, type Oklch, rampTable, toRgb } from './colour.ts';
import { Drawing, lines, type Point, path } from './drawing.ts';
import type { Palette } from './palettes.ts';
import type { Random } from './random.ts';
import { drawBirds, drawMoon, drawStars, type SceneContext, sky, smoothstep } from './scenery.ts';

const SEA_SIDE_PX = 512;
/** Lamp and window: warm whatever the palette is. */
const LAMP: Oklch = [0.92, 0.13, 80];
const WINDOW: Oklch = [0.84, 0.16, 70];
const BAND: Oklch = [0.5, 0.17, 27];
/** The brightest that the top and the foot of the sky may be for the lamp to tell. */
const TOP_LIGHTNESS = 0.3;
const FOOT_LIGHTNESS = 0.7;
const STORM_FOOT_LIGHTNESS = 0.56;

/** The palette at the hour at which lamps are lit: skies of the day sink, those of the night stay. */
function lateHour(palette: Palette, stormy: boolean): Palette {
  const [first, , , last] = palette.sky;
  const top = Math.min(first[0], TOP_LIGHTNESS);
  const foot = Math.min(last[0], stormy ? STORM_FOOT_LIGHTNESS : FOOT_LIGHTNESS);
  const sink = ([lightness, chroma, hue]: Oklch): Oklch => {
    const part = (lightness - first[0]) / (last[0] - first[0] || 1);
    return [top + (foot - top) * part ** 1.2, chroma * 0.9, hue];
  };
  const [a, b, c, d] = palette.sky;
  const deep: Oklch = [Math.min(palette.near[0], 0.2), palette.near[1], palette.near[2]];
  const [brightness, chroma, hue] = palette.light;
  // Clouds take half of their colour from the light.
  const light: Oklch = [brightness * (stormy ? 0.72 : 0.9), chroma, hue];
  return { ...palette, light, sky: [sink(a), sink(b), sink(c), sink(d)], near: deep };
}

/** Where everything stands. `side` is 1 where the land is on the right, -1 where it is on the left. */
interface Place {
  side: 1 | -1;
  horizon: number;
  /** The foot of the tower. */
  foot: Point;
  lamp: Point;
  /** Factor of the drawn tower. */
  size: number;
  /** The seaward end of the cliff, and the line where it meets the water. */
  edge: number;
  water: number;
}

export function lighthouse(context: SceneContext): ScenePicture {
  const { view, random, motifs } = context;
  const palette = lateHour(context.palette, motifs.has('storm'));
  const late: SceneContext = { ...context, palette };
  const side = random.chance(0.5) ? 1 : -1;
  const across = (share: number) => view.width * (0.5 + (share - 0.5) * side);
  const size = Math.min(view.height / 1000, 1.35) * random.range(0.92, 1.06);
  const foot = { x: across(random.range(0.66, 0.71)), y: view.height * random.range(0.555, 0.6) };
  const place: Place = {
    side,
    horizon: view.height * random.range(0.64, 0.69),
    foot,
    lamp: { x: foot.x, y: foot.y - TOWER.lamp * size },
    size,
    edge: foot.x - side * Math.min(view.width * 0.3, 330 * size),
    water: view.height * 0.87,
  };
  const back = new Drawing(view);
  if (motifs.has('night')) drawStars(back, late, 160, place.horizon * 0.8);
  if (motifs.has('moon'))
    drawMoon(back, late, { x: across(0.2), y: view.height * 0.2 }, 54, motifs.has('crescent'));
  const beam = new Drawing(view);
  drawBeam(beam, place, random.fork('beam'));
  const land = new Drawing(view);
  drawBirds(
    land,
    random.fork('birds'),
    lighten(palette.sky[3], 0.06),
    { x: across(0.36), y: foot.y * 0.62 },
    6,
  );
  drawCliff(land, late, place);
  land.group({ at: { x: foot.x - side * 8, y: foot.y }, scale: [size * side, size] }, () => {
    drawCottage(land, palette, motifs.has('snow'));
  });
  land.group({ at: foot, scale: [size, size] }, () => drawTower(land, palette));
  const spray = new Drawing(view);
  drawSpray(spray, late, place);
  const glow = new Drawing(view);
  drawGlow(glow, place);
  const layers: Layer[] = [
    { drawing: back },
    { drawing: beam, blend: 'screen', blur: 4 },
    { drawing: land },
    { drawing: spray, blur: 9 },
    { drawing: glow, blend: 'screen' },
  ];
  return { ground: skyAndStorm(late, place), layers, finish: { bloom: 0.5, vignette: 0.34, grain: 5 } };
}

/** Sky and, below the horizon, water as a long exposure shows it: streaks of foam drawn out by the swell. */
function skyAndStorm(context: SceneContext, place: Place): Pixels {
  const { view, noise, palette } = context;
  const { horizon, lamp, side } = place;
  const above = sky(context, {
    horizon,
    sun: { x: lamp.x - side * view.width * 0.45, y: horizon * 0.94 },
    glow: 0.3,
    clouds: 1,
  });
  const water = rampTable(
    [
      mix(palette.sky[3], palette.sky[2], 0.4),
      mix(palette.sky[1], palette.accents[3], 0.3),
      mix(palette.sky[0], palette.near, 0.5),
    ],
    128,
  );
  const foam = toRgb(mix(palette.paper, palette.sky[2], 0.35));
  return shade(view, SEA_SIDE_PX, (x, y, out) => {
    if (y < horizon) {
      const column = Math.min(above.width - 1, Math.floor((x / view.width) * above.width));
      const row = Math.max(0, (y / view.height) * above.height - 0.5);
      const top = Math.floor(row);
      const next = Math.min(above.height - 1, top + 1);
      for (let channel = 0; channel < 3; channel++) {
        const a = above.data[(top * above.width + column) * 3 + channel] as number;
        const b = above.data[(next * above.width + column) * 3 + channel] as number;
        out[channel] = a + (b - a) * (row - top);
      }
      return;
    }
    const depth = (y - horizon) / (view.height - horizon);
    const perspective = 1 / (0.09 + depth);
    const u = (x - view.width / 2) * perspective * 0.0022;
    const swell = noise.fractal(u, perspective * 3.6, 4);
    const crest = noise.ridged(u * 1.5 + swell * 0.8, perspective * 5.5 + 30, 4);
    const streak = smoothstep(0.66, 1.06, crest + swell * 0.45) * (0.3 + 0.7 * smoothstep(0, 0.35, depth));
    const slot = Math.floor(Math.min(1, Math.max(0, depth * 0.7 + 0.2 - swell * 0.5)) * 127) * 3;
    for (let channel = 0; channel < 3; channel++) {
      const body = water[slot + channel] as number;
      out[channel] = body + ((foam[channel] as number) - body) * streak * 0.8;
    }
  });
}

/** Two shafts of light from the lamp: the near one out to sea, a faint one inland. */
function drawBeam(drawing: Drawing, place: Place, random: Random): void {
  const { lamp, side } = place;
  const tilt = random.range(-0.2, -0.09);
  for (const [direction, reach, strength, spread] of [
    [-side, 1700, 0.85, 0.085],
    [side, 900, 0.35, 0.07],
  ] as const) {
    for (const [share, part] of [
      [1, 0.45],
      [0.55, 0.5],
      [0.22, 0.6],
    ] as const) {
      const end = (turn: number) => ({
        x: lamp.x + direction * Math.cos(tilt + turn) * reach,
        y: lamp.y + Math.sin(tilt + turn) * reach,
      });
      const fill = drawing.radial(lamp, reach, [
        [0, LAMP, strength * part],
        [0.3, LAMP, strength * part * 0.55],
        [1, LAMP, 0],
      ]);
      drawing.path(lines([lamp, end(-spread * share), end(spread * share)]), { fill });
    }
  }
}

/** Columns of basalt in three rows; the plateau carries the tower and steps down to the sea. */
function drawCliff(drawing: Drawing, context: SceneContext, place: Place): void {
  const { view, palette, noise, motifs } = context;
  const { side, foot, edge, water, size } = place;
  const stone = mix(palette.near, mix(palette.sky[1], palette.far, 0.4), 0.32);
  const snow = motifs.has('snow') ? mix(palette.paper, palette.sky[2], 0.28) : null;
  const end = side > 0 ? view.width + 40 : -40;
  for (let row = 0; row < 3; row++) {
    const random = context.random.fork(`columns${row}`);
    let x = edge - side * row * 46 * size;
    while ((end - x) * side > 0) {
      const width = random.range(24, 44) * size;
      const inland = (x - edge) * side;
      const drop = (1 - smoothstep(-30, 240 * size, inland)) ** 1.3;
      const level = [foot.y + 4, foot.y + 92 * size, foot.y + 190 * size][row] as number;
      const rough = row === 0 && inland > 210 * size ? 5 : 58 * size;
      const top =
        level +
        (water - level) * drop * 0.82 +
        (noise.at(x / 70, row * 9) * rough + random.bell() * rough * 0.35);
      drawColumn(drawing, random, {
        left: side > 0 ? x : x - width,
        width: width + 1,
        top: row === 0 ? Math.max(foot.y - 2, top) : top,
        bottom: water + row * 22 * size + random.range(0, 26) - drop * 16,
        colour: lighten(stone, 0.05 - row * 0.035 + random.bell() * 0.018),
        side,
        cap: snow ?? lighten(stone, 0.12),
        snowy: snow !== null,
      });
      x += side * width;
    }
  }
}

function drawColumn(
  drawing: Drawing,
  random: Random,
  options: {
    left: number;
    width: number;
    top: number;
    bottom: number;
    colour: Oklch;
    side: 1 | -1;
    cap: Oklch;
    snowy: boolean;
  },
): void {
  const { left, width, top, bottom, colour, side, cap, snowy } = options;
  const ridge = left + width * random.range(0.38, 0.62);
  const dip = width * 0.2;
  const right = left + width;
  // The face towards the sea takes the light of the sky.
  const [leftFace, rightFace] = side > 0 ? [0.07, -0.035] : [-0.035, 0.07];
  const face = (from: number, to: number, shift: number, fromDip: number, toDip: number) => {
    const data = path`M${from} ${top + fromDip}L${to} ${top + toDip}L${to} ${bottom}L${from} ${bottom}Z`;
    const fill = drawing.linear({ x: 0, y: top }, { x: 0, y: bottom }, [
      [0, lighten(colour, shift)],
      [1, lighten(colour, shift - 0.07)],
    ]);
    drawing.path(data, { fill });
  };
  face(left, ridge, leftFace, 0, dip);
  face(ridge, right, rightFace, dip, 0);
  drawing.path(path`M${left} ${top}L${ridge} ${top + dip}L${right} ${top}L${ridge} ${top - dip * 0.8}Z`, {
    fill: cap,
    opacity: snowy ? 0.95 : 0.8,
  });
  let joint = top + random.range(40, 110);
  while (joint < bottom) {
    const data = path`M${left} ${joint}L${ridge} ${joint + dip}L${right} ${joint}`;
    drawing.path(data, { stroke: lighten(colour, -0.08), strokeWidth: 1.6, opacity: 0.7 });
    joint += random.range(50, 150);
  }
}

/** Heights of the drawn tower above its foot, in units at size 1. */
const TOWER = { gallery: 316, lamp: 346, roof: 368 } as const;

function drawTower(drawing: Drawing, palette: Palette): void {
  const wall = mix(palette.paper, palette.sky[1], 0.22);
  const half = (height: number) => 39 - 15 * (height / TOWER.gallery) ** 0.8;
  const ring = (low: number, high: number, colour: Oklch) => {
    const data = path`M${-half(low)} ${-low}L${-half(high)} ${-high}Q0 ${-high + 7} ${half(high)} ${-high}L${half(low)} ${-low}Q0 ${-low + 9} ${-half(low)} ${-low}Z`;
    const fill = drawing.linear({ x: -38, y: 0 }, { x: 38, y: 0 }, [
      [0, lighten(colour, -0.24)],
      [0.38, lighten(colour, 0.02)],
      [0.62, lighten(colour, -0.04)],
      [1, lighten(colour, -0.32)],
    ]);
    drawing.path(data, { fill });
  };
  const bands = 5;
  for (let band = 0; band < bands; band++) {
    const step = TOWER.gallery / bands;
    ring(band * step, (band + 1) * step + 1, band % 2 === 0 ? wall : BAND);
  }
  const dark = lighten(palette.near, -0.03);
  for (const height of [96, 222])
    drawing.path(path`M-5 ${-height}L-5 ${-height - 15}Q0 ${-height - 22} 5 ${-height - 15}L5 ${-height}Z`, {
      fill: dark,
    });
  const gallery = -TOWER.gallery;
  drawing.path(path`M-26 ${gallery + 4}L-36 ${gallery - 8}L36 ${gallery - 8}L26 ${gallery + 4}Z`, {
    fill: dark,
  });
  drawing.rect(-19, -TOWER.roof, 38, TOWER.roof - TOWER.gallery - 6, {
    fill: drawing.radial({ x: 0, y: -TOWER.lamp }, 30, [
      [0, [0.99, 0.03, 90]],
      [0.5, LAMP],
      [1, WINDOW],
    ]),
  });
  for (const x of [-19, -7, 7, 19])
    drawing.rect(x - 1.3, -TOWER.roof, 2.6, TOWER.roof - TOWER.gallery - 6, { fill: dark });
  for (const x of [-34, -23, -11.5, 0, 11.5, 23, 34])
    drawing.rect(x - 0.9, gallery - 26, 1.8, 20, { fill: dark });
  drawing.rect(-35, gallery - 27, 70, 2.4, { fill: dark });
  drawing.path(
    path`M-25 ${-TOWER.roof + 1}Q-20 ${-TOWER.roof - 26} 0 ${-TOWER.roof - 31}Q20 ${-TOWER.roof - 26} 25 ${-TOWER.roof + 1}Z`,
    {
      fill: lighten(BAND, -0.16),
    },
  );
  drawing.rect(-1.5, -TOWER.roof - 54, 3, 26, { fill: dark });
  drawing.circle({ x: 0, y: -TOWER.roof - 32 }, 5, { fill: dark });
}

/** Where the cottage's one lit window is, from the tower's foot at size 1 and for land on the right. */
const WINDOW_AT: Point = { x: 104, y: -34 };

/** The keeper's house beside the tower, inland. */
function drawCottage(drawing: Drawing, palette: Palette, snowy: boolean): void {
  const wall = mix(palette.paper, palette.sky[0], 0.5);
  const roof = mix(palette.near, palette.sky[1], 0.25);
  drawing.rect(22, -62, 140, 66, {
    fill: drawing.linear({ x: 22, y: 0 }, { x: 162, y: 0 }, [
      [0, lighten(wall, -0.1)],
      [0.55, wall],
      [1, lighten(wall, -0.2)],
    ]),
  });
  drawing.rect(132, -122, 16, 44, { fill: lighten(wall, -0.22) });
  drawing.path(path`M12 -58L38 -104L146 -104L172 -58Z`, { fill: roof });
  if (snowy)
    drawing.path(path`M20 -71L38 -106L146 -106L164 -71Q146 -78 128 -70Q104 -80 82 -71Q58 -79 20 -71Z`, {
      fill: mix(palette.paper, palette.sky[2], 0.3),
    });
  const { x, y } = WINDOW_AT;
  drawing.rect(x - 19, y - 21, 38, 42, { fill: roof });
  drawing.rect(x - 16, y - 18, 32, 36, {
    fill: drawing.radial({ x, y: y + 4 }, 22, [
      [0, [0.95, 0.1, 88]],
      [1, WINDOW],
    ]),
  });
  drawing.rect(x - 1, y - 18, 2, 36, { fill: roof });
  drawing.rect(x - 16, y - 1, 32, 2, { fill: roof });
}

/** Light in the air around the lamp and before the window. */
function drawGlow(drawing: Drawing, place: Place): void {
  const { lamp, foot, side, size } = place;
  const at = { x: foot.x + side * (WINDOW_AT.x - 8) * size, y: foot.y + WINDOW_AT.y * size };
  for (const [centre, radius, colour, strength] of [
    [lamp, 150 * size, LAMP, 0.75],
    [at, 120 * size, WINDOW, 0.55],
  ] as const) {
    const fill = drawing.radial(centre, radius, [
      [0, colour, strength],
      [0.25, colour, strength * 0.4],
      [1, colour, 0],
    ]);
    drawing.circle(centre, radius, { fill });
  }
}

/** Mist of broken waves along the foot of the cliff. */
function drawSpray(drawing: Drawing, context: SceneContext, place: Place): void {
  const { view, palette } = context;
  const { edge, water, side, size } = place;
  const random = context.random.fork('spray');
  const white = mix(palette.paper, palette.sky[2], 0.25);
  const reach = side > 0 ? view.width - edge : edge;
  for (let i = 0; i < 70; i++) {
    const inland = random.range(-0.35, 1) * reach;
    const at = {
      x: edge + side * inland,
      y: water + 34 + Math.sin(inland / 95) * 11 + random.bell() * 26 + smoothstep(0, 300, inland) * 16,
    };
    drawing.ellipse(at, random.range(26, 100), random.range(7, 20), {
      fill: white,
      opacity: random.range(0.1, 0.34),
    });
  }
  for (let i = 0; i < 46; i++) {
    const burst = random.next();
    const at = {
      x: edge - side * (20 - random.bell() * 80) * size,
      y: water + 10 - burst ** 1.6 * 190 * size,
    };
    drawing.circle(at, random.range(10, 34) * (1.1 - burst * 0.7) * size, {
      fill: white,
      opacity: random.range(0.08, 0.34) * (1 - burst * 0.6),
    });
  }
}
