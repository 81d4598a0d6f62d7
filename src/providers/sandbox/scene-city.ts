// A city at dusk or night: rows of towers with lit windows, mirrored in a river.
import type { ScenePicture } from './canvas.ts';
import { lighten, mix, type Oklch } from './colour.ts';
import { Drawing, lines, type Point, path } from './drawing.ts';
import type { Random } from './random.ts';
import { drawMoon, drawStars, drawSun, type SceneContext, sky } from './scenery.ts';

interface Tower {
  x: number;
  width: number;
  top: number;
  roof: 'flat' | 'spire' | 'slant' | 'steps' | 'dome';
}

function towersOf(
  random: Random,
  width: number,
  options: { base: number; tall: number; broad: number; focus: number },
): Tower[] {
  const towers: Tower[] = [];
  let x = -random.range(0, options.broad);
  while (x < width) {
    const broad = options.broad * random.range(0.55, 1.35);
    const centre = Math.exp(-(((x + broad / 2 - options.focus) / (width * 0.3)) ** 2));
    const height = options.tall * (0.3 + 0.45 * random.next() + 0.5 * centre * random.range(0.5, 1));
    towers.push({
      x,
      width: broad,
      top: options.base - height,
      roof: random.pick(['flat', 'flat', 'spire', 'slant', 'steps', 'dome'] as const),
    });
    x += broad + (random.chance(0.3) ? random.range(0, options.broad * 0.4) : 1);
  }
  return towers;
}

function outline(tower: Tower, base: number): string {
  const { x, width, top } = tower;
  const right = x + width;
  const middle = x + width / 2;
  const body = lines([
    { x, y: base },
    { x, y: top },
    { x: right, y: top },
    { x: right, y: base },
  ]);
  switch (tower.roof) {
    case 'flat':
      return `${body}${lines([
        { x: x + width * 0.25, y: top + 1 },
        { x: x + width * 0.25, y: top - 11 },
        { x: x + width * 0.55, y: top - 11 },
        { x: x + width * 0.55, y: top + 1 },
      ])}`;
    case 'spire':
      return `${body}${lines([
        { x: x + width * 0.15, y: top + 1 },
        { x: middle - 2, y: top - width * 0.7 },
        { x: middle - 1, y: top - width * 1.5 },
        { x: middle + 1, y: top - width * 1.5 },
        { x: middle + 2, y: top - width * 0.7 },
        { x: right - width * 0.15, y: top + 1 },
      ])}`;
    case 'slant':
      return `${body}${lines([
        { x, y: top + 1 },
        { x, y: top - width * 0.5 },
        { x: right, y: top + 1 },
      ])}`;
    case 'steps':
      return `${body}${lines([
        { x: x + width * 0.15, y: top + 1 },
        { x: x + width * 0.15, y: top - 16 },
        { x: x + width * 0.3, y: top - 16 },
        { x: x + width * 0.3, y: top - 34 },
        { x: right - width * 0.3, y: top - 34 },
        { x: right - width * 0.3, y: top - 16 },
        { x: right - width * 0.15, y: top - 16 },
        { x: right - width * 0.15, y: top + 1 },
      ])}`;
    case 'dome':
      return `${body}${path`M${x + width * 0.1} ${top + 1}A${width * 0.4} ${width * 0.4} 0 0 1 ${right - width * 0.1} ${top + 1}Z`}`;
  }
}

/** Windows of one row of towers, as one path for each colour of light. */
function windowsOf(random: Random, towers: readonly Tower[], base: number, size: number): string[] {
  const groups = ['', '', ''];
  for (const tower of towers) {
    const columns = Math.max(2, Math.floor((tower.width - size) / (size * 2)));
    const gap = tower.width / columns;
    const lively = random.range(0.2, 0.75);
    for (let y = tower.top + size * 2; y < base - size * 1.5; y += size * 2.5) {
      const floorIsDark = random.chance(0.15);
      for (let column = 0; column < columns; column++) {
        if (floorIsDark || !random.chance(lively)) continue;
        const x = tower.x + gap * (column + 0.5) - size / 2;
        const kind = random.chance(0.7) ? 0 : random.chance(0.6) ? 1 : 2;
        groups[kind] += path`M${x} ${y}h${size}v${size * 1.35}h${-size}Z`;
      }
    }
  }
  return groups;
}

export function city(context: SceneContext): ScenePicture {
  const { view, random, palette, motifs } = context;
  const shore = view.height * random.range(0.72, 0.8);
  const focus = view.width * random.range(0.3, 0.7);
  const light = {
    x: view.width * (focus > view.width / 2 ? random.range(0.16, 0.36) : random.range(0.64, 0.84)),
    y: shore * random.range(0.24, 0.5),
  };
  const dark = palette.sky[0][0] < 0.45;
  const back = new Drawing(view);
  if (dark) drawStars(back, context, 170, shore * 0.55);
  if (dark || motifs.has('moon'))
    drawMoon(back, context, light, random.range(40, 66), motifs.has('crescent'));
  else drawSun(back, light, random.range(60, 100), palette.light);
  const rows = [0, 1, 2, 3];
  const skyline = new Drawing(view);
  const town = new Drawing(view);
  const built = rows.map((row) => {
    const depth = row / 3;
    const towers = towersOf(random.fork(`row${row}`), view.width, {
      base: shore,
      tall: view.height * (0.6 - depth * 0.26),
      broad: 52 + depth * 42,
      focus: row % 2 ? view.width - focus : focus,
    });
    return {
      towers,
      depth,
      windows: windowsOf(random.fork(`lights${row}`), towers, shore, 4.2 + depth * 3.2),
    };
  });
  const glow: Oklch[] = [
    mix(palette.light, [0.85, 0.14, 78], 0.55),
    palette.light,
    mix(palette.accents[3], palette.light, 0.5),
  ];
  const paint = (drawing: Drawing, lightScale: number) => {
    for (const { towers, depth, windows } of built) {
      const colour = mix(mix(palette.sky[2], palette.far, 0.55), palette.near, 0.18 + depth * 0.8);
      const fill = drawing.linear({ x: 0, y: shore * 0.25 }, { x: 0, y: shore }, [
        [0, lighten(colour, -0.02)],
        [1, mix(colour, palette.sky[3], 0.42 - depth * 0.28)],
      ]);
      drawing.path(towers.map((tower) => outline(tower, shore)).join(''), { fill });
      drawing.path(
        towers
          .map((tower) =>
            lines([
              { x: tower.x + tower.width * 0.72, y: shore },
              { x: tower.x + tower.width * 0.72, y: tower.top },
              { x: tower.x + tower.width, y: tower.top },
              { x: tower.x + tower.width, y: shore },
            ]),
          )
          .join(''),
        { fill: palette.near, opacity: 0.16 },
      );
      const shown = (0.3 + depth * 0.65) * lightScale;
      windows.forEach((data, kind) => {
        if (data) drawing.path(data, { fill: glow[kind] as Oklch, opacity: shown });
      });
    }
  };
  paint(skyline, 1);
  drawRiver(town, context, shore, paint);
  return {
    ground: sky(context, {
      horizon: shore,
      sun: light,
      glow: dark ? 0.45 : 0.8,
      clouds: random.range(0.3, 0.7),
    }),
    layers: [{ drawing: back }, { drawing: skyline }, { drawing: town }],
    finish: { bloom: 0.75, vignette: 0.28, grain: 4 },
  };
}

/** The skyline upside down in the water, pulled long and broken by waves. */
function drawRiver(
  drawing: Drawing,
  context: SceneContext,
  shore: number,
  paint: (drawing: Drawing, lightScale: number) => void,
): void {
  const { view, palette, random } = context;
  const depth = view.height - shore;
  drawing.rect(0, shore, view.width, depth + 2, {
    fill: drawing.linear({ x: 0, y: shore }, { x: 0, y: view.height }, [
      [0, mix(palette.sky[3], palette.near, 0.45)],
      [1, mix(palette.sky[0], palette.near, 0.55)],
    ]),
  });
  drawing.group({ at: { x: 0, y: shore * 1.62 }, scale: [1, -0.62], opacity: 0.6 }, () => paint(drawing, 1));
  drawing.rect(0, shore, view.width, depth + 2, {
    fill: drawing.linear({ x: 0, y: shore }, { x: 0, y: view.height }, [
      [0, palette.near, 0.1],
      [1, palette.near, 0.75],
    ]),
  });
  const waves = random.fork('waves');
  for (let i = 0; i < 190; i++) {
    const near = waves.next() ** 1.2;
    const at = { x: waves.range(0, view.width), y: shore + 3 + near * depth };
    const warm = waves.chance(0.4);
    drawing.ellipse(at, waves.range(18, 80) * (0.4 + near), 0.8 + near * 2, {
      fill: warm ? palette.light : palette.near,
      opacity: waves.range(0.06, warm ? 0.3 : 0.4),
    });
  }
  const quay: Point[] = [
    { x: 0, y: shore - 3 },
    { x: view.width, y: shore - 3 },
    { x: view.width, y: shore + 4 },
    { x: 0, y: shore + 4 },
  ];
  drawing.path(lines(quay), { fill: palette.near });
}
