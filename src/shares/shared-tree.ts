// Which pages of a story a link shows: those whose picture belongs to the link, and the pages before them. So a link shows the
// story as it was when the link was made, whatever is read, told or painted later; places never move.
import type { SharedStory, SharedStoryPage } from '../stories/stories.ts';
import type { SharedImageRow } from './store.ts';

export interface SharedWay {
  text: string;
  /** The place of the page it leads to. */
  place: number;
}

export interface SharedLeaf {
  /** From 1, as in the page's address. */
  place: number;
  /** How many pages lead to it, itself included. */
  number: number;
  title: string;
  choice: string | null;
  text: string;
  altText: string;
  isLast: boolean;
  /** The place of the page before; null for the first. */
  before: number | null;
  ways: SharedWay[];
  /** Null when it was deleted, or never painted. */
  picture: SharedImageRow | null;
}

export interface SharedBook {
  title: string;
  /** As HTML names it. */
  lang: string;
  byDemoWriter: boolean;
  /** Each page after the one before it. */
  leaves: SharedLeaf[];
}

/** `imageIds` are all pictures of the link, `images` those that visitors may see now. */
export function sharedBook(
  story: SharedStory,
  imageIds: ReadonlySet<string>,
  images: readonly SharedImageRow[],
): SharedBook {
  const shown = shownPages(story.pages, imageIds);
  const places = new Map(shown.map((page, index) => [page.id, index + 1]));
  const byId = new Map(images.map((image) => [image.image_id, image]));
  return {
    title: story.title,
    lang: story.language === 'zh' ? 'zh-CN' : story.language,
    byDemoWriter: story.byDemoWriter,
    leaves: shown.map((page) => ({
      place: places.get(page.id) ?? 0,
      number: page.number,
      title: page.title,
      choice: page.choice,
      text: page.text,
      altText: page.altText,
      isLast: page.isLast,
      before: places.get(page.parentId ?? '') ?? null,
      ways: waysOf(page, shown, places),
      picture: page.imageIds.map((id) => byId.get(id)).find((image) => image !== undefined) ?? null,
    })),
  };
}

function shownPages(pages: readonly SharedStoryPage[], imageIds: ReadonlySet<string>): SharedStoryPage[] {
  const byId = new Map(pages.map((page) => [page.id, page]));
  const shown = new Set<string>();
  for (const page of pages) {
    if (!page.imageIds.some((id) => imageIds.has(id))) continue;
    let one: SharedStoryPage | undefined = page;
    while (one && !shown.has(one.id)) {
      shown.add(one.id);
      one = byId.get(one.parentId ?? '');
    }
  }
  return pages.filter(({ id }) => shown.has(id));
}

function waysOf(
  page: SharedStoryPage,
  shown: readonly SharedStoryPage[],
  places: ReadonlyMap<string, number>,
): SharedWay[] {
  return shown
    .filter(({ parentId }) => parentId === page.id)
    .sort((a, b) => (a.choiceIndex ?? Number.MAX_SAFE_INTEGER) - (b.choiceIndex ?? Number.MAX_SAFE_INTEGER))
    .map(({ id, choice }) => ({ text: choice ?? '', place: places.get(id) ?? 1 }));
}
