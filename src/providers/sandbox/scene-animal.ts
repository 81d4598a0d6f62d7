// Animals in silhouette before a large moon or sun: cat, fox, rabbit, dog, bird and owl, each a few drawn curves.
import type { ScenePicture } from './canvas.ts';
import { lighten, mix, type Oklch } from './colour.ts';
import { curve, Drawing, lines, type Point, path } from './drawing.ts';
import type { Random } from './random.ts';
import {
  blob,
  crestAt,
  drawBirds,
  drawMoon,
  drawStars,
  drawSun,
  pine,
  pinesAlong,
  ridgeLine,
  ridgeShape,
  type SceneContext,
  sky,
  smoothstep,
} from './scenery.ts';

export const ANIMALS = ['cat', 'fox', 'rabbit', 'dog', 'bird', 'owl', 'deer'] as const;
export type Animal = (typeof ANIMALS)[number];

/** Where each is found. */
const SETTINGS = {
  cat: 'roof',
  fox: 'wood',
  rabbit: 'hill',
  dog: 'hill',
  bird: 'branch',
  owl: 'branch',
  deer: 'wood',
} as const satisfies Record<Animal, 'roof' | 'wood' | 'hill' | 'branch'>;

/** All bodies sit with their feet at (0, 0), look out of the picture's back, and are about 300 units high. */
function drawAnimal(
  drawing: Drawing,
  animal: Animal,
  colours: { body: Oklch; rim: Oklch; eye: Oklch },
  outlined: boolean,
): void {
  const { body, rim, eye } = colours;
  const fill = outlined ? { fill: rim, stroke: rim, strokeWidth: 5 } : { fill: body };
  switch (animal) {
    case 'cat':
      drawing.path(
        path`M60 -30C150 -10 190 -60 176 -130C170 -164 148 -170 146 -150C144 -130 158 -120 150 -92C140 -54 100 -52 58 -60Z`,
        fill,
      );
      drawing.path(path`M-84 4C-110 -70 -88 -150 -52 -196L52 -196C88 -150 110 -70 84 4Q0 16 -84 4Z`, fill);
      drawing.path(
        path`M-66 -226C-76 -262 -80 -300 -74 -318C-58 -312 -36 -292 -26 -280Q0 -286 26 -280C36 -292 58 -312 74 -318C80 -300 76 -262 66 -226C70 -186 40 -168 0 -168C-40 -168 -70 -186 -66 -226Z`,
        fill,
      );
      break;
    case 'fox':
      drawing.path(
        path`M50 -20C120 20 220 -10 214 -110C212 -150 186 -172 170 -176C178 -130 130 -96 56 -78Z`,
        fill,
      );
      drawing.path(path`M214 -110C212 -150 186 -172 170 -176C172 -160 168 -146 158 -134Q190 -140 214 -110Z`, {
        fill: mix(body, eye, 0.75),
      });
      drawing.path(path`M-76 4C-96 -70 -72 -150 -40 -190L40 -190C74 -150 96 -70 76 4Q0 14 -76 4Z`, fill);
      drawing.path(
        path`M-62 -214C-76 -262 -78 -306 -66 -332C-46 -318 -30 -290 -22 -270Q0 -276 22 -270C30 -290 46 -318 66 -332C78 -306 76 -262 62 -214C52 -186 24 -166 0 -160C-24 -166 -52 -186 -62 -214Z`,
        fill,
      );
      break;
    case 'rabbit':
      drawing.path(
        path`M-44 -216C-84 -280 -78 -390 -52 -400C-24 -404 -12 -300 -12 -222ZM44 -216C84 -280 92 -372 66 -392C40 -404 16 -300 12 -222Z`,
        fill,
      );
      drawing.path(path`M-92 2C-128 -70 -86 -140 -40 -164L40 -164C86 -140 128 -70 92 2Q0 18 -92 2Z`, fill);
      drawing.path(
        path`M-62 -188C-66 -236 -34 -258 0 -258C34 -258 66 -236 62 -188C58 -154 30 -142 0 -142C-30 -142 -58 -154 -62 -188Z`,
        fill,
      );
      drawing.circle({ x: 0, y: -26 }, 30, { fill: mix(body, eye, 0.8) });
      break;
    case 'dog':
      drawing.path(
        path`M62 -24C120 -26 150 -70 158 -118C146 -124 138 -112 130 -98C116 -74 92 -62 60 -58Z`,
        fill,
      );
      drawing.path(path`M-80 4C-98 -70 -84 -150 -50 -200L50 -200C84 -150 98 -70 80 4Q0 14 -80 4Z`, fill);
      drawing.path(
        path`M-66 -236C-62 -286 -32 -304 0 -304C32 -304 62 -286 66 -236C64 -196 36 -176 0 -176C-36 -176 -64 -196 -66 -236Z`,
        fill,
      );
      drawing.path(
        path`M-52 -290C-88 -300 -108 -250 -96 -196C-80 -186 -62 -210 -58 -246ZM52 -290C88 -300 108 -250 96 -196C80 -186 62 -210 58 -246Z`,
        fill,
      );
      break;
    case 'owl':
      drawing.path(
        path`M-92 -20C-112 -120 -100 -220 -78 -272C-84 -292 -84 -312 -80 -326C-60 -320 -44 -308 -34 -296Q0 -304 34 -296C44 -308 60 -320 80 -326C84 -312 84 -292 78 -272C100 -220 112 -120 92 -20Q40 24 0 26Q-40 24 -92 -20Z`,
        fill,
      );
      for (const side of [-1, 1]) {
        drawing.circle({ x: side * 36, y: -234 }, 31, { fill: mix(body, eye, 0.32) });
        drawing.circle({ x: side * 36, y: -234 }, 21, { fill: eye });
        drawing.circle({ x: side * 34, y: -234 }, 11, { fill: body });
        for (let row = 0; row < 4; row++)
          drawing.path(
            path`M${side * (18 + (row % 2) * 14)} ${-160 + row * 30}q${side * 10} 16 ${side * 22} 0`,
            { stroke: mix(body, eye, 0.3), strokeWidth: 4 },
          );
      }
      drawing.path(path`M-9 -222L9 -222L0 -198Z`, { fill: mix(eye, [0.7, 0.16, 60], 0.6) });
      break;
    case 'bird':
      drawing.path(
        path`M-150 18C-100 0 -70 -20 -48 -50C-24 -96 10 -142 62 -152C104 -158 124 -136 128 -116L166 -104L126 -94C120 -50 84 -6 26 4C-20 12 -54 -4 -84 2L-160 44Z`,
        fill,
      );
      drawing.path(path`M-70 -22C-30 -84 20 -98 58 -92C44 -46 0 -14 -70 -22Z`, {
        fill: mix(body, rim, 0.28),
      });
      drawing.circle({ x: 98, y: -122 }, 6, { fill: eye });
      drawing.path(path`M16 2L12 30M40 0L40 30`, { stroke: body, strokeWidth: 6 });
      break;
    case 'deer':
      drawing.path(
        path`M-150 0L-140 -150C-150 -190 -130 -210 -96 -212C-40 -214 20 -210 62 -226C74 -262 84 -296 92 -320C92 -334 76 -346 64 -352C84 -356 100 -350 108 -342C130 -338 156 -316 170 -300C172 -288 160 -282 148 -284C136 -284 128 -276 124 -262C116 -222 110 -190 92 -166L88 0L72 0L66 -126C40 -116 -40 -116 -84 -126L-100 -96L-104 0L-120 0L-122 -100L-134 0Z`,
        fill,
      );
      drawing.path(
        path`M98 -340C70 -380 60 -430 84 -470M82 -390C58 -396 46 -412 44 -436M108 -342C130 -374 156 -402 152 -456M132 -382C152 -384 172 -398 178 -420M74 -420C58 -428 52 -444 56 -464`,
        { stroke: body, strokeWidth: 9 },
      );
      break;
  }
}

export function animalBeforeMoon(animal: Animal): (context: SceneContext) => ScenePicture {
  return (context) => {
    const { view, random, palette } = context;
    const dark = palette.sky[0][0] < 0.45;
    const onBranch = SETTINGS[animal] === 'branch';
    const tall = animal === 'deer' ? 1.05 : animal === 'bird' ? 1.35 : 1.15;
    const size = tall * random.range(0.92, 1.1);
    const at = {
      x: view.width * random.range(0.36, 0.64),
      y: view.height * (onBranch ? random.range(0.62, 0.7) : random.range(0.76, 0.82)),
    };
    const disc = { x: at.x + random.bell() * 130, y: at.y - 235 * size - random.range(-30, 70) };
    const radius = random.range(200, 310);
    const back = new Drawing(view);
    if (dark) {
      drawStars(back, context, 220, view.height * 0.8);
      drawMoon(back, context, disc, radius, false);
    } else drawSun(back, disc, radius, mix(palette.light, palette.accents[1], 0.25), 2.4);
    const hills = new Drawing(view);
    const rim = mix(palette.near, palette.light, 0.42);
    const setting = SETTINGS[animal];
    if (setting === 'branch') drawBranch(hills, context, at);
    else if (setting === 'roof') drawRoof(hills, context, at);
    else drawHill(hills, context, at);
    if (setting === 'wood') drawFrame(hills, context, at);
    const mirror = random.chance(0.5) ? -1 : 1;
    hills.group({ at: { x: at.x, y: at.y + 6 }, scale: [size * mirror, size] }, () => {
      // First everything with a rim of light, then all of it again without: no seam is left between the parts.
      for (const outlined of [true, false]) {
        drawAnimal(
          hills,
          animal,
          { body: palette.near, rim, eye: mix(palette.light, palette.paper, 0.3) },
          outlined,
        );
      }
    });
    if (setting === 'hill' || setting === 'wood') drawGrass(hills, random.fork('grass'), context, at);
    drawBirds(
      hills,
      random.fork('birds'),
      palette.near,
      { x: view.width - at.x + 120, y: view.height * 0.18 },
      4,
    );
    return {
      ground: sky(context, {
        horizon: view.height * 0.85,
        sun: disc,
        glow: dark ? 0.4 : 0.7,
        clouds: random.range(0.5, 0.9),
      }),
      layers: [{ drawing: back }, { drawing: hills }],
      finish: { bloom: 0.4, vignette: 0.32, grain: 5 },
    };
  };
}

function drawHill(drawing: Drawing, context: SceneContext, at: Point): void {
  const { view, random, palette, noise } = context;
  for (let row = 0; row < 3; row++) {
    const crest = ridgeLine(context, {
      crest: view.height * (0.68 + row * 0.07),
      swing: 110 - row * 24,
      scale: 420,
      jagged: 0.25,
      row: row * 8 + random.range(0, 50),
    });
    const colour = mix(mix(palette.sky[3], palette.far, 0.7), palette.near, 0.15 + row * 0.25);
    drawing.path(ridgeShape(crest, view), {
      fill: drawing.linear({ x: 0, y: view.height * 0.6 }, { x: 0, y: view.height }, [
        [0, colour],
        [1, mix(colour, palette.sky[3], 0.35)],
      ]),
    });
    if (row === 1)
      drawing.path(
        pinesAlong(random.fork('pines'), crest, 70, 74, (x) => smoothstep(0, 0.4, noise.at(x / 230, 4))),
        { fill: colour },
      );
  }
  const knoll = Array.from({ length: 33 }, (_, i) => {
    const x = (i / 32) * (view.width + 40) - 20;
    return {
      x,
      y:
        at.y +
        3 +
        ((x - at.x) / view.width) ** 2 * 250 +
        noise.at(x / 150, 77) * Math.min(14, Math.abs(x - at.x) / 10),
    };
  });
  drawing.path(ridgeShape(knoll, view), {
    fill: drawing.linear({ x: 0, y: at.y }, { x: 0, y: view.height }, [
      [0, lighten(palette.near, 0.035)],
      [1, lighten(palette.near, -0.04)],
    ]),
  });
}

/** A tiled roof with a chimney, and lit gables of the town below. */
function drawRoof(drawing: Drawing, context: SceneContext, at: Point): void {
  const { view, palette } = context;
  const random = context.random.fork('roof');
  const warm = mix(palette.light, [0.85, 0.14, 78], 0.5);
  for (let row = 0; row < 3; row++) {
    const colour = mix(mix(palette.sky[3], palette.far, 0.7), palette.near, 0.2 + row * 0.26);
    for (let x = -80; x < view.width + 80; ) {
      const width = random.range(70, 130) + row * 20;
      const top = at.y - 130 + row * 70 + random.range(-46, 46);
      const gable = width * random.range(0.3, 0.62);
      drawing.path(
        lines([
          { x, y: view.height },
          { x, y: top },
          { x: x + width / 2, y: top - gable },
          { x: x + width, y: top },
          { x: x + width, y: view.height },
        ]),
        { fill: colour },
      );
      if (random.chance(0.4))
        drawing.rect(x + width * 0.68, top - gable * 0.95, 13, gable * 0.7, { fill: colour });
      for (let pane = 0; pane < 4; pane++) {
        if (random.chance(0.5)) continue;
        const place = { x: x + width * (pane % 2 ? 0.6 : 0.22), y: top + 12 + Math.floor(pane / 2) * 42 };
        drawing.rect(place.x, place.y, 13, 19, { fill: warm, opacity: 0.55 + row * 0.15 });
      }
      x += width + random.range(-6, 18);
    }
  }
  const slope = random.range(70, 150) * (random.chance(0.5) ? 1 : -1);
  const ridge = [
    { x: -30, y: at.y + slope * 0.5 },
    { x: at.x - 210, y: at.y + 4 },
    { x: at.x + 210, y: at.y + 4 },
    { x: view.width + 30, y: at.y - slope * 0.5 + 60 },
  ];
  const chimney = slope > 0 ? view.width * 0.84 : view.width * 0.12;
  drawing.rect(chimney, at.y - 130, 66, 240, { fill: lighten(palette.near, 0.03) });
  drawing.rect(chimney - 9, at.y - 144, 84, 22, { fill: lighten(palette.near, 0.06) });
  drawing.path(ridgeShape(ridge, view), {
    fill: drawing.linear({ x: 0, y: at.y }, { x: 0, y: view.height }, [
      [0, lighten(palette.near, 0.05)],
      [1, lighten(palette.near, -0.03)],
    ]),
  });
  let tiles = '';
  for (let row = 0; row < 9; row++) {
    for (let x = -40 + (row % 2) * 22; x < view.width + 40; x += 44) {
      const ridgeY =
        at.y +
        4 +
        (x < at.x - 210
          ? ((at.x - 210 - x) / (at.x - 180)) * (slope * 0.5 - 4)
          : x > at.x + 210
            ? ((x - at.x - 210) / (view.width + 30 - at.x - 210)) * (56 - slope * 0.5)
            : 0);
      tiles += path`M${x} ${ridgeY + 20 + row * 34}q22 30 44 0`;
    }
  }
  drawing.path(tiles, { stroke: mix(palette.near, palette.light, 0.22), strokeWidth: 2.6, opacity: 0.55 });
}

/** Dark conifers on both sides, as if one stood among them. */
function drawFrame(drawing: Drawing, context: SceneContext, at: Point): void {
  const { view, palette } = context;
  const random = context.random.fork('frame');
  let trees = '';
  for (let i = 0; i < 13; i++) {
    const edge = random.next() ** 1.5 * 0.24;
    const x = view.width * (i % 2 ? edge : 1 - edge);
    trees += pine(random, x, at.y + 90 + random.range(0, 60), random.range(300, 720) * (1 - edge * 1.6));
  }
  drawing.path(trees, { fill: mix(palette.near, palette.far, 0.08) });
}

function drawGrass(drawing: Drawing, random: Random, context: SceneContext, at: Point): void {
  const { view, palette } = context;
  let blades = '';
  for (let i = 0; i < 190; i++) {
    const x = random.range(0, view.width);
    const y = at.y + ((x - at.x) / view.width) ** 2 * 250 + random.range(4, 26);
    blades += lines([
      { x: x - 3, y },
      { x: x + random.bell() * 20, y: y - random.range(14, 46) },
      { x: x + 3, y },
    ]);
  }
  drawing.path(blades, { fill: palette.near });
  for (let i = 0; i < 22; i++) {
    const x = random.range(0, view.width);
    if (Math.abs(x - at.x) < 190) continue;
    const y = at.y + ((x - at.x) / view.width) ** 2 * 250 + 10;
    const tip = { x: x + random.bell() * 26, y: y - random.range(40, 92) };
    drawing.path(lines([{ x, y }, tip], false), { stroke: palette.near, strokeWidth: 2.6 });
    for (let petal = 0; petal < 5; petal++)
      drawing.ellipse({ x: 0, y: -6.5 }, 4, 6.5, {
        at: tip,
        rotate: petal * 72,
        fill: mix(palette.accents[i % 5] as Oklch, palette.near, 0.15),
      });
  }
}

function drawBranch(drawing: Drawing, context: SceneContext, at: Point): void {
  const { view, palette } = context;
  const random = context.random.fork('branch');
  const fromLeft = random.chance(0.5);
  const start = { x: fromLeft ? -40 : view.width + 40, y: at.y + random.range(20, 130) };
  const end = { x: fromLeft ? view.width * 0.94 : view.width * 0.06, y: at.y - random.range(-30, 60) };
  const spine = [
    start,
    { x: (start.x + at.x) / 2, y: (start.y + at.y) / 2 + 34 },
    { x: at.x, y: at.y + 28 },
    { x: (at.x + end.x) / 2, y: (at.y + end.y) / 2 + 34 },
    end,
  ];
  spine.slice(0, -1).forEach((point, i) => {
    drawing.path(
      curve(
        [spine[i - 1] ?? point, point, spine[i + 1] as Point, spine[i + 2] ?? (spine[i + 1] as Point)].slice(
          1,
          3,
        ),
      ),
      { stroke: palette.near, strokeWidth: 40 - i * 8 },
    );
  });
  const petals: Oklch[] = [palette.accents[0], palette.accents[1], palette.accents[4]];
  for (let i = 0; i < 15; i++) {
    const foot = crestAt(
      [...spine].sort((a, b) => a.x - b.x),
      random.range(0, view.width),
    );
    const from = { x: foot.x + random.bell() * 120, y: foot.y + random.range(-4, 10) };
    const tip = { x: from.x + random.bell() * 170, y: from.y - random.range(-80, 190) };
    drawing.path(
      curve([from, { x: (from.x + tip.x) / 2 + random.bell() * 30, y: (from.y + tip.y) / 2 }, tip]),
      { stroke: palette.near, strokeWidth: random.range(3, 8) },
    );
    for (let leaf = 0; leaf < 6; leaf++) {
      const place = { x: tip.x + random.bell() * 46, y: tip.y + random.bell() * 46 };
      const size = random.range(9, 20);
      const colour = mix(random.pick(petals), palette.near, random.range(0, 0.4));
      drawing.path(path`M0 0Q${size} ${-size} 0 ${-size * 2.2}Q${-size} ${-size} 0 0Z`, {
        at: place,
        rotate: random.range(0, 360),
        fill: colour,
      });
    }
    drawing.path(blob(random, tip, random.range(6, 13), 0.2), {
      fill: mix(random.pick(petals), palette.light, 0.3),
    });
  }
}
