// From the pixels that a task asks for to the `size` that a model takes, so that no call is spent on being told. The
// shape is kept as well as the model can; a size that the model takes is never changed.
import type { ModelProfile, SizeRule } from './models.ts';

/** How far a list's nearest shape may be off before a model that follows its input picture is left to do so. */
const SHAPE_TOLERANCE = Math.log(1.35);

type FreeRule = Extract<SizeRule, { kind: 'free' }>;

function freeSize(width: number, height: number, rule: FreeRule): string {
  const { multiple, minPixels, maxPixels, maxSide, maxRatio } = rule;
  const isWide = width >= height;
  const asked = Math.max(width, height) / Math.min(width, height);
  const ratio = Math.min(asked, maxRatio);
  const area = Math.min(Math.max(width * height, minPixels), maxPixels);
  const isTaken =
    area === width * height &&
    asked <= maxRatio &&
    Math.max(width, height) <= maxSide &&
    width % multiple === 0 &&
    height % multiple === 0;
  if (isTaken) return `${width}x${height}`;
  let long = Math.min(Math.round(Math.sqrt(area * ratio) / multiple) * multiple, maxSide);
  let short = Math.round(Math.sqrt(area / ratio) / multiple) * multiple;
  // Rounding may have gone just over a limit on either side.
  while (long * short < minPixels || long > short * maxRatio) short += multiple;
  while (long * short > maxPixels) long -= multiple;
  return isWide ? `${long}x${short}` : `${short}x${long}`;
}

function listSize(
  width: number,
  height: number,
  sizes: readonly (readonly [number, number])[],
): { size: string; isNear: boolean } {
  const distance = ([w, h]: readonly [number, number]) => Math.abs(Math.log(w / h / (width / height)));
  const areaGap = ([w, h]: readonly [number, number]) => Math.abs(Math.log((w * h) / (width * height)));
  const [best = [width, height] as const] = [...sizes].sort(
    (a, b) => distance(a) - distance(b) || areaGap(a) - areaGap(b),
  );
  return { size: `${best[0]}x${best[1]}`, isNear: distance(best) <= SHAPE_TOLERANCE };
}

/** The `size` to send: `1536x1024`, or `auto` for an edit whose shape the model does not have. */
export function sizeFor(profile: ModelProfile, width: number, height: number, isEdit: boolean): string {
  const rule = profile.sizeRule;
  if (rule.kind === 'free') return freeSize(width, height, rule);
  const { size, isNear } = listSize(width, height, rule.sizes);
  return !isNear && isEdit && profile.autoSize ? 'auto' : size;
}
