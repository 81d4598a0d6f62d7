// A server that is killed in the middle of a page, and again while its picture is painted: another process goes on with both, the
// reader gets one page and one picture, and each is paid once.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freePort, type ServerProcess, startServerProcess } from '../chaos/server-process.ts';
import { readAnswer } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { FakeChat, type FakeChatStep, streamedJson } from '../harness/fake-chat.ts';
import { firstPage, isReady, Reader, type Server } from './story-world.ts';

const ADMIN_KEY = 'dbk_takeover-admin-key-of-more-than-enough-length';
const GRANT = 100;
const TEXT_PRICE = 3;
const PICTURE_PRICE = 5;

const OUTLINES = {
  outlines: [
    {
      title: 'Pip and the moon',
      summary: 'A fox writes a letter.',
      characters: [{ name: 'Pip', look: 'a red fox with a blue scarf' }],
      pages: Array.from({ length: 3 }, (_, n) => ({ title: `Part ${n + 1}`, summary: 'Pip goes on.' })),
    },
  ],
};
const PAGE = {
  text: 'Pip looked up. The moon was late.',
  choices: ['Climb the hill', 'Ask the owl'],
  picture_prompt: 'Pip in the snow',
  alt_text: 'A fox in the snow',
};

/** A server of its own process on one folder and port, that can be killed and started again. */
async function serverOn(t: TestContext, env: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-takeover-'));
  const prices = `providers:\n  moonshot:\n    price_credits: ${TEXT_PRICE}\n`;
  writeFileSync(join(folder, 'drawbridge.yaml'), prices);
  const url = `http://127.0.0.1:${await freePort()}`;
  let running: ServerProcess | null = null;
  t.after(async () => {
    await running?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  const server: Server = {
    url,
    adminKey: ADMIN_KEY,
    request: async (method, path, body, headers = {}) =>
      readAnswer(
        await fetch(`${url}${path}`, {
          method,
          headers: {
            authorization: `Bearer ${ADMIN_KEY}`,
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...headers,
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      ),
  };
  const start = async () => {
    running = startServerProcess({
      cwd: folder,
      env: {
        DRAWBRIDGE_DATA_DIR: join(folder, 'data'),
        DRAWBRIDGE_PORT: new URL(url).port,
        DRAWBRIDGE_ADMIN_KEY: ADMIN_KEY,
        DRAWBRIDGE_LOG_LEVEL: 'error',
        ...env,
      },
    });
    await running.ready;
  };
  const replace = async () => {
    await running?.kill('SIGKILL');
    await start();
  };
  await start();
  return { server, replace };
}

test('a story goes on in another process after a kill mid-page and one mid-picture, and nothing is paid twice', async (t) => {
  const chat = await FakeChat.start();
  t.after(() => chat.close());
  const half: FakeChatStep = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': the rest never comes\r\n\r\n');
  };
  chat.script.push(streamedJson(OUTLINES), half, streamedJson(PAGE));
  const { server, replace } = await serverOn(t, {
    MOONSHOT_API_KEY: 'sk-takeover0123456789',
    MOONSHOT_BASE_URL: chat.baseUrl,
    DRAWBRIDGE_CREDITS_STARTING_GRANT: String(GRANT),
    DRAWBRIDGE_CREDITS_PRICES: `sandbox=${PICTURE_PRICE}`,
  });
  const reader = new Reader(server);
  const wish = { idea: 'A fox writes to the moon', pages: 3, proposals: 1, model: 'sandbox', ahead: 'none' };
  const { id } = await reader.outlined(wish);
  await reader.must('POST', `/${id}/start`);
  await until(async () => chat.questions.length === 2, { what: 'the first telling' });

  await replace();
  const written = await reader.until(id, ({ pages }) =>
    pages.some(({ picture }) => picture.task_id !== null),
  );
  assert.equal(firstPage(written).text, PAGE.text);

  await replace();
  const story = await reader.until(id, isReady(1));
  assert.equal(story.pages.length, 1);
  assert.equal(firstPage(story).picture.task_id, firstPage(written).picture.task_id);
  assert.equal(chat.questions.length, 3);

  const { json: credits } = await server.request('GET', '/v1/credits');
  assert.deepEqual(
    [credits.available_credits, credits.held_credits],
    [GRANT - 2 * TEXT_PRICE - PICTURE_PRICE, 0],
  );
  const { json: entries } = await server.request('GET', '/v1/credits/entries');
  const captured = entries.data.filter(({ kind }: { kind: string }) => kind === 'capture');
  assert.deepEqual(
    captured.map(({ amount_credits: amount }: { amount_credits: number }) => Math.abs(amount)),
    [PICTURE_PRICE, TEXT_PRICE, TEXT_PRICE],
  );
  const { json: doctor } = await server.request('POST', '/v1/admin/doctor', { deep: true });
  const invariants = doctor.checks.filter(({ id: check }: { id: string }) => /^[A-Z]\d+$/.test(check));
  assert.ok(invariants.length > 0);
  for (const { id: check, state, detail } of invariants) assert.equal(state, 'ok', `${check}: ${detail}`);
  const { json: ready } = await server.request('GET', '/readyz');
  assert.equal(ready.status, 'ready');
});
