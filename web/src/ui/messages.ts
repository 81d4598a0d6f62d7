// Fills a catalogue text: `{name}` and one level of `{name, plural, one {…} other {…}}`, with numbers by Intl.
// Small on purpose (the usual library costs 17 KB); what it cannot express does not belong in a catalogue text.

export type MessageValues = Readonly<Record<string, string | number>>;

/** Where the brace that opens at `start` closes. */
function closingBrace(text: string, start: number): number {
  let depth = 0;
  for (let index = start; index < text.length; index += 1) {
    if (text[index] === '{') depth += 1;
    else if (text[index] === '}') {
      depth -= 1;
      if (depth === 0) return index;
    }
  }
  return text.length;
}

function choosePlural(branches: string, value: number, locale: string): string {
  const wanted = new Intl.PluralRules(locale).select(value);
  const found = new Map<string, string>();
  let index = 0;
  while (index < branches.length) {
    const open = branches.indexOf('{', index);
    if (open < 0) break;
    const close = closingBrace(branches, open);
    found.set(branches.slice(index, open).trim(), branches.slice(open + 1, close));
    index = close + 1;
  }
  return found.get(wanted) ?? found.get('other') ?? '';
}

/** Returns `template` with its arguments filled in; an argument that was not given stays visible as `{name}`. */
export function formatMessage(template: string, values: MessageValues, locale: string): string {
  let result = '';
  let index = 0;
  while (index < template.length) {
    const open = template.indexOf('{', index);
    if (open < 0) return result + template.slice(index);
    const close = closingBrace(template, open);
    const inner = template.slice(open + 1, close);
    const [name = '', kind, ...rest] = inner.split(',');
    const value = values[name.trim()];
    result += template.slice(index, open);
    if (value === undefined) result += template.slice(open, close + 1);
    else if (kind?.trim() === 'plural')
      result += formatMessage(choosePlural(rest.join(','), Number(value), locale), values, locale);
    else result += typeof value === 'number' ? new Intl.NumberFormat(locale).format(value) : value;
    index = close + 1;
  }
  return result;
}
