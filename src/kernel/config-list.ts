// The settings as a flat list, derived from the schema: what sources read, checks name and documents show.
import { z } from 'zod';
import { settingsSchema } from './config-settings.ts';

export type SettingKind = 'text' | 'number' | 'boolean' | 'list' | 'map' | 'choice';

/** One leaf of the schema, as sources, checks and documents see it. */
export interface Setting {
  /** Dotted key in drawbridge.yaml. */
  key: string;
  path: readonly string[];
  env: readonly string[];
  secret: boolean;
  kind: SettingKind;
  /** Values of a `choice`, names of a `map` that takes only some. */
  choices: readonly string[];
  defaultValue: unknown;
  meaning: string;
}

/** Top-level sections whose keys belong to providers, stores (names in config-externals.ts) and places to sync to. */
export const RAW_SECTIONS = ['providers', 'stores', 'sync'] as const;

const KINDS: Readonly<Record<string, SettingKind>> = {
  string: 'text',
  number: 'number',
  boolean: 'boolean',
  array: 'list',
  record: 'map',
  enum: 'choice',
};

/** The schema inside `default`, `nullable` and `prefault`. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodNullable || inner instanceof z.ZodPrefault) {
    inner = inner.unwrap();
  }
  return inner;
}

function namesOf(schema: z.core.$ZodType): string[] {
  const names = schema instanceof z.ZodRecord ? schema.keyType : schema;
  return names instanceof z.ZodEnum ? names.options.map(String) : [];
}

function listSettings(schema: z.ZodObject, prefix: readonly string[]): Setting[] {
  return Object.entries(schema.shape).flatMap(([name, field]): Setting[] => {
    const path = [...prefix, name];
    const inner = unwrap(field);
    if (inner instanceof z.ZodObject) return listSettings(inner, path);
    if (prefix.length === 0 && (RAW_SECTIONS as readonly string[]).includes(name)) return [];
    const meta = (field as z.ZodType).meta() ?? {};
    return [
      {
        key: path.join('.'),
        path,
        env: (meta['x-env'] as string[] | undefined) ?? [`DRAWBRIDGE_${path.join('_').toUpperCase()}`],
        secret: meta['x-secret'] === true,
        kind: KINDS[inner._zod.def.type] ?? 'text',
        choices: namesOf(inner),
        defaultValue: (field as z.ZodType).parse(undefined),
        meaning: meta.description ?? '',
      },
    ];
  });
}

/** All settings in the order of the schema, without the raw sections. */
export function allSettings(): Setting[] {
  return listSettings(settingsSchema, []);
}

/** The JSON Schema (2020-12) of drawbridge.yaml, for editors. */
export function configJsonSchema(): object {
  return z.toJSONSchema(settingsSchema, { io: 'input' });
}
