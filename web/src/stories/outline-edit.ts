// An outline as it is edited: its rows have keys of their own, so that moving one moves its field and not only its words, and it
// may be incomplete while somebody types. Only a complete one becomes an outline for the server.
import { randomUuid } from '../ui/random-id.ts';
import type { Outline, StoryCharacter } from './story-api.ts';

/** These agree with the server's limits. */
export const MAX_TITLE_CHARS = 120;
export const MAX_SUMMARY_CHARS = 800;
export const MAX_NAME_CHARS = 60;
export const MAX_LOOK_CHARS = 500;
export const MOST_CHARACTERS = 6;
export const FEWEST_PAGES = 2;
export const MOST_PAGES = 12;

export interface EditedPage {
  key: string;
  title: string;
  summary: string;
}

export interface EditedCharacter {
  key: string;
  name: string;
  look: string;
  /** `img_…` or `up_…`. */
  imageId: string | null;
}

export interface EditedOutline {
  title: string;
  summary: string;
  characters: readonly EditedCharacter[];
  pages: readonly EditedPage[];
  /** The writer's own note, which goes back as it came. */
  plan: string;
}

export function editedCharacter(character: StoryCharacter): EditedCharacter {
  const { name, look, image_id: imageId = null } = character;
  return { key: randomUuid(), name, look, imageId };
}

export const newCharacter = (): EditedCharacter => ({ key: randomUuid(), name: '', look: '', imageId: null });

/** An outline's editable form; rows that `before` has at the same place keep their keys. */
export function toEdited(outline: Outline, before: EditedOutline | null = null): EditedOutline {
  return {
    title: outline.title,
    summary: outline.summary,
    plan: outline.plan,
    characters: outline.characters.map((character, at) => ({
      ...editedCharacter(character),
      ...keyOf(before?.characters[at]),
    })),
    pages: outline.pages.map(({ title, summary }, at) => ({
      key: randomUuid(),
      title,
      summary,
      ...keyOf(before?.pages[at]),
    })),
  };
}

const keyOf = (row: { key: string } | undefined) => (row ? { key: row.key } : {});

/** A character without name and look is a row that nobody filled in. */
const isFilled = ({ name, look, imageId }: EditedCharacter) =>
  name.trim() !== '' || look.trim() !== '' || imageId !== null;

/** The characters that are filled in, for the server; null while one lacks its name or its look. */
export function completeCharacters(characters: readonly EditedCharacter[]): StoryCharacter[] | null {
  const filled = characters.filter(isFilled).map(({ name, look, imageId }) => ({
    name: name.trim(),
    look: look.trim(),
    ...(imageId === null ? {} : { image_id: imageId }),
  }));
  return filled.every(({ name, look }) => name !== '' && look !== '') ? filled : null;
}

/** The outline for the server, or null while a title, or a character's name or look, is missing. */
export function completeOutline(edited: EditedOutline): Outline | null {
  const characters = completeCharacters(edited.characters);
  const title = edited.title.trim();
  const pages = edited.pages.map((page) => ({ title: page.title.trim(), summary: page.summary.trim() }));
  if (characters === null || title === '' || pages.some((page) => page.title === '')) return null;
  return { title, summary: edited.summary.trim(), characters, pages, plan: edited.plan };
}

/** The row at `from` put to the place `to`. */
export function moved<Row>(rows: readonly Row[], from: number, to: number): readonly Row[] {
  const row = rows[from];
  if (row === undefined || to < 0 || to >= rows.length || from === to) return rows;
  return rows.toSpliced(from, 1).toSpliced(to, 0, row);
}

/** An empty page put behind the page at `at`; the last page stays the end of the story. */
export function withPageAfter(pages: readonly EditedPage[], at: number): readonly EditedPage[] {
  if (pages.length >= MOST_PAGES) return pages;
  return pages.toSpliced(at + 1, 0, { key: randomUuid(), title: '', summary: '' });
}

export function withoutPage(pages: readonly EditedPage[], at: number): readonly EditedPage[] {
  return pages.length <= FEWEST_PAGES ? pages : pages.toSpliced(at, 1);
}
