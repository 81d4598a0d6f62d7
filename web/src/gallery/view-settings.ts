// How the wall is arranged on this device: rows or columns, and how large. Kept per device, since a phone wants other
// sizes than a desk; the address says only what is shown.
import { useSyncExternalStore } from 'react';
import { readStored, writeStored } from '../ui/stored.ts';
import type { WallSize, WallStyle } from './wall-layout.ts';

export interface ViewSettings {
  style: WallStyle;
  /** 0 is the smallest. */
  size: number;
}

const KEY = 'drawbridge.gallery.view';
/** The height of rows on a desk; columns are a little wider, phones a little smaller. */
const ROW_HEIGHTS_PX = [96, 136, 184, 240, 320, 440];
export const LARGEST_SIZE = ROW_HEIGHTS_PX.length - 1;
const USUAL: ViewSettings = { style: 'rows', size: 2 };
const COLUMN_SHARE = 1.15;
const PHONE_PX = 640;
const PHONE_SHARE = 0.62;
/** Never more pictures on a screen than this, however small they are asked to be. */
const MOST_ON_SCREEN = 110;

const listeners = new Set<() => void>();
let settings: ViewSettings | null = null;

function readSettings(): ViewSettings {
  try {
    const stored = JSON.parse(readStored(KEY) ?? 'null') as Partial<ViewSettings> | null;
    const size = Number.isInteger(stored?.size) ? (stored?.size as number) : USUAL.size;
    return {
      style: stored?.style === 'columns' ? 'columns' : 'rows',
      size: Math.min(LARGEST_SIZE, Math.max(0, size)),
    };
  } catch {
    return USUAL;
  }
}

function current(): ViewSettings {
  settings ??= readSettings();
  return settings;
}

export function changeView(change: Partial<ViewSettings>): void {
  settings = { ...current(), ...change };
  writeStored(KEY, JSON.stringify(settings));
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useViewSettings(): ViewSettings {
  return useSyncExternalStore(subscribe, current);
}

/** The wall's measures for a width and height of the screen. */
export function wallSize({ style, size }: ViewSettings, widthPx: number, heightPx: number): WallSize {
  const isPhone = widthPx < PHONE_PX;
  const wished =
    (ROW_HEIGHTS_PX[size] ?? 184) * (isPhone ? PHONE_SHARE : 1) * (style === 'columns' ? COLUMN_SHARE : 1);
  const least = Math.sqrt((widthPx * heightPx) / MOST_ON_SCREEN);
  return { widthPx, gapPx: isPhone ? 3 : 6, targetPx: Math.round(Math.max(wished, least)) };
}
