// Colour in OKLCH, where equal steps look equal: mixing two good colours here gives a good colour.
// Invariant: every colour that leaves is inside sRGB (too much chroma is reduced; lightness and hue are kept).

/** Lightness 0-1, chroma 0-0.37, hue in degrees. */
export type Oklch = readonly [lightness: number, chroma: number, hue: number];
/** Channels 0-255, not rounded. */
export type Rgb = readonly [red: number, green: number, blue: number];

type Lab = [lightness: number, a: number, b: number];

function toLab([lightness, chroma, hue]: Oklch): Lab {
  const angle = (hue * Math.PI) / 180;
  return [lightness, chroma * Math.cos(angle), chroma * Math.sin(angle)];
}

function toLinear([lightness, a, b]: Lab): [number, number, number] {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

function encode(linear: number): number {
  const clipped = Math.min(1, Math.max(0, linear));
  return 255 * (clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055);
}

const GAMUT_SLACK = 0.0005;
const CHROMA_STEPS = 10;

export function toRgb(colour: Oklch): Rgb {
  let [lightness, chroma, hue] = colour;
  lightness = Math.min(1, Math.max(0, lightness));
  let linear = toLinear(toLab([lightness, chroma, hue]));
  const outside = (value: number) => value < -GAMUT_SLACK || value > 1 + GAMUT_SLACK;
  for (let step = 0; step < CHROMA_STEPS && linear.some(outside); step++) {
    chroma *= 0.88;
    linear = toLinear(toLab([lightness, chroma, hue]));
  }
  return [encode(linear[0]), encode(linear[1]), encode(linear[2])];
}

export function toHex(colour: Oklch): string {
  return `#${toRgb(colour)
    .map((channel) => Math.round(channel).toString(16).padStart(2, '0'))
    .join('')}`;
}

function decode(channel: number): number {
  const value = channel / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

export function fromRgb(red: number, green: number, blue: number): Oklch {
  const [r, g, b] = [decode(red), decode(green), decode(blue)];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  const labA = 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s;
  const labB = 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s;
  const hue = (Math.atan2(labB, labA) * 180) / Math.PI;
  return [0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s, Math.hypot(labA, labB), (hue + 360) % 360];
}

/** From `a` (0) to `b` (1) on a straight line through OKLab, so that opposite hues meet in a grey, not in a rainbow. */
export function mix(a: Oklch, b: Oklch, amount: number): Oklch {
  const [l1, a1, b1] = toLab(a);
  const [l2, a2, b2] = toLab(b);
  const labA = a1 + (a2 - a1) * amount;
  const labB = b1 + (b2 - b1) * amount;
  const hue = (Math.atan2(labB, labA) * 180) / Math.PI;
  return [l1 + (l2 - l1) * amount, Math.hypot(labA, labB), (hue + 360) % 360];
}

export function lighten([lightness, chroma, hue]: Oklch, by: number): Oklch {
  return [Math.min(0.99, Math.max(0.02, lightness + by)), chroma, hue];
}

/** The colour at `position` (0-1) of evenly spaced stops. */
export function alongStops(stops: readonly Oklch[], position: number): Oklch {
  const scaled = Math.min(1, Math.max(0, position)) * (stops.length - 1);
  const index = Math.min(stops.length - 2, Math.floor(scaled));
  const first = stops[Math.max(0, index)] as Oklch;
  return mix(first, stops[index + 1] ?? first, scaled - index);
}

/** A table of `size` RGB triples along evenly spaced stops: the fast way to colour each pixel. */
export function rampTable(stops: readonly Oklch[], size: number): Float32Array {
  const table = new Float32Array(size * 3);
  for (let i = 0; i < size; i++) table.set(toRgb(alongStops(stops, i / (size - 1))), i * 3);
  return table;
}
