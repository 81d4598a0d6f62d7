// Geometry: a poster in the Bauhaus manner, and leaded glass.
import { type ScenePicture, SOFT_GROUND_SIDE_PX, shade } from './canvas.ts';
import { alongStops, lighten, mix, type Oklch, toRgb } from './colour.ts';
import { Drawing, lines, type Point, path } from './drawing.ts';
import type { Random } from './random.ts';
import { type SceneContext, smoothstep } from './scenery.ts';

function paperGround(context: SceneContext) {
  const { view, noise, palette } = context;
  const paper = toRgb(palette.paper);
  return shade(view, SOFT_GROUND_SIDE_PX, (x, y, out) => {
    const shadeBy = noise.fractal(x / 300, y / 300, 3) * 7;
    for (let channel = 0; channel < 3; channel++) out[channel] = (paper[channel] as number) + shadeBy;
  });
}

/** Either a grid of quarter circles and stripes, or a few large shapes in tension. */
export function poster(context: SceneContext): ScenePicture {
  const drawing = new Drawing(context.view);
  if (context.random.fork('layout').chance(0.5)) drawTiles(drawing, context);
  else drawTension(drawing, context);
  return {
    ground: paperGround(context),
    layers: [{ drawing }],
    finish: { bloom: 0, vignette: 0.1, grain: 9 },
  };
}

function drawTiles(drawing: Drawing, context: SceneContext): void {
  const { view, random, palette } = context;
  const margin = 56;
  const across = Math.max(3, Math.round((random.int(4, 5) * view.width) / 1000));
  const side = (view.width - margin * 2) / across;
  const down = Math.max(3, Math.round((view.height - margin * 2) / side));
  const tall = (view.height - margin * 2) / down;
  const colours: Oklch[] = [...palette.accents, palette.ink];
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      const ground = random.pick(colours);
      const figure = random.pick(
        colours.filter((colour) => colour !== ground && Math.abs(colour[0] - ground[0]) > 0.08),
      );
      const second = random.chance(0.6) ? palette.paper : random.pick(colours);
      drawing.group(
        { at: { x: margin + column * side, y: margin + row * tall }, scale: [side / 100, tall / 100] },
        () =>
          drawTile(drawing, random, {
            ground: random.chance(0.3) ? palette.paper : ground,
            figure: figure ?? palette.ink,
            second,
          }),
      );
    }
  }
}

/** One tile of 100 by 100. */
function drawTile(
  drawing: Drawing,
  random: Random,
  colours: { ground: Oklch; figure: Oklch; second: Oklch },
): void {
  const { ground, figure, second } = colours;
  drawing.rect(0, 0, 100.4, 100.4, { fill: ground });
  const turn = random.int(0, 3) * 90;
  const at = { x: 50, y: 50 };
  switch (random.int(0, 7)) {
    case 0:
      drawing.path(path`M-50 -50L50 -50A100 100 0 0 1 -50 50Z`, { fill: figure, at, rotate: turn });
      drawing.path(path`M-50 -50L0 -50A50 50 0 0 1 -50 0Z`, { fill: second, at, rotate: turn });
      break;
    case 1:
      drawing.circle(at, 50, { fill: figure });
      drawing.circle(at, 25, { fill: second });
      break;
    case 2:
      drawing.path(path`M-50 -50A50 50 0 0 0 50 -50ZM-50 50A50 50 0 0 1 50 50Z`, {
        fill: figure,
        at,
        rotate: turn,
      });
      break;
    case 3:
      for (let i = 0; i < 4; i++)
        drawing.rect(-50, -50 + i * 25, 100, 12.5, { fill: i % 2 ? second : figure, at, rotate: turn });
      break;
    case 4:
      drawing.path(path`M-50 50L50 50L50 -50Z`, { fill: figure, at, rotate: turn });
      drawing.circle({ x: -22, y: -22 }, 14, { fill: second, at, rotate: turn });
      break;
    case 5:
      for (let ring = 0; ring < 4; ring++)
        drawing.path(
          path`M-50 -50L${50 - ring * 25} -50A${100 - ring * 25} ${100 - ring * 25} 0 0 1 -50 ${50 - ring * 25}Z`,
          { fill: ring % 2 ? second : figure, at, rotate: turn },
        );
      break;
    case 6:
      for (let i = 0; i < 16; i++)
        drawing.circle({ x: -37.5 + (i % 4) * 25, y: -37.5 + Math.floor(i / 4) * 25 }, 5 + (i % 4) * 1.8, {
          fill: figure,
          at,
          rotate: turn,
        });
      break;
    default:
      drawing.path(path`M-50 -50L0 -50A50 50 0 0 1 0 50L-50 50Z`, { fill: figure, at, rotate: turn });
      drawing.circle({ x: 0, y: 0 }, 20, { fill: second, at, rotate: turn });
  }
}

function drawTension(drawing: Drawing, context: SceneContext): void {
  const { view, random, palette } = context;
  const [red, yellow, blue, dark, soft] = palette.accents;
  const tilt = random.pick([-35, -28, 28, 35, 45]);
  const main = { x: view.width * random.range(0.34, 0.66), y: view.height * random.range(0.32, 0.5) };
  const radius = random.range(235, 310);
  drawing.rect(-1400, -46, 2800, random.range(70, 150), {
    fill: soft,
    at: { x: main.x, y: main.y + radius * 0.7 },
    rotate: tilt,
  });
  drawing.circle(main, radius, { fill: random.pick([red, yellow, blue]) });
  for (let ring = 0; ring < 5; ring++)
    drawing.circle(main, radius * (0.86 - ring * 0.16), { stroke: palette.paper, strokeWidth: 5 });
  drawing.path(path`M0 ${-radius}A${radius} ${radius} 0 0 1 0 ${radius}Z`, {
    fill: dark,
    at: main,
    rotate: tilt,
  });
  drawing.circle({ x: main.x + radius * 0.1, y: main.y - radius * 0.1 }, radius * 0.34, { fill: yellow });
  const foot = view.height * random.range(0.7, 0.78);
  const corner = random.chance(0.5);
  drawing.path(
    lines([
      { x: corner ? 0 : view.width, y: view.height },
      { x: corner ? view.width * 0.58 : view.width * 0.42, y: view.height },
      { x: corner ? 0 : view.width, y: foot - 210 },
    ]),
    { fill: blue },
  );
  for (let i = 0; i < 9; i++)
    drawing.rect(corner ? view.width - 330 : 60, foot + i * 22, 270 - i * 22, 10, {
      fill: i === 4 ? red : palette.ink,
    });
  const bars = random.fork('bars');
  for (let i = 0; i < 4; i++)
    drawing.rect(-bars.range(300, 620), i * 26 - 40, bars.range(420, 900), 9, {
      fill: bars.pick([palette.ink, red, blue]),
      at: { x: view.width * 0.5, y: view.height * 0.56 },
      rotate: tilt,
    });
  const beads = { x: corner ? view.width * 0.84 : view.width * 0.16, y: view.height * 0.14 };
  for (let i = 0; i < 12; i++)
    drawing.circle({ x: beads.x + ((i % 4) - 1.5) * 30, y: beads.y + (Math.floor(i / 4) - 1) * 30 }, 8, {
      fill: i % 5 === 0 ? red : palette.ink,
    });
  drawing.path(path`M-90 0A90 90 0 0 1 90 0Z`, {
    fill: red,
    at: { x: view.width - main.x, y: foot - 30 },
    rotate: tilt + 180,
  });
  drawing.circle({ x: view.width - main.x, y: foot + 70 }, 34, { fill: palette.ink });
}

/** The part of a convex polygon that is nearer to `site` than to `other`. */
function cutHalf(polygon: readonly Point[], site: Point, other: Point): Point[] {
  const middle = { x: (site.x + other.x) / 2, y: (site.y + other.y) / 2 };
  const side = (point: Point) =>
    (point.x - middle.x) * (other.x - site.x) + (point.y - middle.y) * (other.y - site.y);
  const kept: Point[] = [];
  polygon.forEach((point, i) => {
    const next = polygon[(i + 1) % polygon.length] as Point;
    const [here, there] = [side(point), side(next)];
    if (here <= 0) kept.push(point);
    if (here < 0 !== there < 0 && here !== there) {
      const t = here / (here - there);
      kept.push({ x: point.x + (next.x - point.x) * t, y: point.y + (next.y - point.y) * t });
    }
  });
  return kept;
}

const GLASS_NEIGHBOURS = 26;

function cellsOf(sites: readonly Point[], box: readonly Point[]): { site: Point; cell: Point[] }[] {
  return sites.map((site) => {
    const near = sites
      .filter((other) => other !== site)
      .map((other) => ({ other, distance: (other.x - site.x) ** 2 + (other.y - site.y) ** 2 }))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, GLASS_NEIGHBOURS);
    return { site, cell: near.reduce<Point[]>((cell, { other }) => cutHalf(cell, site, other), [...box]) };
  });
}

/** Leaded glass lit from behind: a sun of rings and rays that breaks up into loose panes. */
export function glass(context: SceneContext): ScenePicture {
  const { view, random, noise, palette } = context;
  const centre = { x: view.width * random.range(0.32, 0.68), y: view.height * random.range(0.3, 0.62) };
  const sites: Point[] = [centre];
  const rings = random.int(3, 5);
  const fold = random.int(9, 15);
  for (let ring = 1; ring <= rings; ring++) {
    for (let i = 0; i < fold; i++) {
      const angle = ((i + (ring % 2) / 2) / fold) * Math.PI * 2;
      const reach = 52 * ring ** 1.22;
      sites.push({ x: centre.x + Math.cos(angle) * reach, y: centre.y + Math.sin(angle) * reach });
    }
  }
  const inside = 52 * (rings + 0.7) ** 1.22;
  for (let tries = 0; tries < 2600 && sites.length < 300; tries++) {
    const site = { x: random.range(-0.04, 1.04) * view.width, y: random.range(-0.04, 1.04) * view.height };
    const apart = 46 + Math.hypot(site.x - centre.x, site.y - centre.y) * 0.055;
    if (Math.hypot(site.x - centre.x, site.y - centre.y) < inside) continue;
    if (sites.every((other) => Math.hypot(other.x - site.x, other.y - site.y) > apart)) sites.push(site);
  }
  const box = [
    { x: -60, y: -60 },
    { x: view.width + 60, y: -60 },
    { x: view.width + 60, y: view.height + 60 },
    { x: -60, y: view.height + 60 },
  ];
  const panes = new Drawing(view);
  for (const { site, cell } of cellsOf(sites, box)) {
    if (cell.length < 3) continue;
    const colour = paneColour(context, random, { site, centre, inside });
    const angle = random.range(0, Math.PI * 2);
    const from = { x: site.x + Math.cos(angle) * 46, y: site.y + Math.sin(angle) * 46 };
    const to = { x: site.x - Math.cos(angle) * 46, y: site.y - Math.sin(angle) * 46 };
    const fill = panes.linear(from, to, [
      [0, lighten(colour, 0.09)],
      [0.6, colour],
      [1, lighten(colour, -0.11)],
    ]);
    panes.path(lines(cell), { fill, stroke: lighten(palette.ink, -0.1), strokeWidth: 7.5 });
    panes.path(lines(cell), { stroke: mix(palette.ink, palette.paper, 0.3), strokeWidth: 1.6, opacity: 0.5 });
  }
  const sheen = new Drawing(view);
  sheen.circle(centre, 640, {
    fill: sheen.radial(centre, 640, [
      [0, palette.light, 0.75],
      [0.35, palette.light, 0.3],
      [1, palette.light, 0],
    ]),
  });
  const ripple = shade(view, SOFT_GROUND_SIDE_PX, (x, y, out) =>
    out.fill(120 + noise.fractal(x / 60, y / 60, 3) * 50),
  );
  return {
    ground: ripple,
    layers: [{ drawing: panes }, { drawing: sheen, blend: 'soft-light' }],
    finish: { bloom: 0.4, vignette: 0.4, grain: 6 },
  };
}

function paneColour(
  context: SceneContext,
  random: Random,
  place: { site: Point; centre: Point; inside: number },
): Oklch {
  const { palette, noise, view } = context;
  const { site, centre, inside } = place;
  const distance = Math.hypot(site.x - centre.x, site.y - centre.y);
  if (distance < inside)
    return mix(
      alongStops([palette.light, palette.accents[1], palette.accents[0]], distance / inside),
      palette.accents[1],
      random.range(0, 0.25),
    );
  const field = noise.fractal(site.x / 420, site.y / 420, 2) + (site.y / view.height - 0.5) * 0.9;
  const base = alongStops(
    [palette.accents[2], palette.accents[3], palette.accents[4], palette.accents[0]],
    smoothstep(-0.65, 0.65, field + random.bell() * 0.2),
  );
  return lighten(random.chance(0.12) ? mix(base, palette.accents[1], 0.7) : base, random.bell() * 0.05);
}
