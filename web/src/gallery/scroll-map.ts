// Between the wall's own height, which can be tens of millions of pixels, and the height a browser can scroll. Browsers
// clamp an element at 16 to 33 million pixels or show nothing at all, so the scrolled element is at most 8 million high.
// Small movements are one to one, long drags are proportional; after a rest the scroll bar is put where it belongs. Near
// both ends the two heights run in step, so that the first and the last picture are reached like in any other list.

/** The tallest element that every browser scrolls exactly, at device pixel ratio 2 as well. */
export const TALLEST_DOM_PX = 8_000_000;
/** How much at each end runs in step. */
const IN_STEP_PX = 400_000;
/** Movements of up to this many viewports are read as one to one. */
const SMALL_VIEWPORTS = 3;

export class ScrollMap {
  readonly heightPx: number;
  /** What the scrolled element must be as tall as. */
  readonly domHeightPx: number;
  #viewportPx: number;
  #dom = 0;
  #logical = 0;

  constructor(heightPx: number, viewportPx: number) {
    this.heightPx = Math.max(heightPx, 0);
    this.domHeightPx = Math.min(this.heightPx, TALLEST_DOM_PX);
    this.#viewportPx = viewportPx;
  }

  /** Where the wall is scrolled to, in the wall's own pixels. */
  get logicalPx(): number {
    return this.#logical;
  }

  /** The scroll position that belongs to it. */
  get domPx(): number {
    return this.#dom;
  }

  get #logicalEnd(): number {
    return Math.max(0, this.heightPx - this.#viewportPx);
  }

  get #domEnd(): number {
    return Math.max(0, this.domHeightPx - this.#viewportPx);
  }

  set viewportPx(viewportPx: number) {
    this.#viewportPx = viewportPx;
  }

  /** The place on the wall that a scroll position stands for. */
  toLogical(dom: number): number {
    const [domEnd, logicalEnd] = [this.#domEnd, this.#logicalEnd];
    if (this.heightPx === this.domHeightPx || dom <= IN_STEP_PX) return dom;
    if (dom >= domEnd - IN_STEP_PX) return logicalEnd - (domEnd - dom);
    const scale = (logicalEnd - 2 * IN_STEP_PX) / (domEnd - 2 * IN_STEP_PX);
    return IN_STEP_PX + (dom - IN_STEP_PX) * scale;
  }

  /** The scroll position that stands for a place on the wall. */
  toDom(logical: number): number {
    const [domEnd, logicalEnd] = [this.#domEnd, this.#logicalEnd];
    if (this.heightPx === this.domHeightPx || logical <= IN_STEP_PX) return logical;
    if (logical >= logicalEnd - IN_STEP_PX) return domEnd - (logicalEnd - logical);
    const scale = (domEnd - 2 * IN_STEP_PX) / (logicalEnd - 2 * IN_STEP_PX);
    return Math.round(IN_STEP_PX + (logical - IN_STEP_PX) * scale);
  }

  /** Takes in a scroll position that the user made; returns the place on the wall. */
  scrolled(dom: number): number {
    const moved = dom - this.#dom;
    const isSmall = Math.abs(moved) <= SMALL_VIEWPORTS * this.#viewportPx;
    const atEdge = dom <= 0 || dom >= this.#domEnd;
    this.#dom = dom;
    this.#logical =
      isSmall && !atEdge ? this.#clamp(this.#logical + moved) : this.#clamp(this.toLogical(dom));
    return this.#logical;
  }

  /** Goes to a place on the wall; returns the scroll position to set. */
  jump(logical: number): number {
    this.#logical = this.#clamp(Math.round(logical));
    this.#dom = this.toDom(this.#logical);
    return this.#dom;
  }

  /** After a rest: the scroll position to set so that the bar tells the truth again, or null when it does. */
  rest(): number | null {
    const right = this.toDom(this.#logical);
    if (Math.abs(right - this.#dom) < 1) return null;
    this.#dom = right;
    return right;
  }

  #clamp(logical: number): number {
    return Math.min(Math.max(0, logical), this.#logicalEnd);
  }
}
