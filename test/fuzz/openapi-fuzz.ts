// Fuzzes the whole app over real HTTP from its own OpenAPI document: `node test/fuzz/openapi-fuzz.ts --runs 10000 [--seed 1]
// [--only tasks.create]`. An answer must come within 5 s, be one that the document describes, and never be a 5xx that it does
// not; the harness checks every JSON answer against its schema.
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { Pool } from 'undici';
import { ADMIN_KEY, type TestApp } from '../harness/app.ts';
import { createKey, giveBelongings, openAccount, picture, startFastApp } from '../security/cast.ts';
import { assertOpenAiError, assertProblem } from '../security/problems.ts';
import { hostileValue, type JsonSchema, SchemaArbitraries, spoilt } from './json-arbitrary.ts';

const HANG_MS = 5_000;
const ROUTES_AT_A_TIME = 4;
/** Calls that look at all data or decode pictures: fewer of them find as much. */
const SHARE_OF_RUNS: Record<string, number> = {
  'operations.gc': 0.02,
  'operations.doctor': 0.02,
  'credits.verify': 0.1,
  'uploads.create': 0.1,
  'openai.images.edit': 0.1,
  'tasks.events': 0.1,
  'events.stream': 0.1,
  'older.upload': 0.1,
  'older.poll': 0.1,
  'import.picture': 0.1,
};
/** What any route may answer with, whatever its own description says. */
const ALWAYS_ALLOWED = new Set([400, 404, 413, 415, 431]);

interface Operation {
  id: string;
  method: string;
  path: string;
  parameters: { name: string; in: string; schema: JsonSchema }[];
  body: JsonSchema | null;
  isForm: boolean;
  isStream: boolean;
  isOpenAi: boolean;
  statuses: ReadonlySet<number>;
}

interface Call {
  caller: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer | string | null;
}

interface World {
  app: TestApp;
  /** Authorization headers by caller. */
  callers: Record<string, string | null>;
  /** Ids that exist, by the path segment before them; for other parameters of paths by their names. */
  ids: Record<string, string[]>;
  /** Values that exist, by the names of fields and query parameters. */
  known: Record<string, string[]>;
  accountIds: string[];
  png: Buffer;
}

export interface RouteReport {
  id: string;
  runs: number;
  /** How often each status came. */
  statuses: Record<number, number>;
}

/** An app with one slow task in each account that fills its queue, so that fuzzed creations cost nothing. */
export async function startFuzzWorld(): Promise<World> {
  const app = await startFastApp({ env: { DRAWBRIDGE_TASKS_MAX_QUEUED_PER_ACCOUNT: '1' } });
  const member = await openAccount(app, 'member');
  const foreign = await openAccount(app, 'foreign');
  const victim = await openAccount(app, 'may be renamed and disabled');
  const own = await giveBelongings(app, member);
  const others = await giveBelongings(app, foreign);
  const low = await createKey(app, member.accountId, ['credits:read']);
  const blocker = { prompt: '[sandbox:delay=60m]', size: '256x256', deadline_s: 86_400 };
  for (const key of [ADMIN_KEY, member.key, foreign.key]) {
    const made = await app.request('POST', '/v1/tasks', blocker, { authorization: `Bearer ${key}` });
    assert.equal(made.status, 202, made.text);
  }
  const image = await app.request('GET', `/v1/images/${own.imageId}`, undefined, {
    authorization: `Bearer ${member.key}`,
  });
  return {
    app,
    callers: {
      nobody: null,
      low: `Bearer ${low.key}`,
      member: `Bearer ${member.key}`,
      admin: `Bearer ${ADMIN_KEY}`,
    },
    ids: {
      tasks: [own.taskId, others.taskId],
      status: [own.taskId, others.taskId],
      images: [own.imageId, others.imageId],
      keys: [own.spareKeyId, others.spareKeyId],
      accounts: [victim.accountId],
      users: [own.userId, others.userId],
      invitations: [own.invitationId, others.invitationId],
      sessions: [own.sessionId, others.sessionId],
      batches: [own.batchId, others.batchId],
      shares: [own.shareId, others.shareId],
      webhooks: [own.webhookId, others.webhookId],
      deliveries: [own.deliveryId, others.deliveryId],
      kind: ['final', 'thumb'],
      key: [String(image.json.url).split('/').at(-1) ?? '', `${'a'.repeat(32)}.png`],
    },
    known: {
      model: ['sandbox'],
      provider: ['sandbox'],
      size: ['256x256', '1024x768'],
      upload_id: [own.uploadId, others.uploadId],
      image_id: [own.imageId, others.imageId],
      task_id: [own.taskId, others.taskId],
      taskId: [own.taskId, others.taskId],
      account_id: [victim.accountId],
      credits: ['1', '0.000001', '1e3', '-1', '9007199254740993'],
    },
    accountIds: [member.accountId, foreign.accountId, victim.accountId],
    png: await picture(),
  };
}

function operationsOf(document: { paths: Record<string, Record<string, JsonSchema>> }): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Operation => {
      const responses = operation.responses as Record<string, JsonSchema>;
      const content = ((operation.requestBody as JsonSchema | undefined)?.content ?? {}) as Record<
        string,
        { schema: JsonSchema }
      >;
      const ok = (responses[200]?.content ?? {}) as JsonSchema;
      return {
        id: String(operation.operationId),
        method: method.toUpperCase(),
        path,
        parameters: (operation.parameters ?? []) as Operation['parameters'],
        body: content['application/json']?.schema ?? content['multipart/form-data']?.schema ?? null,
        isForm: 'multipart/form-data' in content,
        isStream: 'text/event-stream' in ok && !('application/json' in ok),
        isOpenAi: JSON.stringify(responses).includes('OpenAI'),
        statuses: new Set(Object.keys(responses).map(Number)),
      };
    }),
  );
}

const asText = (value: unknown) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

/** `encodeURIComponent` throws at half a surrogate pair; a client would send the replacement character. */
const encode = (text: string) => encodeURIComponent(text.toWellFormed());

function headersOf(world: World): fc.Arbitrary<Record<string, string>> {
  const text = fc.string({ unit: fc.constantFrom(...'abc 019"=,;:*/-_%é'), maxLength: 40 });
  const hostile = fc.record(
    {
      'idempotency-key': fc.oneof(text, fc.constantFrom('"k"', 'k', '', 'k'.repeat(201))),
      prefer: fc.oneof(text, fc.constantFrom('respond-async', 'wait=0', 'wait=1', 'wait=x, respond-async')),
      'x-account-id': fc.oneof(text, fc.constantFrom(...world.accountIds)),
      'accept-language': fc.oneof(text, fc.constantFrom('zh', 'en', '*')),
      'last-event-id': fc.oneof(text, fc.constantFrom(`0-evt_${'0'.repeat(32)}`, '9'.repeat(30))),
      'x-stainless-retry-count': fc.constantFrom('0', '1', '-1', 'NaN', '1e9'),
      range: fc.oneof(text, fc.constantFrom('bytes=0-', 'bytes=9-1', 'bytes=-0', 'bytes=0-0,2-3')),
      'if-none-match': text,
      'x-forwarded-for': fc.oneof(text, fc.constantFrom('203.0.113.9', '::1')),
    },
    { requiredKeys: [] },
  );
  return fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, hostile);
}

function pathOf(world: World, operation: Operation): fc.Arbitrary<string> {
  const segments = operation.path.split('/').map((segment, index, all) => {
    if (!segment.startsWith('{')) return fc.constant(segment);
    const known = world.ids[segment.slice(1, -1)] ?? world.ids[all[index - 1] ?? ''] ?? ['x'];
    const noise = fc.oneof(
      hostileValue.map((value) => encode(asText(value).slice(0, 400))),
      fc.constantFrom('%', '%ff', '%2e%2e', '..%2f..', 'a'.repeat(500), '%00'),
    );
    // A segment that is empty or of dots alone names another route.
    return fc
      .oneof({ weight: 3, arbitrary: fc.constantFrom(...known) }, noise)
      .map((text) => (/^\.{0,2}$/.test(text) ? 'dots' : text));
  });
  return fc.tuple(...segments).map((parts) => parts.join('/'));
}

function queryOf(operation: Operation, schemas: SchemaArbitraries): fc.Arbitrary<string> {
  const fields = operation.parameters
    .filter((parameter) => parameter.in === 'query')
    .map(({ name, schema }) => {
      // An answer that waits as long as it was asked to is not one that hangs.
      const values = name === 'wait_s' ? fc.double({ min: 0, max: 0.2 }) : schemas.named(name, schema);
      return [name, fc.oneof({ weight: 9, arbitrary: values }, hostileValue)] as const;
    });
  const pairs = fc
    .record(Object.fromEntries(fields), { requiredKeys: [] })
    .map((values) => Object.entries(values));
  const noise = fc.tuple(fc.constantFrom('__proto__', 'constructor', 'a[b]', ''), hostileValue);
  return fc
    .tuple(pairs, fc.oneof({ weight: 9, arbitrary: fc.constant([]) }, fc.array(noise, { maxLength: 2 })))
    .map(([wanted, unwanted]) =>
      [...wanted, ...unwanted]
        .map(([name, value]) => `${encode(name)}=${encode(asText(value)).slice(0, 6000)}`)
        .join('&'),
    );
}

const BOUNDARY = 'boundary-of-the-fuzzer';

/** Forms with the right fields, wrong ones, and files that are pictures, cut pictures or noise. */
function formOf(operation: Operation, png: Buffer): fc.Arbitrary<Buffer> {
  const names = Object.keys((operation.body?.properties ?? {}) as object);
  const name = fc.oneof(fc.constantFrom(...names), fc.constantFrom('image[]', '__proto__', '', 'x"; y="'));
  const file = fc.oneof(
    fc.constant(png),
    fc.nat(png.length).map((length) => png.subarray(0, length)),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );
  const field = fc
    .tuple(name, hostileValue)
    .map(([key, value]) => ({ head: `name="${key}"`, data: Buffer.from(asText(value)) }));
  const upload = fc.tuple(name, file).map(([key, data]) => ({
    head: `name="${key}"; filename="a.png"\r\ncontent-type: image/png`,
    data,
  }));
  return fc
    .tuple(fc.array(fc.oneof(field, upload), { maxLength: 5 }), fc.constantFrom('--', '', '\r\n'))
    .map(([parts, end]) =>
      Buffer.concat([
        ...parts.flatMap(({ head, data }) => [
          Buffer.from(`--${BOUNDARY}\r\ncontent-disposition: form-data; ${head}\r\n\r\n`),
          data,
          Buffer.from('\r\n'),
        ]),
        Buffer.from(`--${BOUNDARY}${end}`),
      ]),
    );
}

function bodyOf(operation: Operation, schemas: SchemaArbitraries, png: Buffer): fc.Arbitrary<Call['body']> {
  const { body, isForm } = operation;
  if (isForm) return formOf(operation, png);
  if (!body) return fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, fc.constantFrom('{}', 'x', ''));
  const json = spoilt(schemas.of(body)).map((value) => JSON.stringify(value) ?? '');
  const cut = fc.tuple(json, fc.nat(200)).map(([text, length]) => text.slice(0, length));
  return fc.oneof(
    { weight: 12, arbitrary: json },
    cut,
    fc.uint8Array({ maxLength: 100 }).map((b) => Buffer.from(b)),
  );
}

function callsOf(world: World, operation: Operation, schemas: SchemaArbitraries): fc.Arbitrary<Call> {
  const type = operation.isForm ? `multipart/form-data; boundary=${BOUNDARY}` : 'application/json';
  return fc
    .record({
      // Most calls come from someone who may make them: what is refused at the door tests only the door.
      caller: fc.constantFrom('nobody', 'low', 'member', 'member', 'admin', 'admin'),
      path: pathOf(world, operation),
      query: queryOf(operation, schemas),
      headers: headersOf(world),
      type: fc.oneof(
        { weight: 15, arbitrary: fc.constant(type) },
        fc.constantFrom('text/plain', 'multipart/form-data', ';'),
      ),
      body: bodyOf(operation, schemas, world.png),
    })
    .map(({ caller, path, query, headers, type, body }) => ({
      caller,
      path: query === '' ? path : `${path}?${query}`,
      headers: {
        ...headers,
        ...(body === null ? {} : { 'content-type': type }),
        ...(world.callers[caller] ? { authorization: world.callers[caller] } : {}),
      },
      body,
    }));
}

/** Sends one call and throws when its answer breaks a rule; returns the status. */
async function check(pool: Pool, operation: Operation, call: Call): Promise<number> {
  const { method } = operation;
  const answer = await pool.request({
    method: method as 'GET',
    path: call.path,
    headers: call.headers,
    body: call.body,
    signal: AbortSignal.timeout(HANG_MS),
  });
  const { statusCode: status } = answer;
  if (operation.isStream && status === 200) {
    answer.body.on('error', () => {});
    answer.body.destroy();
    return status;
  }
  const text = await answer.body.text();
  const label = `${method} ${call.path.slice(0, 300)} as ${call.caller}: ${status} ${text.slice(0, 500)}`;
  if (!operation.statuses.has(status) && !ALWAYS_ALLOWED.has(status))
    throw new Error(`not described: ${label}`);
  if (status >= 500 && status !== 503) throw new Error(`failed: ${label}`);
  if (status >= 400 && status < 500 && text !== '') {
    const type = String(answer.headers['content-type'] ?? '');
    if (!type.includes('json')) throw new Error(`no JSON: ${label}`);
    const refusal = { status, text, json: JSON.parse(text) as unknown };
    // A path that no route takes is answered in our own form.
    if (operation.isOpenAi && 'error' in (refusal.json as object)) assertOpenAiError(refusal);
    else assertProblem(refusal);
  }
  return status;
}

export interface FuzzOptions {
  /** Calls for each route. */
  runs: number;
  seed: number;
  /** Only the operations whose id contains this. */
  only?: string;
}

/** Fuzzes every route; throws with the smallest failing call of each route that has one. */
export async function fuzz(world: World, { runs, seed, only = '' }: FuzzOptions): Promise<RouteReport[]> {
  const document = (await world.app.request('GET', '/openapi.json')).json;
  const schemas = new SchemaArbitraries(document, world.known);
  const waiting = operationsOf(document).filter(({ id }) => id.includes(only));
  const pool = new Pool(world.app.url, {
    connections: ROUTES_AT_A_TIME,
    headersTimeout: HANG_MS,
    bodyTimeout: HANG_MS,
  });
  const reports: RouteReport[] = [];
  const failures: string[] = [];
  const work = async () => {
    for (let operation = waiting.shift(); operation; operation = waiting.shift()) {
      const current = operation;
      const numRuns = Math.max(1, Math.round(runs * (SHARE_OF_RUNS[current.id] ?? 1)));
      const statuses: Record<number, number> = {};
      const property = fc.asyncProperty(callsOf(world, current, schemas), async (call) => {
        const status = await check(pool, current, call);
        statuses[status] = (statuses[status] ?? 0) + 1;
      });
      await fc.assert(property, { numRuns, seed }).catch((error: Error) => {
        const cause = error.cause instanceof Error ? `\n${error.cause.message}` : '';
        failures.push(`${current.id}: ${error.message}${cause}`);
      });
      reports.push({ id: current.id, runs: numRuns, statuses });
    }
  };
  try {
    await Promise.all(Array.from({ length: ROUTES_AT_A_TIME }, work));
  } finally {
    await pool.destroy();
  }
  if (failures.length > 0) throw new Error(`${failures.length} routes failed\n\n${failures.join('\n\n')}`);
  return reports;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '1000' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      only: { type: 'string', default: '' },
    },
  });
  const world = await startFuzzWorld();
  console.log(`seed ${values.seed}`);
  try {
    const reports = await fuzz(world, {
      runs: Number(values.runs),
      seed: Number(values.seed),
      only: values.only,
    });
    for (const { id, runs, statuses } of reports) console.log(id.padEnd(26), runs, JSON.stringify(statuses));
  } finally {
    await world.app.close();
  }
}

if (import.meta.main) await main();
