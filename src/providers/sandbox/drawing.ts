// A vector layer, built from numbers and palette colours only. Invariant: no text from a user ever enters the
// markup; there is no function here that takes text, so a prompt cannot inject anything.
import { type Oklch, toHex } from './colour.ts';

/** The picture's size in units: the short side is 1000, so that a scene looks the same at every size. */
export interface View {
  width: number;
  height: number;
  /** The long side of the finished picture in pixels: nothing finer need be computed. */
  longSidePx: number;
}

export interface Point {
  x: number;
  y: number;
}

/** What `linear` and `radial` return; only they make one. */
export interface Gradient {
  readonly id: number;
}

export type Paint = Oklch | Gradient;

export interface Style {
  fill?: Paint;
  stroke?: Paint;
  strokeWidth?: number;
  opacity?: number;
  /** Degrees around the point (0, 0), before `at`. */
  rotate?: number;
  /** Where the shape's own (0, 0) goes. */
  at?: Point;
  /** Factors along x and y, before rotating. */
  scale?: readonly [number, number];
}

export type Stop = readonly [offset: number, colour: Oklch, opacity?: number];

/** One decimal is 1/10,000 of the short side: finer than a pixel at every size that is allowed. */
function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function fraction(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

/** Path data: straight lines through the points. */
export function lines(points: readonly Point[], closed = true): string {
  return `M${points.map((point) => `${n(point.x)} ${n(point.y)}`).join('L')}${closed ? 'Z' : ''}`;
}

/** Path data: a smooth curve through the points (Catmull-Rom as Béziers). */
export function curve(points: readonly Point[], closed = false): string {
  const count = points.length;
  const get = (index: number): Point =>
    points[closed ? (index + count) % count : Math.min(count - 1, Math.max(0, index))] as Point;
  let data = `M${n(get(0).x)} ${n(get(0).y)}`;
  for (let i = 0; i < (closed ? count : count - 1); i++) {
    const [before, from, to, after] = [get(i - 1), get(i), get(i + 1), get(i + 2)];
    data += `C${n(from.x + (to.x - before.x) / 6)} ${n(from.y + (to.y - before.y) / 6)} `;
    data += `${n(to.x - (after.x - from.x) / 6)} ${n(to.y - (after.y - from.y) / 6)} ${n(to.x)} ${n(to.y)}`;
  }
  return closed ? `${data}Z` : data;
}

/** Path data from a template such as `path\`M${x} ${y}Q…\``: numbers only. */
export function path(parts: TemplateStringsArray, ...values: number[]): string {
  return parts.reduce(
    (data, part, index) => data + part + (index < values.length ? n(values[index] as number) : ''),
    '',
  );
}

export class Drawing {
  readonly view: View;
  readonly #definitions: string[] = [];
  readonly #body: string[] = [];

  constructor(view: View) {
    this.view = view;
  }

  /** A gradient along the line from `from` to `to`, in the units of the shape that uses it. */
  linear(from: Point, to: Point, stops: readonly Stop[]): Gradient {
    const line = `x1="${n(from.x)}" y1="${n(from.y)}" x2="${n(to.x)}" y2="${n(to.y)}"`;
    return this.#define('linearGradient', line, stops);
  }

  radial(centre: Point, radius: number, stops: readonly Stop[]): Gradient {
    return this.#define('radialGradient', `cx="${n(centre.x)}" cy="${n(centre.y)}" r="${n(radius)}"`, stops);
  }

  #define(kind: string, geometry: string, stops: readonly Stop[]): Gradient {
    const id = this.#definitions.length;
    const marks = stops.map(
      ([offset, colour, opacity = 1]) =>
        `<stop offset="${fraction(offset)}" stop-color="${toHex(colour)}" stop-opacity="${fraction(opacity)}"/>`,
    );
    this.#definitions.push(
      `<${kind} id="g${id}" gradientUnits="userSpaceOnUse" ${geometry}>${marks.join('')}</${kind}>`,
    );
    return { id };
  }

  path(data: string, style: Style): void {
    this.#body.push(`<path d="${data}"${attributes(style)}/>`);
  }

  circle(centre: Point, radius: number, style: Style): void {
    this.#body.push(`<circle cx="${n(centre.x)}" cy="${n(centre.y)}" r="${n(radius)}"${attributes(style)}/>`);
  }

  ellipse(centre: Point, radiusX: number, radiusY: number, style: Style): void {
    const shape = `cx="${n(centre.x)}" cy="${n(centre.y)}" rx="${n(radiusX)}" ry="${n(radiusY)}"`;
    this.#body.push(`<ellipse ${shape}${attributes(style)}/>`);
  }

  rect(x: number, y: number, width: number, height: number, style: Style): void {
    const shape = `x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}"`;
    this.#body.push(`<rect ${shape}${attributes(style)}/>`);
  }

  /** Everything drawn inside `draw` is one group: its transform and opacity apply to the whole. */
  group(style: Pick<Style, 'opacity' | 'at' | 'rotate' | 'scale'>, draw: () => void): void {
    this.#body.push(`<g${attributes(style)}>`);
    draw();
    this.#body.push('</g>');
  }

  /** The drawings, one over the other, as one SVG document of this many pixels. */
  static toSvg(drawings: readonly Drawing[], widthPx: number, heightPx: number): Buffer {
    const { width, height } = (drawings[0] as Drawing).view;
    const parts = drawings.map((drawing, index) => {
      const text = `<defs>${drawing.#definitions.join('')}</defs>${drawing.#body.join('')}`;
      // Gradients are numbered in each drawing; in the document they need names of their own.
      return index === 0
        ? text
        : text.replaceAll(' id="g', ` id="l${index}g`).replaceAll('url(#g', `url(#l${index}g`);
    });
    return Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="${widthPx}" height="${heightPx}" ` +
        `viewBox="0 0 ${n(width)} ${n(height)}" preserveAspectRatio="none">${parts.join('')}</svg>`,
    );
  }
}

function paintText(paint: Paint | undefined): string {
  if (paint === undefined) return 'none';
  return 'id' in paint ? `url(#g${paint.id})` : toHex(paint);
}

function attributes(style: Style): string {
  let text = '';
  if (style.fill || style.stroke) text += ` fill="${paintText(style.fill)}"`;
  if (style.stroke) {
    text += ` stroke="${paintText(style.stroke)}" stroke-width="${n(style.strokeWidth ?? 1)}"`;
    text += ' stroke-linecap="round" stroke-linejoin="round"';
  }
  if (style.opacity !== undefined) {
    // On a single shape, `opacity` would make the rasteriser paint it to a layer of its own: 3 times slower.
    const opacity = fraction(style.opacity);
    if (style.fill) text += ` fill-opacity="${opacity}"`;
    if (style.stroke) text += ` stroke-opacity="${opacity}"`;
    if (!style.fill && !style.stroke) text += ` opacity="${opacity}"`;
  }
  const moves: string[] = [];
  if (style.at) moves.push(`translate(${n(style.at.x)} ${n(style.at.y)})`);
  if (style.rotate) moves.push(`rotate(${n(style.rotate)})`);
  if (style.scale) moves.push(`scale(${fraction(style.scale[0])} ${fraction(style.scale[1])})`);
  return moves.length > 0 ? `${text} transform="${moves.join(' ')}"` : text;
}
