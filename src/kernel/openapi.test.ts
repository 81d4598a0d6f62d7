import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { buildOpenApi, type OpenApiDocument } from './openapi.ts';
import type { JsonSchema } from './openapi-schemas.ts';
import { defineRoute, type RouteContract } from './route.ts';

const picture = z
  .object({ id: z.string(), at: z.iso.datetime(), bytes: z.int().min(0) })
  .meta({ id: 'Picture' });
const label = z.object({ text: z.string(), weight: z.number().default(1) }).meta({ id: 'Label' });

const createPicture = defineRoute({
  id: 'pictures.create',
  method: 'POST',
  path: '/v1/pictures/:album/:number(^\\d+$)',
  tag: 'Pictures',
  summary: 'Make a picture',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  params: z.object({ album: z.string().meta({ description: 'Album id' }) }),
  query: z.object({ limit: z.coerce.number().int().default(20), q: z.string() }),
  body: z.strictObject({ prompt: z.string(), labels: z.array(label) }),
  headers: { 'Idempotency-Key': 'Replays the first answer.', Accept: 'Never listed.' },
  responses: {
    201: { description: 'The picture', schema: z.strictObject({ picture, labels: z.array(label) }) },
  },
  errors: ['insufficient_credits', 'image_invalid', 'not_found'],
});

const uploadPicture = defineRoute({
  id: 'pictures.upload',
  method: 'POST',
  path: '/v1/uploads',
  tag: 'Pictures',
  summary: 'Upload',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'none',
  multipart: z.object({ file: z.file() }),
  responses: { 201: { description: 'It', schema: picture } },
  errors: [],
  errorStyle: 'openai',
});

const follow = defineRoute({
  id: 'events.follow',
  method: 'GET',
  path: '/v1/events',
  tag: 'Events',
  summary: 'Follow events',
  access: { kind: 'scope', scope: 'tasks:read', ticket: true },
  limit: 'api',
  responses: { 200: { description: 'A stream', contentType: 'text/event-stream' } },
  errors: [],
});

const ready = defineRoute({
  id: 'health.ready',
  method: 'GET',
  path: '/readyz',
  tag: 'Health',
  summary: 'Ready?',
  access: { kind: 'public' },
  limit: 'none',
  responses: {
    200: { description: 'Yes' },
    503: { description: 'No', schema: z.object({ reasons: z.array(z.string()) }) },
  },
  errors: ['database_unavailable'],
});

const CONTRACTS: RouteContract[] = [createPicture, uploadPicture, follow, ready];
const build = (contracts = CONTRACTS) => buildOpenApi(contracts, { version: '1.0.0' });

// biome-ignore lint/suspicious/noExplicitAny: a JSON document is walked freely here
function at(document: OpenApiDocument, ...path: string[]): any {
  // biome-ignore lint/suspicious/noExplicitAny: see above
  return path.reduce((value: any, key) => value?.[key], document);
}

test('a strict body stays closed and an answer is open', () => {
  const document = build();
  const post = at(document, 'paths', '/v1/pictures/{album}/{number}', 'post');
  assert.equal(post.requestBody.content['application/json'].schema.additionalProperties, false);
  assert.equal('additionalProperties' in post.responses['201'].content['application/json'].schema, false);
  assert.equal('additionalProperties' in at(document, 'components', 'schemas', 'Picture'), false);
});

test('a twin exists only where input and output differ', () => {
  const document = build();
  const names = Object.keys(document.components.schemas ?? {});
  assert.deepEqual(names, ['Label', 'LabelInput', 'OlderError', 'OpenAIError', 'Picture', 'Problem']);
  const post = at(document, 'paths', '/v1/pictures/{album}/{number}', 'post');
  const labels = (schema: JsonSchema) => at(schema as never, 'properties', 'labels', 'items', '$ref');
  assert.equal(
    labels(post.requestBody.content['application/json'].schema),
    '#/components/schemas/LabelInput',
  );
  assert.equal(
    labels(post.responses['201'].content['application/json'].schema),
    '#/components/schemas/Label',
  );
});

test('parameters come from path, query and headers', () => {
  const { parameters } = at(build(), 'paths', '/v1/pictures/{album}/{number}', 'post');
  assert.deepEqual(
    parameters.map((one: JsonSchema) => [one.in, one.name, one.required]),
    [
      ['path', 'album', true],
      ['path', 'number', true],
      ['query', 'limit', false],
      ['query', 'q', true],
      ['header', 'Idempotency-Key', false],
    ],
  );
  assert.equal(parameters[0].description, 'Album id');
  assert.deepEqual(parameters[2].schema, { default: 20, type: 'integer' });
});

test('codes of one status share an answer, in the form of the route', () => {
  const document = build();
  const { responses } = at(document, 'paths', '/v1/pictures/{album}/{number}', 'post');
  assert.deepEqual(responses['422'], { $ref: '#/components/responses/ImageInvalidOrValidationFailed' });
  const answer = at(document, 'components', 'responses', 'ImageInvalidOrValidationFailed');
  assert.match(answer.description, /`image_invalid`: .*\n\n`validation_failed`: /);
  assert.deepEqual(Object.keys(answer.content), ['application/problem+json']);
  assert.equal(answer.content['application/problem+json'].examples.image_invalid.value.status, 422);
  const upload = at(document, 'paths', '/v1/uploads', 'post');
  assert.deepEqual(upload.responses['413'], { $ref: '#/components/responses/PayloadTooLargeOpenAI' });
  const openai = at(document, 'components', 'responses', 'PayloadTooLargeOpenAI');
  assert.equal(
    openai.content['application/json'].examples.payload_too_large.value.error.code,
    'payload_too_large',
  );
});

test('a status that the contract describes is not overwritten by the error of that status', () => {
  const { responses, security } = at(build(), 'paths', '/readyz', 'get');
  assert.equal(responses['503'].description, 'No');
  assert.deepEqual(security, []);
});

test('multipart, streams, limits and tickets', () => {
  const document = build();
  const upload = at(document, 'paths', '/v1/uploads', 'post');
  const { file } = upload.requestBody.content['multipart/form-data'].schema.properties;
  assert.deepEqual(file, { type: 'string', format: 'binary' });
  assert.deepEqual(Object.keys(upload.responses['201'].headers), ['X-Request-Id']);
  const stream = at(document, 'paths', '/v1/events', 'get');
  assert.deepEqual(stream.responses['200'].content, { 'text/event-stream': { schema: { type: 'string' } } });
  assert.ok('RateLimit-Remaining' in stream.responses['200'].headers);
  assert.deepEqual(
    stream.security.map((one: JsonSchema) => Object.keys(one)[0]),
    ['api_key', 'session', 'ticket'],
  );
});

test('the document does not depend on the order of the contracts, but for its tags', () => {
  const text = (document: OpenApiDocument) => JSON.stringify({ ...document, tags: [] });
  assert.equal(text(build()), text(build(CONTRACTS.toReversed())));
});

test('what cannot be described without doubt is refused', () => {
  assert.throws(
    () => build([ready, { ...follow, id: ready.id }]),
    /Two route contracts declare health\.ready/,
  );
  assert.throws(() => build([ready, { ...ready, id: 'other' }]), /Two route contracts declare GET \/readyz/);
  const impostor = z.object({ other: z.string() }).meta({ id: 'Picture' });
  const clash = {
    ...follow,
    id: 'clash',
    path: '/clash',
    responses: { 200: { description: 'x', schema: impostor } },
  };
  assert.throws(() => build([createPicture, clash]), /Two different schemas have the id "Picture"/);
});
