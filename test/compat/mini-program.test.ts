// The code of docs/mini-program.md as it stands there, in a mini-program's world: wx.request and wx.uploadFile over real HTTP.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { startTestApp } from '../harness/app.ts';
import { picture } from '../security/cast.ts';

const ADDRESS = 'https://pictures.example.com';
const POLL_MS = 20;
const GUIDE = new URL('../../docs/mini-program.md', import.meta.url);

interface Call {
  url: string;
  method?: string;
  data?: unknown;
  header?: Record<string, string>;
  success(answer: { statusCode: number; data: unknown }): void;
  fail(problem: { errMsg: string }): void;
}

/** What WeChat offers, as far as the guide uses it: JSON is parsed for requests, and left as text for uploads. */
function fakeWx(stored: Map<string, unknown>) {
  const send = ({ url, success, fail }: Call, init: RequestInit, isText: boolean) =>
    fetch(url, init)
      .then(async (answer) => {
        const text = await answer.text();
        success({ statusCode: answer.status, data: isText ? text : JSON.parse(text) });
      })
      .catch((error: unknown) => fail({ errMsg: String(error) }));
  return {
    setStorageSync: (name: string, value: unknown) => void stored.set(name, value),
    request: (call: Call) => {
      const body = call.data === undefined ? {} : { body: JSON.stringify(call.data) };
      const headers = { 'content-type': 'application/json', ...call.header };
      void send(call, { method: call.method ?? 'GET', headers, ...body }, false);
    },
    uploadFile: async (call: Call & { name: string }) => {
      const form = new FormData();
      form.set(call.name, new Blob([new Uint8Array(await picture())]), 'tmp.png');
      void send(call, { method: 'POST', body: form }, true);
    },
  };
}

test('the guide’s code uploads, asks, follows, and tells why something failed', async () => {
  const env = {
    DRAWBRIDGE_COMPAT_ALLOW_ANONYMOUS: 'true',
    // It asks far more often here than the guide's two seconds.
    DRAWBRIDGE_LIMITS_ANONYMOUS_REQUESTS_PER_MINUTE: '100000',
  };
  const app = await startTestApp({ sandbox: { instantPicture: true }, env });
  try {
    const block = /```js\n(const server[\s\S]*?)```/.exec(readFileSync(GUIDE, 'utf8'))?.[1] ?? '';
    assert.ok(block.includes(ADDRESS));
    const stored = new Map<string, unknown>();
    // No test waits two seconds between polls.
    const soon = (run: () => void) => setTimeout(run, POLL_MS);
    const world = createContext({ wx: fakeWx(stored), setTimeout: soon, Error, JSON, Promise, Math });
    const code = `${block.replace(ADDRESS, app.url)}; ({ upload, paint, call })`;
    const { upload, paint, call } = runInContext(code, world) as {
      upload(path: string): Promise<{ url: string }>;
      paint(wish: object, onProgress: (percent: number) => void): Promise<string[]>;
      call(method: string, path: string, data?: object): Promise<{ shareUrl: string; categories: unknown[] }>;
    };
    const { url } = await upload('wxfile://tmp/a.png');
    const percents: number[] = [];
    const wish = { prompt: '水彩风格', mode: 'image-to-image', image_url: url };
    const [first = ''] = await paint(wish, (percent) => percents.push(percent));
    assert.equal((await fetch(first)).status, 200);
    assert.equal(percents.at(-1), 100);
    const taskId = stored.get('taskId');
    const { shareUrl } = await call('POST', '/api/share', { taskId });
    assert.equal((await fetch(shareUrl)).status, 200);
    assert.ok((await call('GET', '/v1/styles')).categories.length > 0);
    await assert.rejects(
      paint({ prompt: '' }, () => {}),
      /prompt/,
    );
    const refused = { prompt: 'x [sandbox:fault=content_blocked]', model: 'sandbox-flaky' };
    await assert.rejects(
      paint(refused, () => {}),
      (error: { message: string }) => error.message.length > 10,
    );
  } finally {
    await app.close();
  }
});
