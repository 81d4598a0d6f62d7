// What a visit to the gallery asks for before the room's own script is there: the list and, beside it, the rows of the first
// screen. Invariant: what was begun is handed out once, to the same filter, and only while it is fresh.
import type { GalleryRow } from '../../../src/media/contract.ts';
import { apiUrl, authorization, call } from '../api/client.ts';
import { type GalleryFilter, toApiFilter } from './gallery-search.ts';
import { readPlace } from './stored-place.ts';

/** Where the index is, under the API. */
export const INDEX_PATH = 'v1/gallery/index';
/** Rows of the first screen and some below it; one window of the row source. */
const FIRST_ROWS = 100;
/** Thumbnails that even a phone's first screen shows. */
const FIRST_THUMBS = 12;
const FRESH_MS = 30_000;

export interface FirstLook {
  readonly key: string;
  readonly beganAtMs: number;
  /** The answer of the index, whatever its status; rejects as fetch does. */
  readonly index: Promise<Response>;
  /** The newest rows, or null when they could not be read or the list does not begin at its top. */
  readonly rows: Promise<readonly GalleryRow[] | null>;
  /** The same once they are here. */
  rowsHere: readonly GalleryRow[] | null;
  /** Kept so that the browser keeps what they load. */
  thumbs: readonly HTMLImageElement[];
  cancel(): void;
}

/** By what a list is known: its filter. */
export const listKey = (filter: GalleryFilter): string => JSON.stringify(filter);

/** The filter, and what else a call says, as a query. */
export function galleryQuery(filter: GalleryFilter, more: Record<string, string> = {}): URLSearchParams {
  return new URLSearchParams({ ...toApiFilter(filter), ...more });
}

/** Minutes from UTC to the reader's time, for the days. */
export const utcOffsetMin = (): number => -new Date().getTimezoneOffset();

/** Asks for a filter's index; resolves to the answer, whatever its status, and rejects as fetch does. */
export function fetchIndex(filter: GalleryFilter, signal: AbortSignal): Promise<Response> {
  const url = apiUrl(`${INDEX_PATH}?${galleryQuery(filter, { utc_offset: String(utcOffsetMin()) })}`);
  const headers = { 'accept-language': document.documentElement.lang, ...authorization() };
  return fetch(url, { headers, credentials: 'same-origin', signal });
}

let begun: FirstLook | null = null;

function begin(filter: GalleryFilter): FirstLook {
  const key = listKey(filter);
  const abort = new AbortController();
  const { signal } = abort;
  const index = fetchIndex(filter, signal);
  const query = galleryQuery(filter, { limit: String(FIRST_ROWS) });
  // A place far down the list has other rows.
  const rows =
    readPlace(key) === null
      ? call<{ data: GalleryRow[] }>('GET', `v1/gallery/window?${query}`, { signal }).then(
          ({ data }) => data,
          () => null,
        )
      : Promise.resolve(null);
  const look: FirstLook = {
    key,
    beganAtMs: performance.now(),
    index,
    rows,
    rowsHere: null,
    thumbs: [],
    cancel: () => abort.abort(),
  };
  // What failed is told by who takes it, or asked for anew: there may have been no session yet.
  const drop = () => {
    if (begun === look) begun = null;
  };
  index.then(({ ok }) => ok || drop(), drop);
  void rows.then((here) => {
    look.rowsHere = here;
    look.thumbs = (here ?? []).slice(0, FIRST_THUMBS).flatMap(beginThumb);
  });
  return look;
}

function beginThumb(row: GalleryRow): HTMLImageElement[] {
  if (row.damage) return [];
  const image = new Image();
  image.fetchPriority = 'high';
  image.src = row.thumb_url;
  return [image];
}

/** Begins to read a list, for a page that is about to show it. */
export function beginFirstLook(filter: GalleryFilter): void {
  begun?.cancel();
  begun = begin(filter);
}

/** What was begun for this filter, for a look at what is here already. */
export function peekFirstLook(filter: GalleryFilter): FirstLook | null {
  const isFresh = begun !== null && performance.now() - begun.beganAtMs < FRESH_MS;
  return isFresh && begun?.key === listKey(filter) ? begun : null;
}

/** Hands out what was begun for this filter, or begins it now. */
export function takeFirstLook(filter: GalleryFilter): FirstLook {
  const look = peekFirstLook(filter);
  if (begun !== look) begun?.cancel();
  begun = null;
  return look ?? begin(filter);
}
