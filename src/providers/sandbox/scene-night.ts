// Night: aurora over a dark ridge, and planets in front of a nebula.
import { type ScenePicture, SHARP_GROUND_SIDE_PX, SOFT_GROUND_SIDE_PX, shade } from './canvas.ts';
import { alongStops, mix, rampTable, toRgb } from './colour.ts';
import { Drawing, type Point, path } from './drawing.ts';
import {
  drawMoon,
  drawStars,
  highest,
  pinesAlong,
  ridgeLine,
  ridgeShape,
  type SceneContext,
  smoothstep,
} from './scenery.ts';

const STEPS = 256;

export function aurora(context: SceneContext): ScenePicture {
  const { view, random, noise, palette, motifs } = context;
  const table = rampTable(palette.sky, STEPS);
  const low = toRgb(palette.accents[0]);
  const high = toRgb(palette.accents[2]);
  const horizon = view.height * 0.86;
  const curtains = Array.from({ length: random.int(2, 4) }, (_, i) => ({
    base: view.height * random.range(0.34, 0.62),
    slope: random.range(-0.32, 0.32),
    reach: view.height * random.range(0.26, 0.46),
    strength: random.range(0.55, 1),
    row: i * 23 + random.range(0, 90),
  }));
  const ground = shade(view, SOFT_GROUND_SIDE_PX, (x, y, out) => {
    const slot = Math.floor(Math.min(1, y / horizon) * (STEPS - 1)) * 3;
    let green = 0;
    let violet = 0;
    for (const curtain of curtains) {
      const fold = noise.fractal(x / 330 + curtain.row, curtain.row, 3);
      const foot = curtain.base + (x - view.width / 2) * curtain.slope + fold * 190;
      const rise = (foot - y) / curtain.reach;
      if (rise < -0.12) continue;
      const rays =
        0.45 +
        0.55 *
          smoothstep(
            -0.4,
            0.5,
            noise.at(x / 26 + fold * 5, curtain.row + y / 900) + noise.at(x / 9, curtain.row) * 0.4,
          );
      const body = (rise < 0 ? smoothstep(-0.12, 0, rise) : Math.exp(-rise * 2.1)) * rays * curtain.strength;
      green += body * (1 - smoothstep(0.1, 0.75, rise));
      violet += body * smoothstep(0.05, 0.6, rise) * 0.85;
    }
    const haze = noise.fractal(x / 260 + y / 400, y / 260 - x / 500, 4) * 10;
    for (let channel = 0; channel < 3; channel++) {
      const base = (table[slot + channel] as number) + haze * 0.5;
      out[channel] =
        base + (low[channel] as number) * green * 0.95 + (high[channel] as number) * violet * 0.8;
    }
  });
  const heaven = new Drawing(view);
  drawStars(heaven, context, 380, view.height * 0.85);
  if (motifs.has('moon') || motifs.has('crescent')) {
    drawMoon(
      heaven,
      context,
      { x: view.width * random.range(0.2, 0.8), y: view.height * 0.18 },
      50,
      motifs.has('crescent'),
    );
  }
  const land = new Drawing(view);
  for (let row = 0; row < 3; row++) {
    const crest = ridgeLine(context, {
      crest: view.height * (0.74 + row * 0.1),
      swing: view.height * (0.14 - row * 0.03),
      scale: 430,
      jagged: 0.75 - row * 0.3,
      row: row * 11 + random.range(0, 40),
    });
    const colour = mix(mix(palette.far, palette.accents[0], 0.1), palette.near, 0.35 + row * 0.32);
    const top = highest(crest);
    land.path(ridgeShape(crest, view), {
      fill: land.linear({ x: 0, y: top }, { x: 0, y: top + 260 }, [
        [0, colour],
        [1, mix(colour, palette.near, 0.7)],
      ]),
    });
    if (row > 0)
      land.path(
        pinesAlong(random.fork(`pines${row}`), crest, 60 + row * 25, 60 + row * 55, (x) =>
          smoothstep(-0.35, 0.3, noise.at(x / 200, row * 7)),
        ),
        { fill: colour },
      );
  }
  return {
    ground,
    layers: [{ drawing: heaven, blend: 'screen' }, { drawing: land }],
    finish: { bloom: 0.35, vignette: 0.3, grain: 4 },
  };
}

/** A lit ball with bands and storms, drawn pixel by pixel, so that its edge and shadow are right. */
export function planets(context: SceneContext): ScenePicture {
  const { view, random, noise, palette, motifs } = context;
  const centre: Point = {
    x: view.width * random.range(0.36, 0.64),
    y: view.height * random.range(0.42, 0.6),
  };
  const radius = random.range(210, 300);
  const tilt = random.range(-0.5, 0.5);
  const lightAngle = random.range(0.6, 1) * (random.chance(0.5) ? 1 : -1);
  const light = { x: Math.sin(lightAngle) * 0.9, y: -0.45, z: 0.45 };
  const bands = rampTable(
    [palette.accents[0], palette.accents[2], palette.accents[4], palette.accents[1], palette.accents[3]],
    STEPS,
  );
  const dust = rampTable(
    [
      palette.sky[0],
      palette.sky[0],
      palette.sky[1],
      mix(palette.sky[1], palette.accents[3], 0.5),
      mix(palette.sky[2], palette.accents[0], 0.5),
      mix(palette.accents[0], palette.light, 0.3),
    ],
    STEPS,
  );
  const rim = toRgb(mix(palette.accents[1], palette.light, 0.4));
  const seed = random.range(0, 100);
  const side = Math.round(SHARP_GROUND_SIDE_PX * 0.75);
  const ground = shade(view, side, (x, y, out) => {
    const dx = (x - centre.x) / radius;
    const dy = (y - centre.y) / radius;
    const reach = dx * dx + dy * dy;
    if (reach < 1) {
      const z = Math.sqrt(1 - reach);
      const across = dx * Math.cos(tilt) + dy * Math.sin(tilt);
      const along = dy * Math.cos(tilt) - dx * Math.sin(tilt);
      const swirl =
        noise.fractal(across * 1.4 + seed, along * 4.4 + seed, 4) * 0.34 +
        noise.at(across * 5 + z * 2, along * 15) * 0.05;
      const band = Math.min(0.999, Math.max(0, 0.5 + Math.sin(along * 7.5 + swirl * 5) * 0.3 + swirl * 0.5));
      const slot = Math.floor(band * STEPS) * 3;
      const facing = smoothstep(-0.12, 0.95, dx * light.x + dy * light.y + z * light.z);
      const edge = (1 - z) ** 3 * facing * 0.8;
      for (let channel = 0; channel < 3; channel++) {
        const lit = (bands[slot + channel] as number) * (0.03 + facing * 1.08);
        out[channel] = lit + (rim[channel] as number) * edge;
      }
      return;
    }
    const warp = noise.fractal(x / 420 + seed, y / 420, 3);
    const cloud = smoothstep(
      -0.5,
      0.8,
      noise.fractal(x / 460 + warp * 0.9, y / 460 - warp * 0.8 + seed, 5) + 0.04,
    );
    const slot = Math.floor(Math.min(0.999, cloud * 0.92) * STEPS) * 3;
    const halo =
      Math.exp(-(Math.sqrt(reach) - 1) * 7) * 0.5 * smoothstep(-0.5, 0.9, dx * light.x + dy * light.y);
    for (let channel = 0; channel < 3; channel++) {
      out[channel] =
        (dust[slot + channel] as number) * (0.55 + cloud * 0.45) +
        (rim[channel] as number) * Math.max(0, halo);
    }
  });
  const stars = new Drawing(view);
  drawStars(
    stars,
    context,
    420,
    view.height * 1.6,
    (at) => Math.hypot(at.x - centre.x, at.y - centre.y) > radius,
  );
  const front = new Drawing(view);
  if (motifs.has('ring') || random.chance(0.65))
    drawRing(front, context, { centre, radius, tilt, light: light.x });
  const moons = random.int(1, 3);
  for (let i = 0; i < moons; i++) {
    const at = {
      x: centre.x + (random.chance(0.5) ? 1 : -1) * radius * random.range(1.25, 1.7),
      y: centre.y + radius * random.range(-1.2, 1.1),
    };
    const size = random.range(13, 38);
    const colour = alongStops(palette.accents, random.next());
    front.circle(at, size, {
      fill: front.radial({ x: at.x + light.x * size * 0.7, y: at.y + light.y * size * 0.7 }, size * 1.7, [
        [0, mix(colour, palette.light, 0.6)],
        [0.5, colour],
        [1, palette.near],
      ]),
    });
  }
  return {
    ground,
    layers: [{ drawing: stars, blend: 'screen' }, { drawing: front }],
    finish: { bloom: 0.4, vignette: 0.35, grain: 4 },
  };
}

/** Rings around the planet; the half behind it is left out. */
function drawRing(
  drawing: Drawing,
  context: SceneContext,
  options: { centre: Point; radius: number; tilt: number; light: number },
): void {
  const { palette } = context;
  const random = context.random.fork('ring');
  const { centre, radius, tilt } = options;
  const flatness = random.range(0.16, 0.3);
  const degrees = (tilt * 180) / Math.PI;
  for (let band = 0; band < 26; band++) {
    const reach = radius * (1.32 + band * 0.026);
    const colour = mix(alongStops(palette.accents, random.next()), palette.light, 0.5);
    const opacity = random.range(0.08, 0.75) * (band === 15 || band === 16 ? 0.1 : 1);
    // The ends of the far half, where it comes out from behind the ball.
    const hidden = Math.asin(Math.min(1, (radius * 0.985) / reach));
    const x = Math.sin(hidden) * reach;
    const y = -Math.cos(hidden) * reach * flatness;
    const farRight = path`M${reach} 0A${reach} ${reach * flatness} 0 0 0 ${x} ${y}`;
    const farLeft = path`M${-reach} 0A${reach} ${reach * flatness} 0 0 1 ${-x} ${y}`;
    const nearHalf = path`M${-reach} 0A${reach} ${reach * flatness} 0 0 0 ${reach} 0`;
    drawing.path(`${farRight}${farLeft}${nearHalf}`, {
      at: centre,
      rotate: degrees,
      stroke: colour,
      strokeWidth: radius * 0.024,
      opacity,
    });
  }
}
