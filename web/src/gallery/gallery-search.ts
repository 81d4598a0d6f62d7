// The gallery's address: filters, words and the picture shown large, as search parameters. What cannot be read is left out,
// never an error, so that an old or a mistyped link still opens the gallery.

export const GALLERY_MODES = ['text-to-image', 'image-to-image'] as const;
export const GALLERY_ORIGINS = ['studio', 'batch', 'story', 'api'] as const;
export const GALLERY_RATIOS = ['portrait', 'landscape', 'square'] as const;

export interface GalleryFilter {
  mode?: (typeof GALLERY_MODES)[number];
  kind?: 'hd';
  origin?: (typeof GALLERY_ORIGINS)[number];
  model?: string;
  provider?: string;
  style?: string;
  ratio?: (typeof GALLERY_RATIOS)[number];
  /** The first day, `2026-01-31`, in the reader's time zone. */
  from?: string;
  /** The last day. */
  to?: string;
  favourite?: true;
  trashed?: true;
  tag?: string;
  q?: string;
}

export interface GallerySearch extends GalleryFilter {
  /** Id of the picture shown large. */
  view?: string;
}

export type FilterName = keyof GalleryFilter;

const MOST_CHARS = 300;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

function oneOf<const Value extends string>(value: unknown, allowed: readonly Value[]): Value | undefined {
  return allowed.find((one) => one === value);
}

function words(value: unknown): string | undefined {
  // The router reads a parameter that looks like a number as one.
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && text !== '' ? text.slice(0, MOST_CHARS) : undefined;
}

function day(value: unknown): string | undefined {
  return typeof value === 'string' && DAY.test(value) && !Number.isNaN(Date.parse(value)) ? value : undefined;
}

/** Reads the search parameters of a gallery address. */
export function parseGallerySearch(search: Record<string, unknown>): GallerySearch {
  const flag = (value: unknown) => (value === true || value === 'true' ? true : undefined);
  const read: Record<keyof GallerySearch, string | true | undefined> = {
    q: words(search.q),
    mode: oneOf(search.mode, GALLERY_MODES),
    kind: oneOf(search.kind, ['hd']),
    origin: oneOf(search.origin, GALLERY_ORIGINS),
    model: words(search.model),
    provider: words(search.provider),
    style: words(search.style),
    ratio: oneOf(search.ratio, GALLERY_RATIOS),
    from: day(search.from),
    to: day(search.to),
    favourite: flag(search.favourite),
    trashed: flag(search.trashed),
    tag: words(search.tag),
    view: words(search.view),
  };
  return Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined)) as GallerySearch;
}

/** Whether anything narrows the list; the trash is a place of its own, not a filter. */
export function isNarrowed(filter: GalleryFilter): boolean {
  return Object.keys(filter).some((name) => name !== 'view' && name !== 'trashed');
}

/** Midnight before the day (or after it, with `daysLater` 1), in the reader's time zone. */
function midnight(isoDay: string, daysLater: number): string {
  const [year = 0, month = 1, date = 1] = isoDay.split('-').map(Number);
  return new Date(year, month - 1, date + daysLater).toISOString();
}

/** The filter as the API takes it. */
export function toApiFilter(filter: GalleryFilter): Record<string, string> {
  const { from, to, favourite, trashed, mode, kind, origin, model, provider, style, ratio, tag, q } = filter;
  const api = {
    mode,
    kind,
    origin,
    model,
    provider,
    style,
    ratio,
    tag,
    q: q?.trim() || undefined,
    after: from && midnight(from, 0),
    before: to && midnight(to, 1),
    favourite: favourite && 'true',
    trashed: trashed && 'true',
  };
  return Object.fromEntries(Object.entries(api).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
}
