// Parses JSON bodies that strangers send. Depth, keys and text are checked on the raw text, before JSON.parse builds
// anything: a depth of 10,000 parses fine and then breaks JSON.stringify, which would be a 500.
import { isUtf8 } from 'node:buffer';
import { AppError } from './errors.ts';

export const MAX_JSON_DEPTH = 32;
export const MAX_JSON_KEYS = 10_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;

const refuse = (detail: string): never => {
  throw new AppError('malformed_request', { detail });
};

/** Index just after the string that opens at `start`, or the text's length if it never closes. */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH) i += 2;
    else if (code === QUOTE) return i + 1;
    else i += 1;
  }
  return text.length;
}

/** Notes a key of the innermost object; a repeated one is refused, since readers disagree which of the two counts. */
function noteKey(keys: Set<string> | null, rawKey: string): void {
  const key = rawKey.includes('\\') ? decodeKey(rawKey) : rawKey;
  if (key === '__proto__') refuse('The key "__proto__" is not allowed.');
  if (!keys) return;
  if (keys.has(key)) refuse(`The key "${key.slice(0, 60)}" appears twice in one object.`);
  keys.add(key);
}

function decodeKey(rawKey: string): string {
  try {
    return JSON.parse(`"${rawKey}"`) as string;
  } catch {
    return rawKey;
  }
}

/** Walks the text once: depth, number of keys, repeated keys. Syntax itself is JSON.parse's to judge. */
function checkShape(text: string): void {
  const stack: (Set<string> | null)[] = [];
  let keyCount = 0;
  let lastString = '';
  for (let i = 0; i < text.length; ) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      const end = endOfString(text, i);
      lastString = text.slice(i + 1, end - 1);
      i = end;
      continue;
    }
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (stack.length === MAX_JSON_DEPTH) refuse(`The JSON is nested deeper than ${MAX_JSON_DEPTH} levels.`);
      stack.push(code === OPEN_BRACE ? new Set() : null);
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      stack.pop();
    } else if (code === COLON) {
      keyCount += 1;
      if (keyCount > MAX_JSON_KEYS) refuse(`The JSON has more than ${MAX_JSON_KEYS} keys.`);
      noteKey(stack.at(-1) ?? null, lastString);
    }
    i += 1;
  }
}

/** Text with a NUL or half a surrogate pair cannot be stored by every database; found only where an escape is used. */
function checkText(value: unknown): void {
  if (typeof value === 'string') {
    if (value.includes('\0') || !value.isWellFormed()) {
      refuse('A text contains a NUL character or half of a surrogate pair.');
    }
  } else if (Array.isArray(value)) {
    for (const item of value) checkText(item);
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      checkText(key);
      checkText(item);
    }
  }
}

/** Parses a request body; throws `malformed_request` (400) with the reason in plain words. */
export function parseJsonBody(text: string): unknown {
  if (text.trim() === '') return refuse('The body is empty; a JSON object was expected.');
  checkShape(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refuse(`The body is not valid JSON: ${(error as Error).message.slice(0, 200)}.`);
  }
  if (!text.isWellFormed() || text.includes('\\u') || text.includes('\0')) checkText(value);
  return value;
}

/** As `parseJsonBody`, for the bytes of a body: UTF-8, with or without a byte order mark. */
export function parseJsonBytes(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) return refuse('The body is not UTF-8.');
  const text = bytes.toString('utf8');
  return parseJsonBody(text.startsWith('\uFEFF') ? text.slice(1) : text);
}
