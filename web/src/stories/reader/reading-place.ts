// Where reading stopped in each story, and the own words that were typed but not sent: kept on this device for the stories that
// were read last.
import { readStored, writeStored } from '../../ui/stored.ts';

const PLACES = 'drawbridge.story-places';
const OWN_WORDS = 'drawbridge.story-own-words';
const MOST_PLACES = 100;

function readPairs(): [string, string][] {
  try {
    const value: unknown = JSON.parse(readStored(PLACES) ?? '[]');
    if (!Array.isArray(value)) return [];
    return value.flatMap((pair: unknown): [string, string][] =>
      Array.isArray(pair) && typeof pair[0] === 'string' && typeof pair[1] === 'string'
        ? [[pair[0], pair[1]]]
        : [],
    );
  } catch {
    return [];
  }
}

/** The page of a story that was read last, or null. */
export function placeIn(storyId: string): string | null {
  return readPairs().find(([id]) => id === storyId)?.[1] ?? null;
}

export function rememberPlace(storyId: string, pageId: string): void {
  const others = readPairs().filter(([id]) => id !== storyId);
  writeStored(PLACES, JSON.stringify([[storyId, pageId], ...others].slice(0, MOST_PLACES)));
}

/** What was typed last as an own way on, if it was on this page. */
export function ownWordsOf(pageId: string): string {
  const stored = readStored(OWN_WORDS) ?? '';
  return stored.startsWith(`${pageId}\n`) ? stored.slice(pageId.length + 1) : '';
}

/** Keeps the own words of one page at a time; empty ones are forgotten. */
export function keepOwnWords(pageId: string, text: string): void {
  writeStored(OWN_WORDS, text === '' ? null : `${pageId}\n${text}`);
}
