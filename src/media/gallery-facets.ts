// What there is to filter by: the counts of a scan, with the names that people know, bounded and in order.
import type { Db } from '../kernel/db.ts';
import { type Gallery, MOST_OFFSETS } from './gallery.ts';
import type { GalleryColumns } from './gallery-columns.ts';
import type { GalleryFacets, GalleryQuery } from './gallery-contract.ts';
import { nextTurn } from './gallery-index.ts';
import { orientationOfClass } from './gallery-index-format.ts';
import { KINDS, MODES, ORIGINS_BY_CODE } from './gallery-record.ts';
import { type Counts, type Criteria, countFacets, emptyCounts } from './gallery-scan.ts';
import { type GalleryNamesTable, tagLists } from './gallery-store.ts';
import { TRASH_KEEP_MS } from './garbage.ts';

const MOST_VALUES = 100;
const MOST_DAYS = 4_000;
/** Of one turn of the event loop, about 8 ms. */
const RECORDS_PER_TURN = 200_000;
const DAY_MS = 86_400_000;
const NO_STYLE = 'none';

interface Counted {
  value: string;
  count: number;
}

/** Of the pictures that match `filter`; each list without its own part of it. */
export async function facetsOf(
  gallery: Gallery,
  db: Db,
  accountId: string,
  filter: GalleryQuery,
  utcOffsetMin: number,
): Promise<GalleryFacets> {
  const { counts, names } = await gallery.use(accountId, filter, async (account, view) => {
    const counts =
      view.counts.get(utcOffsetMin) ?? (await countAll(account.columns, view.criteria, utcOffsetMin));
    if (view.counts.size >= MOST_OFFSETS) view.counts.clear();
    view.counts.set(utcOffsetMin, counts);
    return { counts, names: await account.readNames() };
  });
  return {
    count: counts.count,
    bytes: counts.bytes,
    modes: listed(MODES, counts.modes),
    kinds: listed(KINDS, counts.kinds),
    origins: listed(ORIGINS_BY_CODE, counts.origins),
    ratios: ratiosOf(counts),
    models: named(counts.models, names),
    providers: named(counts.providers, names),
    styles: stylesOf(counts, names),
    favourites: counts.favourites,
    tags: countTags(await tagLists(db.slow, accountId)),
    days: daysOf(counts),
    trash: { ...counts.trash, keep_days: TRASH_KEEP_MS / DAY_MS },
  };
}

/** Only inside `use`: it lets others work now and then. */
async function countAll(columns: GalleryColumns, criteria: Criteria, utcOffsetMin: number): Promise<Counts> {
  const counts = emptyCounts();
  for (let from = 0; from < columns.length; from += RECORDS_PER_TURN) {
    countFacets(counts, columns, criteria, { utcOffsetMin, from, to: from + RECORDS_PER_TURN });
    await nextTurn();
  }
  return counts;
}

const byCount = (a: Counted, b: Counted) => b.count - a.count || (a.value < b.value ? -1 : 1);
const top = <Value extends Counted>(values: Value[]): Value[] => values.sort(byCount).slice(0, MOST_VALUES);

function listed(values: readonly string[], counts: Uint32Array): Counted[] {
  return values.flatMap((value, code) => {
    const count = counts[code] ?? 0;
    return count > 0 ? [{ value, count }] : [];
  });
}

function ratiosOf({ ratios }: Counts): Counted[] {
  const sums = new Map<string, number>();
  for (const [ratio, count] of ratios.entries()) {
    const orientation = orientationOfClass(ratio);
    if (count > 0) sums.set(orientation, (sums.get(orientation) ?? 0) + count);
  }
  return top([...sums].map(([value, count]) => ({ value, count })));
}

function named(counts: Uint32Array, names: Map<number, GalleryNamesTable>): Counted[] {
  return top(
    [...names.values()].flatMap(({ no, name }) => {
      const count = counts[no] ?? 0;
      return count > 0 ? [{ value: name, count }] : [];
    }),
  );
}

function stylesOf({ styles }: Counts, names: Map<number, GalleryNamesTable>): GalleryFacets['styles'] {
  const used = [0, ...names.keys()].filter((no) => (styles[no] ?? 0) > 0);
  const values = used.map((no) => {
    const count = styles[no] ?? 0;
    const known = names.get(no);
    const label = known?.label ? (JSON.parse(known.label) as { en?: string; zh?: string }) : null;
    const value = known?.name ?? NO_STYLE;
    return {
      value,
      count,
      names: known ? { en: label?.en ?? value, zh: label?.zh ?? label?.en ?? value } : null,
    };
  });
  return top(values);
}

function daysOf({ days }: Counts): GalleryFacets['days'] {
  return [...days]
    .sort(([a], [b]) => b - a)
    .slice(0, MOST_DAYS)
    .map(([day, count]) => ({ day: new Date(day * DAY_MS).toISOString().slice(0, 10), count }));
}

function countTags(lists: readonly { tags: string; pictures: number }[]): Counted[] {
  const counts = new Map<string, number>();
  for (const { tags, pictures } of lists)
    for (const tag of JSON.parse(tags) as string[]) counts.set(tag, (counts.get(tag) ?? 0) + pictures);
  return top([...counts].map(([value, count]) => ({ value, count })));
}
