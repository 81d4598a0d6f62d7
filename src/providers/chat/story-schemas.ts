// The shapes that a chat model must answer in, with the length of every text. Each text is made plain on the way in, so
// that what passes has no markup, no address and nothing invisible, and is in the script of its language.
import { z } from 'zod';
import type { StoryLanguage } from './chat.ts';
import { storyLine, storyText } from './hostile-text.ts';

const MAX_TITLE_CHARS = 120;
const MAX_SUMMARY_CHARS = 800;
const MAX_NAME_CHARS = 60;
const MAX_LOOK_CHARS = 500;
const MAX_TEXT_CHARS = 3000;
const MAX_CHOICE_CHARS = 160;
const MAX_PROMPT_CHARS = 1500;
const MAX_ALT_CHARS = 500;
const MOST_CHARACTERS = 6;

/** Scripts that a text must use to be in its language; others cannot be told apart so simply. */
const SCRIPTS: Partial<Record<StoryLanguage, { pattern: RegExp; name: string }>> = {
  zh: { pattern: /\p{Script=Han}/u, name: 'Chinese' },
  ja: { pattern: /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u, name: 'Japanese' },
};

const line = (most: number) => z.string().overwrite(storyLine).min(1).max(most);
const prose = (most: number) => z.string().overwrite(storyText).min(1).max(most);

function inLanguage<T extends z.ZodString>(text: T, language: StoryLanguage): T {
  const script = SCRIPTS[language];
  return script ? text.regex(script.pattern, `must be written in ${script.name}`) : text;
}

/** `{outlines: […]}` with exactly `count` proposals of `pages` pages. */
export function outlinesSchema(language: StoryLanguage, pages: number, count: number) {
  const page = z.object({
    title: line(MAX_TITLE_CHARS),
    summary: inLanguage(prose(MAX_SUMMARY_CHARS), language),
  });
  const outline = z.object({
    title: inLanguage(line(MAX_TITLE_CHARS), language),
    summary: inLanguage(prose(MAX_SUMMARY_CHARS), language),
    characters: z
      .array(z.object({ name: line(MAX_NAME_CHARS), look: prose(MAX_LOOK_CHARS) }))
      .min(1)
      .max(MOST_CHARACTERS),
    pages: z.array(page).length(pages),
  });
  return z.object({ outlines: z.array(outline).length(count) });
}

/** One page; the last has no choices, the others two or three. `text` comes first, so that it can be shown as it arrives. */
export function pageSchema(language: StoryLanguage, isLast: boolean) {
  const choices = z.array(inLanguage(line(MAX_CHOICE_CHARS), language));
  return z.object({
    text: inLanguage(prose(MAX_TEXT_CHARS), language),
    choices: isLast ? choices.max(0) : choices.min(2).max(3),
    picture_prompt: line(MAX_PROMPT_CHARS),
    alt_text: inLanguage(line(MAX_ALT_CHARS), language),
  });
}

/** Only the text of a page. */
export function textSchema(language: StoryLanguage) {
  return z.object({ text: inLanguage(prose(MAX_TEXT_CHARS), language) });
}
