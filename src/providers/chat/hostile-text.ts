// What a language model or a stranger wrote, made into plain text: nothing invisible, nothing that turns the direction
// of a line, and for stories nothing that a reader's program could take for markup or an address.

/** Control characters but tab and line break, formats and bidi turns, lone surrogates, private use. */
const INVISIBLE = /[^\P{C}\n\t\u200d]/gu;
const VARIATION_OR_TAG = /[\u{e0000}-\u{e0fff}]/gu;
const TAG = /<\/?[a-z!?][^<>]*>/gi;
const MARKDOWN_LINK = /!?\[([^\]\n]*)\]\(\s*[^)\n]*\)/g;
const ADDRESS = /\b(?:[a-z][a-z0-9+.-]{1,20}:\/\/|(?:javascript|vbscript|data|mailto):|www\.)\S*/gi;
const MARKDOWN_MARKS = /(?:^#{1,6} +|\*\*|__|`+)/gm;
/** Each pass may bring to light what another pass removes. */
const MOST_PASSES = 4;

/** Text without control and direction characters, in composed form; line breaks stay. */
export function visibleText(text: string): string {
  return text.normalize('NFC').replace(/\r\n?/g, '\n').replace(INVISIBLE, '').replace(VARIATION_OR_TAG, '');
}

/** Prose without tags, links, addresses and markdown: what a story is made of. */
export function storyText(text: string): string {
  let plain = visibleText(text);
  for (let pass = 0; pass < MOST_PASSES; pass += 1) {
    const before = plain;
    plain = plain
      .replace(MARKDOWN_LINK, '$1')
      .replace(TAG, '')
      .replace(ADDRESS, '')
      .replace(MARKDOWN_MARKS, '');
    if (plain === before) break;
  }
  return plain
    .replace(/[ \t]+/g, ' ')
    .replace(/ *\n */g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

/** The same on one line: titles, choices, prompts. */
export function storyLine(text: string): string {
  return storyText(text).replace(/\s+/g, ' ').trim();
}

/** At most `most` characters, whole ones, marked when cut. */
export function shortened(text: string, most: number): string {
  const characters = Array.from(text);
  return characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : text;
}
