// The tree of a story's pages as a reader walks it: the ways on from a page, and the rows of the branch map. Pure;
// pages come in any order, each with the id of its parent.
import type { Story, StoryPage } from '../story-api.ts';

type Pages = readonly StoryPage[];

/** A way on from a page: one that it offers, or one in a reader's own words. */
export interface Way {
  text: string;
  /** Which of the page's choices; null for an own way. */
  choice: number | null;
  /** Where it leads, if that page exists. */
  page: StoryPage | undefined;
}

/** `read`: opened before. `ready`: made ahead, its text is there. `making`: made ahead just now. `new`: nobody has made it yet. */
export type WayState = 'read' | 'ready' | 'making' | 'new';

/** The pages that follow a page directly: in the order of its choices, own ways after them in the order they were made. */
export function childrenOf(pages: Pages, id: string): StoryPage[] {
  return pages
    .filter(({ parent_id: parent }) => parent === id)
    .sort(
      (a, b) =>
        (a.choice_index ?? Number.POSITIVE_INFINITY) - (b.choice_index ?? Number.POSITIVE_INFINITY) ||
        (a.id < b.id ? -1 : 1),
    );
}

/** The choices of a page, and after them the own ways on that were taken from it. */
export function waysOn(pages: Pages, page: StoryPage): Way[] {
  const children = childrenOf(pages, page.id);
  const offered = page.choices.map(({ index, text, page_id: leadsTo }) => ({
    text,
    choice: index,
    page: children.find((child) => child.id === leadsTo || child.choice === text),
  }));
  const own = children.filter((child) => !offered.some((way) => way.page?.id === child.id));
  return [
    ...offered,
    ...own
      .filter(({ opened }) => opened)
      .map((child) => ({ text: child.choice ?? '', choice: null, page: child })),
  ];
}

export function stateOfWay({ page }: Way): WayState {
  if (!page) return 'new';
  if (page.opened) return 'read';
  return page.writing.status === 'ready' ? 'ready' : 'making';
}

/** Where → leads: back to the branch that was read last from here, or on where only one branch has been read. */
export function pageAfter(pages: Pages, page: StoryPage, lastRead: ReadonlyMap<string, string>) {
  const read = childrenOf(pages, page.id).filter(({ opened }) => opened);
  return read.find(({ id }) => id === lastRead.get(page.id)) ?? (read.length === 1 ? read[0] : undefined);
}

export interface MapRow {
  page: StoryPage;
  /** How deep in the tree, from 1. */
  level: number;
  /** How far to the right it stands: only a fork moves its branches, so that a long path stays narrow. */
  lane: number;
  /** The lanes whose thread passes by this row on the way to a later one. */
  passing: readonly number[];
  /** How its own thread comes from the page before: from the lane to the left, straight down, or not at all. */
  thread: 'fork' | 'straight' | 'none';
  /** Its place among its siblings, from 1, and how many they are. */
  place: number;
  count: number;
  hasChildren: boolean;
  isFolded: boolean;
}

/** Beyond it branches stand below each other, so that the map fits a phone. */
const MOST_LANES = 7;

/** The rows of the map from the top down; what follows a folded page is left out. */
export function mapRows(pages: Pages, folded: ReadonlySet<string>): MapRow[] {
  const rows: MapRow[] = [];
  const add = (row: Omit<MapRow, 'hasChildren' | 'isFolded'>) => {
    const { page, level, lane, passing } = row;
    const children = childrenOf(pages, page.id);
    const isFolded = children.length > 0 && folded.has(page.id);
    rows.push({ ...row, hasChildren: children.length > 0, isFolded });
    if (isFolded) return;
    const isFork = children.length > 1 && lane < MOST_LANES;
    for (const [index, child] of children.entries()) {
      const isLast = index === children.length - 1;
      add({
        page: child,
        level: level + 1,
        lane: isFork ? lane + 1 : lane,
        passing: isFork && !isLast ? [...passing, lane] : passing,
        thread: isFork ? 'fork' : 'straight',
        place: index + 1,
        count: children.length,
      });
    }
  };
  for (const page of pages.filter(({ parent_id: parent }) => parent === null))
    add({ page, level: 1, lane: 0, passing: [], thread: 'none', place: 1, count: 1 });
  return rows;
}

/** The page to show: the wanted one, or the one read last, or the first; undefined while there is none. */
export function pageToShow(
  { pages }: Pick<Story, 'pages'>,
  wanted: string | undefined,
  lastRead: string | null,
): StoryPage | undefined {
  const find = (id: string | null | undefined) => pages.find((page) => page.id === id);
  return find(wanted) ?? find(lastRead) ?? pages.find(({ parent_id: parent }) => parent === null);
}

/** Width over height of a story's pictures, as it was wished. */
export function ratioOf({ aspect_ratio: wish }: Pick<Story, 'aspect_ratio'>): number {
  const [width = 4, height = 3] = wish.split(':').map(Number);
  return width > 0 && height > 0 ? width / height : 4 / 3;
}

/** The paragraphs of a page. */
export function paragraphsOf(text: string): string[] {
  return text
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.trim())
    .filter((paragraph) => paragraph !== '');
}
