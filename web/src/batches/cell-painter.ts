// Draws cells on a canvas. State is told by shape as well as by colour, and the colours are those of the page, read from
// elements that carry the same classes as the legend, so that theme and forced colours hold here too.

import type { GridLayout } from './grid-layout.ts';
import { STATE_LETTERS, type StateLetter } from './item-states.ts';

export interface Palette {
  states: Record<StateLetter, string>;
  ink: string;
  paper: string;
  sheet: string;
  line: string;
  soft: string;
  font: string;
}

/** What one cell shows. */
export interface CellView {
  /** Counted from 1, as people do. */
  number: number;
  letter: StateLetter;
  isSelected: boolean;
  isActive: boolean;
  picture: CanvasImageSource | null;
  pictureWidth: number;
  pictureHeight: number;
  prompt: string;
}

const CORNER_SHARE = 0.2;
const TILE_CORNER_PX = 6;
const cornerOf = (side: number) => Math.min(TILE_CORNER_PX, side * CORNER_SHARE);
const TEXT_PX = 12;
const LINE_PX = 16;
const INSET_PX = 10;
const GLYPH_PX = 18;
/** One sign of Chinese or Japanese, or a word with the space after it. */
const WORDS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[^\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+\s*|\s+/gu;
/** Room around a cell that marks of selection and focus use. */
export const MARK_PX = 2;

/** Reads the colours from `probe`, an element that holds one child per state in the legend's classes. */
export function readPalette(probe: HTMLElement): Palette {
  const colourOf = (name: string) => {
    const element = probe.querySelector<HTMLElement>(`.${name}`);
    return element ? getComputedStyle(element).color : 'gray';
  };
  const states = Object.fromEntries(
    STATE_LETTERS.map((letter) => [letter, colourOf(`state-${letter}`)]),
  ) as Record<StateLetter, string>;
  return {
    states,
    ink: colourOf('probe-ink'),
    paper: colourOf('probe-paper'),
    sheet: colourOf('probe-sheet'),
    line: colourOf('probe-line'),
    soft: colourOf('probe-soft'),
    font: `${TEXT_PX}px ${getComputedStyle(probe).fontFamily}`,
  };
}

/** The sign of a state in a square of `side` px: hollow waits, half runs, full is done, a cross failed, a dash is cancelled. */
function drawSign(
  context: CanvasRenderingContext2D,
  palette: Palette,
  letter: StateLetter,
  x: number,
  y: number,
  side: number,
): void {
  const colour = palette.states[letter];
  const line = Math.max(1.5, side / 9);
  context.fillStyle = colour;
  context.strokeStyle = colour;
  context.lineWidth = line;
  const box = () => {
    context.beginPath();
    context.roundRect(x, y, side, side, side * CORNER_SHARE);
  };
  const hollow = () => {
    context.beginPath();
    context.roundRect(x + line / 2, y + line / 2, side - line, side - line, side * CORNER_SHARE);
    context.stroke();
  };
  if (letter === 's') {
    box();
    context.fill();
  } else if (letter === 'f') {
    box();
    context.fill();
    context.strokeStyle = palette.paper;
    context.beginPath();
    const inset = side * 0.3;
    context.moveTo(x + inset, y + inset);
    context.lineTo(x + side - inset, y + side - inset);
    context.moveTo(x + side - inset, y + inset);
    context.lineTo(x + inset, y + side - inset);
    context.stroke();
  } else if (letter === 'r') {
    hollow();
    context.fillRect(x + line, y + side / 2, side - line * 2, side / 2 - line);
  } else {
    hollow();
    if (letter === 'c') {
      context.beginPath();
      context.moveTo(x + side * 0.3, y + side / 2);
      context.lineTo(x + side * 0.7, y + side / 2);
      context.stroke();
    }
  }
}

/** Breaks a text into lines that fit: between words where it has words, anywhere in Chinese and in very long words. */
function wrap(context: CanvasRenderingContext2D, text: string, widthPx: number, mostLines: number): string[] {
  const fits = (line: string) => context.measureText(line.trimEnd()).width <= widthPx;
  const parts = (text.match(WORDS) ?? []).flatMap((part) => (fits(part) ? [part] : [...part]));
  const lines: string[] = [''];
  for (const part of parts) {
    const last = lines.length - 1;
    const line = lines[last] ?? '';
    if (line === '' || fits(line + part)) lines[last] = line + part;
    else if (lines.length < mostLines) lines.push(part.trimStart());
    else {
      lines[last] = `${line.trimEnd().slice(0, -1)}…`;
      break;
    }
  }
  return lines;
}

function drawPicture(
  context: CanvasRenderingContext2D,
  view: CellView,
  x: number,
  y: number,
  side: number,
): void {
  if (!view.picture) return;
  const shown = Math.min(view.pictureWidth, view.pictureHeight);
  context.drawImage(
    view.picture,
    (view.pictureWidth - shown) / 2,
    (view.pictureHeight - shown) / 2,
    shown,
    shown,
    x,
    y,
    side,
    side,
  );
}

function drawTile(
  context: CanvasRenderingContext2D,
  palette: Palette,
  view: CellView,
  x: number,
  y: number,
  side: number,
): void {
  context.save();
  context.beginPath();
  context.roundRect(x, y, side, side, TILE_CORNER_PX);
  context.clip();
  context.fillStyle = palette.sheet;
  context.fillRect(x, y, side, side);
  context.lineWidth = 2;
  context.strokeStyle = palette.line;
  if (!view.picture) context.stroke();
  if (view.picture) drawPicture(context, view, x, y, side);
  else {
    drawSign(context, palette, view.letter, x + INSET_PX, y + INSET_PX, GLYPH_PX);
    context.font = palette.font;
    context.fillStyle = palette.soft;
    context.textBaseline = 'top';
    context.fillText(String(view.number), x + INSET_PX + GLYPH_PX + 6, y + INSET_PX + 3);
    context.fillStyle = palette.ink;
    const top = INSET_PX * 2 + GLYPH_PX;
    const mostLines = Math.max(1, Math.floor((side - top - INSET_PX) / LINE_PX));
    for (const [at, line] of wrap(context, view.prompt, side - INSET_PX * 2, mostLines).entries())
      context.fillText(line, x + INSET_PX, y + top + at * LINE_PX);
  }
  context.restore();
}

function drawSelected(
  context: CanvasRenderingContext2D,
  palette: Palette,
  x: number,
  y: number,
  side: number,
): void {
  context.lineWidth = MARK_PX;
  context.strokeStyle = palette.ink;
  context.beginPath();
  context.roundRect(x - 1, y - 1, side + 2, side + 2, cornerOf(side) + 1);
  context.stroke();
  const badge = Math.min(20, side * 0.5);
  const left = x + side - badge;
  context.fillStyle = palette.ink;
  context.beginPath();
  context.arc(left + badge / 2, y + badge / 2, badge / 2, 0, Math.PI * 2);
  context.fill();
  context.strokeStyle = palette.paper;
  context.lineWidth = Math.max(1.25, badge / 9);
  context.beginPath();
  context.moveTo(left + badge * 0.28, y + badge * 0.52);
  context.lineTo(left + badge * 0.44, y + badge * 0.68);
  context.lineTo(left + badge * 0.72, y + badge * 0.34);
  context.stroke();
}

/** Draws one cell at its place, over what was there; `topPx` is where the canvas begins in the grid. */
export function drawCell(
  context: CanvasRenderingContext2D,
  palette: Palette,
  layout: GridLayout,
  isLarge: boolean,
  place: number,
  view: CellView,
  topPx: number,
): void {
  const x = (place % layout.columns) * layout.pitchPx + MARK_PX;
  const y = Math.floor(place / layout.columns) * layout.pitchPx - topPx + MARK_PX;
  const side = layout.cellPx;
  context.clearRect(x - MARK_PX, y - MARK_PX, layout.pitchPx, layout.pitchPx);
  if (isLarge) drawTile(context, palette, view, x, y, side);
  else drawSign(context, palette, view.letter, x, y, side);
  if (view.isSelected) drawSelected(context, palette, x, y, side);
  if (view.isActive) {
    context.lineWidth = MARK_PX;
    context.strokeStyle = palette.ink;
    const ring = (outset: number) => {
      context.beginPath();
      context.roundRect(
        x - outset,
        y - outset,
        side + outset * 2,
        side + outset * 2,
        cornerOf(side) + outset,
      );
      context.stroke();
    };
    ring(1);
    if (isLarge) {
      context.strokeStyle = palette.paper;
      ring(-1);
    }
  }
}
