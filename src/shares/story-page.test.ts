// A shared story as its visitors read it: by plain links, and only what the link was made for.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startTestApp, type TestApp } from '../../test/harness/app.ts';
import { databaseKinds } from '../../test/harness/database.ts';
import { firstPage, isReady, pageOf, Reader } from '../../test/stories/story-world.ts';
import type { PagePlace, PageShare } from './page.ts';
import type { SharedBook, SharedLeaf } from './shared-tree.ts';
import { storyPage } from './story-page.ts';

const CHROME =
  'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36';
const MAX_PAGE_BYTES = 15_000;

function visit(url: string, headers: Record<string, string> = {}) {
  return fetch(url, {
    redirect: 'manual',
    headers: { accept: 'text/html', 'accept-language': 'en', 'user-agent': CHROME, ...headers },
  });
}

const read = async (url: string, headers: Record<string, string> = {}) => (await visit(url, headers)).text();

/** A story with two branches from its first page, both read. */
async function branchedStory(app: TestApp) {
  const reader = new Reader(app);
  const started = await reader.started({ idea: 'A fox who learns to swim', pages: 3, ahead: 'text' });
  const start = firstPage(started);
  const left = await reader.choose(started, start, { choice: 0 });
  const right = await reader.choose(started, start, { own: 'They build a raft <b>of reeds</b>' });
  const story = await reader.until(started.id, isReady(3));
  return { reader, story, left, right };
}

for (const { kind, skip } of databaseKinds()) {
  if (kind === 'sqlite-inline') continue;
  describe(`shared stories on ${kind}`, { skip }, () => {
    test('a story is read page by page, as it was when the link was made', async (t) => {
      const app = await startTestApp({ database: kind, sandbox: { instantPicture: true } });
      t.after(() => app.close());
      const { reader, story, left } = await branchedStory(app);
      const made = await app.request('POST', '/v1/shares', { story_id: story.id });
      assert.equal(made.status, 201, made.text);
      const { url, id, images } = made.json;
      assert.equal(images.length, 3);

      const first = await read(url);
      assert.match(first, new RegExp(`<h1>${story.title}</h1>`));
      const hrefs = [...first.matchAll(/<li><a href="([^"]+)"[^>]*>([^<]+)</g)];
      assert.deepEqual(
        hrefs.map(([, href]) => href),
        [`${url}?page=2`, `${url}?page=3`],
      );
      assert.match(hrefs[1]?.[2] ?? '', /raft &lt;b&gt;of reeds/);
      for (const part of [
        '<article lang="en">',
        `<link rel="canonical" href="${url}">`,
        '<meta property="og:image:alt"',
        '<meta name="robots" content="noindex,noarchive">',
        `href="${url}?page=all"`,
        'Written by a demo writer',
      ])
        assert.ok(first.includes(part), part);
      assert.ok(!/<script|<b>/i.test(first));
      assert.ok(
        !first.includes(firstPage(story).picture_prompt.slice(0, 40)),
        'a hidden prompt is on the page',
      );
      assert.ok(Buffer.byteLength(first) < MAX_PAGE_BYTES, `${Buffer.byteLength(first)} bytes`);

      const second = await read(`${url}?page=2`);
      const [opening = ''] = pageOf(story, left).text.split('\n');
      assert.ok(second.includes(opening.slice(0, 30).replaceAll("'", '&#39;')), second);
      assert.match(second, /rel="prev" href="[^"]+\?page=1"/);
      assert.match(second, /has not been told further/);
      assert.equal((await read(`${url}?page=all`)).match(/<li /g)?.length, 3);
      assert.equal(await read(`${url}?page=nowhere`), first, 'an unknown page is the first one');
      assert.match(await read(url, { 'accept-language': 'zh-CN' }), /接下来怎么办/);

      // What is read later, and what was made ahead, is not in this link.
      await reader.choose(story, pageOf(story, left), { choice: 0 });
      await reader.until(story.id, isReady(4));
      assert.match(await read(`${url}?page=2`), /has not been told further/);

      const views = async () => (await app.request('GET', `/v1/shares/${id}`)).json.views;
      const before = await views();
      await visit(`${url}?page=2`);
      assert.equal(await views(), before, 'turning a page is no visit');
      await visit(url);
      assert.equal(await views(), before + 1);

      await app.request('PATCH', `/v1/shares/${id}`, { show_prompt: true });
      assert.match(await read(url), /<section class="prompt">/);
      await app.request('PATCH', `/v1/shares/${id}`, { password: 'sesame' });
      assert.match(await read(`${url}?page=2`), /<form method="post"/);
      assert.equal((await visit(`${url}/media/2`)).status, 404);
      await app.request('PATCH', `/v1/shares/${id}`, { password: null });
      assert.equal((await visit(`${url}/media/2`)).status, 200);
      // A picture in the trash leaves its page, not the words.
      await app.request('DELETE', `/v1/images/${images[1].id}`);
      const bare = await read(`${url}?page=2`);
      assert.ok(!bare.includes('<img') && bare.includes('<div class="text">'), bare);
      // The pictures of a deleted story stay in the gallery; its link is gone with them.
      assert.equal((await app.request('DELETE', `/v1/stories/${story.id}`)).status, 204);
      for (const path of ['', '?page=2', '/media/1'])
        assert.equal((await visit(`${url}${path}`)).status, 404, path);
    });
  });
}

test('hostile texts are words, in every place of a page', () => {
  const hostile = '</title><script>alert(1)</script>"\'<img src=x onerror=alert(1)>\u0000';
  const leaf = (place: number, before: number | null, ways: SharedLeaf['ways']): SharedLeaf => ({
    place,
    number: place,
    title: hostile,
    choice: before === null ? null : hostile,
    text: `${hostile}\n\n${hostile}`,
    altText: hostile,
    isLast: ways.length === 0,
    before,
    ways,
    picture: null,
  });
  const book: SharedBook = {
    title: hostile,
    lang: 'en',
    byDemoWriter: true,
    leaves: [leaf(1, null, [{ text: hostile, place: 2 }]), leaf(2, 1, [])],
  };
  const share: PageShare = { title: hostile, pictures: [], allowDownload: true, expiresAt: null };
  const place: PagePlace = {
    language: 'en',
    baseUrl: 'https://host.example',
    ownUrl: 'https://host.example',
    slug: 'a',
  };
  for (const wanted of [undefined, '2', 'all', hostile]) {
    const { html, policy } = storyPage({ book, share, place, wanted });
    assert.ok(!/<script|<img/.test(html) && !html.includes('\u0000'), html);
    assert.match(policy, /default-src 'none'/);
  }
});

test('the list of a large tree names every page once, and long paths stay narrow', () => {
  const leaves = Array.from({ length: 60 }, (_, index): SharedLeaf => {
    const place = index + 1;
    const ways = [2 * place, 2 * place + 1]
      .filter((to) => to <= 60)
      .map((to) => ({ text: `Way ${to}`, place: to }));
    const before = place === 1 ? null : Math.floor(place / 2);
    const number = Math.floor(Math.log2(place)) + 1;
    const choice = before === null ? null : `Way ${place}`;
    return {
      place,
      number,
      title: 'T',
      choice,
      text: 'x',
      altText: '',
      isLast: ways.length === 0,
      before,
      ways,
      picture: null,
    };
  });
  const book: SharedBook = { title: 'A tree', lang: 'zh-CN', byDemoWriter: false, leaves };
  const share: PageShare = { title: '', pictures: [], allowDownload: true, expiresAt: null };
  const place: PagePlace = { language: 'zh', baseUrl: 'https://h.example', ownUrl: '', slug: 'a'.repeat(26) };
  const { html } = storyPage({ book, share, place, wanted: 'all' });
  assert.equal(new Set(html.match(/\?page=\d+/g)).size, 60);
  assert.equal(html.match(/<li /g)?.length, 60);
  assert.ok(Buffer.byteLength(html) < 20_000, `${Buffer.byteLength(html)} bytes`);
});
