// Where every picture of the wall stands, for a million pictures at once: typed arrays in, typed arrays out, nothing per
// picture that the garbage collector would have to look at. Positions are whole pixels, so that nothing is drawn blurred.
// Ordinals count the pictures from the newest, 0; the order on the wall is the order of the ordinals.

export type WallStyle = 'rows' | 'columns';

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface WallSize {
  widthPx: number;
  gapPx: number;
  /** The height of a row, or the width of a column, that is aimed at. */
  targetPx: number;
}

export interface WallLayout {
  readonly style: WallStyle;
  readonly count: number;
  readonly heightPx: number;
  /** Writes the place of a picture into `box`. */
  place(ordinal: number, box: Box): void;
  /** The pictures that touch the band from `topPx` to `bottomPx`: first, and one past the last. */
  visible(topPx: number, bottomPx: number): readonly [first: number, end: number];
  /** The picture above (-1) or below (+1), or the same one at the edge. */
  vertical(ordinal: number, direction: -1 | 1): number;
}

/** Shapes outside of these are cropped on the wall: a banner would otherwise take a row of its own. */
const NARROWEST = 0.4;
const WIDEST = 3.2;
/** A row is never taller than this, times the target; only the last row and rows of one narrow picture would be. */
const TALLEST_ROW = 1.5;

function clampRatio(ratio: number): number {
  return ratio < NARROWEST ? NARROWEST : ratio > WIDEST ? WIDEST : ratio;
}

/** The ratio of each class, kept within what the wall shows uncropped. */
function wallRatios(ratioOfClass: Float32Array): Float32Array {
  return ratioOfClass.map(clampRatio);
}

/** The last index in the first `length` entries of the ascending `values` whose value is at most `limit`; at least 0. */
function lastAtMost(values: ArrayLike<number>, length: number, limit: number): number {
  let low = 0;
  let high = length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((values[middle] as number) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}

interface Rows {
  /** The first ordinal of each row, and one past the last picture at the end. */
  starts: Uint32Array;
  /** The top of each row, and the bottom of the wall at the end (without the gap). */
  tops: Float64Array;
  rows: number;
}

/** Breaks the pictures into rows that fill the width: a picture goes where its row comes closest to the target height. */
function breakRows(classes: Uint8Array, count: number, ratios: Float32Array, size: WallSize): Rows {
  const { widthPx, gapPx, targetPx } = size;
  let starts = new Uint32Array(Math.max(16, Math.ceil(count / 2) + 2));
  let tops = new Float64Array(starts.length);
  let rows = 0;
  let top = 0;
  let first = 0;
  let sum = 0;
  const close = (end: number, height: number) => {
    if (rows + 2 >= starts.length) {
      const moreStarts = new Uint32Array(count + 2);
      moreStarts.set(starts);
      starts = moreStarts;
      const moreTops = new Float64Array(count + 2);
      moreTops.set(tops);
      tops = moreTops;
    }
    starts[rows] = first;
    tops[rows] = top;
    rows += 1;
    top += Math.round(Math.min(height, targetPx * TALLEST_ROW)) + gapPx;
    first = end;
  };
  for (let ordinal = 0; ordinal < count; ordinal += 1) {
    const ratio = ratios[classes[ordinal] as number] as number;
    const before = ordinal - first;
    const heightWith = (widthPx - before * gapPx) / (sum + ratio);
    if (heightWith > targetPx) {
      sum += ratio;
      continue;
    }
    const heightWithout = before > 0 ? (widthPx - (before - 1) * gapPx) / sum : Number.POSITIVE_INFINITY;
    if (before > 0 && heightWithout / targetPx < targetPx / heightWith) {
      close(ordinal, heightWithout);
      sum = ratio;
      if (widthPx / ratio <= targetPx) {
        close(ordinal + 1, widthPx / ratio);
        sum = 0;
      }
    } else {
      close(ordinal + 1, heightWith);
      sum = 0;
    }
  }
  if (first < count) close(count, targetPx);
  starts[rows] = count;
  tops[rows] = top;
  return { starts, tops, rows };
}

/** Justified rows: reading order, and every row as wide as the wall. */
export function layOutRows(
  classes: Uint8Array,
  count: number,
  ratioOfClass: Float32Array,
  size: WallSize,
): WallLayout {
  const ratios = wallRatios(ratioOfClass);
  const { widthPx, gapPx } = size;
  const { starts, tops, rows } = breakRows(classes, count, ratios, size);
  const rowOf = (ordinal: number) => lastAtMost(starts, rows, ordinal);
  const place = (ordinal: number, box: Box) => {
    const row = rowOf(ordinal);
    const first = starts[row] as number;
    const end = starts[row + 1] as number;
    box.top = tops[row] as number;
    box.height = (tops[row + 1] as number) - box.top - gapPx;
    let sum = 0;
    let before = 0;
    for (let one = first; one < end; one += 1) {
      if (one === ordinal) before = sum;
      sum += ratios[classes[one] as number] as number;
    }
    const exact = Math.min((widthPx - (end - first - 1) * gapPx) / sum, box.height + 0.5);
    const right = before + (ratios[classes[ordinal] as number] as number);
    const position = ordinal - first;
    box.left = Math.round(before * exact) + position * gapPx;
    box.width = Math.round(right * exact) + position * gapPx - box.left;
  };
  const other: Box = { left: 0, top: 0, width: 0, height: 0 };
  return {
    style: 'rows',
    count,
    heightPx: Math.max(0, (tops[rows] as number) - (rows > 0 ? gapPx : 0)),
    place,
    visible(topPx, bottomPx) {
      if (rows === 0) return [0, 0];
      const firstRow = lastAtMost(tops, rows, topPx);
      const lastRow = lastAtMost(tops, rows, bottomPx);
      return [starts[firstRow] as number, starts[lastRow + 1] as number];
    },
    vertical(ordinal, direction) {
      const target = rowOf(ordinal) + direction;
      if (target < 0 || target >= rows) return ordinal;
      place(ordinal, other);
      const centre = other.left + other.width / 2;
      let best = starts[target] as number;
      let bestDistance = Number.POSITIVE_INFINITY;
      for (let one = best; one < (starts[target + 1] as number); one += 1) {
        place(one, other);
        const distance = Math.abs(other.left + other.width / 2 - centre);
        if (distance < bestDistance) [best, bestDistance] = [one, distance];
      }
      return best;
    },
  };
}

/** Columns of one width: each picture goes to the shortest column, so tops ascend with the ordinals. */
export function layOutColumns(
  classes: Uint8Array,
  count: number,
  ratioOfClass: Float32Array,
  size: WallSize,
): WallLayout {
  const ratios = wallRatios(ratioOfClass);
  const { widthPx, gapPx, targetPx } = size;
  const columns = Math.max(1, Math.min(255, Math.round((widthPx + gapPx) / (targetPx + gapPx))));
  const columnPx = (widthPx + gapPx) / columns;
  const lefts = Array.from({ length: columns + 1 }, (_, column) => Math.round(column * columnPx));
  const heights = ratios.map((ratio) => Math.round((columnPx - gapPx) / ratio));
  const tallest = Math.ceil((columnPx - gapPx) / NARROWEST);
  const tops = new Uint32Array(count);
  const columnOf = new Uint8Array(count);
  const bottoms = new Float64Array(columns);
  for (let ordinal = 0; ordinal < count; ordinal += 1) {
    let shortest = 0;
    let top = bottoms[0] as number;
    for (let column = 1; column < columns; column += 1) {
      const bottom = bottoms[column] as number;
      if (bottom < top) [shortest, top] = [column, bottom];
    }
    tops[ordinal] = top;
    columnOf[ordinal] = shortest;
    bottoms[shortest] = top + (heights[classes[ordinal] as number] as number) + gapPx;
  }
  return {
    style: 'columns',
    count,
    heightPx: Math.max(0, Math.max(...bottoms) - (count > 0 ? gapPx : 0)),
    place(ordinal, box) {
      const column = columnOf[ordinal] as number;
      box.left = lefts[column] as number;
      box.top = tops[ordinal] as number;
      box.width = (lefts[column + 1] as number) - gapPx - box.left;
      box.height = heights[classes[ordinal] as number] as number;
    },
    visible(topPx, bottomPx) {
      if (count === 0) return [0, 0];
      const before = topPx - tallest;
      const first = before <= 0 ? 0 : lastAtMost(tops, count, before);
      return [first, lastAtMost(tops, count, bottomPx) + 1];
    },
    vertical(ordinal, direction) {
      const column = columnOf[ordinal];
      for (let one = ordinal + direction; one >= 0 && one < count; one += direction)
        if (columnOf[one] === column) return one;
      return ordinal;
    },
  };
}

/** Lays the wall out in the style asked for. A million pictures take some ten milliseconds in rows, forty in columns. */
export function layOutWall(
  style: WallStyle,
  classes: Uint8Array,
  count: number,
  ratioOfClass: Float32Array,
  size: WallSize,
): WallLayout {
  const lay = style === 'rows' ? layOutRows : layOutColumns;
  return lay(classes, count, ratioOfClass, size);
}
