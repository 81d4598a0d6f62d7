// Turns zod schemas into the JSON Schemas of the OpenAPI document. Schemas with `.meta({ id })` become components, once;
// an `…Input` twin exists only where what is taken differs from what is given. Answers stay open for new fields.
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';

export type JsonSchema = Record<string, unknown>;
/** `input` is what a caller sends (before defaults), `output` what it gets. */
export type Direction = 'input' | 'output';

const DEFINITION = '#/$defs/';
const SCHEMA_COMPONENT = '#/components/schemas/';

/** Formats whose regular expression only repeats, at length, what the format's name says. */
const SELF_EXPLAINING_FORMATS = new Set(['date-time', 'date', 'email', 'uuid', 'uri']);

/** Drops what zod adds and no reader wants; opens the objects of answers, since fields may be added to them. */
function tidy(jsonSchema: JsonSchema, direction: Direction): void {
  if (direction === 'output' && jsonSchema.additionalProperties === false) {
    delete jsonSchema.additionalProperties;
  }
  if (SELF_EXPLAINING_FORMATS.has(String(jsonSchema.format))) delete jsonSchema.pattern;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (isDeepStrictEqual(jsonSchema.propertyNames, { type: 'string' })) delete jsonSchema.propertyNames;
  // OpenAPI 3.1 marks binary parts by their media type; `format` is what the tools of today still read.
  if (jsonSchema.contentEncoding === 'binary') delete jsonSchema.contentEncoding;
}

function isRecord(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A copy with every reference passed through `rename`. */
function mapReferences(value: unknown, rename: (reference: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => mapReferences(item, rename));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === '$ref' && typeof item === 'string' ? rename(item) : mapReferences(item, rename),
    ]),
  );
}

function references(value: unknown): string[] {
  const found: string[] = [];
  mapReferences(value, (reference) => {
    found.push(reference);
    return reference;
  });
  return found;
}

/** Collects the schemas of one document. References stay symbolic until `finish` knows which components need a twin. */
export class SchemaCollector {
  readonly #definitions: Record<Direction, Map<string, JsonSchema>> = { input: new Map(), output: new Map() };

  /** The JSON Schema of `schema`; named schemas in it are kept as components. Pass the result through `finish` later. */
  describe(schema: z.ZodType, direction: Direction): JsonSchema {
    const converted = z.toJSONSchema(schema, {
      io: direction,
      unrepresentable: 'any',
      override: ({ jsonSchema }) => tidy(jsonSchema as JsonSchema, direction),
    }) as JsonSchema;
    const { $schema: _dialect, $defs, id: _id, ...body } = converted;
    const symbolic = (value: JsonSchema) =>
      mapReferences(value, (reference) => reference.replace(DEFINITION, `${direction}:`)) as JsonSchema;
    for (const [name, definition] of Object.entries(($defs ?? {}) as Record<string, JsonSchema>)) {
      this.#keep(direction, name, symbolic(definition));
    }
    return symbolic(body);
  }

  #keep(direction: Direction, name: string, definition: JsonSchema): void {
    const { id: _id, ...rest } = definition;
    const known = this.#definitions[direction].get(name);
    if (known && !isDeepStrictEqual(known, rest)) {
      throw new Error(`Two different schemas have the id "${name}"`);
    }
    this.#definitions[direction].set(name, rest);
  }

  /** The components, sorted by name, and a function that makes references in `describe`d schemas final. */
  finish(): { components: Record<string, JsonSchema>; resolve: (value: JsonSchema) => JsonSchema } {
    const twins = this.#twins();
    const rename = (reference: string) => {
      const name = reference.slice(reference.indexOf(':') + 1);
      if (reference.startsWith('output:')) return `${SCHEMA_COMPONENT}${name}`;
      if (reference.startsWith('input:'))
        return `${SCHEMA_COMPONENT}${name}${twins.has(name) ? 'Input' : ''}`;
      return reference;
    };
    const resolve = (value: JsonSchema) => mapReferences(value, rename) as JsonSchema;
    const components = new Map<string, JsonSchema>();
    const { input, output } = this.#definitions;
    for (const [name, definition] of output) components.set(name, resolve(definition));
    for (const [name, definition] of input) {
      const finalName = twins.has(name) ? `${name}Input` : name;
      if (twins.has(name) && output.has(finalName))
        throw new Error(`The schema id "${finalName}" is a twin's name`);
      components.set(finalName, resolve(definition));
    }
    const sorted = [...components].sort(([a], [b]) => (a < b ? -1 : 1));
    return { components: Object.fromEntries(sorted), resolve };
  }

  /** Names whose input differs from their output, directly or through what they refer to. */
  #twins(): Set<string> {
    const { input, output } = this.#definitions;
    const neutral = (schema: JsonSchema) =>
      mapReferences(schema, (reference) => reference.replace(/^\w+:/, ''));
    const twins = new Set<string>();
    for (const [name, definition] of input) {
      const other = output.get(name);
      if (other && !isDeepStrictEqual(neutral(definition), neutral(other))) twins.add(name);
    }
    for (let grown = true; grown; ) {
      grown = false;
      for (const [name, definition] of input) {
        if (twins.has(name) || !output.has(name)) continue;
        if (!references(definition).some((reference) => twins.has(reference.replace('input:', '')))) continue;
        twins.add(name);
        grown = true;
      }
    }
    return twins;
  }
}
