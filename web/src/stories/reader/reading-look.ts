// How a person likes to read on this device: the size of the text and the colour of the paper. Kept in the browser; whatever
// cannot be read there is the default.
import { useSyncExternalStore } from 'react';
import { readStored, writeStored } from '../../ui/stored.ts';

export const PAPERS = ['system', 'paper', 'sepia', 'dark'] as const;
export type Paper = (typeof PAPERS)[number];
/** Steps of text size; reader.css gives each its size. */
export const SIZES = [1, 2, 3, 4, 5] as const;
export type Size = (typeof SIZES)[number];

export interface ReadingLook {
  paper: Paper;
  size: Size;
}

const STORED = 'drawbridge.reading';
const DEFAULT: ReadingLook = { paper: 'system', size: 2 };
const listeners = new Set<() => void>();
let look: ReadingLook | null = null;

function parseLook(json: string | null): ReadingLook {
  try {
    const { paper, size } = JSON.parse(json ?? '{}') as Record<string, unknown>;
    return {
      paper: PAPERS.find((known) => known === paper) ?? DEFAULT.paper,
      size: SIZES.find((known) => known === size) ?? DEFAULT.size,
    };
  } catch {
    return DEFAULT;
  }
}

function currentLook(): ReadingLook {
  look ??= parseLook(readStored(STORED));
  return look;
}

export function changeLook(change: Partial<ReadingLook>): void {
  look = { ...currentLook(), ...change };
  writeStored(STORED, JSON.stringify(look));
  for (const listener of listeners) listener();
}

/** One step larger or smaller, within what there is. */
export function stepSize(by: 1 | -1): void {
  const size = SIZES.find((known) => known === currentLook().size + by);
  if (size !== undefined) changeLook({ size });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useLook(): ReadingLook {
  return useSyncExternalStore(subscribe, currentLook);
}
