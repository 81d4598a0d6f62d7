// W1 for share pages: hostile texts as titles and prompts, shown by a real browser in the page, its tags, its oEmbed answer and
// the owner's list. Nothing may run, nothing may be asked of another machine, and every text must be shown as it is.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { TestApp } from '../harness/app.ts';
import { launchBrowser, openPage, pageTestsSkipped } from '../pages/studio-browser.ts';
import { startFastApp } from './cast.ts';
import { setPrompts } from './shares-writes.ts';
import { XSS_PAYLOADS } from './xss-payloads.ts';

/** Pictures on one page: each with a payload as its prompt. */
const PER_PAGE = 50;
/** On the page of one picture. */
const META_TAGS = 22;

/** What a page shows of a text: the parser makes one line end of two, and drops what no text may hold. */
const shown = (text: string) =>
  text
    .toWellFormed()
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a page leaves out
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, '')
    .replace(/\r\n?/g, '\n');
const oneLine = (text: string) => shown(text.replace(/\s+/g, ' ').trim());

describe('W1 share pages', { skip: pageTestsSkipped }, () => {
  let app: TestApp;
  let browser: Browser;
  let images: string[];
  before(async () => {
    app = await startFastApp({ env: { DRAWBRIDGE_LIMITS_ANONYMOUS_REQUESTS_PER_MINUTE: '100000' } });
    browser = await launchBrowser();
    images = await Promise.all(Array.from({ length: PER_PAGE }, (_, n) => makePicture(n)));
  });
  after(async () => {
    await browser?.close();
    await app?.close();
  });

  async function makePicture(n: number): Promise<string> {
    const task = await app.request('POST', '/v1/tasks', { prompt: `lake ${n}` }, { prefer: 'wait=60' });
    assert.equal(task.json.status, 'succeeded', task.text);
    return task.json.images[0].id;
  }

  async function share(body: object): Promise<{ id: string; url: string }> {
    const made = await app.request('POST', '/v1/shares', body);
    assert.equal(made.status, 201, made.text);
    return made.json;
  }

  /** A page that notices every script of ours, every dialog and every request elsewhere. */
  async function openWatched(): Promise<{
    page: Page;
    assertQuiet(): Promise<void>;
    close(): Promise<void>;
  }> {
    const { page, assertClean, close } = await openPage(browser, app.url);
    const dialogs: string[] = [];
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    // The pictures are always the same; what would be asked for is noticed all the same.
    await page.route(/\/media\//, (route) =>
      route.request().resourceType() === 'image' ? route.abort() : route.continue(),
    );
    return {
      page,
      async assertQuiet() {
        assert.equal(await page.evaluate('window.__ran'), undefined);
        assert.equal(await page.locator('script, iframe, object, embed, base, [style]').count(), 0);
        assert.deepEqual(dialogs, []);
        assertClean();
      },
      close,
    };
  }

  test(`W1 ${XSS_PAYLOADS.length} prompts run nothing and are shown as they are`, async () => {
    assert.ok(XSS_PAYLOADS.length >= 300, `${XSS_PAYLOADS.length} payloads`);
    const { url } = await share({ image_ids: images, show_prompt: true });
    const { page, assertQuiet, close } = await openWatched();
    for (let at = 0; at < XSS_PAYLOADS.length; at += PER_PAGE) {
      const payloads = XSS_PAYLOADS.slice(at, at + PER_PAGE);
      // PostgreSQL and JSON know no NUL; nobody can have stored one.
      const prompts = payloads.map((text, n) => [images[n] ?? '', text.replaceAll('\u0000', '')] as const);
      await app.app.db.write(setPrompts, { prompts });
      await page.goto(url, { waitUntil: 'load' });
      await assertQuiet();
      const captions = await page.locator('figcaption p').allTextContents();
      for (const [n, [, text]] of prompts.entries()) assert.equal(captions[n], oneLine(text));
      const alts = await page.evaluate<string[]>('[...document.images].map((image) => image.alt)');
      for (const [n, [, text]] of prompts.entries())
        assert.ok(alts[n]?.endsWith(`: ${oneLine(text)}`), alts[n]);
      const remixes = await page.evaluate<string[]>(
        `[...document.querySelectorAll('figcaption a[rel]')].map((link) => link.href)`,
      );
      for (const [n, [, text]] of prompts.entries()) {
        const target = new URL(remixes[n] ?? 'x:');
        assert.equal(target.origin, app.url);
        assert.equal(target.searchParams.get('prompt'), text.toWellFormed());
      }
    }
    await close();
  });

  test('W1 the same as titles: heading, tags, oEmbed and the owner’s answers', async () => {
    const [image] = images;
    const links = await Promise.all(images.map(() => share({ image_ids: [image] })));
    const { page, assertQuiet, close } = await openWatched();
    for (let at = 0; at < XSS_PAYLOADS.length; at += PER_PAGE) {
      const pages = await Promise.all(
        XSS_PAYLOADS.slice(at, at + PER_PAGE).map(async (payload, n) => {
          const title = payload.replaceAll('\u0000', '').toWellFormed();
          const changed = await app.request('PATCH', `/v1/shares/${links[n]?.id}`, { title });
          assert.equal(changed.status, 200, changed.text);
          const html = await (await fetch(changed.json.url)).text();
          return { html, title: changed.json.title as string };
        }),
      );
      // In frames without the page's policy: what does not run there is not even tried.
      await page.goto('about:blank');
      const found = await page.evaluate<
        unknown[]
      >(`Promise.all(${JSON.stringify(pages)}.map(async ({ html }) => {
        const frame = document.createElement('iframe');
        const loaded = new Promise((resolve) => { frame.onload = resolve; });
        frame.srcdoc = html;
        document.body.append(frame);
        await loaded;
        const inside = frame.contentDocument;
        return {
          heading: inside.querySelector('h1').textContent,
          title: inside.querySelector('meta[property="og:title"]').content,
          twitter: inside.querySelector('meta[name="twitter:title"]').content,
          metas: inside.querySelectorAll('meta').length,
          ran: frame.contentWindow.__ran ?? window.__ran ?? null,
        };
      }))`);
      for (const [n, { title }] of pages.entries()) {
        const text = shown(title);
        assert.deepEqual(found[n], {
          heading: text,
          title: text,
          twitter: text,
          metas: META_TAGS,
          ran: null,
        });
      }
    }
    const [{ url } = { url: '' }] = links;
    await page.goto(url);
    await assertQuiet();
    const answer = await fetch(`${app.url}/s/oembed?url=${encodeURIComponent(url)}`);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    await page.goto(answer.url);
    assert.equal(await page.evaluate('window.__ran'), undefined);
    await close();
  });

  test('W1 hostile slugs, queries and languages are not echoed', async () => {
    const { page, assertQuiet, close } = await openWatched();
    for (const path of [
      '/s/<script>window.__ran=1</script>',
      '/s/%3Cscript%3Ewindow.__ran=1%3C%2Fscript%3E',
      `/s/${'a'.repeat(26)}?title=<script>window.__ran=1</script>`,
      '/s/x/media/1?size=<script>window.__ran=1</script>',
      '/s/oembed?url=<script>window.__ran=1</script>',
      `/s/oembed?url=${encodeURIComponent('javascript:window.__ran=1')}`,
    ]) {
      await page.setExtraHTTPHeaders({ 'accept-language': 'zh"><script>window.__ran=1</script>' });
      await page.goto(`${app.url}${path}`);
      await assertQuiet();
    }
    await close();
  });
});
