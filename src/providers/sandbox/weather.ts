// Falling snow and rain over a finished scene, where the prompt names them.
import type { Layer } from './canvas.ts';
import { mix } from './colour.ts';
import { Drawing, lines } from './drawing.ts';
import type { SceneContext } from './scenery.ts';

export function weatherOf(context: SceneContext): Layer[] {
  if (context.motifs.has('snow')) return snowfall(context);
  return context.motifs.has('rain') ? rainfall(context) : [];
}

/** Flakes of three distances; the nearest are out of focus. */
function snowfall(context: SceneContext): Layer[] {
  const { view, palette } = context;
  const random = context.random.fork('snow');
  const white = mix(palette.light, [0.99, 0.005, 240], 0.7);
  const area = (view.width * view.height) / 1_000_000;
  const far = new Drawing(view);
  const near = new Drawing(view);
  for (let i = 0; i < 330 * area; i++) {
    const at = { x: random.range(0, view.width), y: random.range(0, view.height) };
    const size = random.next() ** 3;
    if (size > 0.72) near.circle(at, 6 + size * 7, { fill: white, opacity: 0.5 });
    else far.circle(at, 1.1 + size * 4.5, { fill: white, opacity: random.range(0.45, 0.95) });
  }
  return [{ drawing: far }, { drawing: near, blur: 5 }];
}

function rainfall(context: SceneContext): Layer[] {
  const { view, palette } = context;
  const random = context.random.fork('rain');
  const rain = new Drawing(view);
  const area = (view.width * view.height) / 1_000_000;
  for (let i = 0; i < 300 * area; i++) {
    const at = { x: random.range(-40, view.width), y: random.range(-60, view.height) };
    const length = random.range(24, 76);
    const drop = lines([at, { x: at.x + length * 0.2, y: at.y + length }], false);
    rain.path(drop, {
      stroke: mix(palette.sky[3], [0.97, 0.01, 230], 0.6),
      strokeWidth: random.range(0.9, 2.2),
      opacity: random.range(0.12, 0.42),
    });
  }
  return [{ drawing: rain }];
}
