// Water: a sea that mirrors the sky, rows of stylised waves, and a pond of koi seen from above.
import { type Layer, type Pixels, type ScenePicture, SOFT_GROUND_SIDE_PX, shade } from './canvas.ts';
import { lighten, mix, type Oklch, rampTable, toRgb } from './colour.ts';
import { curve, Drawing, lines, type Point, path } from './drawing.ts';
import type { Random } from './random.ts';
import {
  blob,
  drawBirds,
  drawGlints,
  drawMoon,
  drawStars,
  drawSun,
  ridgeLine,
  ridgeShape,
  type SceneContext,
  sky,
  smoothstep,
} from './scenery.ts';

const SEA_GROUND_SIDE_PX = 512;

/** Sky and the sea under it in one ground: each wave shows the sky at the angle it is tilted to. */
function skyAndSea(context: SceneContext, horizon: number, sun: Point, night: boolean): Pixels {
  const { view, noise, palette } = context;
  const above = sky(context, {
    horizon,
    sun,
    glow: night ? 0.4 : 0.9,
    clouds: context.random.fork('cover').range(0.4, 0.95),
  });
  const deep = toRgb(mix(palette.near, palette.accents[3], 0.35));
  const shine = toRgb(palette.light);
  const mirrored = rampTable([...palette.sky].reverse(), 128);
  return shade(view, SEA_GROUND_SIDE_PX, (x, y, out) => {
    if (y < horizon) {
      const column = Math.min(above.width - 1, Math.floor((x / view.width) * above.width));
      const row = (y / view.height) * above.height - 0.5;
      const top = Math.max(0, Math.floor(row));
      const part = Math.max(0, row - top);
      for (let channel = 0; channel < 3; channel++) {
        const a = above.data[(top * above.width + column) * 3 + channel] as number;
        const b = above.data[
          (Math.min(above.height - 1, top + 1) * above.width + column) * 3 + channel
        ] as number;
        out[channel] = a + (b - a) * part;
      }
      return;
    }
    const depth = (y - horizon) / (view.height - horizon);
    const perspective = 1 / (0.06 + depth);
    const wave =
      noise.fractal((x - view.width / 2) * perspective * 0.006, perspective * 9, 3) +
      noise.at((x - view.width / 2) * perspective * 0.02, perspective * 26) * 0.35;
    const tilt = Math.min(1, Math.max(0, depth * 0.75 + wave * (0.16 + depth * 0.2)));
    const slot = Math.floor(tilt * 127) * 3;
    const column = Math.exp(-(((x - sun.x) / (70 + depth * 210)) ** 2));
    const gleam = column * smoothstep(-0.1, 0.5, wave + 0.12) * (night ? 0.55 : 0.85);
    const dark = 0.24 + depth * 0.5 + wave * 0.25;
    for (let channel = 0; channel < 3; channel++) {
      const mirror = mirrored[slot + channel] as number;
      const body = mirror + ((deep[channel] as number) - mirror) * Math.min(1, Math.max(0, dark));
      out[channel] = body + ((shine[channel] as number) - body) * gleam;
    }
  });
}

export function sea(context: SceneContext): ScenePicture {
  const { view, random, palette, motifs } = context;
  const night = motifs.has('night');
  const horizon = view.height * random.range(0.44, 0.62);
  const radius = random.range(46, 96);
  const sun = { x: view.width * (0.5 + random.bell() * 0.26), y: horizon - radius * random.range(-0.1, 2.4) };
  const back = new Drawing(view);
  if (night) drawStars(back, context, 240, horizon * 0.9);
  if (night)
    drawMoon(
      back,
      context,
      { x: sun.x, y: horizon * random.range(0.25, 0.6) },
      radius * 0.7,
      motifs.has('crescent'),
    );
  else drawSun(back, sun, radius, palette.light);
  const land = new Drawing(view);
  // Whatever of the sun is below the horizon is covered by water again.
  if (sun.y + radius > horizon)
    land.rect(0, horizon, view.width, radius, {
      fill: land.linear({ x: 0, y: horizon }, { x: 0, y: horizon + radius }, [
        [0, mix(palette.sky[3], palette.near, 0.4), 0.9],
        [1, mix(palette.sky[3], palette.near, 0.4), 0],
      ]),
    });
  const isles = random.int(0, 2);
  for (let i = 0; i < isles; i++) {
    const left = random.chance(0.5);
    const crest = ridgeLine(context, {
      crest: horizon + 26,
      swing: 120,
      scale: 300,
      jagged: 0.6,
      row: 70 + i * 9,
    }).map((point) => {
      const edge = left ? point.x / view.width : 1 - point.x / view.width;
      return { x: point.x, y: Math.min(horizon, point.y + smoothstep(0.1, 0.4, edge) * 170 + i * 12) };
    });
    land.path(ridgeShape(crest, view, horizon), { fill: mix(palette.far, palette.near, 0.25 + i * 0.3) });
  }
  land.rect(0, horizon - 1, view.width, 2, { fill: mix(palette.near, palette.sky[3], 0.4), opacity: 0.5 });
  drawGlints(land, random.fork('glints'), {
    centreX: sun.x,
    top: horizon + 3,
    bottom: view.height,
    spread: 130,
    colour: palette.light,
    count: 260,
  });
  if (motifs.has('boat') || random.chance(0.55)) drawSailboat(land, context, horizon, sun);
  drawBirds(
    land,
    random.fork('birds'),
    palette.near,
    { x: view.width * random.range(0.2, 0.8), y: horizon * 0.4 },
    random.int(3, 8),
  );
  const layers: Layer[] = [{ drawing: back }, { drawing: land }];
  return {
    ground: skyAndSea(context, horizon, sun, night),
    layers,
    finish: { bloom: 0.45, vignette: 0.22, grain: 4 },
  };
}

function drawSailboat(drawing: Drawing, context: SceneContext, horizon: number, sun: Point): void {
  const { view, palette } = context;
  const random = context.random.fork('boat');
  const side = sun.x < view.width / 2 ? 1 : -1;
  const at = { x: sun.x + side * random.range(120, 260), y: horizon + random.range(28, 80) };
  const size = random.range(0.8, 1.35);
  drawing.group({ at, scale: [size * side, size] }, () => {
    drawing.path(path`M-52 0Q0 10 58 -4Q44 22 8 22L-30 21Q-46 16 -52 0Z`, { fill: palette.near });
    drawing.path(path`M2 -4L2 -128Q58 -62 54 -12Z`, { fill: mix(palette.light, palette.accents[0], 0.18) });
    drawing.path(path`M-4 -4L-4 -112Q-40 -56 -42 -12Z`, {
      fill: mix(palette.light, palette.accents[0], 0.45),
    });
    drawing.path(path`M-48 26Q0 34 52 26L34 60Q6 84 -22 58Z`, { fill: palette.near, opacity: 0.28 });
  });
}

/** Overlapping rows of curling waves, each row lighter at its crest. */
export function waves(context: SceneContext): ScenePicture {
  const { view, random, palette, motifs } = context;
  const horizon = view.height * random.range(0.3, 0.42);
  const sun = { x: view.width * random.range(0.25, 0.75), y: horizon * random.range(0.45, 0.85) };
  const back = new Drawing(view);
  if (motifs.has('night')) drawMoon(back, context, sun, 80, motifs.has('crescent'));
  else drawSun(back, sun, random.range(80, 140), mix(palette.accents[2], palette.light, 0.12), 2.2);
  const rows = 7;
  const water = new Drawing(view);
  for (let row = 0; row < rows; row++) {
    const depth = row / (rows - 1);
    const length = (130 + depth * 300) * random.range(0.85, 1.15);
    const height = 36 + depth * 150;
    const base = horizon + depth ** 1.15 * (view.height - horizon) * 0.98;
    const body = mix(
      mix(palette.sky[1], palette.accents[3], 0.6),
      mix(palette.ink, palette.accents[3], 0.4),
      0.15 + depth * 0.75,
    );
    drawWaveRow(water, random.fork(`row${row}`), {
      base,
      length,
      height,
      body,
      foam: mix(palette.paper, palette.sky[2], 0.15),
    });
  }
  drawBirds(water, random.fork('birds'), palette.ink, { x: view.width - sun.x, y: horizon * 0.5 }, 5);
  return {
    ground: sky(context, { horizon: horizon * 1.3, sun, glow: 0.4, clouds: 0.55 }),
    layers: [{ drawing: back }, { drawing: water }],
    finish: { bloom: 0.15, vignette: 0.18, grain: 7 },
  };
}

function drawWaveRow(
  drawing: Drawing,
  random: Random,
  options: { base: number; length: number; height: number; body: Oklch; foam: Oklch },
): void {
  const { base, length, height, body, foam } = options;
  const { view } = drawing;
  const phase = random.range(0, length);
  const crests: { x: number; lift: number }[] = [];
  for (let x = -length + phase - length; x < view.width + length; x += length)
    crests.push({ x, lift: height * random.range(0.65, 1.2) });
  let outline = path`M${-length * 2} ${view.height + 50}L${-length * 2} ${base}`;
  for (const { x, lift } of crests) {
    // A steep front that curls over, then a long back.
    outline += path`C${x + length * 0.1} ${base + 4} ${x + length * 0.2} ${base - lift * 0.9} ${x + length * 0.42} ${base - lift}`;
    outline += path`C${x + length * 0.6} ${base - lift * 1.05} ${x + length * 0.66} ${base - lift * 0.55} ${x + length * 0.55} ${base - lift * 0.42}`;
    outline += path`C${x + length * 0.62} ${base - lift * 0.1} ${x + length * 0.85} ${base + 6} ${x + length} ${base}`;
  }
  outline += path`L${view.width + length * 2} ${view.height + 50}Z`;
  drawing.path(outline, {
    fill: drawing.linear({ x: 0, y: base - height }, { x: 0, y: base + height * 2 }, [
      [0, lighten(body, 0.2)],
      [0.45, body],
      [1, lighten(body, -0.07)],
    ]),
  });
  for (const { x, lift } of crests) {
    for (let line = 1; line <= 3; line++) {
      const inset = line * 0.075;
      const data = path`M${x + length * (0.12 + inset)} ${base + 2}C${x + length * (0.18 + inset)} ${base - lift * (0.35)} ${x + length * (0.22 + inset)} ${base - lift * (0.92 - inset * 2)} ${x + length * (0.44 + inset * 0.2)} ${base - lift * (0.98 - inset * 1.6)}`;
      drawing.path(data, { stroke: foam, strokeWidth: Math.max(1.2, height * 0.022), opacity: 0.34 });
    }
    const crestLine = path`M${x + length * 0.2} ${base - lift * 0.62}C${x + length * 0.27} ${base - lift * 0.9} ${x + length * 0.34} ${base - lift} ${x + length * 0.42} ${base - lift}C${x + length * 0.6} ${base - lift * 1.05} ${x + length * 0.66} ${base - lift * 0.55} ${x + length * 0.55} ${base - lift * 0.42}`;
    drawing.path(crestLine, { stroke: foam, strokeWidth: Math.max(2, height * 0.06) });
    for (let drop = 0; drop < 7; drop++) {
      const at = { x: x + length * random.range(0.36, 0.72), y: base - lift * random.range(0.75, 1.35) };
      drawing.circle(at, height * random.range(0.012, 0.05), { fill: foam, opacity: 0.9 });
    }
  }
}

/** Koi among lily pads, with rings on the water and light from above. */
export function pond(context: SceneContext): ScenePicture {
  const { view, random, noise, palette } = context;
  const deep = toRgb(mix(palette.near, palette.accents[3], 0.25));
  const shallow = toRgb(mix(mix(palette.far, palette.near, 0.35), palette.accents[3], 0.25));
  const ground = shade(view, SOFT_GROUND_SIDE_PX, (x, y, out) => {
    const light = smoothstep(-0.5, 0.6, noise.fractal(x / 420, y / 420, 4));
    const warpX = x / 90 + noise.at(x / 160, y / 160) * 1.6;
    const caustic =
      (1 - Math.abs(noise.at(warpX, y / 90 + noise.at(y / 150, x / 150 + 9) * 1.6))) ** 7 * 0.22 * light;
    for (let channel = 0; channel < 3; channel++) {
      const body = (deep[channel] as number) * (1 - light) + (shallow[channel] as number) * light;
      out[channel] = body + (255 - body) * caustic;
    }
  });
  const shadows = new Drawing(view);
  const fish = new Drawing(view);
  const count = random.int(4, 6);
  const turn = random.range(0, Math.PI * 2);
  for (let i = 0; i < count; i++) {
    // Evenly around the middle and all swimming the same way round, so that none lies on another.
    const angle = turn + (i / count) * Math.PI * 2 + random.bell() * 0.2;
    const reach = random.range(0.22, 0.33);
    const at = {
      x: view.width * (0.5 + Math.cos(angle) * reach),
      y: view.height * (0.5 + Math.sin(angle) * reach),
    };
    const heading = (angle * 180) / Math.PI + 90 + random.bell() * 28;
    const size = random.range(1.2, 1.7);
    drawKoi(shadows, random.fork(`koi${i}`), {
      at: { x: at.x + 22, y: at.y + 34 },
      heading,
      size,
      shadow: palette.near,
      context,
    });
    drawKoi(fish, random.fork(`koi${i}`), { at, heading, size, shadow: null, context });
  }
  const surface = new Drawing(view);
  const ripples = random.fork('ripples');
  for (let i = 0; i < 3; i++) {
    const at = { x: ripples.range(0.1, 0.9) * view.width, y: ripples.range(0.1, 0.9) * view.height };
    for (let ring = 1; ring <= 4; ring++)
      surface.circle(at, ring * ring * 9 + 10, {
        stroke: palette.light,
        strokeWidth: 2.4,
        opacity: 0.4 / ring,
      });
  }
  drawLilies(surface, context);
  return {
    ground,
    layers: [{ drawing: shadows, blur: 9 }, { drawing: fish }, { drawing: surface }],
    finish: { bloom: 0.2, vignette: 0.4, grain: 5 },
  };
}

function drawKoi(
  drawing: Drawing,
  random: Random,
  options: { at: Point; heading: number; size: number; shadow: Oklch | null; context: SceneContext },
): void {
  const { at, heading, size, shadow, context } = options;
  const { palette } = context;
  const bend = (random.chance(0.5) ? 1 : -1) * random.range(18, 52);
  const body = palette.paper;
  const mark = mix(palette.accents[0], [0.64, 0.2, 38], 0.6);
  const marks = random.int(2, 4);
  // Head to the right; the spine bends sideways towards the tail.
  const spine = Array.from({ length: 9 }, (_, i) => ({
    x: 105 - i * 26,
    y: bend * (i / 8) ** 2 * (i > 4 ? 1.5 : 1) - bend * 0.2,
  }));
  const half = [4, 20, 28, 29, 26, 21, 15, 9, 5];
  const upper = spine.map((point, i) => ({ x: point.x, y: point.y - (half[i] as number) }));
  const lower = spine.map((point, i) => ({ x: point.x, y: point.y + (half[i] as number) }));
  const outline = curve([{ x: 114, y: -bend * 0.2 }, ...upper, ...lower.toReversed()], true);
  const tail = spine.at(-1) as Point;
  const fin = (side: number) =>
    path`M62 ${side * 24}Q52 ${side * 66} 12 ${side * 64}Q24 ${side * 46} 26 ${side * 22}Z`;
  const tailFin = path`M${tail.x + 8} ${tail.y}Q${tail.x - 42} ${tail.y - 46} ${tail.x - 84} ${tail.y - 30 + bend * 0.5}Q${tail.x - 52} ${tail.y + bend * 0.3} ${tail.x - 80} ${tail.y + 36 + bend * 0.5}Q${tail.x - 40} ${tail.y + 34} ${tail.x + 8} ${tail.y}Z`;
  drawing.group({ at, rotate: heading, scale: [size, size], ...(shadow ? { opacity: 0.55 } : {}) }, () => {
    const finColour = shadow ?? mix(body, mark, 0.2);
    for (const side of [1, -1]) drawing.path(fin(side), { fill: finColour, opacity: 0.72 });
    drawing.path(tailFin, { fill: finColour, opacity: 0.8 });
    drawing.path(outline, {
      fill:
        shadow ??
        drawing.radial({ x: 40, y: -6 }, 150, [
          [0, lighten(body, 0.03)],
          [1, lighten(body, -0.13)],
        ]),
    });
    if (shadow) return;
    for (let i = 0; i < marks; i++) {
      const spot = spine[1 + Math.round((i / marks) * 6)] as Point;
      const width = half[1 + Math.round((i / marks) * 6)] as number;
      drawing.path(
        blob(
          random,
          { x: spot.x - 6, y: spot.y + random.bell() * 5 },
          width * random.range(0.62, 0.85),
          0.16,
        ),
        { fill: mark, opacity: 0.95 },
      );
    }
    drawing.path(curve(spine.slice(2, 7)), { stroke: lighten(body, -0.25), strokeWidth: 4, opacity: 0.35 });
    for (const side of [1, -1])
      drawing.circle({ x: 97, y: side * 13 - bend * 0.2 }, 3.6, { fill: palette.ink });
  });
}

function drawLilies(drawing: Drawing, context: SceneContext): void {
  const { view, palette } = context;
  const random = context.random.fork('lilies');
  const leaf = mix([0.55, 0.1, 150], palette.accents[3], 0.3);
  for (let cluster = 0; cluster < 5; cluster++) {
    const corner = {
      x: random.chance(0.5) ? random.range(0, 0.2) : random.range(0.8, 1),
      y: random.range(0, 1),
    };
    for (let i = 0; i < random.int(2, 4); i++) {
      const at = {
        x: corner.x * view.width + random.bell() * 110,
        y: corner.y * view.height + random.bell() * 110,
      };
      const r = random.range(42, 88);
      drawing.circle({ x: at.x + 10, y: at.y + 16 }, r, { fill: palette.near, opacity: 0.28 });
      const pad = path`M0 0L${r * 0.94} ${-r * 0.34}A${r} ${r} 0 1 0 ${r * 0.94} ${r * 0.34}Z`;
      const rotate = random.range(0, 360);
      drawing.path(pad, {
        at,
        rotate,
        fill: drawing.radial({ x: 0, y: 0 }, r, [
          [0, lighten(leaf, 0.12)],
          [0.7, leaf],
          [1, lighten(leaf, -0.09)],
        ]),
      });
      const veins = Array.from({ length: 8 }, (_, vein) => 0.6 + (vein / 7) * (Math.PI * 2 - 1.2)).map(
        (angle) =>
          lines(
            [
              { x: 0, y: 0 },
              { x: Math.cos(angle) * r * 0.86, y: Math.sin(angle) * r * 0.86 },
            ],
            false,
          ),
      );
      drawing.path(veins.join(''), {
        at,
        rotate,
        stroke: lighten(leaf, 0.16),
        strokeWidth: 1.6,
        opacity: 0.6,
      });
      if (i === 0 && cluster % 2 === 0) drawLotus(drawing, context, at);
    }
  }
}

function drawLotus(drawing: Drawing, context: SceneContext, at: Point): void {
  const { palette } = context;
  const petal = mix(palette.accents[0], palette.paper, 0.45);
  for (let ring = 0; ring < 3; ring++) {
    const length = 44 - ring * 11;
    for (let i = 0; i < 8; i++) {
      const shape = path`M0 0Q${length * 0.32} ${-length * 0.55} 0 ${-length}Q${-length * 0.32} ${-length * 0.55} 0 0Z`;
      drawing.path(shape, {
        at,
        rotate: i * 45 + ring * 22,
        fill: mix(petal, palette.paper, ring * 0.28),
        stroke: petal,
        strokeWidth: 1,
      });
    }
  }
  drawing.circle(at, 7, { fill: [0.85, 0.15, 88] });
}
