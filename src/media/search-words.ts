// Cuts prompts and queries into search tokens, the same for both databases. Words are taken as they stand, without case and
// accents; Chinese, Japanese and Korean have no spaces, so each two neighbouring characters are a token, and the last one alone.
import { MAX_TOKEN_CHARS, type SearchTerm } from '../kernel/db-search.ts';

/** Different tokens of one text; what a prompt of 8,000 characters says beyond is not found. */
const MAX_TOKENS = 1_000;
const MAX_TERMS = 32;

const RUN = /[\p{L}\p{N}]+/gu;
const CJK_OR_OTHER =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}ー]+|[^\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}ー]+/gu;
const CJK = /^[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}ー]/u;

/** Full width, case and accents say nothing here; what is composed of letters stays composed. */
function fold(text: string): string {
  return text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase().normalize('NFC');
}

interface Run {
  isCjk: boolean;
  chars: string[];
}

function* runsOf(text: string): Generator<Run> {
  for (const [run] of fold(text).matchAll(RUN))
    for (const [part] of run.matchAll(CJK_OR_OTHER)) yield { isCjk: CJK.test(part), chars: [...part] };
}

const bigrams = (chars: readonly string[]) => chars.slice(1).map((char, index) => `${chars[index]}${char}`);
const wordOf = (chars: readonly string[]) => chars.slice(0, MAX_TOKEN_CHARS / 2).join('');

/** The tokens of a text, each once. */
export function searchTokens(text: string): string[] {
  const tokens = new Set<string>();
  for (const { isCjk, chars } of runsOf(text)) {
    const found = isCjk ? [...bigrams(chars), chars.at(-1) ?? ''] : [wordOf(chars)];
    for (const token of found) tokens.add(token);
    if (tokens.size >= MAX_TOKENS) break;
  }
  return [...tokens].slice(0, MAX_TOKENS);
}

/** What a query asks for: words as beginnings of words, Chinese as it stands. Empty when it names no letter or digit. */
export function searchTerms(query: string): SearchTerm[] {
  const terms = new Map<string, SearchTerm>();
  for (const { isCjk, chars } of runsOf(query)) {
    const found: SearchTerm[] =
      isCjk && chars.length > 1
        ? bigrams(chars).map((token) => ({ token, isPrefix: false }))
        : [{ token: wordOf(chars), isPrefix: true }];
    for (const term of found) terms.set(term.token, term);
  }
  return [...terms.values()].slice(0, MAX_TERMS);
}
