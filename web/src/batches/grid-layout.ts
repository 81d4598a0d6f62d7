// Where cells are: plain arithmetic over a list of equal squares in rows. Positions on the screen are counted by place (0 is
// the first that the filter shows), never by the item's own number.

export interface GridLayout {
  columns: number;
  rows: number;
  /** Side of a cell and distance between two cells' left edges, px. */
  cellPx: number;
  pitchPx: number;
  heightPx: number;
}

export type CellSize = 'small' | 'large';

const SMALL_CELL_PX = 14;
const SMALL_GAP_PX = 4;
/** Fingers need 24 px. */
const TOUCH_CELL_PX = 22;
const LARGE_LEAST_PX = 148;
const LARGE_LEAST_PHONE_PX = 104;
const LARGE_GAP_PX = 8;
const PHONE_PX = 640;

/** Lays out `count` cells in a width of `widthPx`. */
export function layoutGrid(count: number, widthPx: number, size: CellSize, isTouch: boolean): GridLayout {
  const gapPx = size === 'small' ? SMALL_GAP_PX : LARGE_GAP_PX;
  const leastPx =
    size === 'small'
      ? isTouch
        ? TOUCH_CELL_PX
        : SMALL_CELL_PX
      : widthPx < PHONE_PX
        ? LARGE_LEAST_PHONE_PX
        : LARGE_LEAST_PX;
  const columns = Math.max(1, Math.floor((widthPx + gapPx) / (leastPx + gapPx)));
  const cellPx = size === 'small' ? leastPx : (widthPx - gapPx * (columns - 1)) / columns;
  const pitchPx = cellPx + gapPx;
  const rows = Math.ceil(count / columns);
  return { columns, rows, cellPx, pitchPx, heightPx: Math.max(0, rows * pitchPx - gapPx) };
}

/** The place under a point of the grid, or -1 between and beside cells. */
export function placeAt(layout: GridLayout, count: number, x: number, y: number): number {
  const column = Math.floor(x / layout.pitchPx);
  const row = Math.floor(y / layout.pitchPx);
  if (x < 0 || y < 0 || column >= layout.columns) return -1;
  const place = row * layout.columns + column;
  return place < count ? place : -1;
}

/** The places whose rows touch the stretch from `topPx` to `bottomPx`, end exclusive. */
export function placesBetween(
  layout: GridLayout,
  count: number,
  topPx: number,
  bottomPx: number,
): [first: number, end: number] {
  const firstRow = Math.max(0, Math.floor(topPx / layout.pitchPx));
  const endRow = Math.max(firstRow, Math.ceil(bottomPx / layout.pitchPx));
  return [Math.min(count, firstRow * layout.columns), Math.min(count, endRow * layout.columns)];
}

/** Where a key leads from a place; `pageRows` is how many rows the screen holds. Undefined for other keys. */
export function stepFrom(
  layout: GridLayout,
  count: number,
  place: number,
  key: string,
  pageRows: number,
): number | undefined {
  const steps: Record<string, number> = {
    ArrowRight: place + 1,
    ArrowLeft: place - 1,
    ArrowDown: place + layout.columns,
    ArrowUp: place - layout.columns,
    PageDown: place + layout.columns * Math.max(1, pageRows),
    PageUp: place - layout.columns * Math.max(1, pageRows),
    Home: 0,
    End: count - 1,
  };
  const next = steps[key];
  if (next === undefined) return undefined;
  // A step up or down that would leave the grid stays where it is, as in a table.
  if ((key === 'ArrowDown' || key === 'ArrowUp') && (next < 0 || next >= count)) return place;
  return Math.min(count - 1, Math.max(0, next));
}
