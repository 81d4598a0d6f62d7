// Flowers: a mandala of petals, and a meadow of tall blossoms in soft light.
import { flat, type ScenePicture, SOFT_GROUND_SIDE_PX, shade } from './canvas.ts';
import { alongStops, lighten, mix, type Oklch, toRgb } from './colour.ts';
import { curve, Drawing, type Point, path } from './drawing.ts';
import type { Random } from './random.ts';
import { blob, drawSun, type SceneContext, sky, smoothstep } from './scenery.ts';

type PetalKind = 'round' | 'pointed' | 'heart' | 'narrow';

/** A petal that grows upwards from (0, 0). */
function petal(kind: PetalKind, length: number, width: number): string {
  const [l, w] = [length, width];
  switch (kind) {
    case 'round':
      return path`M0 0C${-w * 0.5} ${-l * 0.25} ${-w * 0.75} ${-l * 0.95} 0 ${-l}C${w * 0.75} ${-l * 0.95} ${w * 0.5} ${-l * 0.25} 0 0Z`;
    case 'pointed':
      return path`M0 0C${-w * 0.7} ${-l * 0.35} ${-w * 0.45} ${-l * 0.75} 0 ${-l}C${w * 0.45} ${-l * 0.75} ${w * 0.7} ${-l * 0.35} 0 0Z`;
    case 'heart':
      return path`M0 0C${-w * 0.6} ${-l * 0.35} ${-w * 0.7} ${-l * 1.02} ${-w * 0.24} ${-l}Q${-w * 0.08} ${-l} 0 ${-l * 0.88}Q${w * 0.08} ${-l} ${w * 0.24} ${-l}C${w * 0.7} ${-l * 1.02} ${w * 0.6} ${-l * 0.35} 0 0Z`;
    case 'narrow':
      return path`M0 0C${-w * 0.32} ${-l * 0.4} ${-w * 0.3} ${-l * 0.85} 0 ${-l}C${w * 0.3} ${-l * 0.85} ${w * 0.32} ${-l * 0.4} 0 0Z`;
  }
}

export function mandala(context: SceneContext): ScenePicture {
  const { view, random, noise, palette, motifs } = context;
  const centre = { x: view.width / 2, y: view.height / 2 };
  const dark = motifs.has('night') || random.chance(0.65);
  const inner = toRgb(dark ? mix(palette.ink, palette.accents[3], 0.4) : lighten(palette.paper, 0.01));
  const outer = toRgb(dark ? lighten(palette.ink, -0.05) : mix(palette.paper, palette.accents[0], 0.3));
  const ground = shade(view, SOFT_GROUND_SIDE_PX, (x, y, out) => {
    const t = smoothstep(
      0,
      1,
      Math.hypot(x - centre.x, y - centre.y) / 720 + noise.fractal(x / 400, y / 400, 3) * 0.14,
    );
    for (let channel = 0; channel < 3; channel++)
      out[channel] = (inner[channel] as number) * (1 - t) + (outer[channel] as number) * t;
  });
  const shadow = new Drawing(view);
  const bloom = new Drawing(view);
  const fold = random.pick([8, 10, 12, 14, 16]);
  const rings = random.int(7, 9);
  const turn = random.range(0, 90);
  for (let ring = 0; ring < rings; ring++) {
    const t = ring / (rings - 1);
    const length = 470 * (1 - t) ** 1.05 + 46;
    const kind = random.pick(['round', 'pointed', 'heart', 'narrow'] as const);
    const count = ring > rings - 3 ? fold : fold * (random.chance(0.3) ? 2 : 1);
    const width = ((Math.PI * 2 * length) / count) * random.range(0.62, 1.05);
    const colour = alongStops(palette.accents, (ring * 0.37 + random.next() * 0.2) % 1);
    const shape = petal(kind, length, width);
    const fill = bloom.linear({ x: 0, y: -length }, { x: 0, y: 0 }, [
      [0, lighten(colour, 0.1)],
      [0.4, colour],
      [1, mix(colour, palette.ink, 0.55)],
    ]);
    for (let i = 0; i < count; i++) {
      const rotate = turn + (360 / count) * (i + (ring % 2) / 2);
      if (ring % 2 === 0)
        shadow.path(shape, {
          fill: palette.ink,
          at: { x: centre.x, y: centre.y + 12 },
          rotate,
          opacity: 0.3,
        });
      bloom.path(shape, {
        fill,
        stroke: mix(lighten(colour, 0.12), palette.paper, 0.3),
        strokeWidth: 1.6,
        at: centre,
        rotate,
      });
      bloom.path(petal('narrow', length * 0.78, width * 0.34), {
        fill: mix(colour, palette.paper, 0.5),
        opacity: 0.34,
        at: centre,
        rotate,
      });
      bloom.circle({ x: 0, y: -length * 0.84 }, 4.6 * (1.1 - t * 0.5), {
        fill: palette.light,
        opacity: 0.9,
        at: centre,
        rotate,
      });
    }
  }
  drawStamens(bloom, random, centre, 44, palette.light, palette.accents[1]);
  drawDotRings(bloom, random, centre, palette.accents, fold);
  return {
    ground,
    layers: [{ drawing: shadow, blur: 8 }, { drawing: bloom }],
    finish: { bloom: 0.25, vignette: 0.28, grain: 5 },
  };
}

function drawStamens(
  drawing: Drawing,
  random: Random,
  at: Point,
  radius: number,
  light: Oklch,
  colour: Oklch,
): void {
  drawing.circle(at, radius * 0.72, {
    fill: drawing.radial(at, radius * 0.8, [
      [0, lighten(colour, -0.25)],
      [1, colour],
    ]),
  });
  // A sunflower's spiral: each seed turns by the golden angle.
  for (let i = 0; i < 70; i++) {
    const angle = i * 2.399963;
    const reach = Math.sqrt(i / 70) * radius * 0.72;
    drawing.circle(
      { x: at.x + Math.cos(angle) * reach, y: at.y + Math.sin(angle) * reach },
      radius * random.range(0.035, 0.062),
      { fill: mix(colour, light, i / 70) },
    );
  }
}

function drawDotRings(
  drawing: Drawing,
  random: Random,
  centre: Point,
  accents: readonly Oklch[],
  fold: number,
): void {
  for (let ring = 0; ring < 3; ring++) {
    const reach = 540 + ring * 46;
    const count = fold * (2 + ring);
    for (let i = 0; i < count; i++) {
      const angle = (i / count) * Math.PI * 2;
      const at = { x: centre.x + Math.cos(angle) * reach, y: centre.y + Math.sin(angle) * reach };
      drawing.circle(at, 7 - ring * 1.6 + (i % 2) * 2, {
        fill: accents[(ring + (i % 2)) % accents.length] as Oklch,
        opacity: 0.85,
      });
    }
  }
  random.next();
}

/** A blossom seen a little from the side: its petals are foreshortened by `squash`. */
function drawBlossom(
  drawing: Drawing,
  random: Random,
  context: SceneContext,
  options: { at: Point; size: number; colour: Oklch },
): void {
  const { at, size, colour } = options;
  const { palette } = context;
  const kind = random.pick(['round', 'pointed', 'heart', 'narrow', 'round'] as const);
  const count =
    kind === 'narrow' ? random.int(13, 19) : kind === 'pointed' ? random.int(8, 11) : random.int(5, 7);
  const width = ((Math.PI * 2 * size) / count) * (kind === 'narrow' ? 1.15 : 1.02);
  const squash = random.range(0.62, 0.95);
  drawing.group({ at, rotate: random.bell() * 18, scale: [1, squash] }, () => {
    for (let layer = 0; layer < 2; layer++) {
      const length = size * (1 - layer * 0.3);
      const fill = drawing.linear({ x: 0, y: -length }, { x: 0, y: 0 }, [
        [0, lighten(mix(colour, palette.paper, layer * 0.25), 0.07)],
        [0.55, mix(colour, palette.paper, layer * 0.2)],
        [1, mix(colour, palette.ink, 0.42)],
      ]);
      for (let i = 0; i < count; i++) {
        const rotate = (360 / count) * (i + layer * 0.5) + random.bell() * 5;
        drawing.path(petal(kind, length * random.range(0.92, 1.06), width), {
          fill,
          rotate,
          stroke: mix(colour, palette.ink, 0.3),
          strokeWidth: 0.8,
        });
      }
    }
    drawStamens(
      drawing,
      random,
      { x: 0, y: 0 },
      size * 0.3,
      palette.light,
      mix(palette.accents[1], [0.8, 0.15, 80], 0.5),
    );
  });
}

export function meadow(context: SceneContext): ScenePicture {
  const { view, random, palette } = context;
  const sun = { x: view.width * random.range(0.2, 0.8), y: view.height * random.range(0.12, 0.3) };
  const green = mix([0.5, 0.1, 145], palette.near, 0.35);
  const far = new Drawing(view);
  if (palette.sky[0][0] > 0.4) drawSun(far, sun, 70, palette.light);
  const bokeh = random.fork('bokeh');
  for (let i = 0; i < 46; i++) {
    far.circle({ x: ((i % 12) / 11) * view.width, y: view.height * (0.72 + (i % 4) * 0.09) }, 110, {
      fill: lighten(green, bokeh.range(-0.02, 0.2)),
      opacity: 0.6,
    });
  }
  for (let i = 0; i < 90; i++) {
    const at = { x: bokeh.range(0, view.width), y: view.height * (0.46 + 0.5 * bokeh.next() ** 0.7) };
    far.circle(at, bokeh.range(16, 60), {
      fill: bokeh.chance(0.5) ? bokeh.pick(palette.accents) : green,
      opacity: bokeh.range(0.25, 0.7),
    });
  }
  const middle = new Drawing(view);
  const front = new Drawing(view);
  const flowers = random.int(15, 20);
  const wide = view.width / 1000;
  for (let i = 0; i < Math.round(flowers * wide); i++) {
    const depth = i / (flowers * wide);
    const drawing = depth < 0.34 ? middle : front;
    const size = 42 + depth ** 1.3 * 105;
    const x = view.width * (((i * 0.618034) % 1) * 1.04 - 0.02) + random.bell() * 30;
    const head = { x, y: view.height * (0.36 + depth * 0.36) + random.bell() * view.height * 0.1 };
    const stem = { x: x + random.bell() * 90, y: view.height + 30 };
    const stemColour = lighten(green, -0.12 + (1 - depth) * 0.12);
    const bend = { x: (head.x + stem.x) / 2 + random.bell() * 40, y: (head.y + stem.y) / 2 };
    drawing.path(curve([head, bend, stem]), { stroke: stemColour, strokeWidth: 4 + depth * 7 });
    for (let leaf = 0; leaf < 2; leaf++) {
      const rotate = (leaf ? 1 : -1) * random.range(24, 64);
      const at = { x: bend.x, y: bend.y + leaf * 40 };
      drawing.path(petal('pointed', 90 + depth * 90, 40 + depth * 36), {
        fill: drawing.linear({ x: 0, y: -120 }, { x: 0, y: 0 }, [
          [0, lighten(stemColour, 0.12)],
          [1, lighten(stemColour, -0.06)],
        ]),
        at,
        rotate,
      });
    }
    drawBlossom(drawing, random.fork(`flower${i}`), context, {
      at: head,
      size,
      colour: palette.accents[random.int(0, 4)] as Oklch,
    });
  }
  const grass = random.fork('grass');
  let blades = '';
  for (let i = 0; i < 150; i++) {
    const x = grass.range(0, view.width);
    const height = grass.range(60, 230);
    blades += path`M${x - 5} ${view.height + 5}Q${x + grass.bell() * 20} ${view.height - height * 0.6} ${x + grass.bell() * 80} ${view.height - height}Q${x + 8} ${view.height - height * 0.4} ${x + 6} ${view.height + 5}Z`;
  }
  front.path(blades, { fill: lighten(green, -0.16), opacity: 0.85 });
  const pollen = random.fork('pollen');
  for (let i = 0; i < 26; i++)
    front.path(
      blob(
        pollen,
        { x: pollen.range(0, view.width), y: pollen.range(0.05, 0.8) * view.height },
        pollen.range(1.5, 5),
        0.1,
      ),
      { fill: palette.light, opacity: pollen.range(0.3, 0.8) },
    );
  const ground = context.motifs.has('paper')
    ? flat(view, palette.paper)
    : sky(context, { horizon: view.height * 0.8, sun, glow: 0.7, clouds: 0.4 });
  return {
    ground,
    layers: [{ drawing: far, blur: 16 }, { drawing: middle, blur: 3.2 }, { drawing: front }],
    finish: { bloom: 0.3, vignette: 0.25, grain: 4 },
  };
}
