// What is wrong with a configuration, in words: values the schema refuses, parts that are half configured, names that
// nobody reads. Messages say where a value came from and never show a secret's value.
import type { z } from 'zod';
import { EXTERNAL_NAMES, meansUse, REQUIRED_TOGETHER } from './config-externals.ts';
import { CONFIG_PATH_NAME, externalKey, type Gathered } from './config-gather.ts';
import type { Setting } from './config-list.ts';
import type { Settings } from './config-settings.ts';
import { type ConfigIssue, didYouMean, type Issues, nearest } from './config-sources.ts';
import { CRASH_POINT_NAME } from './crash-point.ts';
import { redactText } from './redact.ts';

const LONGEST_SHOWN_VALUE = 80;
/** Below this an admin key can be guessed or was never meant for production. */
const SHORTEST_GOOD_ADMIN_KEY = 24;

const joinWords = (words: readonly string[]) =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

/** What a zod issue means for the person who wrote the value. */
function inPlainWords(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type': {
      const wanted: Record<string, string> = {
        number: 'a number',
        int: 'a whole number',
        boolean: 'true or false',
        string: 'text (in quotes, if it looks like a number)',
        array: 'a list',
        record: 'a list of name=number',
        object: 'a section',
      };
      return `must be ${wanted[issue.expected] ?? issue.expected}`;
    }
    case 'too_small':
      return issue.origin === 'string' ? 'must not be empty' : `must be at least ${issue.minimum}`;
    case 'too_big':
      return `must be at most ${issue.maximum}`;
    case 'invalid_value':
      return `must be ${joinWords(issue.values.map(String))}`;
    case 'unrecognized_keys':
      return `has an unknown name: ${issue.keys.join(', ')}`;
    default:
      return issue.message;
  }
}

function shownValue(setting: Setting | undefined, value: unknown): string {
  if (!setting || setting.secret || value === undefined || (typeof value === 'object' && value !== null))
    return '';
  const shown = redactText(String(value));
  const cut = shown.length > LONGEST_SHOWN_VALUE ? `${shown.slice(0, LONGEST_SHOWN_VALUE)}…` : shown;
  return `, but is ${JSON.stringify(cut)}`;
}

function valueAt(tree: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (node, name) => (node as Record<PropertyKey, unknown> | undefined)?.[name],
    tree,
  );
}

/** One refused value as a sentence. */
export function explain(issue: z.core.$ZodIssue, tree: unknown, gathered: Gathered): ConfigIssue {
  const path = issue.path.map(String);
  const setting = gathered.settings.find(({ path: own }) => own.every((name, i) => name === path[i]));
  const key = setting?.key ?? path.join('.');
  const from = gathered.found.get(key)?.origin ?? 'default';
  const name = from.includes('.yaml') || !setting ? key : (setting.env[0] ?? key);
  const inside =
    setting && path.length > setting.path.length
      ? `, entry ${path.slice(setting.path.length).join('.')},`
      : '';
  const value = valueAt(tree, issue.path);
  const wrong = issue.code === 'unrecognized_keys' ? issue.keys[0] : value;
  const hint = typeof wrong === 'string' ? didYouMean(wrong, setting?.choices ?? []) : '';
  return {
    key: name,
    text: `${name} (${from})${inside} ${inPlainWords(issue)}${shownValue(setting, value)}.${hint}`,
  };
}

/** Names that look like ours but are not: they would be ignored in silence otherwise. */
export function warnOfUnknownNames(gathered: Gathered, issues: Issues): void {
  const own = gathered.settings.flatMap(({ env, secret }) => [
    ...env,
    ...(secret ? env.map((n) => `${n}_FILE`) : []),
  ]);
  const external = EXTERNAL_NAMES.flatMap(({ env, secret }) => [
    ...env,
    ...(secret ? env.map((n) => `${n}_FILE`) : []),
  ]);
  const known = [...own, ...external, CONFIG_PATH_NAME, CRASH_POINT_NAME];
  const families = new Set(EXTERNAL_NAMES.flatMap(({ env }) => env.map((name) => name.split('_')[0])));
  for (const { name, origin } of gathered.environment.names()) {
    if (known.includes(name)) continue;
    if (name.startsWith('DRAWBRIDGE_')) {
      const hint = didYouMean(name, known);
      issues.warnings.push({
        key: name,
        text: `${name} (${origin}) is not a setting and is ignored.${hint}`,
      });
    } else if (families.has(name.split('_')[0])) {
      const near = nearest(name, external);
      if (near)
        issues.warnings.push({ key: name, text: `${name} (${origin}) is not used. Did you mean ${near}?` });
    }
  }
}

/** Sections of `providers` and `stores` whose name is nearly a known one. */
export function warnOfUnknownParts(gathered: Gathered, issues: Issues): void {
  const reported = new Set<string>();
  for (const [key, { origin }] of gathered.found) {
    const [section, part] = key.split('.');
    const names = EXTERNAL_NAMES.filter((name) => name.section === section).map((name) => name.part);
    if (!part || names.length === 0 || names.includes(part) || reported.has(part)) continue;
    reported.add(part);
    const near = nearest(part, names);
    if (near) {
      const text = `${section}.${part} (${origin}) is not a known part of "${section}". Did you mean ${section}.${near}?`;
      issues.warnings.push({ key: `${section}.${part}`, text });
    }
  }
}

/** A provider's credential that no source has, though other settings say that the provider is wanted. */
export interface MissingCredential extends ConfigIssue {
  provider: string;
  field: string;
}

/** What of a part is set and says that somebody wants it: its name and where that came from. */
function signOfUse({ found }: Gathered, section: string, part: string) {
  const prefix = `${section}.${part}.`;
  for (const [key, { origin }] of found) {
    if (!key.startsWith(prefix) || !meansUse(section, part, key.slice(prefix.length))) continue;
    const known = EXTERNAL_NAMES.find((name) => externalKey(name) === key);
    return { name: origin.includes('.yaml') ? key : (known?.env[0] ?? key), origin };
  }
  return undefined;
}

/**
 * A part with some of what it needs stops the start, naming what is missing and every place it was looked for. A
 * provider's credential may still have been set at run time: those are returned instead, for the caller to decide.
 */
export function checkExternals(gathered: Gathered, issues: Issues): MissingCredential[] {
  const { found, environment, yaml } = gathered;
  const missing: MissingCredential[] = [];
  for (const { section, part, fields } of REQUIRED_TOGETHER) {
    const own = EXTERNAL_NAMES.filter((name) => name.section === section && name.part === part);
    const sign = signOfUse(gathered, section, part);
    if (!sign) continue;
    for (const name of own.filter(({ field }) => fields.includes(field))) {
      const key = externalKey(name);
      if (found.has(key)) continue;
      const file = `${key} in ${yaml.shownPath}${yaml.exists ? '' : ' (no such file)'}`;
      const issue = {
        key: name.env[0],
        text: `${name.env[0]} is missing: ${sign.name} is set (${sign.origin}), so ${part} needs it too. Looked in ${environment.lookedIn(name.env[0], name.secret)}, and for ${file}. Set it, or remove the other settings of ${part}.`,
      };
      if (section === 'providers' && name.secret)
        missing.push({ ...issue, provider: part, field: name.field });
      else issues.problems.push(issue);
    }
  }
  const userId = found.get('providers.kie.user_id');
  if (userId) {
    const text = `KIE_AI_USER_ID (${userId.origin}) is accepted but not used: KIE AI knows the user by its API key.`;
    issues.warnings.push({ key: 'KIE_AI_USER_ID', text });
  }
  return missing;
}

export function warnOfWeakAdminKey(settings: Settings, issues: Issues): void {
  if (settings.admin_key === null || settings.admin_key.length >= SHORTEST_GOOD_ADMIN_KEY) return;
  issues.warnings.push({
    key: 'DRAWBRIDGE_ADMIN_KEY',
    text: `DRAWBRIDGE_ADMIN_KEY is short and has every right: use at least ${SHORTEST_GOOD_ADMIN_KEY} random characters, for example from "openssl rand -hex 24".`,
  });
}
