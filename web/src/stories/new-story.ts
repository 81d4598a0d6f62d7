// The form of a new story as plain data: what was filled in, and what it asks the server for. It is kept on this device until the
// story is made.

import { STORY_LANGUAGES } from './languages.ts';
import { completeCharacters, type EditedCharacter, FEWEST_PAGES, MOST_PAGES } from './outline-edit.ts';
import type { StoryIdeas, StoryLanguage, StoryRequest } from './story-api.ts';

/** These agree with the server's limits. */
export const MAX_IDEA_CHARS = 2000;
export const MAX_STYLE_TEXT_CHARS = 300;
const DEFAULT_PAGES = 6;
const DEFAULT_RATIO = '4:3';

export const AHEADS = ['pictures', 'text', 'none'] as const;
export const SAFETIES = ['gentle', 'strict'] as const;

type Ahead = (typeof AHEADS)[number];
type Safety = (typeof SAFETIES)[number];

/** What may still be changed once a story exists. */
export interface StoryOptions {
  style: string | null;
  styleText: string;
  model: string | null;
  ratio: string;
  ahead: Ahead;
  /** Credits as typed. */
  aheadBudget: string;
}

export interface StoryDraft extends Omit<StoryOptions, 'ahead' | 'aheadBudget'> {
  idea: string;
  /** null: that of the page. */
  language: StoryLanguage | null;
  pages: number;
  /** null, for this and the next two: what the server takes where nobody chose. */
  safety: Safety | null;
  ahead: Ahead | null;
  aheadBudget: string | null;
  characters: readonly EditedCharacter[];
}

/** A draft with everything that nobody chose filled in, as it is shown. */
export type FilledDraft = StoryDraft & StoryOptions & { safety: Safety };

/** What the server takes until it has said so itself. */
const USUAL_DEFAULTS: StoryIdeas['defaults'] = {
  safety: 'gentle',
  ahead: 'pictures',
  ahead_budget_credits: 20,
};

export const EMPTY_STORY: StoryDraft = {
  idea: '',
  language: null,
  style: null,
  styleText: '',
  model: null,
  ratio: DEFAULT_RATIO,
  pages: DEFAULT_PAGES,
  safety: null,
  ahead: null,
  aheadBudget: null,
  characters: [],
};

const text = (value: unknown, fallback: string) => (typeof value === 'string' ? value : fallback);
const textOrNull = (value: unknown) => (typeof value === 'string' ? value : null);
const oneOf = <Value>(values: readonly Value[], value: unknown, fallback: Value) =>
  values.find((known) => known === value) ?? fallback;

function parseCharacters(value: unknown): EditedCharacter[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((row: Partial<EditedCharacter> | null) =>
    typeof row?.key === 'string'
      ? [
          {
            key: row.key,
            name: text(row.name, ''),
            look: text(row.look, ''),
            imageId: textOrNull(row.imageId),
          },
        ]
      : [],
  );
}

/** The draft that was stored; whatever is missing or strange in it is as in an empty form. */
export function parseStoryDraft(json: string | null): StoryDraft {
  let stored: Partial<Record<keyof StoryDraft, unknown>>;
  try {
    stored = (JSON.parse(json ?? '{}') ?? {}) as typeof stored;
  } catch {
    return EMPTY_STORY;
  }
  const pages = typeof stored.pages === 'number' ? Math.round(stored.pages) : EMPTY_STORY.pages;
  return {
    idea: text(stored.idea, ''),
    language: oneOf<StoryLanguage | null>(STORY_LANGUAGES, stored.language, null),
    style: textOrNull(stored.style),
    styleText: text(stored.styleText, ''),
    model: textOrNull(stored.model),
    ratio: text(stored.ratio, EMPTY_STORY.ratio),
    pages: Math.min(MOST_PAGES, Math.max(FEWEST_PAGES, pages)),
    safety: oneOf<Safety | null>(SAFETIES, stored.safety, null),
    ahead: oneOf<Ahead | null>(AHEADS, stored.ahead, null),
    aheadBudget: textOrNull(stored.aheadBudget),
    characters: parseCharacters(stored.characters),
  };
}

/** The draft as it is shown; `defaults` is what the server says of itself. */
export function filledDraft(draft: StoryDraft, defaults = USUAL_DEFAULTS): FilledDraft {
  return {
    ...draft,
    safety: draft.safety ?? defaults.safety,
    ahead: draft.ahead ?? defaults.ahead,
    aheadBudget: draft.aheadBudget ?? String(defaults.ahead_budget_credits),
  };
}

/** Credits as typed; null for what is no amount. */
export function creditsOf(typed: string): number | null {
  const amount = Number(typed.trim().replace(',', '.'));
  return typed.trim() === '' || !Number.isFinite(amount) || amount < 0 ? null : amount;
}

/** The request, with nothing that nobody chose; null without an idea, with an amount that is none, or with a character that lacks its name or look. */
export function toStoryRequest(draft: StoryDraft, pageLanguage: StoryLanguage): StoryRequest | null {
  const idea = draft.idea.trim();
  const characters = completeCharacters(draft.characters);
  const { safety, ahead, aheadBudget } = draft;
  const budget = aheadBudget === null || ahead === 'none' ? undefined : creditsOf(aheadBudget);
  if (idea === '' || characters === null || budget === null) return null;
  return {
    idea,
    language: draft.language ?? pageLanguage,
    style: draft.style,
    style_text: draft.styleText.trim() || null,
    model: draft.model,
    aspect_ratio: draft.ratio,
    pages: draft.pages,
    characters,
    ...(safety === null ? {} : { safety }),
    ...(ahead === null ? {} : { ahead }),
    ...(budget === undefined ? {} : { ahead_budget_credits: budget }),
  };
}

/** What a page and a whole path would cost, before the server is asked: prices of one text and one picture, in credits. */
export function estimateOf(pages: number, textCredits: number, pictureCredits: number) {
  const page = textCredits + pictureCredits;
  return { page, path: page * pages };
}
