// A story as a book: what PDF and EPUB are made from. Choices lead to pages of the same book, where those are in it.
import { AppError } from '../kernel/errors.ts';
import type { Media } from '../media/media.ts';
import type { StoryLanguage } from '../providers/chat/chat.ts';
import { parseOutline, type StoryRow } from './store.ts';
import { bookPages, type ViewParts } from './view.ts';

export interface BookChoice {
  text: string;
  /** The page's place in the book, from 0; null where it is not in it. */
  leadsTo: number | null;
}

export interface BookLeaf {
  id: string;
  /** 1 for the first page of a path. */
  number: number;
  title: string;
  text: string;
  altText: string;
  choices: BookChoice[];
  /** How many ways lead to a page of this number in the book: those need a sign which one this is. */
  choice: string | null;
  picture: BookPicture | null;
}

export interface BookPicture {
  kind: 'final' | 'hd';
  key: string;
  mime: string;
  width: number;
  height: number;
}

export interface Book {
  id: string;
  title: string;
  summary: string;
  language: StoryLanguage;
  byDemoWriter: boolean;
  createdAt: number;
  /** Milliseconds: when it was last changed. */
  updatedAt: number;
  leaves: BookLeaf[];
  openPicture(picture: BookPicture): ReturnType<Media['openFile']>;
}

/** Throws `not_found` for a page that is not in the story, `conflict` when nothing is written yet. */
export async function gatherBook(
  parts: ViewParts,
  story: StoryRow,
  lastPageId: string | null,
): Promise<Book> {
  const found = await bookPages(parts, story.id, lastPageId);
  if (lastPageId !== null && !found.some(({ page }) => page.id === lastPageId))
    throw new AppError('not_found', { detail: 'There is no such page that is written.' });
  if (found.length === 0) throw new AppError('conflict', { detail: 'Nothing of this story is written yet.' });
  const outline = story.outline === null ? null : parseOutline(story.outline);
  const place = new Map(found.map(({ page }, index) => [page.id, index]));
  return {
    id: story.id,
    title: story.title,
    summary: outline?.summary ?? '',
    language: story.language,
    byDemoWriter: story.by_demo_writer === 1,
    createdAt: story.created_at,
    updatedAt: story.updated_at,
    leaves: found.map(({ page, image }) => {
      const next = found.filter((one) => one.page.parent_id === page.id).map((one) => one.page);
      const offered = JSON.parse(page.choices) as string[];
      const own = next.flatMap(({ choice }) =>
        choice !== null && !offered.includes(choice) ? [choice] : [],
      );
      return {
        id: page.id,
        number: page.number,
        title: outline?.pages[page.number - 1]?.title ?? '',
        text: page.text,
        altText: page.alt_text,
        choice: page.choice,
        choices: [...offered, ...own].map((text) => {
          const target = next.find(({ choice }) => choice === text);
          return { text, leadsTo: target ? (place.get(target.id) ?? null) : null };
        }),
        picture:
          image === null
            ? null
            : {
                kind: image.kind,
                key: image.file_key,
                mime: image.mime,
                width: image.width,
                height: image.height,
              },
      };
    }),
    openPicture: ({ kind, key }) => parts.media.openFile(kind, key),
  };
}
