// A sleeping fox of cut paper, in a frame of paper sheets. Every sheet throws a soft shadow on what lies below it.
import { flat, type Layer, type ScenePicture } from './canvas.ts';
import { lighten, mix, type Oklch } from './colour.ts';
import { curve, Drawing, type Point, path, type View } from './drawing.ts';
import type { SceneContext } from './scenery.ts';

const FUR: Oklch = [0.66, 0.16, 47];
const FUR_DARK: Oklch = [0.47, 0.13, 38];
const WHITE: Oklch = [0.95, 0.025, 80];
const FRAME_SHEETS = 5;
/** The studio light comes from the upper left. */
const SHADOW_OFFSET: Point = { x: 9, y: 14 };

/** Paints one sheet: `draw` is called with null for its colours, and with the one colour of its shadow. */
type DrawSheet = (drawing: Drawing, shadow: Oklch | null) => void;

export function sleepingFox(context: SceneContext): ScenePicture {
  const { view, random, palette } = context;
  const layers: Layer[] = [];
  const lay = (height: number, draw: DrawSheet) => {
    const shade = new Drawing(view);
    const offset = { x: SHADOW_OFFSET.x * height, y: SHADOW_OFFSET.y * height };
    shade.group({ at: offset, opacity: 0.55 }, () => draw(shade, [0.16, 0.05, 30]));
    const drawing = new Drawing(view);
    draw(drawing, null);
    layers.push({ drawing: shade, blur: 8 * height }, { drawing });
  };
  const middle = { x: view.width / 2, y: view.height * 0.53 };
  const glow = new Drawing(view);
  drawStage(glow, context, middle);
  layers.push({ drawing: glow });
  const turn = random.range(0, Math.PI * 2);
  for (let sheet = FRAME_SHEETS - 1; sheet >= 1; sheet--)
    lay(0.9, (drawing, shadow) => drawFrameSheet(drawing, context, { middle, sheet, turn, shadow }));
  const size = Math.min(1.12, Math.min(view.width, view.height) / 930) * random.range(0.95, 1.03);
  const mirror = random.chance(0.5) ? -1 : 1;
  for (const [height, part] of [
    [1.1, drawBody],
    [0.8, drawHaunch],
    [0.9, drawTail],
    [1, drawHead],
  ] as const) {
    lay(height, (drawing, shadow) =>
      drawing.group({ at: { x: middle.x, y: middle.y + 16 }, scale: [size * mirror, size] }, () =>
        part(drawing, shadow),
      ),
    );
  }
  lay(0.7, (drawing, shadow) => drawLeaves(drawing, context, { middle, shadow }));
  lay(1.6, (drawing, shadow) => drawFrameSheet(drawing, context, { middle, sheet: 0, turn, shadow }));
  return {
    ground: flat(view, mix(palette.accents[4], palette.accents[1], 0.3)),
    layers,
    finish: { bloom: 0.1, vignette: 0.4, grain: 8 },
  };
}

/** The innermost sheet, lit like a lamp behind the fox. */
function drawStage(drawing: Drawing, context: SceneContext, middle: Point): void {
  const { view, palette } = context;
  const light = mix(palette.accents[4], palette.light, 0.6);
  drawing.rect(0, 0, view.width, view.height, {
    fill: drawing.radial({ x: middle.x, y: middle.y - 120 }, Math.max(view.width, view.height) * 0.55, [
      [0, light],
      [0.45, mix(light, palette.accents[1], 0.45)],
      [1, palette.accents[1]],
    ]),
  });
}

/** Half the width and height of the frame's opening; in a long picture it stays near the fox. */
function openingOf({ width, height }: View): Point {
  return { x: Math.min(width * 0.47, height * 0.64), y: Math.min(height * 0.47, width * 0.64) };
}

/** A sheet with a wavy hole around the fox; sheet 0 is the nearest, with the widest hole. */
function drawFrameSheet(
  drawing: Drawing,
  context: SceneContext,
  options: { middle: Point; sheet: number; turn: number; shadow: Oklch | null },
): void {
  const { view, palette } = context;
  const { middle, sheet, turn, shadow } = options;
  const random = context.random.fork(`sheet${sheet}`);
  const depth = sheet / (FRAME_SHEETS - 1);
  const reach = 1.02 - depth * 0.3;
  const opening = openingOf(view);
  const lobes = 7 + sheet;
  const corners = lobes * 4;
  const hole = Array.from({ length: corners }, (_, i) => {
    const angle = (i / corners) * Math.PI * 2 + turn * (sheet + 1);
    const wave = 1 + Math.sin((i / corners) * Math.PI * 2 * lobes) * 0.045 + random.bell() * 0.022;
    return {
      x: middle.x + Math.cos(angle) * opening.x * reach * wave,
      y: middle.y - 10 + Math.sin(angle) * opening.y * reach * wave,
    };
  });
  const colours = [
    mix(palette.accents[2], palette.ink, 0.55),
    mix(palette.accents[2], palette.accents[0], 0.25),
    palette.accents[0],
    mix(palette.accents[0], palette.accents[1], 0.6),
    mix(palette.accents[1], palette.accents[4], 0.3),
  ] as const;
  const edge = 60;
  // The hole runs against the frame's direction, so that it stays open under the non-zero rule.
  const outer = path`M${-edge} ${-edge}L${-edge} ${view.height + edge}L${view.width + edge} ${view.height + edge}L${view.width + edge} ${-edge}Z`;
  const data = outer + curve(hole, true);
  const colour = colours[sheet] ?? palette.accents[0];
  drawing.path(data, { fill: shadow ?? colour });
  if (!shadow)
    drawing.path(curve(hole, true), { stroke: lighten(colour, 0.09), strokeWidth: 2.2, opacity: 0.8 });
}

function paper(drawing: Drawing, data: string, colour: Oklch, shadow: Oklch | null): void {
  drawing.path(data, { fill: shadow ?? colour });
  // The cut edge of thick paper catches the light.
  if (!shadow) drawing.path(data, { stroke: lighten(colour, 0.08), strokeWidth: 2, opacity: 0.7 });
}

function drawBody(drawing: Drawing, shadow: Oklch | null): void {
  const outline = path`M-262 70C-282 -60 -176 -186 -14 -190C150 -194 266 -98 266 40C266 140 150 184 0 184C-150 184 -250 150 -262 70Z`;
  paper(drawing, outline, FUR_DARK, shadow);
  if (shadow) return;
  paper(
    drawing,
    path`M-226 64C-240 -50 -150 -158 -10 -162C134 -166 238 -84 238 36C238 126 130 166 0 166C-130 166 -214 140 -226 64Z`,
    mix(FUR_DARK, FUR, 0.5),
    null,
  );
  paper(
    drawing,
    path`M-180 58C-190 -40 -116 -128 2 -132C124 -136 212 -70 212 32C212 114 110 150 0 150C-110 150 -172 128 -180 58Z`,
    FUR,
    null,
  );
}

function drawHaunch(drawing: Drawing, shadow: Oklch | null): void {
  paper(
    drawing,
    path`M44 80C30 -20 90 -86 158 -78C222 -70 256 -10 246 62C236 136 166 168 106 160C66 154 50 128 44 80Z`,
    mix(FUR, WHITE, 0.1),
    shadow,
  );
  if (shadow) return;
  drawing.path(path`M70 78C62 4 104 -48 156 -44M94 84C90 30 118 -8 152 -8`, {
    stroke: FUR_DARK,
    strokeWidth: 4,
    opacity: 0.5,
  });
}

function drawTail(drawing: Drawing, shadow: Oklch | null): void {
  const tail = path`M252 4C306 158 136 232 -30 228C-160 224 -246 196 -286 128C-236 142 -210 128 -160 120C-90 108 -40 122 40 122C140 122 220 84 252 4Z`;
  paper(drawing, tail, mix(FUR, FUR_DARK, 0.3), shadow);
  if (shadow) return;
  paper(
    drawing,
    path`M-286 128C-236 142 -210 128 -160 120L-138 119L-152 142L-122 154L-142 176L-110 190L-128 219C-206 206 -256 180 -286 128Z`,
    WHITE,
    null,
  );
  drawing.path(path`M236 96C196 176 90 196 -40 190M214 84C170 144 80 160 -60 152`, {
    stroke: FUR_DARK,
    strokeWidth: 4,
    opacity: 0.45,
  });
}

function drawHead(drawing: Drawing, shadow: Oklch | null): void {
  drawing.group({ at: { x: -118, y: 42 }, rotate: -9, scale: [1.08, 1.08] }, () => {
    const head = path`M-88 -52L-92 -150Q-46 -128 -28 -86Q0 -92 28 -86Q46 -128 92 -150L88 -52C104 -24 112 4 134 28C92 46 44 92 14 108Q0 114 -14 108C-44 92 -92 46 -134 28C-112 4 -104 -24 -88 -52Z`;
    paper(drawing, head, FUR, shadow);
    if (shadow) return;
    for (const side of [-1, 1] as const) {
      drawing.group({ scale: [side, 1] }, () => {
        drawing.path(path`M80 -62L82 -132Q54 -112 42 -80Z`, { fill: FUR_DARK });
        paper(drawing, path`M134 28C92 46 44 92 14 108Q6 111 0 111L0 70C16 30 70 8 134 28Z`, WHITE, null);
        drawing.path(path`M34 2Q58 24 84 -4`, { stroke: [0.24, 0.05, 35], strokeWidth: 6 });
        drawing.path(path`M80 0L92 4M70 10L80 17`, { stroke: [0.24, 0.05, 35], strokeWidth: 4 });
      });
    }
    drawing.path(path`M-17 92Q0 82 17 92Q12 112 0 115Q-12 112 -17 92Z`, { fill: [0.22, 0.04, 35] });
    drawing.path(path`M0 -84Q-14 -40 0 6Q14 -40 0 -84Z`, { fill: mix(FUR, FUR_DARK, 0.45) });
  });
}

/** Fallen leaves of paper around the fox. */
function drawLeaves(
  drawing: Drawing,
  context: SceneContext,
  options: { middle: Point; shadow: Oklch | null },
): void {
  const { view, palette } = context;
  const { middle, shadow } = options;
  const random = context.random.fork('leaves');
  const opening = openingOf(view);
  const count = 15;
  for (let i = 0; i < count; i++) {
    const angle = (i / count) * Math.PI * 2 + random.bell() * 0.14;
    const at = {
      x: middle.x + Math.cos(angle) * opening.x * random.range(0.77, 0.92),
      y: middle.y + Math.sin(angle) * opening.y * random.range(0.72, 0.9),
    };
    const length = random.range(34, 62);
    const rotate = random.range(0, 360);
    const colour = mix(random.pick(palette.accents), FUR, random.range(0, 0.3));
    drawing.path(
      path`M0 ${-length}Q${length * 0.55} ${-length * 0.2} 0 ${length * 0.8}Q${-length * 0.55} ${-length * 0.2} 0 ${-length}Z`,
      {
        fill: shadow ?? colour,
        at,
        rotate,
      },
    );
    if (!shadow)
      drawing.path(path`M0 ${-length * 0.8}L0 ${length * 1.05}`, {
        stroke: lighten(colour, -0.14),
        strokeWidth: 2.6,
        at,
        rotate,
      });
  }
}
