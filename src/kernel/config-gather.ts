// Brings settings and sources together: for each setting the strongest value there is, typed as the setting wants it,
// and its origin. What does not fit stays as it was written, for the check to explain.
import { readFileSync } from 'node:fs';
import { EXTERNAL_NAMES, type ExternalName } from './config-externals.ts';
import { allSettings, RAW_SECTIONS, type Setting } from './config-list.ts';
import {
  type Environment,
  type Found,
  type Issues,
  openEnvironment,
  type ReadFile,
  readYaml,
  type YamlFile,
} from './config-sources.ts';

export const CONFIG_PATH_NAME = 'DRAWBRIDGE_CONFIG';
const DEFAULT_CONFIG_PATH = './drawbridge.yaml';

export interface ConfigInput {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** Dotted key → text given on the command line; stronger than every other source. */
  flags?: Readonly<Record<string, string>>;
  readFile?: ReadFile;
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)$/;
const TRUE_WORDS = ['true', 'yes', 'on', '1'];
const FALSE_WORDS = ['false', 'no', 'off', '0'];

const splitList = (text: string) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/** Text from a source that has only text, as the type the setting wants; what does not fit stays text, for the check. */
function fromText(setting: Setting, text: string): unknown {
  switch (setting.kind) {
    case 'number':
      return NUMBER.test(text) ? Number(text) : text;
    case 'boolean': {
      const word = text.toLowerCase();
      return TRUE_WORDS.includes(word) ? true : FALSE_WORDS.includes(word) ? false : text;
    }
    case 'list':
      return splitList(text);
    case 'map': {
      const pairs = splitList(text).map((item) => /^(.+?)\s*=\s*(.*)$/.exec(item));
      if (pairs.some((pair) => pair === null)) return text;
      return Object.fromEntries(
        pairs.map((pair) => [pair?.[1] ?? '', NUMBER.test(pair?.[2] ?? '') ? Number(pair?.[2]) : pair?.[2]]),
      );
    }
    default:
      return text;
  }
}

/** Kubernetes gives every pod DRAWBRIDGE_PORT=tcp://… and the like for a service called drawbridge; those are not ours. */
function withoutServiceLinks(env: ConfigInput['env'], issues: Issues): ConfigInput['env'] {
  if (!env.DRAWBRIDGE_PORT?.startsWith('tcp://')) return env;
  issues.warnings.push({
    key: 'DRAWBRIDGE_PORT',
    text: 'DRAWBRIDGE_PORT (process environment) is an address that Kubernetes sets for a service called "drawbridge", and is ignored. Set enableServiceLinks: false in the pod to be rid of it.',
  });
  const isLink = (name: string) => /^DRAWBRIDGE_(PORT(_\d+_.*)?|SERVICE_.*)$/.test(name);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isLink(name)));
}

export interface Gathered {
  settings: readonly Setting[];
  found: Map<string, Found>;
  environment: Environment;
  yaml: YamlFile;
}

/** Where the value of this name lands, as a dotted key. */
export const externalKey = (name: ExternalName) => `${name.section}.${name.part}.${name.field}`;

/** Finds the value of every setting; problems and warnings of the sources themselves go to `issues`. */
export function gather(input: ConfigInput, issues: Issues): Gathered {
  const readFile = input.readFile ?? ((path: string) => readFileSync(path, 'utf8'));
  const environment = openEnvironment(withoutServiceLinks(input.env, issues), input.cwd, readFile, issues);
  const settings = allSettings();
  const sections = settings.flatMap(({ path }) =>
    path.slice(0, -1).map((_, i) => path.slice(0, i + 1).join('.')),
  );
  const shape = {
    leaves: new Set(settings.map(({ key }) => key)),
    sections: new Set(sections),
    raw: new Set<string>(RAW_SECTIONS),
  };
  const path = environment.find([CONFIG_PATH_NAME], false);
  const yamlPath = path === undefined ? DEFAULT_CONFIG_PATH : String(path.value);
  const yaml = readYaml(yamlPath, path?.origin, input.cwd, shape, environment, readFile, issues);
  const found = new Map<string, Found>(yaml.values);
  for (const setting of settings) {
    const flagText = input.flags?.[setting.key];
    const text =
      flagText === undefined
        ? environment.find(setting.env, setting.secret)
        : { value: flagText, origin: 'command line' };
    const value = text ?? found.get(setting.key);
    if (!value) continue;
    found.set(setting.key, {
      origin: value.origin,
      value: typeof value.value === 'string' ? fromText(setting, value.value.trim()) : value.value,
    });
  }
  for (const external of EXTERNAL_NAMES) {
    const text = environment.find(external.env, external.secret);
    if (text) found.set(externalKey(external), text);
  }
  return { settings, found, environment, yaml };
}

/** The dotted keys as nested objects, with no prototype to pollute. */
export function toTree(found: ReadonlyMap<string, Found>): Record<string, unknown> {
  const root: Record<string, unknown> = Object.create(null);
  for (const [key, { value }] of found) {
    const path = key.split('.');
    const last = path.pop() ?? key;
    let node = root;
    for (const name of path) {
      node[name] ??= Object.create(null);
      node = node[name] as Record<string, unknown>;
    }
    node[last] = value;
  }
  return root;
}
