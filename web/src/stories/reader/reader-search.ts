// What the reader's address says: which page of the story is open, so that a reload and Back keep the place.

export interface ReaderSearch {
  /** The id of a page; without it the one read last on this device, or the first. */
  page?: string;
}

export function parseReaderSearch(search: Record<string, unknown>): ReaderSearch {
  return typeof search.page === 'string' ? { page: search.page } : {};
}
