// The wall on the screen: at most MOST_CELLS elements, moved and refilled while the page scrolls, whatever the number of
// pictures. It owns the elements and the scroll position; what a picture looks like and what a click means come from outside.
// Cells stand in a layer near the viewport, because positions of tens of millions of pixels lose precision.
import { type Cell, createCell, fillCell, placeCell } from './cell.ts';
import { ScrollMap } from './scroll-map.ts';
import type { Box, WallLayout } from './wall-layout.ts';

export const MOST_CELLS = 200;
/** Cells kept for the focused picture and for rounding. */
const SPARE_CELLS = 8;
/** How far beyond the viewport pictures are made ready, in viewports. */
const OVERSCAN = 0.6;
const REST_MS = 150;
/** Rows are not asked for while the page moves by more than this many viewports between two frames. */
const FAST_VIEWPORTS = 0.9;
/** The layer is moved when the viewport is farther from it than this. */
const LAYER_REACH_PX = 100_000;

/** What a cell shows. */
export interface CellLook {
  href: string;
  /** The name that is read out. */
  label: string;
  selectLabel: string;
  thumbUrl: string | null;
  /** A CSS background that stands in for the picture. */
  blur: string | null;
  selected: boolean;
  favourite: boolean;
  /** Such as `HD`; empty for none. */
  badge: string;
  /** Why there is no picture; empty when there is one. */
  fault: string;
}

export interface Place {
  ordinal: number;
  /** How far the picture's top is above the screen's. */
  offsetPx: number;
}

export interface WallOptions {
  /** How a picture looks; null while its row has not come. */
  look(ordinal: number): CellLook | null;
  /** The bar at the top that covers the wall, in px. */
  coveredPx(): number;
  /** What covers the lower edge of the screen, in px. */
  coveredBelowPx(): number;
  /** Pictures from `first` to before `end` are on the screen or nearly. */
  onNeed(first: number, end: number): void;
  /** The first picture of the screen is now another one. */
  onMoved(ordinal: number): void;
}

/** Where a picture is in the new list or, when it is gone, the next one that is left. */
export function landing(remap: (ordinal: number) => number, ordinal: number, count: number): number {
  let from = ordinal;
  let to = remap(from);
  while (to < 0 && from < ordinal + count) {
    from += 1;
    to = remap(from);
  }
  return Math.min(Math.max(0, to), Math.max(0, count - 1));
}

export class Wall {
  readonly #host: HTMLElement;
  readonly #layer: HTMLElement;
  readonly #options: WallOptions;
  readonly #cells = new Map<number, Cell>();
  readonly #free: Cell[] = [];
  readonly #abort = new AbortController();
  readonly #box: Box = { left: 0, top: 0, width: 0, height: 0 };
  #layout: WallLayout | null = null;
  #map = new ScrollMap(0, 1);
  #layerBase = 0;
  #layerTop = 0;
  #focused = 0;
  #restTimer: ReturnType<typeof setTimeout> | null = null;
  #touching = false;
  #lastLogical = 0;
  #lastFirst = -1;
  #needed: readonly [number, number] = [0, 0];

  constructor(host: HTMLElement, options: WallOptions) {
    this.#host = host;
    this.#options = options;
    this.#layer = document.createElement('div');
    this.#layer.className = 'wall-layer';
    this.#layer.setAttribute('role', 'list');
    host.replaceChildren(this.#layer);
    const { signal } = this.#abort;
    const passive = { signal, passive: true };
    window.addEventListener('scroll', this.#onScroll, passive);
    window.addEventListener('resize', this.#onResize, passive);
    window.addEventListener('touchstart', () => this.#touch(true), passive);
    window.addEventListener('touchend', () => this.#touch(false), passive);
    window.addEventListener('touchcancel', () => this.#touch(false), passive);
    this.#layer.addEventListener('focusin', (event) => this.#follow(event.target), { signal });
  }

  /** The picture that Tab leads to. */
  get focused(): number {
    return this.#focused;
  }

  get layout(): WallLayout | null {
    return this.#layout;
  }

  /** What the list is called, for readers. */
  set label(label: string) {
    this.#layer.setAttribute('aria-label', label);
  }

  /** How many cells exist, used or not. */
  get liveCells(): number {
    return this.#cells.size + this.#free.length;
  }

  /** The first picture that is wholly or half visible, and how far its top is above the screen's. */
  place(): Place {
    const top = this.#map.logicalPx;
    const [first, end] = this.#layout?.visible(top, top + 1) ?? [0, 0];
    for (let ordinal = first; ordinal < end; ordinal += 1) {
      this.#layout?.place(ordinal, this.#box);
      if (this.#box.top + this.#box.height > top) return { ordinal, offsetPx: top - this.#box.top };
    }
    return { ordinal: first, offsetPx: 0 };
  }

  /**
   * Shows another layout. `at` is what the top of the screen shall show, by its new ordinal; `remap` says where each old
   * picture went (-1: gone), so that cells which stay keep their pictures. Without it everything begins anew.
   */
  setLayout(layout: WallLayout, at: Place | null, remap: ((ordinal: number) => number) | null): void {
    const hadFocus = this.#layer.contains(document.activeElement);
    this.#layout = layout;
    this.#map = new ScrollMap(layout.heightPx, this.#viewportPx());
    this.#host.style.height = `${this.#map.domHeightPx}px`;
    this.#focused = remap ? landing(remap, this.#focused, layout.count) : 0;
    this.#rekey(layout, remap);
    this.#lastFirst = -1;
    if (at === null || layout.count === 0) this.#map.scrolled(this.#domScroll());
    else {
      layout.place(Math.min(at.ordinal, layout.count - 1), this.#box);
      const isAtTop = at.ordinal === 0 && at.offsetPx <= 0;
      const dom = this.#map.jump(this.#box.top + at.offsetPx);
      if (!isAtTop) this.#scrollTo(dom);
    }
    this.#needed = [0, 0];
    this.#render();
    if (hadFocus) this.#cells.get(this.#focused)?.open.focus({ preventScroll: true });
  }

  #rekey(layout: WallLayout, remap: ((ordinal: number) => number) | null): void {
    const before = [...this.#cells];
    this.#cells.clear();
    for (const [ordinal, cell] of before) {
      const now = remap ? remap(ordinal) : -1;
      if (now < 0 || now >= layout.count || this.#cells.has(now)) this.#retire(cell);
      else this.#seat(cell, now, layout);
    }
  }

  /** Draws cells again, for example after their rows came. */
  refresh(first = 0, end = Number.POSITIVE_INFINITY): void {
    for (const [ordinal, cell] of this.#cells)
      if (ordinal >= first && ordinal < end) this.#fill(cell, ordinal);
  }

  /** Brings a picture to the screen: its nearest edge, or with `align` its top at the top. */
  reveal(ordinal: number, align = false): void {
    if (!this.#layout) return;
    this.#layout.place(ordinal, this.#box);
    const top = this.#map.logicalPx;
    const viewport = this.#viewportPx() - this.#options.coveredBelowPx();
    const { top: boxTop, height } = this.#box;
    if (align || boxTop < top) this.#scrollTo(this.#map.jump(boxTop));
    else if (boxTop + height > top + viewport) this.#scrollTo(this.#map.jump(boxTop + height - viewport + 8));
    this.#render();
  }

  /** Moves the keyboard's place to a picture and brings it to the screen. */
  focus(ordinal: number): void {
    this.#setFocused(ordinal);
    this.reveal(ordinal);
    this.#cells.get(ordinal)?.open.focus({ preventScroll: true });
  }

  /** Pictures that one page key moves over, about a screenful. */
  screenful(): number {
    const top = this.#map.logicalPx;
    const [first, end] = this.#layout?.visible(top, top + this.#viewportPx()) ?? [0, 1];
    return Math.max(1, end - first - 1);
  }

  /** The ordinal of the cell that an element belongs to, or -1. */
  ordinalAt(target: EventTarget | null): number {
    const cell = target instanceof Element ? target.closest<HTMLElement>('.wall-cell') : null;
    return cell && this.#layer.contains(cell) ? Number(cell.dataset.ordinal) : -1;
  }

  destroy(): void {
    this.#abort.abort();
    if (this.#restTimer !== null) clearTimeout(this.#restTimer);
    this.#host.replaceChildren();
  }

  #viewportPx(): number {
    return Math.max(100, window.innerHeight - this.#options.coveredPx());
  }

  /** Where the page must be scrolled to for the wall to begin right under what covers it. */
  #origin(): number {
    return this.#host.getBoundingClientRect().top + window.scrollY - this.#options.coveredPx();
  }

  #domScroll(): number {
    const end = Math.max(0, this.#map.domHeightPx - this.#viewportPx());
    return Math.min(end, Math.max(0, window.scrollY - this.#origin()));
  }

  #scrollTo(dom: number): void {
    window.scrollTo({ top: this.#origin() + dom, behavior: 'instant' });
  }

  #onScroll = (): void => {
    if (!this.#layout) return;
    const dom = this.#domScroll();
    // What this class set itself comes back as an event; rounding by the browser is no movement.
    if (Math.abs(dom - this.#map.domPx) >= 1) this.#map.scrolled(dom);
    this.#render();
    this.#waitForRest();
  };

  #onResize = (): void => {
    this.#map.viewportPx = this.#viewportPx();
    this.#render();
  };

  #touch(touching: boolean): void {
    this.#touching = touching;
    if (!touching) this.#waitForRest();
  }

  #waitForRest(): void {
    if (this.#restTimer !== null) clearTimeout(this.#restTimer);
    this.#restTimer = setTimeout(() => {
      this.#restTimer = null;
      // Moving the page under a finger would end its gesture.
      const dom = this.#touching ? null : this.#map.rest();
      if (dom !== null) this.#scrollTo(dom);
      this.#render();
      this.#sortElements();
    }, REST_MS);
  }

  /** Puts the elements into the order of the pictures, for readers that follow the document. Nothing moves on the screen. */
  #sortElements(): void {
    const sorted = [...this.#cells].sort(([a], [b]) => a - b);
    const focused = sorted.findIndex(([ordinal]) => this.#holdsFocus(ordinal));
    // An element that is moved loses the focus, so the others are moved around it.
    let next: Element | null = focused < 0 ? null : (sorted[focused]?.[1].item ?? null);
    const before = focused < 0 ? sorted : sorted.slice(0, focused);
    for (const [, { item }] of before.toReversed()) {
      if (item.nextElementSibling !== next) this.#layer.insertBefore(item, next);
      next = item;
    }
    let previous: Element | null = focused < 0 ? null : (sorted[focused]?.[1].item ?? null);
    if (!previous) return;
    for (const [, { item }] of sorted.slice(focused + 1)) {
      if (previous.nextElementSibling !== item) previous.after(item);
      previous = item;
    }
  }

  /** The pictures to have cells: the visible ones and as many around them as there may be. */
  #range(layout: WallLayout): readonly [number, number] {
    const top = this.#map.logicalPx;
    const viewport = this.#viewportPx();
    for (const overscan of [OVERSCAN, OVERSCAN / 3]) {
      const margin = viewport * overscan;
      const range = layout.visible(top - margin, top + viewport + margin);
      if (range[1] - range[0] <= MOST_CELLS - SPARE_CELLS) return range;
    }
    const [first, end] = layout.visible(top, top + viewport);
    return [first, Math.min(end, first + MOST_CELLS - SPARE_CELLS)];
  }

  #render(): void {
    const layout = this.#layout;
    if (!layout) return;
    const logical = this.#map.logicalPx;
    const viewport = this.#viewportPx();
    const isFast = Math.abs(logical - this.#lastLogical) > viewport * FAST_VIEWPORTS;
    this.#lastLogical = logical;
    this.#moveLayer(logical);
    const [first, end] = this.#range(layout);
    for (const ordinal of [...this.#cells.keys()])
      if ((ordinal < first || ordinal >= end) && !this.#holdsFocus(ordinal)) this.#release(ordinal);
    for (let ordinal = first; ordinal < end; ordinal += 1)
      if (!this.#cells.has(ordinal)) this.#show(ordinal, layout);
    if (first !== this.#lastFirst) {
      this.#lastFirst = first;
      const { ordinal } = this.place();
      // Tab must always lead to a picture that is there.
      if (!this.#cells.has(this.#focused)) this.#setFocused(ordinal);
      this.#options.onMoved(ordinal);
    }
    if (isFast && this.#restTimer !== null) return;
    if (this.#needed[0] === first && this.#needed[1] === end) return;
    this.#needed = [first, end];
    this.#options.onNeed(first, end);
  }

  /** Asks for the rows on the screen again, after they were forgotten. */
  needAgain(): void {
    this.#needed = [0, 0];
    this.#render();
  }

  #moveLayer(logical: number): void {
    if (Math.abs(logical - this.#layerBase) > LAYER_REACH_PX) {
      this.#layerBase = Math.max(0, Math.round(logical));
      for (const [ordinal, cell] of this.#cells) this.#put(cell, ordinal);
    }
    const top = Math.round(this.#map.domPx - this.#map.logicalPx + this.#layerBase);
    if (top === this.#layerTop) return;
    this.#layerTop = top;
    this.#layer.style.top = `${top}px`;
  }

  #show(ordinal: number, layout: WallLayout): void {
    let cell = this.#free.pop();
    if (!cell) {
      cell = createCell();
      this.#layer.append(cell.item);
    }
    cell.item.hidden = false;
    this.#seat(cell, ordinal, layout);
  }

  #seat(cell: Cell, ordinal: number, layout: WallLayout): void {
    cell.item.dataset.ordinal = String(ordinal);
    cell.item.setAttribute('aria-posinset', String(ordinal + 1));
    cell.item.setAttribute('aria-setsize', String(layout.count));
    cell.open.tabIndex = ordinal === this.#focused ? 0 : -1;
    this.#cells.set(ordinal, cell);
    this.#put(cell, ordinal);
    this.#fill(cell, ordinal);
  }

  #put(cell: Cell, ordinal: number): void {
    this.#layout?.place(ordinal, this.#box);
    placeCell(cell, this.#box, this.#layerBase);
  }

  #fill(cell: Cell, ordinal: number): void {
    fillCell(cell, this.#options.look(ordinal));
  }

  #release(ordinal: number): void {
    const cell = this.#cells.get(ordinal);
    if (!cell) return;
    this.#cells.delete(ordinal);
    this.#retire(cell);
  }

  #retire(cell: Cell): void {
    cell.item.hidden = true;
    delete cell.item.dataset.ordinal;
    fillCell(cell, null);
    this.#free.push(cell);
  }

  #holdsFocus(ordinal: number): boolean {
    return this.#cells.get(ordinal)?.item.contains(document.activeElement) ?? false;
  }

  #follow(target: EventTarget | null): void {
    const ordinal = this.ordinalAt(target);
    if (ordinal >= 0) this.#setFocused(ordinal);
  }

  #setFocused(ordinal: number): void {
    const before = this.#cells.get(this.#focused);
    if (before) before.open.tabIndex = -1;
    this.#focused = ordinal;
    const now = this.#cells.get(ordinal);
    if (now) now.open.tabIndex = 0;
  }
}
