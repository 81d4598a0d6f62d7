// Sentences with `{name}` in place of values: recognised in what was said, and filled again in another language.

const VALUE = /\{(\w+)\}/g;

const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** What matches a sentence whatever its values, which are its named groups; a name that comes twice has one value. */
export function patternOf(sentence: string): RegExp {
  const seen = new Set<string>();
  const parts = sentence.split(VALUE).map((part, at) => {
    if (at % 2 === 0) return literal(part);
    if (seen.has(part)) return `\\k<${part}>`;
    seen.add(part);
    return `(?<${part}>[^]*?)`;
  });
  return new RegExp(`^${parts.join('')}$`);
}

/** A sentence with its values in their places; a value that is missing leaves its name there. */
export const fillIn = (sentence: string, values: Readonly<Record<string, string>>): string =>
  sentence.replace(VALUE, (place, name: string) => values[name] ?? place);
