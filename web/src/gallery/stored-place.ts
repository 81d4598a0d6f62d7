// Where on the wall this tab was, for each list it has shown lately, so that a reload or a visit to another room comes back
// to the same pictures.

export interface Place {
  ordinal: number;
  offsetPx: number;
}

const KEY = 'drawbridge.gallery.places';
const MOST_LISTS = 8;

function readAll(): [string, Place][] {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? '[]');
    return Array.isArray(value) ? (value as [string, Place][]) : [];
  } catch {
    return [];
  }
}

/** The place in a list, or null for its top. */
export function readPlace(list: string): Place | null {
  const place = readAll().find(([key]) => key === list)?.[1];
  if (!place || !Number.isInteger(place.ordinal) || !Number.isFinite(place.offsetPx)) return null;
  return place.ordinal === 0 && place.offsetPx <= 0 ? null : place;
}

export function writePlace(list: string, place: Place): void {
  try {
    const others = readAll().filter(([key]) => key !== list);
    sessionStorage.setItem(KEY, JSON.stringify([[list, place], ...others].slice(0, MOST_LISTS)));
  } catch {
    // Without storage the list begins at its top.
  }
}
