// Broken pictures and bombs through every door of the whole app: each is refused in plain words, leaves nothing in the staging
// folder, no row and no charge, and the next good picture is taken.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FOREIGN_FILES, flatPng, photo, zipTextBomb } from '../../src/media/test-pictures.ts';
import type { TestAnswer, TestApp } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { bearer, openAccount, type Person, pictureForm, startFastApp } from './cast.ts';
import { assertOpenAiError, assertProblem } from './problems.ts';

let app: TestApp;
let owner: Person;
before(async () => {
  app = await startFastApp();
  owner = await openAccount(app, 'owner');
});
after(() => app.close());

/** A handful; the image process's own tests have them all. */
async function hostilePictures(): Promise<[name: string, bytes: Buffer][]> {
  const whole = await photo('png', 64);
  const jpeg = await photo('jpeg', 64);
  const flipped = Buffer.from(whole);
  flipped.fill(0xff, whole.length >> 1, (whole.length >> 1) + 40);
  return [
    ['a picture cut in half', whole.subarray(0, whole.length >> 1)],
    ['a JPEG cut in half', jpeg.subarray(0, jpeg.length >> 1)],
    ['a picture with broken data', flipped],
    ['a header and nothing else', whole.subarray(0, 33)],
    ['16,000 x 16,000 pixels in 31 kB', flatPng(16_000, 16_000)],
    ['64 MB of text in 64 kB', flatPng(64, 64, [zipTextBomb('Comment', 64 * 1024 * 1024)])],
    ...['svg', 'html', 'gif', 'empty', 'text'].map((name): [string, Buffer] => [
      name,
      FOREIGN_FILES[name] ?? Buffer.alloc(0),
    ]),
  ];
}

function stagedFiles(): string[] {
  return readdirSync(app.dataDir, { recursive: true, withFileTypes: true })
    .filter(
      (entry) => entry.isFile() && /(staging|tmp|incoming)/i.test(entry.parentPath.slice(app.dataDir.length)),
    )
    .map((entry) => join(entry.parentPath, entry.name));
}

async function counts() {
  const { db } = app.app;
  const count = async (table: 'tasks' | 'uploads' | 'files') =>
    Number(
      (
        await db.read
          .selectFrom(table)
          .select(({ fn }) => fn.countAll().as('count'))
          .executeTakeFirstOrThrow()
      ).count,
    );
  return { tasks: await count('tasks'), uploads: await count('uploads'), files: await count('files') };
}

const DOORS: [string, (bytes: Buffer) => Promise<TestAnswer>][] = [
  [
    'POST /v1/uploads',
    async (bytes) => app.request('POST', '/v1/uploads', await pictureForm(bytes), bearer(owner.key)),
  ],
  [
    'POST /v1/tasks with base64',
    (bytes) =>
      app.request(
        'POST',
        '/v1/tasks',
        { prompt: 'a', images: [{ b64: bytes.toString('base64') || 'AA==' }] },
        bearer(owner.key),
      ),
  ],
  [
    'POST /v1/images/edits',
    async (bytes) => {
      const form = await pictureForm(bytes, 'a.png', 'image');
      form.set('prompt', 'a');
      return app.request('POST', '/v1/images/edits', form, bearer(owner.key));
    },
  ],
];

for (const [door, send] of DOORS) {
  test(`broken pictures and bombs through ${door}`, async () => {
    const before = await counts();
    for (const [name, bytes] of await hostilePictures()) {
      const answer = await send(bytes);
      const label = `${name}: ${answer.status} ${answer.text.slice(0, 300)}`;
      // The inflated text is never read: that picture is as good as any.
      if (name.startsWith('64 MB') && answer.status < 300) continue;
      assert.ok([413, 415, door.includes('edits') ? 400 : 422].includes(answer.status), label);
      if (door.includes('edits')) assertOpenAiError(answer);
      else assertProblem(answer);
      const detail: string = answer.json.detail ?? answer.json.error.message;
      assert.ok(detail.length > 20, label);
      assert.doesNotMatch(detail, /vips|libpng|sharp|pngload|Vips/, label);
    }
    // The one good picture may still be on its way through.
    await until(() => stagedFiles().length === 0, { what: `an empty staging folder, not ${stagedFiles()}` });
    const after = await counts();
    assert.ok(after.uploads - before.uploads <= 1, JSON.stringify({ before, after }));
    assert.ok(after.tasks - before.tasks <= 1, JSON.stringify({ before, after }));
  });
}

test('a picture by URL is fetched from public addresses only', async () => {
  const urls = [
    'http://127.0.0.1/a.png',
    `${app.url}/healthz`,
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]:8080/a.png',
    'http://0x7f000001/a.png',
    'http://localhost/a.png',
    'http://user:pw@10.0.0.1/a.png',
  ];
  const before = await counts();
  for (const url of urls) {
    const answer = await app.request(
      'POST',
      '/v1/tasks',
      { prompt: 'a', images: [{ url }] },
      bearer(owner.key),
    );
    assert.ok(
      answer.status >= 400 && answer.status < 500,
      `${url}: ${answer.status} ${answer.text.slice(0, 300)}`,
    );
    assertProblem(answer);
    assert.ok(!answer.text.includes('pw@'), answer.text);
  }
  for (const url of [
    'file:///etc/passwd',
    'gopher://a/',
    'data:image/png;base64,AA==',
    'javascript:1',
    'ftp://a/b',
    '//a/b',
  ]) {
    const answer = await app.request(
      'POST',
      '/v1/tasks',
      { prompt: 'a', images: [{ url }] },
      bearer(owner.key),
    );
    assert.equal(answer.status, 422, `${url}: ${answer.text.slice(0, 300)}`);
  }
  assert.deepEqual(await counts(), before);
  assert.deepEqual(stagedFiles(), []);
});

test('base64 that is none is refused', async () => {
  for (const b64 of [
    '%%%',
    'data:text/html,<script>',
    '=',
    'a'.repeat(1000),
    '\u00e9',
    'data:image/png;base64,',
  ]) {
    const answer = await app.request(
      'POST',
      '/v1/tasks',
      { prompt: 'a', images: [{ b64 }] },
      bearer(owner.key),
    );
    assert.ok(
      [415, 422].includes(answer.status),
      `${b64.slice(0, 20)}: ${answer.status} ${answer.text.slice(0, 200)}`,
    );
    assertProblem(answer);
  }
  assert.deepEqual(stagedFiles(), []);
});

test('after all of them a good picture is taken', async () => {
  const answer = await app.request('POST', '/v1/uploads', await pictureForm(), bearer(owner.key));
  assert.equal(answer.status, 201, answer.text);
});
