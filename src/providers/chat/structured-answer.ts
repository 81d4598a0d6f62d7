// From a model's answer to a checked value: found in fences, after thoughts, before chatter; mended where it is nearly
// JSON; bounded in depth and size; cleaned of invisible characters; and then judged by the schema alone.
import { jsonrepair } from 'jsonrepair';
import { z } from 'zod';
import { shortened, visibleText } from './hostile-text.ts';

/** Longer answers are not read; a page of a story has a few thousand characters. */
export const MAX_ANSWER_CHARS = 256 * 1024;
const MAX_DEPTH = 24;
const MAX_PROBLEMS = 8;
const MAX_PROBLEM_CHARS = 200;

export type StructuredAnswer<T> = { ok: true; value: T } | { ok: false; problems: readonly string[] };

/** Keywords that a strict JSON schema may not have everywhere; the zod schema checks them all the same. */
const UNCERTAIN_KEYWORDS = ['minLength', 'maxLength', 'pattern', 'format', 'default', 'minItems', 'maxItems'];

/** The schema as JSON schema: whole for a prompt, `strict` without what some services refuse. */
export function jsonSchemaOf(schema: z.ZodType, strict: boolean): Record<string, unknown> {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, {
    target: 'draft-7',
    override: ({ jsonSchema }) => {
      if (!strict) return;
      for (const keyword of UNCERTAIN_KEYWORDS) Reflect.deleteProperty(jsonSchema, keyword);
    },
  });
  return json;
}

/** Index after the bracket that closes the one at `start`; -1 if it stays open or nests too deeply. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  let isInString = false;
  for (let i = start; i < text.length; i += 1) {
    const char = text[i];
    if (isInString) {
      if (char === '\\') i += 1;
      else if (char === '"') isInString = false;
    } else if (char === '"') isInString = true;
    else if (char === '{' || char === '[') {
      depth += 1;
      if (depth > MAX_DEPTH) return -1;
    } else if (char === '}' || char === ']') {
      depth -= 1;
      if (depth === 0) return i + 1;
    }
  }
  return -1;
}

/** Parts of the answer that may be the JSON, likeliest first. */
function candidates(answer: string): string[] {
  const text = answer
    .replace(/^\ufeff/, '')
    .replace(/^\s*<think(?:ing)?>[\s\S]*?<\/think(?:ing)?>/i, '')
    .trim();
  const fenced = /```[a-z]*\s*([\s\S]*?)(?:```|$)/i.exec(text)?.[1]?.trim();
  const start = text.indexOf('{');
  const end = start < 0 ? -1 : endOfValue(text, start);
  const braced = start < 0 ? undefined : text.slice(start, end < 0 ? undefined : end);
  return [
    ...new Set([text, fenced, braced].filter((part): part is string => part !== undefined && part !== '')),
  ];
}

/** Nesting counted without regard to strings: more than there is, never less. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (const char of text) {
    if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth = Math.max(0, depth - 1);
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

/** The same value with every string cleaned, and without keys that reach into prototypes. */
function cleaned(value: unknown): unknown {
  if (typeof value === 'string') return visibleText(value);
  if (Array.isArray(value)) return value.map(cleaned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== '__proto__')
      .map(([key, member]) => [key, cleaned(member)]),
  );
}

function parsedAs(text: string, read: (text: string) => unknown): { value: unknown } | null {
  try {
    return { value: read(text) };
  } catch {
    return null;
  }
}

function problemsOf(error: z.ZodError): string[] {
  return error.issues.slice(0, MAX_PROBLEMS).map((issue) => {
    const where = issue.path.length > 0 ? issue.path.join('.') : 'the answer';
    return shortened(`${where}: ${issue.message}`, MAX_PROBLEM_CHARS);
  });
}

/**
 * Reads an answer against the schema. With `mayMend` JSON that is slightly broken is mended; without it, as for an answer
 * that broke off, only whole JSON counts.
 */
export function readStructuredAnswer<T>(
  answer: string,
  schema: z.ZodType<T>,
  mayMend: boolean,
): StructuredAnswer<T> {
  if (answer.trim() === '') return { ok: false, problems: ['the answer is empty'] };
  if (answer.length > MAX_ANSWER_CHARS) return { ok: false, problems: ['the answer is too long'] };
  if (isTooDeep(answer)) return { ok: false, problems: ['the answer is nested too deeply'] };
  const parts = candidates(answer);
  const mend = (text: string) => JSON.parse(jsonrepair(text)) as unknown;
  const attempts = [
    ...parts.map((part) => parsedAs(part, JSON.parse)),
    ...(mayMend && answer.includes('{') ? parts.toReversed().map((part) => parsedAs(part, mend)) : []),
  ];
  let problems: string[] = ['the answer is not JSON'];
  let isFirst = true;
  for (const attempt of attempts) {
    if (!attempt) continue;
    const result = schema.safeParse(cleaned(attempt.value));
    if (result.success) return { ok: true, value: result.data };
    if (isFirst) problems = problemsOf(result.error);
    isFirst = false;
  }
  return { ok: false, problems };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\n', b: '', f: '' };

/** The string member `field` of an object whose JSON is still arriving, as far as it has come; null before it begins. */
export function partialField(answerSoFar: string, field: string): string | null {
  const opening = new RegExp(`"${field}"\\s*:\\s*"`).exec(answerSoFar);
  if (!opening) return null;
  let text = '';
  for (let i = opening.index + opening[0].length; i < answerSoFar.length; i += 1) {
    const char = answerSoFar[i];
    if (char === '"') break;
    if (char !== '\\') {
      text += char;
      continue;
    }
    const escaped = answerSoFar[i + 1];
    if (escaped === undefined) break;
    if (escaped !== 'u') {
      text += ESCAPES[escaped] ?? escaped;
      i += 1;
      continue;
    }
    const code = answerSoFar.slice(i + 2, i + 6);
    if (!/^[0-9a-f]{4}$/i.test(code)) break;
    text += String.fromCharCode(Number.parseInt(code, 16));
    i += 5;
  }
  // Half of a pair waits for the other half.
  return visibleText(text.replace(/[\ud800-\udbff]$/, ''));
}
