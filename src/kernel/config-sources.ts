// Where settings come from: process environment, .env, `<NAME>_FILE` files and drawbridge.yaml, each value with its
// origin in words. Nothing here judges a value; it only finds it, and never puts one into a message.
import { isAbsolute, relative, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { closest, distance } from 'fastest-levenshtein';
import { isAlias, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';

/** A problem stops the start, a warning does not. `key` is the name that the reader has to look at. */
export interface ConfigIssue {
  key: string;
  text: string;
}

/** A value and, in words, where it came from: `process environment`, `.env line 3`, `drawbridge.yaml:12`, `file /run/…`. */
export interface Found {
  value: unknown;
  origin: string;
}

export interface Issues {
  problems: ConfigIssue[];
  warnings: ConfigIssue[];
}

/** Reads a whole text file; throws an error with `code: 'ENOENT'` if there is none. */
export type ReadFile = (path: string) => string;

interface Layer {
  name: string;
  values: Readonly<Record<string, string | undefined>>;
  origin(name: string): string;
}

export interface Environment {
  /** The first name with a value, from the process environment, then .env; `NAME_FILE` counts where `files` says so. */
  find(names: readonly string[], files: boolean): Found | undefined;
  /** For messages: where `find` looked and what it saw there. */
  lookedIn(name: string, files: boolean): string;
  /** Every name in either place, with its place. */
  names(): { name: string; origin: string }[];
}

const MOST_DISTANCE = 4;

/** ` Did you mean X?` if one candidate is close enough to be a slip of the finger, else an empty string. */
export function didYouMean(name: string, candidates: readonly string[]): string {
  const near = nearest(name, candidates);
  return near === undefined ? '' : ` Did you mean ${near}?`;
}

/** The candidate at most four edits (and a third of the longer name) away. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const near = closest(name, candidates);
  return distance(name, near) <= Math.min(MOST_DISTANCE, Math.ceil(Math.max(name.length, near.length) / 3))
    ? near
    : undefined;
}

export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'unreadable';
}

/** The last line that assigns `name`, as `parseEnv` lets the last one win. */
function lineOf(name: string, text: string): number | undefined {
  const starts = new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=`);
  const index = text.split('\n').findLastIndex((line) => starts.test(line));
  return index === -1 ? undefined : index + 1;
}

function readDotEnv(cwd: string, readFile: ReadFile, issues: Issues): { layer: Layer; exists: boolean } {
  let text = '';
  let exists = true;
  try {
    text = readFile(resolve(cwd, '.env'));
  } catch (error) {
    exists = false;
    if (errorCode(error) !== 'ENOENT') {
      issues.problems.push({ key: '.env', text: `.env is there but cannot be read (${errorCode(error)}).` });
    }
  }
  const values = parseEnv(text.replace(/^\uFEFF/, ''));
  const origin = (name: string) => {
    const line = lineOf(name, text);
    return line === undefined ? '.env' : `.env line ${line}`;
  };
  return { exists, layer: { name: '.env', values, origin } };
}

function filled(layer: Layer, name: string): string | undefined {
  const value = layer.values[name]?.trim();
  return value === '' ? undefined : value;
}

/** The content of the file that `twin` names; a problem and no value when it cannot be read or is empty. */
function readSecretFile(
  path: string,
  from: string,
  twin: string,
  cwd: string,
  readFile: ReadFile,
  issues: Issues,
) {
  const origin = `file ${path} named by ${twin}, ${from}`;
  try {
    const value = readFile(resolve(cwd, path)).trim();
    if (value !== '') return { value, origin };
    issues.problems.push({ key: twin, text: `${twin} (${from}) names ${path}, which is empty.` });
  } catch (error) {
    const why =
      errorCode(error) === 'ENOENT' ? 'which does not exist' : `which cannot be read (${errorCode(error)})`;
    issues.problems.push({ key: twin, text: `${twin} (${from}) names ${path}, ${why}.` });
  }
  return undefined;
}

/** Opens the process environment and `<cwd>/.env`. An empty or blank value counts as not set. */
export function openEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
  readFile: ReadFile,
  issues: Issues,
): Environment {
  const { layer: dotEnv, exists } = readDotEnv(cwd, readFile, issues);
  const processLayer: Layer = {
    name: 'process environment',
    values: env,
    origin: () => 'process environment',
  };
  const layers = [processLayer, dotEnv];
  const fileCache = new Map<string, Found | undefined>();

  const findIn = (layer: Layer, name: string, files: boolean): Found | undefined => {
    const value = filled(layer, name);
    const twin = `${name}_FILE`;
    const path = files ? filled(layer, twin) : undefined;
    if (value !== undefined && path !== undefined && !fileCache.has(twin)) {
      fileCache.set(twin, undefined);
      issues.problems.push({
        key: name,
        text: `${name} and ${twin} are both set (${layer.origin(name)}, ${layer.origin(twin)}). Keep one of them.`,
      });
    }
    if (value !== undefined) return { value, origin: layer.origin(name) };
    if (path === undefined) return undefined;
    const cacheKey = `${layer.name}:${twin}`;
    if (!fileCache.has(cacheKey)) {
      fileCache.set(cacheKey, readSecretFile(path, layer.origin(twin), twin, cwd, readFile, issues));
    }
    return fileCache.get(cacheKey);
  };

  return {
    find(names, files) {
      for (const name of names) {
        for (const layer of layers) {
          const found = findIn(layer, name, files);
          if (found) return found;
        }
      }
      return undefined;
    },
    lookedIn(name, files) {
      const state = (layer: Layer) => (layer.values[name] === undefined ? '' : ' (there, but empty)');
      const dotEnvPath = `${resolve(cwd, '.env')}${exists ? state(dotEnv) : ' (no such file)'}`;
      return `the process environment${state(processLayer)}, ${dotEnvPath}${files ? ` and ${name}_FILE` : ''}`;
    },
    names: () =>
      layers.flatMap((layer) =>
        Object.keys(layer.values)
          .filter((name) => filled(layer, name) !== undefined)
          .map((name) => ({ name, origin: layer.origin(name) })),
      ),
  };
}

const REFERENCE = /\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/** Replaces `${NAME}` and `${NAME:-otherwise}`; `$${` stands for a plain `${`. */
function fillReferences(
  text: string,
  origin: string,
  key: string,
  environment: Environment,
  issues: Issues,
): string {
  return text.replace(
    REFERENCE,
    (_all, escaped: string | undefined, name: string, otherwise: string | undefined) => {
      if (escaped) return escaped;
      const found = environment.find([name], true);
      if (found) return String(found.value);
      if (otherwise !== undefined) return otherwise;
      issues.problems.push({
        key,
        text: `${key} (${origin}) refers to \${${name}}, which is not set. Looked in ${environment.lookedIn(name, true)}. Set it, or write \${${name}:-} to allow it to be missing.`,
      });
      return '';
    },
  );
}

/** What drawbridge.yaml is allowed to hold: leaves, sections of leaves, and sections whose keys are not ours to judge. */
export interface YamlShape {
  leaves: ReadonlySet<string>;
  sections: ReadonlySet<string>;
  /** Below these (two levels: name, then field) every key is taken. */
  raw: ReadonlySet<string>;
}

export interface YamlFile {
  /** As messages show it: relative to the working directory where that is shorter. */
  shownPath: string;
  exists: boolean;
  /** Dotted key → value. Raw sections have keys of three parts. */
  values: ReadonlyMap<string, Found>;
}

interface YamlWalk {
  shape: YamlShape;
  issues: Issues;
  originOf(node: unknown): string;
  values: Map<string, Found>;
  resolve(node: unknown): unknown;
  plain(node: unknown, key: string): unknown;
}

function known(walk: YamlWalk, parent: string): string[] {
  const depth = parent === '' ? 1 : parent.split('.').length + 1;
  return [...walk.shape.leaves, ...walk.shape.sections, ...walk.shape.raw]
    .filter((key) => key.split('.').length === depth && (parent === '' || key.startsWith(`${parent}.`)))
    .map((key) => key.split('.').at(-1) ?? key);
}

function walkMap(walk: YamlWalk, node: unknown, parent: string, rawDepth: number): void {
  const map = walk.resolve(node);
  if (isScalar(map) && map.value === null) return;
  if (!isMap(map)) {
    const text = `${parent || 'The whole file'} (${walk.originOf(node)}) must be a section with keys under it.`;
    walk.issues.problems.push({ key: parent, text });
    return;
  }
  for (const pair of map.items) {
    const name = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
    const key = parent === '' ? name : `${parent}.${name}`;
    const origin = walk.originOf(pair.key);
    if (rawDepth === 1) walkMap(walk, pair.value, key, 2);
    else if (rawDepth === 2 || walk.shape.leaves.has(key)) {
      const value = walk.plain(pair.value, key);
      if (value !== null && value !== undefined) walk.values.set(key, { value, origin });
    } else if (walk.shape.raw.has(key)) walkMap(walk, pair.value, key, 1);
    else if (walk.shape.sections.has(key)) walkMap(walk, pair.value, key, 0);
    else {
      const near = nearest(name, known(walk, parent));
      const hint = near === undefined ? '' : ` Did you mean ${parent === '' ? near : `${parent}.${near}`}?`;
      walk.issues.warnings.push({ key, text: `${key} (${origin}) is not a setting and is ignored.${hint}` });
    }
  }
}

/** Fills references in every string of a plain value. */
function fillDeep(value: unknown, fill: (text: string) => string): unknown {
  if (typeof value === 'string') return fill(value);
  if (Array.isArray(value)) return value.map((item) => fillDeep(item, fill));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fillDeep(item, fill)]));
}

/**
 * Reads drawbridge.yaml. `named` is set when somebody asked for this very file (DRAWBRIDGE_CONFIG): then it must exist.
 * Syntax errors, missing references and wrong shapes become problems; unknown keys become warnings.
 */
export function readYaml(
  path: string,
  named: string | undefined,
  cwd: string,
  shape: YamlShape,
  environment: Environment,
  readFile: ReadFile,
  issues: Issues,
): YamlFile {
  const fullPath = resolve(cwd, path);
  const fromHere = relative(cwd, fullPath);
  const shownPath = fromHere.startsWith('..') || isAbsolute(fromHere) ? fullPath : fromHere;
  const values = new Map<string, Found>();
  let text: string;
  try {
    text = readFile(fullPath);
  } catch (error) {
    const code = errorCode(error);
    if (named !== undefined || code !== 'ENOENT') {
      const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
      const from = named === undefined ? '' : `, named by DRAWBRIDGE_CONFIG (${named}),`;
      issues.problems.push({
        key: 'DRAWBRIDGE_CONFIG',
        text: `The configuration file ${fullPath}${from} ${why}.`,
      });
    }
    return { shownPath, exists: false, values };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  for (const error of document.errors) {
    const line = lines.linePos(error.pos[0]).line;
    issues.problems.push({ key: shownPath, text: `${shownPath}:${line} is not valid YAML (${error.code}).` });
  }
  if (document.errors.length > 0) return { shownPath, exists: true, values };
  const originOf = (node: unknown) => {
    const range = (node as Node | null)?.range;
    return range ? `${shownPath}:${lines.linePos(range[0]).line}` : shownPath;
  };
  const unalias = (node: unknown) => (isAlias(node) ? node.resolve(document) : node);
  const walk: YamlWalk = {
    shape,
    issues,
    originOf,
    values,
    resolve: unalias,
    plain(node, key) {
      const plain = (unalias(node) as Node | null)?.toJS(document, { maxAliasCount: 100 });
      return fillDeep(plain, (item) => fillReferences(item, originOf(node), key, environment, issues));
    },
  };
  if (document.contents) walkMap(walk, document.contents, '', 0);
  return { shownPath, exists: true, values };
}
