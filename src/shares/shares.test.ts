// Links as their owners and visitors meet them, on the whole app and both databases.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import sharp from 'sharp';
import { startTestApp, type TestApp } from '../../test/harness/app.ts';
import { databaseKinds } from '../../test/harness/database.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { TRIES_PER_ADDRESS, TRIES_WINDOW_MS } from './share-password.ts';

const CHROME =
  'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36';
const DAY_MS = 86_400_000;

/** The machine's clock, some time later. */
class ShiftedClock implements Clock {
  shiftMs = 0;
  now = () => systemClock.now() + this.shiftMs;
  monotonicMs = () => systemClock.monotonicMs() + this.shiftMs;
  after = systemClock.after;
}

async function makePicture(app: TestApp, prompt: string): Promise<string> {
  const task = await app.request('POST', '/v1/tasks', { prompt }, { prefer: 'wait=60' });
  assert.equal(task.json.status, 'succeeded', task.text);
  return task.json.images[0].id;
}

/** A call without a key, as a browser makes it; redirects are not followed. */
function visit(url: string, headers: Record<string, string> = {}, init: RequestInit = {}) {
  return fetch(url, {
    redirect: 'manual',
    ...init,
    headers: { accept: 'text/html', 'accept-language': 'en', 'user-agent': CHROME, ...headers },
  });
}

const enter = (url: string, password: string, headers: Record<string, string> = {}) =>
  visit(
    url,
    { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    { method: 'POST', body: new URLSearchParams({ password }).toString() },
  );

for (const { kind, skip } of databaseKinds()) {
  if (kind === 'sqlite-inline') continue;
  describe(`shares on ${kind}`, { skip }, () => {
    const clock = new ShiftedClock();
    let app: TestApp;
    let first: string;
    let second: string;
    before(async () => {
      app = await startTestApp({ database: kind, clock, sandbox: { instantPicture: true } });
      [first, second] = await Promise.all([makePicture(app, 'a quiet lake'), makePicture(app, 'a loud sea')]);
    });
    after(() => app.close());

    const share = async (body: object) => {
      const made = await app.request('POST', '/v1/shares', { image_ids: [first], ...body });
      assert.equal(made.status, 201, made.text);
      return made.json;
    };

    test('a link is made, listed by page and by picture, changed and read again', async () => {
      const one = await share({ title: 'One', show_prompt: true });
      assert.match(one.slug, /^[a-z2-7]{26}$/);
      assert.equal(one.url, `${app.url}/s/${one.slug}`);
      const two = await share({ image_ids: [second, first, second] });
      assert.deepEqual(
        two.images.map(({ id, n }: { id: string; n: number }) => [id, n]),
        [
          [second, 1],
          [first, 2],
        ],
      );
      const page = (await app.request('GET', '/v1/shares?limit=1')).json;
      assert.deepEqual([page.data[0].id, page.next_cursor], [two.id, two.id]);
      const next = (await app.request('GET', `/v1/shares?limit=1&cursor=${page.next_cursor}`)).json;
      assert.deepEqual([next.data[0].id, next.next_cursor], [one.id, null]);
      const ofSecond = (await app.request('GET', `/v1/shares?image_ids=${second},img_none`)).json;
      assert.deepEqual(
        ofSecond.data.map(({ id }: { id: string }) => id),
        [two.id],
      );
      const expires_at = new Date(clock.now() + DAY_MS).toISOString();
      const change = {
        title: 'Uno',
        expires_at,
        show_prompt: false,
        allow_download: false,
        password: 'a secret',
      };
      const changed = await app.request('PATCH', `/v1/shares/${one.slug}`, change);
      const { password: _hidden, ...shown } = change;
      assert.deepEqual({ ...changed.json, ...shown, has_password: true }, changed.json);
      assert.deepEqual((await app.request('GET', `/v1/shares/${one.id}`)).json, changed.json);
      const open = await app.request('PATCH', `/v1/shares/${one.id}`, { password: null, expires_at: null });
      assert.deepEqual([open.json.has_password, open.json.expires_at], [false, null]);
    });

    test('what an account does not have cannot be shared, nor a link into the past', async () => {
      const refused = async (body: object, status: number) =>
        assert.equal((await app.request('POST', '/v1/shares', body)).status, status, JSON.stringify(body));
      await refused({ image_ids: [first, `img_${'0'.repeat(32)}`] }, 404);
      await refused({ story_id: `story_${'0'.repeat(32)}` }, 404);
      await refused({ batch_id: `batch_${'0'.repeat(32)}` }, 404);
      await refused({}, 422);
      await refused({ image_ids: [first], story_id: 'x' }, 422);
      await refused({ image_ids: [first], expires_at: new Date(clock.now() - 1).toISOString() }, 422);
      await refused({ image_ids: Array.from({ length: 51 }, (_, n) => `img_${n}`) }, 422);
    });

    test('the page has its pictures, its words and its tags, in the visitor’s language', async () => {
      const { url } = await share({
        title: 'By the “water” <b>',
        image_ids: [first, second],
        show_prompt: true,
      });
      const page = await visit(url);
      const html = await page.text();
      assert.equal(page.status, 200);
      assert.match(html, /<html lang="en">/);
      assert.match(html, /<h1>By the “water” &lt;b&gt;<\/h1>/);
      assert.equal([...html.matchAll(/<img [^>]*alt="[^"]+"/g)].length, 2);
      for (const part of [
        `<link rel="canonical" href="${url}">`,
        `<meta property="og:url" content="${url}">`,
        `<meta property="og:image" content="${url}/media/1?size=preview">`,
        '<meta property="og:image:width" content="512">',
        '<meta property="og:image:height" content="512">',
        '<meta property="og:image:alt" content="Picture 1 of 2: a quiet lake">',
        '<meta name="twitter:card" content="summary_large_image">',
        '<meta name="robots" content="noindex,noarchive">',
        `href="${app.url}/s/oembed?url=${encodeURIComponent(url)}"`,
        `href="${app.url}/?prompt=a+quiet+lake&amp;model=`,
      ])
        assert.ok(html.includes(part), part);
      assert.ok(!/<script/i.test(html));
      assert.ok(Buffer.byteLength(html) < 15_000, `${Buffer.byteLength(html)} bytes`);
      const chinese = await (await visit(url, { 'accept-language': 'zh-CN,zh;q=0.9' })).text();
      assert.match(chinese, /<html lang="zh-CN">/);
      assert.match(chinese, /做一张类似的/);
      const keys = (await app.request('GET', `/v1/images/${first}`)).json;
      assert.ok(
        !html.includes(String(keys.url).split('/').at(-1) ?? '?'),
        'the key of a file is on the page',
      );
    });

    test('a hidden prompt is nowhere', async () => {
      const { url, slug } = await share({ image_ids: [first, second] });
      const embed = await visit(`${app.url}/s/oembed?url=${encodeURIComponent(url)}`);
      for (const text of [await (await visit(url)).text(), await embed.text()]) {
        assert.ok(!/quiet lake|loud sea|Make one like this/.test(text), text);
        assert.ok(text.includes('2 pictures'), text);
      }
      assert.ok(slug);
    });

    test('pictures come in three sizes, by ranges, conditionally and for saving', async () => {
      const { url } = await share({});
      const media = `${url}/media/1`;
      const full = await visit(media);
      const bytes = Buffer.from(await full.arrayBuffer());
      assert.deepEqual([full.status, full.headers.get('content-type')], [200, 'image/png']);
      assert.equal((await sharp(bytes).metadata()).width, 512);
      const part = await visit(media, { range: 'bytes=10-19' });
      assert.equal(part.status, 206);
      assert.equal(part.headers.get('content-range'), `bytes 10-19/${bytes.length}`);
      assert.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(10, 20));
      assert.equal((await visit(media, { range: `bytes=${bytes.length}-` })).status, 416);
      const etag = full.headers.get('etag') ?? '';
      const same = await visit(media, { 'if-none-match': etag });
      assert.deepEqual([same.status, await same.text()], [304, '']);
      assert.equal((await visit(media, { range: 'bytes=0-0', 'if-range': '"other"' })).status, 200);
      const head = await visit(media, {}, { method: 'HEAD' });
      assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(bytes.length)]);
      const preview = await visit(`${media}?size=preview`);
      const jpeg = await sharp(Buffer.from(await preview.arrayBuffer())).metadata();
      assert.deepEqual([jpeg.format, jpeg.width, jpeg.height], ['jpeg', 512, 512]);
      assert.match(String(jpeg.xmp), /trainedAlgorithmicMedia/);
      assert.equal((await visit(`${media}?size=preview`, {}, { method: 'HEAD' })).status, 200);
      const part2 = await visit(`${media}?size=preview`, { range: 'bytes=0-1' });
      assert.deepEqual(Buffer.from(await part2.arrayBuffer()), Buffer.from([0xff, 0xd8]));
      const thumb = await visit(`${media}?size=thumb`);
      assert.deepEqual([thumb.status, thumb.headers.get('content-type')], [200, 'image/webp']);
      const saved = await visit(`${media}?size=full&download=1`);
      assert.match(
        saved.headers.get('content-disposition') ?? '',
        /^attachment; filename="drawbridge-[0-9a-f]{8}\.png"$/,
      );
      for (const wrong of ['0', '2', '01x', '-1', '99999999999'])
        assert.equal((await visit(`${url}/media/${wrong}`)).status, 404, wrong);
    });

    test('where downloads are not allowed, only the preview is given', async () => {
      const { url } = await share({ allow_download: false });
      const page = await (await visit(url)).text();
      assert.ok(!/size=full|download/.test(page), page);
      assert.equal((await visit(`${url}/media/1`)).headers.get('content-type'), 'image/jpeg');
      for (const query of ['size=full', 'download=1', 'size=preview&download=1'])
        assert.equal((await visit(`${url}/media/1?${query}`)).status, 404, query);
    });

    test('a password is asked for once a day and for this link alone, and a new one shuts everybody out', async () => {
      const { url, id, slug } = await share({ password: 'Öpen sesame', title: 'Private', show_prompt: true });
      const other = await share({ password: 'Öpen sesame' });
      const locked = await (await visit(url)).text();
      assert.match(locked, /<form method="post"/);
      for (const leak of ['Private', 'quiet lake', 'og:image', 'media/1'])
        assert.ok(!locked.includes(leak), leak);
      const media = `${url}/media/1`;
      assert.equal((await visit(media)).status, 404);
      const embed = await visit(`${app.url}/s/oembed?url=${encodeURIComponent(url)}`);
      assert.equal(embed.status, 401);
      const wrong = await enter(url, 'open sesame');
      assert.equal(wrong.status, 401);
      assert.match(await wrong.text(), /That is not the password/);
      assert.equal(
        (await visit(`${url}?password=${encodeURIComponent('Öpen sesame')}`)).headers.get('set-cookie'),
        null,
      );
      const right = await enter(url, 'Öpen sesame');
      assert.deepEqual([right.status, right.headers.get('location')], [303, url]);
      const cookie = right.headers.get('set-cookie') ?? '';
      assert.match(
        cookie,
        new RegExp(`^drawbridge_share=[^;]+; Path=/s/${slug}; Max-Age=86400; HttpOnly; SameSite=Lax$`),
      );
      const pass = { cookie: cookie.split(';')[0] ?? '' };
      assert.match(await (await visit(url, pass)).text(), /<h1>Private<\/h1>/);
      assert.equal((await visit(media, pass)).status, 200);
      assert.match(await (await visit(other.url, pass)).text(), /<form method="post"/);
      clock.shiftMs += DAY_MS + 1;
      assert.match(await (await visit(url, pass)).text(), /<form method="post"/);
      const fresh = {
        cookie: ((await enter(url, 'Öpen sesame')).headers.get('set-cookie') ?? '').split(';')[0] ?? '',
      };
      assert.equal((await visit(media, fresh)).status, 200);
      await app.request('PATCH', `/v1/shares/${id}`, { password: 'another one' });
      assert.equal((await visit(media, fresh)).status, 404);
    });

    test('an expired link says so, an unknown one and a revoked one say the same', async () => {
      const { url, id } = await share({ expires_at: new Date(clock.now() + DAY_MS).toISOString() });
      assert.match(await (await visit(url)).text(), /This link works until/);
      clock.shiftMs += DAY_MS;
      const expired = await visit(url);
      assert.equal(expired.status, 410);
      assert.match(await expired.text(), /This link has expired/);
      assert.equal((await visit(`${url}/media/1`)).status, 404);
      assert.equal((await app.request('GET', `/v1/shares/${id}`)).json.is_expired, true);
      await app.request('DELETE', `/v1/shares/${id}`);
      const revoked = await visit(url);
      const unknown = await visit(`${app.url}/s/${'a'.repeat(26)}`);
      assert.deepEqual([revoked.status, unknown.status], [404, 404]);
      assert.equal(await revoked.text(), await unknown.text());
      const asProgram = await visit(url, { accept: '*/*' });
      assert.match(asProgram.headers.get('content-type') ?? '', /problem\+json/);
    });

    test('a picture in the trash leaves the page, and the last one takes the page with it', async () => {
      const { url } = await share({ image_ids: [first, second] });
      await app.request('DELETE', `/v1/images/${first}`);
      const page = await (await visit(url)).text();
      assert.ok(page.includes('media/2') && !page.includes('media/1'), page);
      assert.equal((await visit(`${url}/media/1`)).status, 404);
      await app.request('DELETE', `/v1/images/${second}`);
      assert.equal((await visit(url)).status, 404);
      await Promise.all([first, second].map((id) => app.request('POST', `/v1/images/${id}/restore`)));
      assert.equal((await visit(`${url}/media/1`)).status, 200);
    });

    test('oEmbed gives a photo within the room there is, a card for several', async () => {
      const { url } = await share({ title: 'Lake' });
      const ask = async (query: string) =>
        (await visit(`${app.url}/s/oembed?url=${encodeURIComponent(url)}${query}`)).json() as Promise<
          Record<string, unknown>
        >;
      const photo = await ask('');
      assert.deepEqual(
        [photo.type, photo.version, photo.title, photo.width, photo.height, photo.url],
        ['photo', '1.0', 'Lake', 512, 512, `${url}/media/1?size=preview`],
      );
      assert.equal((await ask('&maxwidth=512&format=json')).type, 'photo');
      const small = await ask('&maxheight=100');
      assert.deepEqual([small.type, small.url], ['link', undefined]);
      const many = await share({ image_ids: [first, second] });
      const card = (await (await visit(`${app.url}/s/oembed?url=${many.url}`)).json()) as Record<
        string,
        unknown
      >;
      assert.deepEqual([card.type, card.thumbnail_width, card.url], ['link', 512, undefined]);
      for (const address of ['https://elsewhere.example/', 'javascript:1', `${app.url}/s/none`, 'x'])
        assert.equal((await visit(`${app.url}/s/oembed?url=${encodeURIComponent(address)}`)).status, 404);
    });

    test('people are counted; the owner, robots, previews and password forms are not', async () => {
      const { url, id } = await share({ password: 'sesame' });
      const views = async () => (await app.request('GET', `/v1/shares/${id}`)).json.views;
      await visit(url);
      await app.request('PATCH', `/v1/shares/${id}`, { password: null });
      await visit(url, { authorization: `Bearer ${app.adminKey}` });
      await visit(url, {}, { method: 'HEAD' });
      for (const agent of [
        'facebookexternalhit/1.1',
        'Googlebot/2.1',
        'curl/8',
        '',
        'Slackbot-LinkExpanding 1.0',
      ])
        await visit(url, { 'user-agent': agent });
      await visit(url, { 'sec-purpose': 'prefetch;prerender' });
      assert.equal(await views(), 0);
      await visit(url);
      await visit(url, { 'user-agent': `${CHROME} MicroMessenger/8.0` });
      assert.equal(await views(), 2);
    });

    test('passwords are tried ten times a quarter of an hour from one network', async () => {
      const { url } = await share({ password: 'sesame' });
      for (let n = 0; n < TRIES_PER_ADDRESS; n += 1)
        assert.equal((await enter(url, `guess ${n}`)).status, 401);
      const refused = await enter(url, 'sesame');
      assert.equal(refused.status, 429);
      assert.ok(Number(refused.headers.get('retry-after')) > 800);
      assert.match(await refused.text(), /Too many tries/);
      clock.shiftMs += TRIES_WINDOW_MS;
      assert.equal((await enter(url, 'sesame')).status, 303);
    });
  });
}

test('visits are written when the server ends, and counted on', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-shares-'));
  try {
    const open = () => startTestApp({ dataDir, sandbox: { instantPicture: true } });
    const app = await open();
    const { json } = await app.request('POST', '/v1/shares', {
      image_ids: [await makePicture(app, 'a lake')],
    });
    for (let n = 0; n < 3; n += 1) await visit(json.url);
    await app.close();
    const again = await open();
    await visit(`${again.url}/s/${json.slug}`);
    assert.equal((await again.request('GET', `/v1/shares/${json.id}`)).json.views, 4);
    await again.close();
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test('under a prefix, behind a proxy and under private access every address is right', async () => {
  const app = await startTestApp({
    env: { DRAWBRIDGE_PUBLIC_URL: 'https://host.example/draw', DRAWBRIDGE_MEDIA_ACCESS: 'private' },
    sandbox: { instantPicture: true },
  });
  try {
    const image = await makePicture(app, 'a lake');
    const body = { image_ids: [image], password: 'sesame', show_prompt: true };
    const { json } = await app.request('POST', '/v1/shares', body);
    assert.equal(json.url, `https://host.example/draw/s/${json.slug}`);
    const proxied = { 'x-forwarded-host': 'host.example', 'x-forwarded-proto': 'https' };
    const local = `${app.url}/draw/s/${json.slug}`;
    const entered = await enter(local, 'sesame', proxied);
    assert.equal(entered.headers.get('location'), json.url);
    const cookie = entered.headers.get('set-cookie') ?? '';
    assert.match(
      cookie,
      new RegExp(`^__Secure-drawbridge-share=[^;]+; Path=/draw/s/${json.slug}; .*; Secure$`),
    );
    const pass = { cookie: cookie.split(';')[0] ?? '' };
    const html = await (await visit(local, { ...pass, ...proxied })).text();
    for (const [, url = ''] of html.matchAll(/(?:href|src|content)="(\/[^"]*|https?:[^"]*)"/g))
      assert.ok(url.startsWith('https://host.example/draw/'), url);
    assert.equal((await visit(`${local}/media/1`, pass)).status, 200);
    // Who comes by another host stays there: the pass is kept for the host that set it.
    const direct = await (await visit(local, pass)).text();
    assert.match(direct, new RegExp(`src="/draw/s/${json.slug}/media/1`));
  } finally {
    await app.close();
  }
});

test('files that hold the prompt are cleaned for visitors who may not read it', async () => {
  const app = await startTestApp({
    env: { DRAWBRIDGE_MEDIA_KEEP_PROMPT_METADATA: 'true' },
    sandbox: { instantPicture: true },
  });
  try {
    const image = await makePicture(app, 'a lake');
    const { json } = await app.request('POST', '/v1/shares', { image_ids: [image] });
    const hidden = await visit(`${json.url}/media/1`);
    const bytes = Buffer.from(await hidden.arrayBuffer());
    assert.match(hidden.headers.get('etag') ?? '', /-clean-/);
    const { format, width, comments } = await sharp(bytes).metadata();
    assert.deepEqual([format, width, comments], ['png', 512, undefined]);
    await app.request('PATCH', `/v1/shares/${json.id}`, { show_prompt: true });
    assert.doesNotMatch((await visit(`${json.url}/media/1`)).headers.get('etag') ?? '', /-clean-/);
  } finally {
    await app.close();
  }
});
