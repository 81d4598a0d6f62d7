// Values to send, from JSON Schemas: right ones, and right ones with a few places spoilt. Spoiling a right value reaches code
// that pure noise, refused at the first field, never does.
import fc from 'fast-check';

export type JsonSchema = { [key: string]: unknown };

/** Deeper than any body of ours; ends schemas that refer to themselves. */
const MAX_DEPTH = 8;
const MAX_ITEMS = 3;
const MAX_TEXT = 60;

const URLS = ['http://127.0.0.1/a.png', 'https://10.0.0.1/', 'http://[::1]/x', 'http://169.254.169.254/'];

/** Values that break programs, wherever they are put. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    0,
    1e308,
    -1e308,
    2 ** 53,
    0.1,
    '',
    ' ',
    '\0',
    '\ud800',
    '\u202e',
    '../../etc/passwd',
    "' or 1=1 --",
    '%00',
    '{{7*7}}',
    '0x10',
    '1e3',
    'NaN',
    '[sandbox:fault=nothing]',
    '9'.repeat(40),
    'a'.repeat(9000),
    '😀'.repeat(100),
    [],
    [[[[]]]],
    {},
    { length: 1e9 },
    { toJSON: 1 },
    { $ref: '#' },
    ['a', 'a'],
  ),
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.double(),
);

const num = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
const list = (value: unknown): JsonSchema[] => (Array.isArray(value) ? (value as JsonSchema[]) : []);

export class SchemaArbitraries {
  readonly #root: JsonSchema;
  readonly #known: Record<string, readonly string[]>;

  /** `root`: the document that `$ref`s point into. `known`: values that exist, by the name of the property they are for. */
  constructor(root: JsonSchema, known: Record<string, readonly string[]>) {
    this.#root = root;
    this.#known = known;
  }

  /** Values for a property or parameter of this name. */
  named(name: string, schema: JsonSchema, depth = 0): fc.Arbitrary<unknown> {
    const values = this.of(schema, depth);
    const known = this.#known[name];
    return known ? fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...known) }, values) : values;
  }

  /** Values that fit `schema`, but for refinements that JSON Schema cannot say. */
  of(schema: JsonSchema, depth = 0): fc.Arbitrary<unknown> {
    if (typeof schema.$ref === 'string') return this.of(this.#resolve(schema.$ref), depth);
    if (depth > MAX_DEPTH) return fc.constant(null);
    if ('const' in schema) return fc.constant(schema.const);
    if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as unknown[]));
    const choices = [...list(schema.anyOf), ...list(schema.oneOf)];
    if (choices.length > 0) return fc.oneof(...choices.map((choice) => this.of(choice, depth + 1)));
    if (schema.type === 'object') return this.#object(schema, depth);
    if (schema.type === 'array') {
      return fc.array(this.of((schema.items ?? {}) as JsonSchema, depth + 1), {
        minLength: num(schema.minItems) ?? 0,
        maxLength: Math.max(
          num(schema.minItems) ?? 0,
          Math.min(num(schema.maxItems) ?? MAX_ITEMS, MAX_ITEMS),
        ),
      });
    }
    return scalarOf(schema);
  }

  #resolve(reference: string): JsonSchema {
    const keys = reference.replace(/^#\//, '').split('/');
    return keys.reduce<JsonSchema>((value, key) => value[key] as JsonSchema, this.#root);
  }

  #object(schema: JsonSchema, depth: number): fc.Arbitrary<unknown> {
    const properties = (schema.properties ?? {}) as Record<string, JsonSchema>;
    const fields = Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, this.named(name, property, depth + 1)]),
    );
    const required = (schema.required ?? []) as string[];
    if (Object.keys(fields).length > 0) return objectOf(fields, required);
    return fc.dictionary(fc.string({ maxLength: 20 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: MAX_ITEMS });
  }
}

/** Half of the objects have many optional fields, which rarely go together; the others at most two, so that many are right. */
function objectOf(fields: Record<string, fc.Arbitrary<unknown>>, required: readonly string[]) {
  const requiredKeys = required.filter((name) => name in fields);
  const optional = Object.keys(fields).filter((name) => !required.includes(name));
  const few = fc
    .tuple(fc.record(fields), fc.subarray(optional, { maxLength: Math.min(2, optional.length) }))
    .map(([all, chosen]) =>
      Object.fromEntries(
        [...requiredKeys, ...chosen].map((name) => [name, (all as Record<string, unknown>)[name]]),
      ),
    );
  return fc.oneof(few, fc.record(fields, { requiredKeys }));
}

function scalarOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  const { type, format, pattern } = schema;
  if (type === 'boolean') return fc.boolean();
  if (type === 'null') return fc.constant(null);
  if (type === 'integer') {
    const [min, max] = [num(schema.minimum) ?? -1000, num(schema.maximum) ?? 1000];
    return fc.integer({ min: Math.max(min, -(2 ** 31)), max: Math.min(max, 2 ** 31 - 1) });
  }
  if (type === 'number')
    return fc.double({ min: num(schema.minimum) ?? -1e6, max: num(schema.maximum) ?? 1e6, noNaN: true });
  if (type !== 'string') return fc.jsonValue({ maxDepth: 2 });
  if (format === 'uri') return fc.constantFrom(...URLS);
  if (format === 'date-time')
    return fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
      .map((date) => date.toISOString());
  if (typeof pattern === 'string') return fc.stringMatching(new RegExp(pattern));
  const minLength = num(schema.minLength) ?? 0;
  const maxLength = Math.max(minLength, Math.min(num(schema.maxLength) ?? MAX_TEXT, MAX_TEXT));
  return fc.string({ unit: 'grapheme', minLength, maxLength });
}

interface Spoil {
  kind: 'replace' | 'remove' | 'add';
  /** Which place, counted over all places of the value. */
  at: number;
  value: unknown;
}

type Container = Record<string, unknown> | unknown[];

/** Every place in a value: its container and key. */
function placesOf(value: unknown, found: [Container, string][] = []): [Container, string][] {
  if (typeof value !== 'object' || value === null) return found;
  for (const key of Object.keys(value)) {
    found.push([value as Container, key]);
    placesOf((value as Record<string, unknown>)[key], found);
  }
  return found;
}

function spoil(root: { value: unknown }, { kind, at, value: shared }: Spoil): void {
  // A copy, because a later place may lie inside it.
  const value = structuredClone(shared);
  const places = placesOf(root);
  const [container, key] = places[at % places.length] ?? [root as unknown as Container, 'value'];
  const target = container as Record<string, unknown>;
  if (kind === 'remove' && key !== 'value') delete target[key];
  else if (kind === 'add' && typeof target[key] === 'object' && target[key] !== null)
    (target[key] as Record<string, unknown>)[typeof value === 'string' ? value.slice(0, 40) : 'unexpected'] =
      value;
  else target[key] = value;
}

/** Half of the values as they are, the other half with one to three places spoilt. */
export function spoilt(values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const spoils = fc.array(
    fc.record({
      kind: fc.constantFrom<Spoil['kind']>('replace', 'remove', 'add'),
      at: fc.nat(1000),
      value: hostileValue,
    }),
    { minLength: 1, maxLength: 3 },
  );
  const broken = fc.tuple(values, spoils).map(([value, list]) => {
    const root = { value: structuredClone(value) };
    for (const one of list) spoil(root, one);
    return root.value;
  });
  return fc.oneof(values, broken);
}
