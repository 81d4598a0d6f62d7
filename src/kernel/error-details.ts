// What an error says of its one occurrence, in the reader's language. The program says it in English; a sentence of the Chinese
// catalogue is recognised, with its values. Invariant: a sentence that is not known stays as it is.
import type { Language } from './errors.ts';
import { fieldReason } from './field-reasons.ts';
import { detailsZh, detailWordsZh } from './messages/details-zh.ts';
import { fillIn, patternOf } from './sentences.ts';

/** Only errors are worth recognising: what is longer quotes somebody else. */
const MAX_DETAIL_CHARS = 1_000;

let templates: readonly (readonly [RegExp, string])[] | null = null;

/** The detail, cause or fix of an error, in the language of its reader. */
export function detailIn(language: Language, detail: string): string {
  if (language === 'en' || detail.length > MAX_DETAIL_CHARS) return detail;
  const whole = Object.hasOwn(detailsZh, detail) ? detailsZh[detail] : undefined;
  if (whole !== undefined) return whole;
  const ofField = fieldReason(detail, language);
  if (ofField !== detail) return ofField;
  templates ??= Object.entries(detailsZh)
    .filter(([sentence]) => sentence.includes('{'))
    .map(([sentence, text]) => [patternOf(sentence), text] as const);
  for (const [pattern, text] of templates) {
    const values = pattern.exec(detail)?.groups;
    if (values) return fillIn(text, inChinese(values));
  }
  return detail;
}

function inChinese(values: Record<string, string>): Record<string, string> {
  const entries = Object.entries(values);
  return Object.fromEntries(entries.map(([name, value]) => [name, detailWordsZh[value] ?? value]));
}
