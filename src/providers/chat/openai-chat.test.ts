// The chat model against a scripted service over real HTTP: what is sent, how it climbs down and repairs, and what each
// failure is taken for. Every error and log line of this file is searched for secrets at the end.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { after, type TestContext, test } from 'node:test';
import { z } from 'zod';
import { FakeClock, until } from '../../../test/harness/clock.ts';
import { proxyUnavailable, realProxy } from '../../../test/harness/egress-proxies.ts';
import {
  chatAnswer,
  chatError,
  events,
  FakeChat,
  type FakeChatStep,
  streamed,
  streamedJson,
  whole,
} from '../../../test/harness/fake-chat.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { createMemoryLogger } from '../../kernel/log.ts';
import { createOutbound } from '../../kernel/outbound.ts';
import { ProviderError, type ProviderErrorKind } from '../provider.ts';
import type { CompletionRequest } from './chat.ts';
import { type ChatSection, chooseModel, SERVICES } from './chat-profiles.ts';
import { parseChatSettings } from './chat-settings.ts';
import { createOpenAiChat } from './openai-chat.ts';

const KEY = 'sk-canary-key-0123456789';
const PROXY_PASSWORD = 'canary-proxy-password';
const CANARIES = [KEY, 'canary', 'relay.internal', '10.1.2.3', '<html', 'org-canary', 'ak-canary'];
const HTML = '<html><body>canary relay.internal 10.1.2.3</body></html>';
const NEVER = new AbortController().signal;

/** Everything that users or operators could read, gathered from all tests. */
const shown: string[] = [];

const boat = z.object({ name: z.string().min(1).max(20), masts: z.number().int() });
type Boat = z.infer<typeof boat>;
const BOAT: Boat = { name: 'Ada', masts: 2 };

async function setUp(
  t: TestContext,
  raw: Record<string, unknown> = {},
  { section = 'moonshot', clock = systemClock }: { section?: ChatSection; clock?: Clock } = {},
) {
  const fake = await FakeChat.start();
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock, log });
  const settings = parseChatSettings(section, {
    api_key: KEY,
    base_url: fake.baseUrl,
    model: 'kimi-k2.6',
    ...raw,
  });
  const model = createOpenAiChat({ settings, outbound, clock, log });
  t.after(async () => {
    shown.push(log.text());
    await outbound.close();
    await fake.close();
  });
  const complete = (more: Partial<CompletionRequest<Boat>> = {}) =>
    model.complete({
      system: 'You name boats.',
      messages: [{ role: 'user', content: 'Name one.' }],
      schema: boat,
      schemaName: 'boat',
      maxOutputTokens: 800,
      signal: NEVER,
      ...more,
    });
  return { fake, log, model, complete, settings };
}

async function failure(work: Promise<unknown>, kind: ProviderErrorKind, created?: ProviderError['created']) {
  const error = await work.then(
    (value) => assert.fail(`expected ${kind}, got ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ProviderError, String(error));
  shown.push(error.message);
  assert.equal(error.kind, kind, error.message);
  if (created) assert.equal(error.created, created, error.message);
  assert.ok(error.message.length < 520);
  return error;
}

const refusing = (words: string): FakeChatStep => chatAnswer(400, chatError('invalid_request_error', words));
const rungOf = (fields: Record<string, unknown> | undefined) => {
  const format = fields?.response_format as { type?: string } | undefined;
  return format?.type ?? (fields?.tools ? 'tool' : 'text');
};
const systemOf = (fields: Record<string, unknown> | undefined) =>
  (fields?.messages as { content: string }[] | undefined)?.[0]?.content ?? '';

test('a question is streamed, with what the model takes and nothing that it fixes', async (t) => {
  const { fake, complete, model } = await setUp(t);
  fake.script.push(streamedJson(BOAT, { thoughts: 'a boat, a boat' }));
  const seen: string[] = [];
  const result = await complete({ onText: (text) => seen.push(text) });
  assert.deepEqual(result, {
    value: BOAT,
    usage: { inputTokens: 41, outputTokens: 23, requests: 1 },
    model: 'kimi-k2.6',
    rungs: ['json_schema'],
  });
  assert.ok(seen.length > 2 && seen.at(-1) === JSON.stringify(BOAT) && !seen.join('').includes('a boat'));
  const [question] = fake.questions;
  assert.equal(question?.headers.authorization, `Bearer ${KEY}`);
  const { messages: _messages, response_format, ...rest } = question?.fields ?? {};
  assert.deepEqual(rest, {
    model: 'kimi-k2.6',
    stream: true,
    stream_options: { include_usage: true },
    max_completion_tokens: 800,
    thinking: { type: 'disabled' },
  });
  assert.deepEqual(response_format, {
    type: 'json_schema',
    json_schema: {
      name: 'boat',
      strict: true,
      schema: {
        type: 'object',
        properties: {
          name: { type: 'string' },
          masts: { type: 'integer', minimum: -9007199254740991, maximum: 9007199254740991 },
        },
        required: ['name', 'masts'],
        additionalProperties: false,
      },
    },
  });
  assert.deepEqual(model.endpoints, [fake.baseUrl]);
});

test('the ladder: each refused rung falls to the next, and is not tried again', async (t) => {
  const { fake, complete } = await setUp(t);
  fake.script.push(
    refusing('response_format.type json_schema is not supported'),
    refusing("'response_format' is unknown"),
    refusing('tools are not supported by this model'),
    streamed(`Here you are:\n\`\`\`json\n${JSON.stringify(BOAT)}\n\`\`\`\nHave fun!`),
    streamed(JSON.stringify(BOAT)),
  );
  const first = await complete();
  assert.deepEqual(first.rungs, ['json_schema', 'json_object', 'tool', 'text']);
  assert.deepEqual((await complete()).rungs, ['text']);
  assert.deepEqual(
    fake.questions.map(({ fields }) => rungOf(fields)),
    ['json_schema', 'json_object', 'tool', 'text', 'text'],
  );
  assert.match(systemOf(fake.questions[1]?.fields), /JSON schema:\n\{"type":"object".*"maxLength":20/);
  assert.match(systemOf(fake.questions[3]?.fields), /```json/);
});

test('other refused fields are left out once and remembered', async (t) => {
  const { fake, complete } = await setUp(t);
  fake.script.push(
    refusing('unknown field stream_options'),
    refusing('thinking is not allowed for this model'),
    refusing("Unsupported parameter: 'max_completion_tokens'"),
    streamedJson(BOAT),
    streamedJson(BOAT),
    refusing('max_tokens is too large'),
  );
  await complete();
  await complete();
  const { messages: _messages, response_format: _format, ...rest } = fake.questions.at(-1)?.fields ?? {};
  assert.deepEqual(rest, { model: 'kimi-k2.6', stream: true, max_tokens: 800 });
  await failure(complete(), 'invalid_request', 'no');
  assert.equal(fake.questions.length, 6);
});

const RUNGS: readonly (readonly string[])[] = [
  [],
  ['response_format'],
  ['response_format', 'response_format'],
  ['response_format', 'response_format', 'tools'],
];
for (const refusals of RUNGS) {
  test(`rung ${refusals.length + 1}: what is not JSON is shown to the model, and repaired`, async (t) => {
    const { fake, complete } = await setUp(t);
    const options = refusals.length === 2 ? { tool: 'boat', finish: 'tool_calls' } : {};
    fake.script.push(
      ...refusals.map((word) => refusing(`${word} is not supported`)),
      streamed('I would call it Ada.', refusals.length === 2 ? {} : options),
      streamedJson(BOAT, options),
    );
    const result = await complete();
    assert.deepEqual(result.value, BOAT);
    assert.equal(result.usage.requests, refusals.length + 2);
    assert.equal(result.usage.outputTokens, 46);
    const messages = fake.questions.at(-1)?.fields.messages as { role: string; content: string }[];
    assert.deepEqual(
      messages.map(({ role }) => role),
      ['system', 'user', 'assistant', 'user'],
    );
    assert.match(messages.at(-1)?.content ?? '', /not JSON/);
  });
}

test('an answer that does not fit is repaired once, and then fails honestly', async (t) => {
  const { fake, complete } = await setUp(t);
  fake.script.push(streamedJson({ name: '', masts: 'two' }), streamedJson(BOAT));
  assert.deepEqual((await complete()).value, BOAT);
  const shownErrors = (fake.questions[1]?.fields.messages as { content: string }[] | undefined)?.[3];
  assert.match(shownErrors?.content ?? '', /name: .*\n- masts: /);
  fake.script.push(streamedJson({ name: 1 }), streamedJson({ name: 2 }));
  const error = await failure(complete(), 'bad_answer', 'unknown');
  assert.match(error.message, /even after one correction/);
  assert.equal(fake.questions.length, 4);
});

test('nearly JSON is mended: fences, chatter, thoughts, byte order mark, trailing commas', async (t) => {
  const { fake, complete } = await setUp(t);
  const json = JSON.stringify(BOAT);
  const answers = [
    `\ufeff${json}`,
    `<think>{"name": 1}</think>\n${json}`,
    `Sure! ${json} Anything else?`,
    `\`\`\`\n${json}\n\`\`\``,
    "{name: 'Ada', masts: 2,}",
    '{"name": "Ada", // a comment\n "masts": 2}',
  ];
  for (const answer of answers) {
    fake.script.push(streamed(answer));
    const result = await complete();
    assert.deepEqual([result.value, result.usage.requests], [BOAT, 1], answer);
  }
});

test('W2 answers are cleaned of what is invisible, and of keys that reach into prototypes', async (t) => {
  const { fake, complete } = await setUp(t);
  fake.script.push(
    streamed('{"name":"A\\u202ed\\u0000a\\u200b","masts":2,"__proto__":{"polluted":1},"extra":1}'),
  );
  const { value } = await complete();
  assert.deepEqual(value, BOAT);
  assert.equal(({} as { polluted?: number }).polluted, undefined);
});

test('S9 a service that does not stream, or streams under another name, is read all the same', async (t) => {
  const { fake, complete } = await setUp(t);
  const json = JSON.stringify(BOAT);
  const event = {
    choices: [
      {
        index: 0,
        delta: { content: json },
        finish_reason: 'stop',
        usage: { prompt_tokens: 3, completion_tokens: 4 },
      },
    ],
  };
  fake.script.push(whole(json), (response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.end(events({ choices: [] }, event).replaceAll('\n', '\r\n'));
  });
  assert.deepEqual((await complete()).value, BOAT);
  assert.deepEqual((await complete()).usage, { inputTokens: 3, outputTokens: 4, requests: 1 });
});

const REFUSALS: readonly [string, FakeChatStep, ProviderErrorKind, ProviderError['created'], RegExp][] = [
  [
    'S6 a wrong key',
    chatAnswer(401, chatError('incorrect_api_key_error', `bad ${KEY}`)),
    'credentials_expired',
    'no',
    /refused the API key/,
  ],
  [
    'S6 a key of the other region',
    chatAnswer(401, chatError('invalid_authentication_error')),
    'credentials_expired',
    'no',
    /api\.moonshot\.cn.*check the base URL/,
  ],
  [
    'S6 no permission',
    chatAnswer(403, chatError('permission_denied_error')),
    'credentials_expired',
    'no',
    /does not allow/,
  ],
  [
    'S7 an empty account is not a rate limit',
    chatAnswer(429, chatError('exceeded_current_quota_error', 'org-canary ak-canary99')),
    'quota_exhausted',
    'no',
    /no credit left/,
  ],
  ['S7 402', chatAnswer(402, chatError('x')), 'quota_exhausted', 'no', /no credit left/],
  [
    'S7 insufficient balance as 403',
    chatAnswer(403, chatError('x', 'Insufficient balance')),
    'quota_exhausted',
    'no',
    /no credit left/,
  ],
  [
    'S5 a busy engine is not a rate limit',
    chatAnswer(429, chatError('engine_overloaded_error')),
    'unavailable',
    'no',
    /overloaded/,
  ],
  [
    'S8 refused content',
    chatAnswer(
      400,
      chatError('content_filter', 'The request was rejected because it was considered high risk'),
    ),
    'content_blocked',
    'no',
    /refused the content/,
  ],
  [
    'S8 a wrong request',
    chatAnswer(400, chatError('invalid_request_error', `too long at http://10.1.2.3/?key=${KEY}`)),
    'invalid_request',
    'no',
    /too long/,
  ],
  [
    'S8 an unknown model',
    chatAnswer(404, chatError('resource_not_found_error', 'Not found the model')),
    'invalid_request',
    'no',
    /does not serve this model/,
  ],
  ['S3 a gateway page', chatAnswer(502, HTML), 'unavailable', 'unknown', /status 502\.$/],
  ['S3 a gateway that gave up', chatAnswer(524, HTML), 'timeout', 'unknown', /gave up/],
  [
    'S4 500',
    chatAnswer(500, chatError('server_error', 'relay.internal broke')),
    'unavailable',
    'unknown',
    /overloaded/,
  ],
  ['S14 a redirect', chatAnswer(307, '', { location: 'http://10.1.2.3/' }), 'unavailable', 'no', /moved/],
  ['S9 a page instead of an answer', chatAnswer(200, HTML), 'bad_answer', 'unknown', /web page/],
  [
    'S9 an error with status 200',
    chatAnswer(200, chatError('exceeded_current_quota_error')),
    'quota_exhausted',
    'unknown',
    /no credit left/,
  ],
  [
    'S9 another shape of error',
    chatAnswer(200, { object: 'error', message: 'boom at relay.internal' }),
    'bad_answer',
    'unknown',
    /boom at \[address\]/,
  ],
  [
    'S8 content refused in the middle',
    streamed('{"name":"A', { finish: 'content_filter' }),
    'content_blocked',
    'unknown',
    /refused the content/,
  ],
  [
    'S10 a stream that just stops',
    streamed('{"name":"Ada","masts":2', { finish: null, done: false }),
    'bad_answer',
    'unknown',
    /broke off/,
  ],
  [
    'S10 an answer that was too long',
    streamed('{"name":"Ada","masts":2', { finish: 'length' }),
    'bad_answer',
    'unknown',
    /did not end within 800 tokens/,
  ],
];

for (const [name, step, kind, created, message] of REFUSALS) {
  test(name, async (t) => {
    const { fake, complete } = await setUp(t);
    fake.script.push(step);
    assert.match((await failure(complete(), kind, created)).message, message);
    assert.equal(fake.questions.length, 1, 'S13: asked once');
  });
}

test('S9 an error in the middle of a stream', async (t) => {
  const { fake, complete } = await setUp(t);
  const inStream =
    (type: string): FakeChatStep =>
    (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(
        events(
          { choices: [{ index: 0, delta: { content: '{"na' } }] },
          chatError(type, `${KEY} at relay.internal`),
        ),
      );
    };
  fake.script.push(inStream('engine_overloaded_error'), inStream('content_filter'), inStream('odd'));
  await failure(complete(), 'unavailable', 'unknown');
  await failure(complete(), 'content_blocked', 'unknown');
  await failure(complete(), 'bad_answer', 'unknown');
});

test('S10 a connection that breaks in the middle, and a whole answer that only lost its end', async (t) => {
  const { fake, complete } = await setUp(t);
  const cut =
    (text: string): FakeChatStep =>
    (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(events({ choices: [{ index: 0, delta: { content: text } }] }), () =>
        response.socket?.destroy(),
      );
    };
  fake.script.push(cut('{"name":"A'), streamedJson(BOAT, { finish: null, done: false }));
  const error = await complete().then(
    () => null,
    (thrown: ProviderError) => thrown,
  );
  assert.ok(
    error instanceof ProviderError &&
      error.created === 'unknown' &&
      ['unavailable', 'bad_answer'].includes(error.kind),
  );
  assert.deepEqual((await complete()).value, BOAT);
});

test('S5 a rate limit passes on what was asked for, and nothing absurd', async (t) => {
  const clock: Clock = { ...systemClock, now: () => Date.parse('2026-11-22T00:00:00Z') };
  const { fake, complete } = await setUp(t, {}, { clock });
  const rows: [Record<string, string>, number | null][] = [
    [{}, null],
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after': 'Sun, 22 Nov 2026 00:00:30 GMT' }, 30_000],
    [{ 'retry-after': '-5' }, null],
    [{ 'retry-after': 'soon' }, null],
    [{ 'retry-after': '1e300' }, 86_400_000],
  ];
  for (const [headers, expected] of rows) {
    fake.script.push(chatAnswer(429, chatError('rate_limit_reached_error', 'max RPM: 3'), headers));
    const error = await failure(complete(), 'rate_limited', 'no');
    assert.equal(error.retryAfterMs, expected, JSON.stringify(headers));
  }
});

test('S9 an endless or deeply nested answer is bounded', async (t) => {
  const { fake, complete } = await setUp(t);
  let isClosed = false;
  fake.script.push((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.on('close', () => {
      isClosed = true;
    });
    const piece = events({ choices: [{ index: 0, delta: { content: 'x'.repeat(32_768) } }] });
    const more = () => {
      while (!isClosed && response.write(piece));
      if (!isClosed) response.once('drain', more);
    };
    more();
  });
  assert.match((await failure(complete(), 'bad_answer')).message, /far more/);
  await until(() => isClosed);
  fake.script.push(
    streamed('['.repeat(50_000), { pieceChars: 10_000 }),
    streamed('{"a":'.repeat(9_000), { pieceChars: 9_000 }),
  );
  await failure(complete(), 'bad_answer');
});

test('S2 silence, and a stop, end a question', async (t) => {
  const clock = new FakeClock();
  const { fake, complete } = await setUp(t, {}, { clock });
  let isAsked = false;
  fake.script.push(() => {
    isAsked = true;
  });
  const late = failure(complete(), 'timeout', 'unknown');
  await until(() => isAsked);
  clock.advance(120_000);
  await late;
  const stop = new AbortController();
  fake.script.push(() => stop.abort(new Error('enough')));
  await failure(complete({ signal: stop.signal }), 'timeout', 'unknown');
});

test('S1 what fails before anything is sent', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const { complete, model } = await setUp(t, { base_url: `http://127.0.0.1:${port}` });
  await failure(complete(), 'unreachable', 'no');
  await failure(model.probe({ signal: NEVER }), 'unreachable', 'no');
});

test('S6 a missing key is said before anything is sent; a service without keys needs none', async (t) => {
  const { fake, complete } = await setUp(t, { api_key: '' });
  await failure(complete(), 'credentials_missing', 'no');
  assert.deepEqual(fake.requests, []);
  const local = await setUp(t, { api_key: '', model: 'llama-4' }, { section: 'chat' });
  local.fake.script.push(streamedJson(BOAT));
  await local.complete();
  assert.equal(local.fake.questions[0]?.headers.authorization, undefined);
  assert.equal(local.fake.questions[0]?.fields.max_tokens, 800);
});

test('without a set model the service is asked which it has, once', async (t) => {
  const { fake, complete } = await setUp(t, { model: '' });
  fake.script.push(streamedJson(BOAT), streamedJson(BOAT));
  assert.equal((await complete()).model, 'kimi-k2.6');
  await complete();
  assert.equal(fake.requests.filter((request) => request === 'GET /v1/models').length, 1);
  const names = (list: string[]) => chooseModel(SERVICES.moonshot, list);
  assert.equal(names(['moonshot-v1-8k', 'kimi-k2-0905-preview', 'kimi-k3']), 'kimi-k3');
  assert.equal(names(['moonshot-v1-8k', 'kimi-k2.5', 'kimi-latest']), 'kimi-k2.6');
  assert.equal(chooseModel(SERVICES.chat, ['text-embedding-3', 'whisper-1', 'qwen3-32b']), 'qwen3-32b');
  assert.equal(chooseModel(SERVICES.chat, ['text-embedding-3']), null);
});

test('a probe costs nothing, and says whether the key works and what is left', async (t) => {
  const { fake, model } = await setUp(t, { model: '' });
  const probe = () => model.probe({ signal: NEVER });
  assert.deepEqual(await probe(), { note: 'model kimi-k2.6' });
  fake.balance = chatAnswer(200, { code: 0, data: { available_balance: 49.5 } });
  assert.deepEqual(await probe(), { note: 'model kimi-k2.6; balance 49.5' });
  fake.balance = chatAnswer(200, { code: 0, data: { available_balance: 0 } });
  await failure(probe(), 'quota_exhausted', 'no');
  fake.balance = chatAnswer(200, HTML);
  fake.models = chatAnswer(404, HTML);
  assert.deepEqual(await probe(), { note: 'the service does not list its models; model kimi-k2.6' });
  fake.models = chatAnswer(401, chatError('invalid_authentication_error'));
  await failure(probe(), 'credentials_expired', 'no');
  fake.models = chatAnswer(200, HTML);
  await failure(probe(), 'bad_answer', 'no');
  assert.deepEqual(fake.questions, []);
});

test('every leg goes through a real SOCKS proxy', { skip: proxyUnavailable('microsocks') }, async (t) => {
  const proxy = await realProxy(t, 'microsocks', 'user', PROXY_PASSWORD);
  const via = `socks5://user:${PROXY_PASSWORD}@127.0.0.1:${proxy.port}`;
  const { fake, complete, model } = await setUp(t, { proxy: via, model: '' });
  fake.script.push(streamedJson(BOAT));
  assert.deepEqual((await complete()).value, BOAT);
  await model.probe({ signal: NEVER });
  await proxy.logged(`127.0.0.1:${fake.port}`);
  const wrong = await setUp(t, { proxy: `socks5://user:wrong-${PROXY_PASSWORD}@127.0.0.1:${proxy.port}` });
  await failure(wrong.complete(), 'unreachable', 'no');
  assert.deepEqual(wrong.fake.requests, [], 'never direct when the proxy refuses');
});

test('settings have defaults, and a wrong one is named without its value', () => {
  const parse = (raw: Record<string, unknown>, section: ChatSection = 'moonshot') =>
    parseChatSettings(section, raw);
  assert.deepEqual(parse({ api_key: ` ${KEY} ` }), {
    section: 'moonshot',
    apiKey: KEY,
    baseUrl: 'https://api.moonshot.ai/v1',
    model: null,
    proxy: null,
    connectTimeoutMs: 10_000,
    idleTimeoutMs: 120_000,
    totalTimeoutMs: 300_000,
    priceMicros: 0,
  });
  const base = (base_url: string) => parse({ base_url }, 'chat').baseUrl;
  assert.equal(base('https://api.moonshot.cn'), 'https://api.moonshot.cn/v1');
  assert.equal(base('http://10.0.0.5:3000/v1/chat/completions/'), 'http://10.0.0.5:3000/v1');
  assert.equal(base('https://ark.example/api/v3'), 'https://ark.example/api/v3');
  assert.equal(base('https://g.example/v1beta/openai/'), 'https://g.example/v1beta/openai');
  const wrong: Record<string, unknown>[] = [
    { base_url: '' },
    { base_url: 'ftp://canary' },
    { base_url: 'https://u:canary@x.example' },
    { base_url: 'https://x.example', proxy: 'ftp://canary' },
    { base_url: 'https://x.example', api_key: 'canary\u00e9' },
    { base_url: 'https://x.example', total_timeout_s: 'canary' },
  ];
  for (const raw of wrong) {
    assert.throws(
      () => parse(raw, 'chat'),
      (error: Error) => {
        shown.push(error.message);
        return /^providers\.chat\.\w+ /.test(error.message);
      },
    );
  }
});

after(() => {
  const text = shown.join('\n');
  for (const canary of CANARIES)
    assert.ok(
      !text.includes(canary),
      `K1: ${canary} is shown: ${text.slice(Math.max(0, text.indexOf(canary) - 200), text.indexOf(canary) + 60)}`,
    );
});
