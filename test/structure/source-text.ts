// Reads TypeScript just well enough for the structure rules: where comments and strings are, what is imported, and how
// long functions are. TypeScript 7 has no JavaScript API, and a parser of our own would be one more thing to trust.
import { posix } from 'node:path';

export interface SourceImport {
  /** Path from the repository's root for relative imports, else the package's name as written. */
  target: string;
  relative: boolean;
  typeOnly: boolean;
  /** Names in the braces of a static import, as exported. */
  names: string[];
}

export interface SourceFile {
  path: string;
  text: string;
  /** The text with comments blanked out, and with comments and the insides of strings blanked out. Same length and lines. */
  withoutComments: string;
  code: string;
  imports: SourceImport[];
}

type Region = 'code' | 'line' | 'block' | "'" | '"' | '`' | 'regex';

const REGEX_MAY_FOLLOW = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\breturn|\btypeof|\bcase|=>)\s*$/;

/** Blanks comments, and if `strings` is set the insides of strings and regular expressions too. */
function blank(text: string, strings: boolean): string {
  const out = text.split('');
  const templates: number[] = [];
  let region: Region = 'code';
  let braces = 0;
  let inClass = false;
  const hide = (index: number) => {
    if (out[index] !== '\n') out[index] = ' ';
  };
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i] ?? '';
    const next = text[i + 1];
    if (region === 'code') {
      if (char === '/' && (next === '/' || next === '*')) {
        region = next === '/' ? 'line' : 'block';
        hide(i);
        hide(i + 1);
        i += 1;
      } else if (char === "'" || char === '"' || char === '`') region = char;
      else if (char === '/' && REGEX_MAY_FOLLOW.test(text.slice(Math.max(0, i - 20), i))) region = 'regex';
      else if (char === '{') braces += 1;
      else if (char === '}') {
        if (templates.length > 0 && templates.at(-1) === braces) {
          templates.pop();
          region = '`';
        } else braces -= 1;
      }
    } else if (region === 'line') {
      if (char === '\n') region = 'code';
      else hide(i);
    } else if (region === 'block') {
      hide(i);
      if (char === '*' && next === '/') {
        hide(i + 1);
        i += 1;
        region = 'code';
      }
    } else if (char === '\\') {
      if (strings) [hide(i), hide(i + 1)];
      i += 1;
    } else if (region === '`' && char === '$' && next === '{') {
      templates.push(braces);
      region = 'code';
      i += 1;
    } else if (region === 'regex' && char === '[') {
      inClass = true;
      if (strings) hide(i);
    } else if (region === 'regex' && char === ']') {
      inClass = false;
      if (strings) hide(i);
    } else if (
      (region === 'regex' && char === '/' && !inClass) ||
      char === region ||
      (region !== '`' && char === '\n')
    ) {
      region = 'code';
      inClass = false;
    } else if (strings) hide(i);
  }
  return out.join('');
}

const STATIC_IMPORT = /^(?:import|export)\s+(type\s+)?(?:([\w*${}\s,]+?)\s+from\s+)?'([^']+)'/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*'([^']+)'\s*\)|\bnew URL\(\s*'(\.[^']+\.ts)'\s*,\s*import\.meta\.url/g;

function importOf(path: string, specifier: string, typeOnly: boolean, clause: string): SourceImport {
  const relative = specifier.startsWith('.');
  const braces = /\{([^}]*)\}/.exec(clause)?.[1] ?? '';
  const names = braces
    .split(',')
    .map(
      (name) =>
        name
          .trim()
          .replace(/^type\s+/, '')
          .split(/\s+as\s+/)[0] ?? '',
    )
    .filter(Boolean);
  const target = relative ? posix.join(posix.dirname(path), specifier) : specifier;
  return { target, relative, typeOnly, names };
}

/** Reads one file; `path` is relative to the repository's root, with forward slashes. */
export function readSource(path: string, text: string): SourceFile {
  const withoutComments = blank(text, false);
  const imports: SourceImport[] = [];
  for (const [, type, clause, specifier] of withoutComments.matchAll(STATIC_IMPORT)) {
    imports.push(importOf(path, specifier ?? '', type !== undefined, clause ?? ''));
  }
  for (const [, dynamic, worker] of withoutComments.matchAll(DYNAMIC_IMPORT)) {
    imports.push(importOf(path, dynamic ?? worker ?? '', false, ''));
  }
  return { path, text, withoutComments, code: blank(text, true), imports };
}

const CONTROL = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'await']);

/** Index of the bracket that opens the one at `close`, reading backwards. */
function openingOf(code: string, close: number): number {
  const pairs: Record<string, string> = { ')': '(', '}': '{' };
  const closing = code[close] ?? '';
  const opening = pairs[closing];
  let depth = 0;
  for (let i = close; i >= 0; i -= 1) {
    if (code[i] === closing) depth += 1;
    else if (code[i] === opening) {
      depth -= 1;
      if (depth === 0) return i;
    }
  }
  return -1;
}

/** Cuts `: Promise<{…}>` off the end of `head`; null if there is no return type there. */
function withoutReturnType(head: string): string | null {
  for (let i = head.length - 1; i >= 0; i -= 1) {
    const char = head[i] ?? '';
    if (char === ':') return i < head.length - 1 ? head.slice(0, i).trimEnd() : null;
    if (char === '}') {
      if (/^\s*\w/.test(head.slice(i + 1))) return null;
      i = openingOf(head, i);
    } else if (!/[\w\s.|&<>[\],'"?$]/.test(char)) return null;
  }
  return null;
}

/** Whether the brace at `index` opens the body of a function, method or arrow function. */
function opensFunction(code: string, index: number): boolean {
  const before = code.slice(Math.max(0, index - 2000), index).trimEnd();
  if (before.endsWith('=>')) return true;
  const signature = before.endsWith(')') ? before : withoutReturnType(before);
  if (!signature?.endsWith(')')) return false;
  const head = signature.slice(0, Math.max(0, openingOf(signature, signature.length - 1))).trimEnd();
  const word = /([\w$#]+)(?:<[^<>]*>)?$/.exec(head)?.[1];
  return word !== undefined && !CONTROL.has(word);
}

export interface FunctionLength {
  line: number;
  lines: number;
}

/** The functions with a body in braces, each with the line it begins on and how many it spans. */
export function functionLengths({ code }: SourceFile): FunctionLength[] {
  const found: FunctionLength[] = [];
  const open: { line: number; isFunction: boolean }[] = [];
  let line = 1;
  for (let i = 0; i < code.length; i += 1) {
    const char = code[i];
    if (char === '\n') line += 1;
    else if (char === '{') open.push({ line, isFunction: opensFunction(code, i) });
    else if (char === '}') {
      const start = open.pop();
      if (start?.isFunction) found.push({ line: start.line, lines: line - start.line + 1 });
    }
  }
  return found;
}
