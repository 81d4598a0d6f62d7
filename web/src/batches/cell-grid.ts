// The grid of cells: one canvas that covers the screen and a little more, however many items there are. Only what changed is
// drawn, at most once a frame. The element around it has the focus, the keys and what a reader is told; see CellGrid.tsx.
import type { BatchRoom } from './batch-room.ts';
import { type CellView, drawCell, MARK_PX, type Palette, readPalette } from './cell-painter.ts';
import {
  type CellSize,
  type GridLayout,
  layoutGrid,
  placeAt,
  placesBetween,
  stepFrom,
} from './grid-layout.ts';
import type { ItemSelection } from './item-selection.ts';
import type { StateName } from './item-states.ts';
import { Thumbnails } from './thumbnails.ts';

/** Drawn above and below the screen, in screens. */
const OVERSCAN = 0.5;
/** Room for the bars that stick to the edges, when a cell is scrolled into sight. */
const EDGE_TOP_PX = 150;
const EDGE_BOTTOM_PX = 90;

export interface GridView {
  /** What is shown, ascending; null for every item. */
  positions: readonly number[] | null;
  /** The one status that is shown, if it is one. */
  status: StateName | undefined;
  size: CellSize;
}

export interface GridParts {
  host: HTMLElement;
  canvas: HTMLCanvasElement;
  /** Holds one element per colour, see `readPalette`. */
  probe: HTMLElement;
  room: BatchRoom;
  selection: ItemSelection;
  /** Another item is the active one; -1 when there is none. */
  onActive(position: number): void;
}

export class CellGrid {
  readonly #parts: GridParts;
  readonly #context: CanvasRenderingContext2D | null;
  readonly #thumbnails = new Thumbnails();
  #view: GridView = { positions: null, status: undefined, size: 'small' };
  #layout: GridLayout = layoutGrid(0, 1, 'small', false);
  #palette: Palette | null = null;
  #active = 0;
  #hasFocus = false;
  #frame = 0;
  #dirty: Set<number> | 'all' = 'all';
  #canvasTop = 0;
  #canvasHeight = 0;
  #ratio = 1;
  readonly #cleanUp: (() => void)[] = [];

  constructor(parts: GridParts) {
    this.#parts = parts;
    this.#context = parts.canvas.getContext('2d');
    const { host, room, selection } = parts;
    const redraw = () => this.#invalidate('all');
    const recolour = () => {
      this.#palette = null;
      redraw();
    };
    const resize = new ResizeObserver(() => this.#relayout());
    resize.observe(host);
    const theme = new MutationObserver(recolour);
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    const schemes = ['(prefers-color-scheme: dark)', '(forced-colors: active)'].map((query) =>
      matchMedia(query),
    );
    for (const scheme of schemes) scheme.addEventListener('change', recolour);
    const onScroll = () => this.#request();
    window.addEventListener('scroll', onScroll, { passive: true });
    this.#cleanUp.push(
      () => resize.disconnect(),
      () => theme.disconnect(),
      () => window.removeEventListener('scroll', onScroll),
      room.onCells((changed) => this.#takeChanges(changed)),
      selection.subscribe(redraw),
    );
    for (const scheme of schemes) this.#cleanUp.push(() => scheme.removeEventListener('change', recolour));
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    for (const run of this.#cleanUp) run();
  }

  get count(): number {
    return this.#view.positions?.length ?? this.#parts.room.cells.total;
  }

  /** The item that the keys act on; -1 when nothing is shown. */
  get activePosition(): number {
    return this.#positionAt(this.#active);
  }

  /** Shows other items or another size; the active item stays the active one where it is still shown. */
  show(view: GridView): void {
    const before = this.activePosition;
    const hasOtherSize = view.size !== this.#view.size;
    this.#view = view;
    const place = this.#placeOf(before);
    this.#active = Math.max(0, Math.min(place < 0 ? this.#active : place, this.count - 1));
    this.#relayout();
    if (hasOtherSize) this.#reveal(this.#active);
    this.#parts.onActive(this.activePosition);
  }

  /** Whether the active cell is marked: while the grid has the focus by keyboard. */
  markFocus(hasFocus: boolean): void {
    this.#hasFocus = hasFocus;
    this.#invalidate([this.#active]);
  }

  /** Makes an item the active one and brings it into sight. */
  activate(position: number): void {
    const place = this.#placeOf(position);
    if (place >= 0) this.#moveTo(place);
  }

  /** Moves by a key; false when the key moves nothing. */
  step(key: string): boolean {
    const pageRows = Math.floor((window.innerHeight - EDGE_TOP_PX - EDGE_BOTTOM_PX) / this.#layout.pitchPx);
    const next = stepFrom(this.#layout, this.count, this.#active, key, pageRows);
    if (next === undefined || this.count === 0) return false;
    this.#moveTo(next);
    return true;
  }

  /** The item under a point of the screen, or -1. */
  positionUnder(clientX: number, clientY: number): number {
    const box = this.#parts.host.getBoundingClientRect();
    return this.#positionAt(placeAt(this.#layout, this.count, clientX - box.left, clientY - box.top));
  }

  #positionAt(place: number): number {
    if (place < 0 || place >= this.count) return -1;
    return this.#view.positions ? (this.#view.positions[place] ?? -1) : place;
  }

  #placeOf(position: number): number {
    const { positions } = this.#view;
    if (!positions) return position < this.count ? position : -1;
    let low = 0;
    let high = positions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((positions[middle] as number) < position) low = middle + 1;
      else high = middle;
    }
    return positions[low] === position ? low : -1;
  }

  #moveTo(place: number): void {
    const before = this.#active;
    this.#active = place;
    this.#invalidate([before, place]);
    this.#reveal(place);
    this.#parts.onActive(this.activePosition);
  }

  #reveal(place: number): void {
    const top =
      this.#parts.host.getBoundingClientRect().top +
      Math.floor(place / this.#layout.columns) * this.#layout.pitchPx;
    const overBottom = top + this.#layout.cellPx - (window.innerHeight - EDGE_BOTTOM_PX);
    if (top < EDGE_TOP_PX) window.scrollBy({ top: top - EDGE_TOP_PX, behavior: 'instant' });
    else if (overBottom > 0) window.scrollBy({ top: overBottom, behavior: 'instant' });
  }

  #takeChanges(changed: readonly number[] | 'all'): void {
    if (changed === 'all') this.#invalidate('all');
    else this.#invalidate(changed.map((position) => this.#placeOf(position)));
  }

  #relayout(): void {
    const { host } = this.#parts;
    const isTouch = matchMedia('(pointer: coarse)').matches;
    this.#layout = layoutGrid(this.count, host.clientWidth, this.#view.size, isTouch);
    host.style.height = `${this.#layout.heightPx}px`;
    this.#invalidate('all');
  }

  #invalidate(places: readonly number[] | 'all'): void {
    if (places === 'all') this.#dirty = 'all';
    else if (this.#dirty !== 'all') for (const place of places) this.#dirty.add(place);
    this.#request();
  }

  #request(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#paint());
  }

  /** Puts the canvas where the screen is; everything is to be drawn then. */
  #place(visibleTop: number, visibleBottom: number): void {
    const { host, canvas } = this.#parts;
    const overscan = window.innerHeight * OVERSCAN;
    const width = host.clientWidth + MARK_PX * 2;
    const wanted = Math.min(this.#layout.heightPx, window.innerHeight + overscan * 2);
    const top = Math.max(0, Math.min(visibleTop - overscan, this.#layout.heightPx - wanted));
    const covers = this.#canvasTop <= visibleTop && this.#canvasTop + this.#canvasHeight >= visibleBottom;
    const ratio = window.devicePixelRatio;
    const isSameSize =
      canvas.width === Math.round(width * ratio) && this.#canvasHeight === wanted && ratio === this.#ratio;
    if (covers && isSameSize) return;
    this.#ratio = ratio;
    this.#canvasTop = top;
    this.#canvasHeight = wanted;
    if (!isSameSize) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round((wanted + MARK_PX * 2) * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${wanted + MARK_PX * 2}px`;
    }
    canvas.style.transform = `translateY(${top}px)`;
    this.#dirty = 'all';
  }

  #paint(): void {
    this.#frame = 0;
    const context = this.#context;
    if (!context) return;
    const box = this.#parts.host.getBoundingClientRect();
    const visibleTop = Math.max(0, -box.top);
    const visibleBottom = Math.min(this.#layout.heightPx, Math.max(0, window.innerHeight - box.top));
    if (visibleBottom <= visibleTop && this.#dirty !== 'all') return;
    this.#place(visibleTop, visibleBottom);
    this.#palette ??= readPalette(this.#parts.probe);
    const palette = this.#palette;
    const isLarge = this.#view.size === 'large';
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    const [first, end] = placesBetween(
      this.#layout,
      this.count,
      this.#canvasTop,
      this.#canvasTop + this.#canvasHeight,
    );
    const dirty = this.#dirty;
    this.#dirty = new Set();
    if (dirty === 'all') context.clearRect(0, 0, this.#parts.canvas.width, this.#parts.canvas.height);
    const draw = (place: number) =>
      drawCell(context, palette, this.#layout, isLarge, place, this.#viewOf(place), this.#canvasTop);
    if (dirty === 'all') for (let place = first; place < end; place += 1) draw(place);
    else for (const place of dirty) if (place >= first && place < end) draw(place);
    if (isLarge) this.#wantItems(visibleTop, visibleBottom);
  }

  #wantItems(visibleTop: number, visibleBottom: number): void {
    const [first, end] = placesBetween(this.#layout, this.count, visibleTop, visibleBottom);
    const positions: number[] = [];
    for (let place = first; place < end; place += 1) positions.push(this.#positionAt(place));
    this.#parts.room.want(positions, this.#view.status);
  }

  #viewOf(place: number): CellView {
    const { room, selection } = this.#parts;
    const position = this.#positionAt(place);
    const isLarge = this.#view.size === 'large';
    const item = isLarge ? room.itemAt(position) : undefined;
    const image = item?.images.find(({ trashed }) => !trashed);
    const picture = image
      ? this.#thumbnails.get(image.thumb_url, () => this.#invalidate([this.#placeOf(position)]))
      : null;
    return {
      number: position + 1,
      letter: room.cells.letterAt(position),
      isSelected: selection.get().has(position),
      isActive: this.#hasFocus && place === this.#active,
      picture,
      pictureWidth: picture?.naturalWidth ?? 0,
      pictureHeight: picture?.naturalHeight ?? 0,
      prompt: item?.prompt ?? '',
    };
  }
}
