// The repository's own source files as the structure rules see them, and the words they share.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { readSource, type SourceFile } from './source-text.ts';

const PATTERNS = [
  'src/**/*.ts',
  'migrations/**/*.ts',
  'test/**/*.ts',
  'bench/**/*.ts',
  'web/src/**/*.{ts,tsx}',
];

export interface Project {
  files: Map<string, SourceFile>;
  /** Slices from the lowest to the highest, as docs/architecture.md lists them. */
  rank: string[];
}

export interface Violation {
  path: string;
  /** 1 for the file as a whole. */
  line: number;
  problem: string;
}

/** The line of docs/architecture.md that begins with `kernel < `. */
export function readRank(architecture: string): string[] {
  const line = architecture.split('\n').find((candidate) => candidate.startsWith('kernel < '));
  if (!line) throw new Error('docs/architecture.md has no line that begins with "kernel < "');
  return line.split('<').map((slice) => slice.trim());
}

/** A project made of these texts by path. */
export function projectOf(texts: Record<string, string>, rank: string[]): Project {
  const files = Object.entries(texts).map(([path, text]) => [path, readSource(path, text)] as const);
  return { files: new Map(files), rank };
}

/** Reads the repository in the current folder. */
export function readProject(): Project {
  const paths = globSync(PATTERNS).map((path) => path.replaceAll('\\', '/'));
  const texts = Object.fromEntries(paths.sort().map((path) => [path, readFileSync(path, 'utf8')]));
  const architecture = 'docs/architecture.md';
  if (!existsSync(architecture))
    throw new Error(`${architecture} is missing; run the tests in the repository's root`);
  return projectOf(texts, readRank(readFileSync(architecture, 'utf8')));
}

export const isTest = (path: string) => /\.test\.tsx?$/.test(path) || path.startsWith('test/');

/** The slice that a path belongs to; undefined for files directly in src/ and for everything outside it. */
export function sliceOf(path: string): string | undefined {
  return /^src\/([^/]+)\/./.exec(path)?.[1];
}

/** The program's own files: under src/, without tests. */
export function programFiles({ files }: Project): SourceFile[] {
  return [...files.values()].filter(({ path }) => path.startsWith('src/') && !isTest(path));
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/** Each place where `pattern` (global) matches the code, with what is wrong about it. */
export function matches(file: SourceFile, pattern: RegExp, problem: string, text = file.code): Violation[] {
  return [...text.matchAll(pattern)].map((match) => ({
    path: file.path,
    line: lineAt(text, match.index),
    problem: problem.replace('$0', match[0].trim().replaceAll(/\s+/g, ' ')),
  }));
}
