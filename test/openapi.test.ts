// The committed description of the whole API: it is well formed, and each operation says what a caller needs.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { allContracts } from '../src/contracts.ts';
import { buildOpenApi, type OpenApiDocument } from '../src/kernel/openapi.ts';

type Json = Record<string, unknown>;

const document = buildOpenApi(allContracts, { version: '1.0.0' });

/** Every object in a JSON value, with the path to it. */
function* objectsIn(value: unknown, path = '#'): Generator<[string, Json]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield [path, value as Json];
  for (const [key, item] of Object.entries(value)) yield* objectsIn(item, `${path}/${key}`);
}

function resolves(root: OpenApiDocument, reference: string): boolean {
  const keys = reference.replace(/^#\//, '').split('/');
  const target = keys.reduce<unknown>((value, key) => (value as Json | undefined)?.[key], root);
  return reference.startsWith('#/') && target !== undefined;
}

function operations(root: OpenApiDocument) {
  return Object.entries(root.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method,
      operation,
      name: `${method} ${path}`,
    })),
  );
}

/** What is wrong with a document, in words. */
function flaws(root: OpenApiDocument): string[] {
  const found: string[] = [];
  for (const [path, object] of objectsIn(root)) {
    const { $ref } = object;
    if (typeof $ref === 'string' && !resolves(root, $ref))
      found.push(`${path} refers to ${$ref}, which is not there`);
    if ('$defs' in object || '$schema' in object) found.push(`${path} has parts of a JSON Schema document`);
  }
  const ids = operations(root).map(({ operation }) => String(operation.operationId));
  for (const id of ids.filter((one, index) => ids.indexOf(one) !== index)) found.push(`${id} is used twice`);
  const schemes = Object.keys(root.components.securitySchemes ?? {});
  for (const { path, method, operation, name } of operations(root)) {
    const parameters = (operation.parameters ?? []) as Json[];
    const inPath = parameters.filter((one) => one.in === 'path').map((one) => String(one.name));
    const inTemplate = [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1] ?? '');
    if (inPath.sort().join() !== inTemplate.sort().join())
      found.push(`${name} declares other path parameters than it has`);
    if (parameters.some((one) => one.in === 'path' && one.required !== true))
      found.push(`${name} has an optional path parameter`);
    if (method === 'get' && operation.requestBody) found.push(`${name} has a body`);
    if (!Object.keys(operation.responses as Json).some((status) => /^[123]/.test(status)))
      found.push(`${name} never succeeds`);
    for (const scheme of (operation.security as Json[]).flatMap((one) => Object.keys(one))) {
      if (!schemes.includes(scheme)) found.push(`${name} asks for ${scheme}, which is not described`);
    }
    if (!/^[a-z][\w-]*(?:\.[a-z][\w-]*)+$/i.test(String(operation.operationId)))
      found.push(`${name} has no id of the form noun.verb`);
    if (!operation.summary) found.push(`${name} has no summary`);
  }
  const used = new Set([...objectsIn(root)].map(([, { $ref }]) => $ref));
  for (const kind of ['schemas', 'responses']) {
    for (const name of Object.keys(root.components[kind] ?? {})) {
      if (name === 'OpenAIError') continue;
      if (!used.has(`#/components/${kind}/${name}`)) found.push(`components/${kind}/${name} is not used`);
    }
  }
  return found;
}

test('the document is well formed', () => {
  assert.ok(operations(document).length >= 20, `only ${operations(document).length} operations`);
  assert.deepEqual(flaws(document), []);
});

test('a document that is not well formed is noticed', () => {
  const broken = structuredClone(document);
  const [path = ''] = Object.keys(broken.paths);
  broken.paths['/v1/nowhere/{id}'] = {
    get: {
      operationId: 'x',
      security: [{ magic: [] }],
      requestBody: { $ref: '#/components/schemas/Nowhere' },
      responses: {},
    },
    post: { ...Object.values(broken.paths[path] ?? {})[0], parameters: [] },
  };
  const found = flaws(broken).join('\n');
  const expected = [
    /which is not there/,
    /is used twice/,
    /other path parameters/,
    /has a body/,
    /never succeeds/,
  ];
  for (const pattern of [...expected, /asks for magic/, /noun\.verb/, /no summary/])
    assert.match(found, pattern);
});

test('answers stay open for new fields', () => {
  const closed = [...objectsIn(document)].filter(
    ([path, object]) => object.additionalProperties === false && /\/responses\/\d+\//.test(path),
  );
  assert.deepEqual(closed, []);
});

test('the generated files are up to date', async () => {
  const run = promisify(execFile);
  await run(process.execPath, ['src/generate.ts', '--check']);
});
