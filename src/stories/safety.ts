// What a story for children may be about. Readers' ideas, ways on and outlines pass through here before anybody writes, and what a
// writer answered passes through here before anybody reads it. Some things are refused whatever the setting; others are made
// harmless, or refused where the setting is strict.
import { AppError } from '../kernel/errors.ts';
import { NEVER, SOFTER, type Topic } from './safety-words.ts';

/** What a picture of a story must never show, where the model takes a negative prompt. */
export const NEGATIVE_PROMPT =
  'blood, gore, wounds, nudity, weapons, cigarettes, alcohol, horror, scary faces, text, letters, watermark';

export interface Softened {
  text: string;
  /** The words that were replaced, as they stood. */
  words: string[];
}

/** Letters as they are compared: one width, no accents, no tricks with spaces inside a word or with look-alike digits. */
function folded(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}|\p{Cf}/gu, '')
    .toLowerCase();
}

/** The same without anything between letters that were spread out to pass (`k.i.l.l`, `自 杀`). */
function squeezed(text: string): string {
  return folded(text)
    .replace(/(?<=\b\p{L})[\s.*_-]+(?=\p{L}\b)/gu, '')
    .replace(/(?<=\p{Script=Han})[\s.*_-]+(?=\p{Script=Han})/gu, '')
    .replaceAll('0', 'o')
    .replaceAll('1', 'i')
    .replaceAll('3', 'e')
    .replaceAll('@', 'a')
    .replaceAll('$', 's');
}

/** The first topic that no story may have, or null. */
export function findForbidden(text: string): Topic | null {
  const forms = [folded(text), squeezed(text)];
  for (const { topic, pattern } of NEVER) if (forms.some((form) => pattern.test(form))) return topic;
  return null;
}

/** The text with what frightens made harmless. */
export function soften(text: string): Softened {
  const words: string[] = [];
  let softer = text.normalize('NFC');
  for (const { pattern, instead } of SOFTER) {
    softer = softer.replace(pattern, (word) => {
      words.push(word);
      return instead;
    });
  }
  return { text: softer, words: [...new Set(words)] };
}

/**
 * What a reader wrote, fit for children. Throws `content_blocked` for what is never told, and with `strict` for what would have to
 * be made harmless.
 */
export function safeWords(text: string, safety: 'strict' | 'gentle'): Softened {
  const topic = findForbidden(text);
  if (topic !== null) throw refused(topic);
  const softened = soften(text);
  if (softened.words.length > 0 && findForbidden(softened.text) !== null) throw refused('violence');
  // What was spread out or misspelt on purpose cannot be replaced word by word.
  if (softened.words.length === 0 && soften(squeezed(text)).words.length > soften(folded(text)).words.length)
    throw refused('violence');
  if (softened.words.length > 0 && safety === 'strict') throw refused('violence');
  return softened;
}

/** Whether a writer's answer may be shown. Throws `content_blocked`. */
export function requireSafeAnswer(texts: readonly string[]): void {
  for (const text of texts) {
    const topic = findForbidden(text);
    if (topic !== null) {
      throw new AppError('content_blocked', {
        detail: `The writer's answer was about ${TOPIC_NAMES[topic]} and is not shown.`,
        fix: 'Try again, or choose another way on.',
      });
    }
  }
}

const TOPIC_NAMES: Record<Topic, string> = {
  sex: 'nudity or sex',
  cruelty: 'cruelty',
  self_harm: 'self-harm',
  drugs: 'drugs',
  hate: 'hatred of people',
  danger: 'something dangerous to imitate',
  violence: 'violence',
};

function refused(topic: Topic): AppError {
  return new AppError('content_blocked', {
    detail: `Stories here are for children, and this is about ${TOPIC_NAMES[topic]}.`,
    fix: 'Take another idea, or tell it without that.',
  });
}
