// The door that the AI SDK's packages are given, over real HTTP, without any package.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { FakeClock } from '../../../test/harness/clock.ts';
import { type FakeImageService, startFakeImageService } from '../../../test/harness/fake-image-service.ts';
import { createMemoryLogger } from '../../kernel/log.ts';
import { createOutbound } from '../../kernel/outbound.ts';
import { OutboundError } from '../../kernel/outbound-error.ts';
import { OutboundFetch } from './outbound-fetch.ts';

interface Stage {
  fake: FakeImageService;
  door: OutboundFetch;
  stop: AbortController;
  post(path: string, body?: string): Promise<Response>;
}

async function start(t: TestContext): Promise<Stage> {
  const fake = await startFakeImageService(t);
  const outbound = createOutbound({ clock: new FakeClock(), log: createMemoryLogger() });
  t.after(() => outbound.close());
  const stop = new AbortController();
  const door = new OutboundFetch({
    outbound,
    purpose: 'ai-sdk submit',
    serviceHosts: [new URL(fake.url).host],
    signal: stop.signal,
    submitTimeoutMs: 60_000,
    async spool(source) {
      let bytes = 0;
      for await (const chunk of source) bytes += chunk.length;
      return { path: 'spooled', bytes, mime: 'image/png' };
    },
  });
  const post = (path: string, body = '{}') => door.fetch(fake.url + path, { method: 'POST', body });
  return { fake, door, stop, post };
}

const isKind = (kind: string) => (error: unknown) => error instanceof OutboundError && error.kind === kind;

test('S13: a package that sends the same request again is stopped, after a success and after a failure', async (t) => {
  const { fake, door, post } = await start(t);
  await door.fetch(`${fake.url}/v1/models`);
  await post('/v1/images');
  await assert.rejects(post('/v1/images'), isKind('bad_request'));
  fake.script = [{ status: 502, body: 'x' }];
  await post('/v1/other');
  await assert.rejects(post('/v1/other'), isKind('bad_request'));
  const form = () => {
    const body = new FormData();
    body.append('prompt', 'a paper boat');
    return { method: 'POST', body };
  };
  fake.script = [{ status: 502, body: 'x' }];
  await door.fetch(`${fake.url}/v1/edits`, form());
  await assert.rejects(door.fetch(`${fake.url}/v1/edits`, form()), isKind('bad_request'));
  assert.equal(fake.submits.length, 3);
});

test('a package may ask about its job by POST as often as it likes', async (t) => {
  const { fake, post } = await start(t);
  await post('/v1/images');
  for (let i = 0; i < 3; i += 1) await post('/v1/result', '{"id":1}');
  assert.equal(fake.submits.length, 4);
});

test('a picture that answers the request itself is spooled, and found by its placeholder as bytes or base64', async (t) => {
  const { fake, door, post } = await start(t);
  fake.script = [{ body: fake.picture }];
  const bytes = new Uint8Array(await (await post('/v1/images')).arrayBuffer());
  const file = { file: { path: 'spooled', bytes: fake.picture.length, mime: 'image/png' } };
  assert.deepEqual(door.pictureFor(bytes), file);
  assert.deepEqual(door.pictureFor(Buffer.from(bytes).toString('base64')), file);
  assert.equal(door.pictureFor(fake.picture), null);
});

test('V3: an SVG is an answer like any other, not a picture', async (t) => {
  const { fake, door } = await start(t);
  fake.readScript = [{ body: '<svg/>', headers: { 'content-type': 'image/svg+xml' } }];
  assert.equal(await (await door.fetch(`${fake.url}/a`)).text(), '<svg/>');
});

test('answers come with status, decoded body and headers, but without cookies', async (t) => {
  const { fake, door, post } = await start(t);
  fake.script = [{ status: 201, body: { a: 1 }, headers: { 'set-cookie': 'a=b', 'x-id': '7' } }];
  const answer = await post('/v1/images');
  assert.deepEqual([answer.status, await answer.json()], [201, { a: 1 }]);
  assert.deepEqual([answer.headers.get('x-id'), answer.headers.get('set-cookie')], ['7', null]);
  fake.readScript = [{ status: 204, headers: { 'content-length': '0' } }];
  assert.equal((await door.fetch(new URL(`${fake.url}/a`))).status, 204);
  fake.script = [{ status: 400, body: { detail: 'no' } }];
  assert.equal(await (await post('/v1/b')).text(), '{"detail":"no"}');
  assert.equal(door.exchanges.at(-1)?.text, '{"detail":"no"}');
});

test('SR1: only the service itself may be in a private network', async (t) => {
  const { door } = await start(t);
  const elsewhere = await startFakeImageService(t);
  await assert.rejects(door.fetch(`${elsewhere.url}/a`), (error) => error instanceof OutboundError);
  await assert.rejects(
    door.fetch('http://169.254.169.254/latest'),
    (error) => error instanceof OutboundError,
  );
  assert.deepEqual(elsewhere.reads, []);
});

test('a stopped attempt sends nothing more, and breaks what is open', async (t) => {
  const { fake, stop, post } = await start(t);
  fake.onSubmit = () => stop.abort();
  fake.script = [{ after: new Promise(() => {}) }];
  await assert.rejects(post('/v1/images'), isKind('aborted'));
  await assert.rejects(post('/v1/images/2'), isKind('aborted'));
  assert.equal(fake.submits.length, 1);
});
