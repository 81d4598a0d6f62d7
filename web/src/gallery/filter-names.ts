// What the active filters are called, for chips and for people who hear them.

import type { GalleryMessageKey } from '../../../src/kernel/messages/gallery-en.ts';
import type { RoomText } from '../ui/language.ts';
import type { GalleryFacets } from './gallery-api.ts';
import type { FilterName, GalleryFilter } from './gallery-search.ts';

export type GalleryText = RoomText<GalleryMessageKey>;

/** A day such as `2026-01-31` in the reader's words. */
export function dayName(isoDay: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' }).format(Date.parse(isoDay));
}

/** The name of a style in the page's language. */
export function styleName(
  id: string,
  facets: GalleryFacets | undefined,
  { t, language }: GalleryText,
): string {
  if (id === 'none') return t('gallery.style.none');
  return facets?.styles.find((style) => style.value === id)?.names?.[language] ?? id;
}

/** The active filters in a fixed order; the trash is a place, not a filter. */
export function describeFilter(
  filter: GalleryFilter,
  facets: GalleryFacets | undefined,
  text: GalleryText,
): { name: FilterName; label: string }[] {
  const { t, locale } = text;
  const labels: [FilterName, string | undefined][] = [
    ['q', filter.q && `“${filter.q}”`],
    ['favourite', filter.favourite && t('gallery.filter.favourite')],
    ['mode', filter.mode && `${t('gallery.filter.mode')}: ${t(`gallery.mode.${filter.mode}`)}`],
    ['kind', filter.kind && t(`gallery.kind.${filter.kind}`)],
    ['origin', filter.origin && t(`gallery.origin.${filter.origin}`)],
    ['ratio', filter.ratio && t(`gallery.ratio.${filter.ratio}`)],
    ['model', filter.model],
    ['provider', filter.provider],
    ['style', filter.style && styleName(filter.style, facets, text)],
    ['tag', filter.tag && `#${filter.tag}`],
    ['from', filter.from && `${t('gallery.filter.from')} ${dayName(filter.from, locale)}`],
    ['to', filter.to && `${t('gallery.filter.to')} ${dayName(filter.to, locale)}`],
  ];
  return labels.flatMap(([name, label]) => (label ? [{ name, label }] : []));
}
