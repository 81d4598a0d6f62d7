// `{a|b}` in a prompt stands for each of its choices; several of them, also one inside another, for every combination. Braces
// without a bar are text, and so is what follows a backslash.
import { AppError } from '../kernel/errors.ts';

/** Deeper nesting is a mistake, or an attack on the stack. */
const MAX_DEPTH = 8;

type Part = string | readonly (readonly Part[])[];

/** All prompts of a template, in the order of its choices. Throws `validation_failed` for more than `most`. */
export function expandPrompt(template: string, most: number): string[] {
  if (!/[{\\]/.test(template)) return [template];
  const parts = parse(template);
  const count = countOf(parts);
  if (count > most) {
    throw new AppError('validation_failed', {
      detail: `The choices of this prompt make ${count} prompts; a batch has at most ${most}.`,
    });
  }
  return combine(parts);
}

function countOf(parts: readonly Part[]): number {
  return parts.reduce(
    (product, part) =>
      typeof part === 'string' ? product : product * part.reduce((sum, choice) => sum + countOf(choice), 0),
    1,
  );
}

function combine(parts: readonly Part[]): string[] {
  return parts.reduce<string[]>(
    (made, part) => {
      const ends = typeof part === 'string' ? [part] : part.flatMap(combine);
      return made.flatMap((start) => ends.map((end) => start + end));
    },
    [''],
  );
}

interface Reading {
  text: string;
  at: number;
  /** Places of braces that open choices. */
  opens: ReadonlySet<number>;
}

function parse(text: string): Part[] {
  const [choice = []] = readChoices({ text, at: 0, opens: findTemplates(text) }, 0);
  return choice;
}

/** The braces that close and have a bar of their own, found in one pass: prompts come from anybody. */
function findTemplates(text: string): Set<number> {
  const opens = new Set<number>();
  const open: { at: number; hasBar: boolean }[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    const innermost = open.at(-1);
    if (char === '\\') at += 1;
    else if (char === '{') open.push({ at, hasBar: false });
    else if (char === '|' && innermost) innermost.hasBar = true;
    else if (char === '}' && innermost) {
      open.pop();
      if (innermost.hasBar && open.length < MAX_DEPTH) opens.add(innermost.at);
    }
  }
  return opens;
}

/** Choices up to the closing brace, or at depth 0 one that is all of the text. */
function readChoices(reading: Reading, depth: number): Part[][] {
  const { text, opens } = reading;
  const choices: Part[][] = [[]];
  let plain = '';
  /** Braces inside that are only text. */
  let literal = 0;
  const endPlain = () => {
    if (plain !== '') choices.at(-1)?.push(plain);
    plain = '';
  };
  while (reading.at < text.length) {
    const at = reading.at;
    const char = text[at] as string;
    reading.at += 1;
    if (char === '\\' && /[{}|\\]/.test(text[at + 1] ?? '')) {
      plain += text[at + 1];
      reading.at += 1;
    } else if (opens.has(at)) {
      endPlain();
      choices.at(-1)?.push(readChoices(reading, depth + 1));
    } else if (char === '|' && depth > 0 && literal === 0) {
      endPlain();
      choices.push([]);
    } else if (char === '}' && depth > 0 && literal === 0) {
      break;
    } else {
      if (char === '{') literal += 1;
      else if (char === '}' && literal > 0) literal -= 1;
      plain += char;
    }
  }
  endPlain();
  return choices;
}
