// One cell of the wall: a link to the large view, a check to select, and marks. Cells are made once and refilled for ever;
// an image element is never shown with the picture of the cell's past.
import type { CellLook } from './wall.ts';
import type { Box } from './wall-layout.ts';

export interface Cell {
  item: HTMLElement;
  open: HTMLAnchorElement;
  image: HTMLImageElement;
  check: HTMLButtonElement;
  heart: HTMLElement;
  badge: HTMLElement;
  fault: HTMLElement;
  look: CellLook | null;
}

const SVG = 'http://www.w3.org/2000/svg';

function drawIcon(path: string, className: string): SVGElement {
  const icon = document.createElementNS(SVG, 'svg');
  icon.setAttribute('viewBox', '0 0 20 20');
  icon.setAttribute('class', className);
  icon.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS(SVG, 'path');
  line.setAttribute('d', path);
  icon.append(line);
  return icon;
}

function part(className: string): HTMLElement {
  const element = document.createElement('span');
  element.className = className;
  element.setAttribute('aria-hidden', 'true');
  return element;
}

/** A cell without content, to be put into the wall's layer. */
export function createCell(): Cell {
  const item = document.createElement('div');
  item.className = 'wall-cell';
  item.setAttribute('role', 'listitem');
  const open = document.createElement('a');
  open.className = 'wall-open';
  open.tabIndex = -1;
  const image = document.createElement('img');
  image.decoding = 'async';
  image.draggable = false;
  const fault = part('wall-fault');
  open.append(image, fault);
  const check = document.createElement('button');
  check.type = 'button';
  check.className = 'wall-check';
  check.tabIndex = -1;
  check.append(drawIcon('m4.5 10.5 3.5 3.5 7.5-8', 'wall-tick'));
  const heart = part('wall-heart');
  heart.append(
    drawIcon(
      'M10 16.300 3.800 10a3.800 3.800 0 0 1 5.400-5.400l.8.8.8-.8a3.800 3.800 0 0 1 5.400 5.400z',
      '',
    ),
  );
  const badge = part('wall-badge');
  item.append(open, check, heart, badge);
  const cell: Cell = { item, open, image, check, heart, badge, fault, look: null };
  image.addEventListener('load', () => image.classList.add('wall-shown'));
  image.addEventListener('error', () => item.classList.add('wall-broken'));
  return cell;
}

export function placeCell(cell: Cell, box: Box, baseTop: number): void {
  const { style } = cell.item;
  style.left = `${box.left}px`;
  style.top = `${box.top - baseTop}px`;
  style.width = `${box.width}px`;
  style.height = `${box.height}px`;
}

function setThumb(cell: Cell, url: string | null): void {
  const { image } = cell;
  if ((cell.look?.thumbUrl ?? null) === url) return;
  image.classList.remove('wall-shown');
  cell.item.classList.remove('wall-broken');
  if (url === null) image.removeAttribute('src');
  else image.src = url;
  if (url !== null && image.complete && image.naturalWidth > 0) image.classList.add('wall-shown');
}

/** Makes the cell show `look`, or nothing yet. */
export function fillCell(cell: Cell, look: CellLook | null): void {
  const before = cell.look;
  setThumb(cell, look?.thumbUrl ?? null);
  cell.look = look;
  if (look === null) {
    if (before === null) return;
    cell.open.removeAttribute('href');
    cell.open.removeAttribute('aria-label');
    cell.image.alt = '';
    cell.open.style.backgroundImage = '';
  } else {
    if (before?.href !== look.href) cell.open.href = look.href;
    if (before?.label !== look.label) {
      cell.open.setAttribute('aria-label', look.label);
      cell.image.alt = look.label;
    }
    if (before?.selectLabel !== look.selectLabel) cell.check.setAttribute('aria-label', look.selectLabel);
    if (before?.blur !== look.blur) cell.open.style.backgroundImage = look.blur ?? '';
  }
  cell.check.hidden = look === null;
  cell.check.setAttribute('aria-pressed', String(look?.selected ?? false));
  cell.item.classList.toggle('wall-selected', look?.selected ?? false);
  cell.heart.hidden = !(look?.favourite ?? false);
  cell.badge.textContent = look?.badge ?? '';
  cell.badge.hidden = (look?.badge ?? '') === '';
  cell.fault.textContent = look?.fault ?? '';
  cell.item.classList.toggle('wall-damaged', (look?.fault ?? '') !== '');
}
