// Styles from outside, on both databases: what anybody reads, what an administrator changes, and what tasks make of them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import sharp from 'sharp';
import { startTestApp, type TestApp } from '../../test/harness/app.ts';
import { databaseKinds } from '../../test/harness/database.ts';
import { ScriptedProvider } from '../../test/harness/scripted-provider.ts';
import type { GenerationRequest } from '../providers/provider.ts';
import type { ManagedCategoryBody, StyleListBody } from './contract.ts';
import { DEFAULT_CATEGORIES, defaultId } from './default-styles.ts';
import { mergePrompt } from './styles.ts';

const COVERS = new URL('./covers/', import.meta.url);
const MAX_COVER_BYTES = 12 * 1024;
const WATERCOLOUR = defaultId('style', 'watercolour');

test('a prompt goes into its template as it is', () => {
  assert.equal(mergePrompt('{prompt}, in oil', ' a cat '), 'a cat, in oil');
  assert.equal(mergePrompt('{prompt} and {prompt}', 'a'), 'a and a');
  // Neither a pattern of String.replace nor a place inside the prompt means anything.
  assert.equal(mergePrompt('x {prompt} y', "$& $' {prompt}"), "x $& $' {prompt} y");
});

test('every default style is complete, and its cover is small', async () => {
  const styles = DEFAULT_CATEGORIES.flatMap((category) => category.styles);
  assert.ok(DEFAULT_CATEGORIES.length >= 4 && styles.length >= 16);
  assert.equal(new Set(styles.map(({ slug }) => slug)).size, styles.length);
  assert.deepEqual(readdirSync(COVERS).sort(), styles.map(({ slug }) => `${slug}.webp`).sort());
  for (const { slug, template, names } of styles) {
    assert.equal(template.split('{prompt}').length, 2, slug);
    assert.match(names.zh, /\p{Script=Han}|3D/u);
    const bytes = readFileSync(new URL(`${slug}.webp`, COVERS));
    assert.ok(bytes.length <= MAX_COVER_BYTES, `${slug}: ${bytes.length} bytes`);
    assert.equal((await sharp(bytes).metadata()).format, 'webp');
  }
});

for (const { kind, skip } of databaseKinds()) {
  if (kind === 'sqlite-inline') continue;
  describe(`styles on ${kind}`, { skip }, () => {
    let app: TestApp;
    const requests: GenerationRequest[] = [];
    const scripted = new ScriptedProvider();
    const plain = new ScriptedProvider({ name: 'plain', capabilities: { negativePrompt: false } });
    for (const provider of [scripted, plain]) {
      const submit = provider.submit.bind(provider);
      provider.submit = (call) => {
        requests.push(call.request);
        return submit(call);
      };
    }

    before(async () => {
      const lane = { concurrency: 4, deadlineMs: 60_000 };
      const providers = [scripted, plain].map((adapter) => ({ adapter, lane }));
      app = await startTestApp({ database: kind === 'postgres' ? 'postgres' : 'sqlite', providers });
    });
    after(() => app.close());

    const ok = async (method: string, path: string, body?: unknown, headers?: Record<string, string>) => {
      const answer = await app.request(method, path, body, headers);
      assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
      return answer.json;
    };
    const managed = async (): Promise<ManagedCategoryBody[]> =>
      (await ok('GET', '/v1/admin/styles')).categories;
    const shown = async (headers: Record<string, string> = {}): Promise<StyleListBody> =>
      (await fetch(`${app.url}/v1/styles`, { headers })).json() as Promise<StyleListBody>;
    const make = (body: Record<string, unknown>, headers: Record<string, string> = {}) =>
      app.request(
        'POST',
        '/v1/tasks',
        { model: 'scripted', size: '64x64', ...body },
        { prefer: 'wait=20', ...headers },
      );
    const newStyle = async (fields: Record<string, unknown> = {}) => {
      const names = { en: 'Chalk', zh: '粉笔' };
      const category_id = defaultId('stylecat', 'painting');
      const body = {
        category_id,
        names,
        prompt_template: '{prompt} in chalk',
        negative_prompt: 'ink',
        ...fields,
      };
      return ok('POST', '/v1/admin/styles', body);
    };
    const upload = async (): Promise<string> => {
      const png = await sharp({ create: { width: 900, height: 600, channels: 3, background: '#a52' } })
        .png()
        .toBuffer();
      const form = new FormData();
      form.set('file', new Blob([new Uint8Array(png)]), 'cover.png');
      return (await ok('POST', '/v1/uploads', form)).id;
    };

    test('anybody reads them, in either language, with covers, and once', async () => {
      const answer = await fetch(`${app.url}/v1/styles`, { headers: { 'accept-language': 'zh-CN' } });
      const list = (await answer.json()) as StyleListBody;
      assert.deepEqual(
        list.categories.map(({ name }) => name),
        DEFAULT_CATEGORIES.map(({ names }) => names.zh),
      );
      assert.equal((await shown({ 'accept-language': 'en' })).categories[1]?.styles[0]?.name, 'Watercolour');
      assert.match(answer.headers.get('vary') ?? '', /Accept-Language/i);
      const etag = answer.headers.get('etag') ?? '';
      const again = await fetch(`${app.url}/v1/styles`, {
        headers: { 'accept-language': 'zh-CN', 'if-none-match': etag },
      });
      assert.deepEqual([again.status, await again.text()], [304, '']);
      for (const { cover_url } of list.categories.flatMap((category) => [category, ...category.styles])) {
        const cover = await fetch(cover_url ?? '');
        assert.equal(cover.status, 200, cover_url ?? '');
        assert.equal(cover.headers.get('content-type'), 'image/webp');
        const bytes = Buffer.from(await cover.arrayBuffer());
        assert.equal((await sharp(bytes).metadata()).width, 320);
        const etagOfCover = cover.headers.get('etag') ?? '';
        const same = await fetch(cover_url ?? '', { headers: { 'if-none-match': etagOfCover } });
        assert.equal(same.status, 304);
      }
    });

    test('what is no cover is not found, whatever its name', async () => {
      for (const key of ['nothing.webp', '..%2fdefault-styles.ts', '%2e%2e', `${'a'.repeat(32)}.webp`])
        assert.equal((await fetch(`${app.url}/v1/style-covers/${key}`)).status, 404, key);
      // A picture of somebody is no cover by being known.
      const { images } = (await make({ prompt: 'a lake' })).json;
      const key = new URL(images[0].thumb_url).pathname.split('/').at(-1);
      assert.equal((await fetch(`${app.url}/v1/style-covers/${key}`)).status, 404);
    });

    test('a task is painted with the style and says so', async () => {
      const { status, json: task } = await make({
        prompt: 'a heron',
        negative_prompt: 'people',
        style: WATERCOLOUR,
      });
      assert.equal(status, 200);
      const style = DEFAULT_CATEGORIES[1]?.styles[0];
      const sent = requests.at(-1);
      assert.equal(sent?.prompt, style?.template.replace('{prompt}', 'a heron'));
      assert.equal(sent?.negativePrompt, `people, ${style?.negative}`);
      assert.equal(task.prompt, 'a heron');
      assert.deepEqual(task.style, { id: WATERCOLOUR, name: 'Watercolour', names: style?.names });
      assert.deepEqual([task.final_prompt, task.final_negative_prompt], [sent?.prompt, sent?.negativePrompt]);
      const zh = await ok('GET', `/v1/tasks/${task.id}`, undefined, { 'accept-language': 'zh' });
      assert.equal(zh.style.name, '水彩');
      const image = await ok('GET', `/v1/images/${task.images[0].id}`);
      assert.deepEqual(image.style, { id: WATERCOLOUR, names: style?.names });
      const found = await ok('GET', `/v1/tasks?style=${WATERCOLOUR}`);
      assert.deepEqual(
        found.data.map(({ id }: { id: string }) => id),
        [task.id],
      );
      const hd = await app.request(
        'POST',
        `/v1/images/${image.id}/upscale`,
        { model: 'scripted' },
        { prefer: 'wait=20' },
      );
      assert.equal(hd.json.style.id, WATERCOLOUR, hd.text);
      assert.equal(requests.at(-1)?.prompt, 'a heron');
    });

    test('a model without negative prompts gets none from the style', async () => {
      const { json: task } = await make({ prompt: 'a heron', style: WATERCOLOUR, model: 'plain' });
      assert.equal(task.status, 'succeeded');
      assert.equal(requests.at(-1)?.negativePrompt, null);
      assert.equal(task.final_negative_prompt, null);
    });

    test('an unknown or switched-off style is refused with its place, in a quote too', async () => {
      const { id } = await newStyle({ enabled: false });
      for (const style of ['style_nothing', id]) {
        for (const path of ['/v1/tasks', '/v1/tasks/quote']) {
          const answer = await app.request('POST', path, { prompt: 'a', style });
          assert.equal(answer.status, 422, answer.text);
          assert.equal(answer.json.errors[0].pointer, '/style');
        }
      }
      const quote = await ok('POST', '/v1/tasks/quote', {
        prompt: 'a',
        style: WATERCOLOUR,
        model: 'scripted',
      });
      assert.match(quote.final_prompt, /^a, watercolour/);
      assert.ok(!(await shown()).categories.some(({ styles }) => styles.some((style) => style.id === id)));
    });

    test('what was accepted keeps its style when that is changed and deleted', async () => {
      const { id } = await newStyle();
      const key = { 'idempotency-key': `styled-${kind}` };
      const first = await make({ prompt: 'a door', style: id }, key);
      assert.equal(first.json.final_prompt, 'a door in chalk');
      await ok('PATCH', `/v1/admin/styles/${id}`, { prompt_template: '{prompt} in pastel' });
      assert.equal((await make({ prompt: 'a door', style: id })).json.final_prompt, 'a door in pastel');
      await ok('DELETE', `/v1/admin/styles/${id}`);
      assert.equal((await make({ prompt: 'a door', style: id }, key)).json.id, first.json.id);
      const retried = await app.request('POST', `/v1/tasks/${first.json.id}/retry`, undefined, {
        prefer: 'wait=20',
      });
      assert.equal(requests.at(-1)?.prompt, 'a door in chalk', retried.text);
      assert.equal(retried.json.style.name, 'Chalk');
      assert.equal((await make({ prompt: 'a door', style: id })).status, 422);
    });

    test('the same prompt in another style is another request', async () => {
      const body = { prompt: 'one of two', dedupe_window_s: 60 };
      const plainTask = (await make(body)).json.id;
      const styled = (await make({ ...body, style: WATERCOLOUR })).json.id;
      assert.notEqual(plainTask, styled);
      assert.equal((await make({ ...body, style: WATERCOLOUR })).json.id, styled);
    });

    test('an administrator adds, renames, orders and deletes', async () => {
      const category = await ok('POST', '/v1/admin/style-categories', { names: { en: 'Craft', zh: '手工' } });
      const a = await newStyle({ category_id: category.id, aspect_ratio: '1:1', model: 'scripted' });
      const b = await newStyle({ category_id: category.id });
      assert.deepEqual([a.aspect_ratio, a.model, a.enabled, a.cover_url], ['1:1', 'scripted', true, null]);
      const before = await managed();
      assert.deepEqual(
        before.at(-1)?.styles.map(({ id }) => id),
        [a.id, b.id],
      );
      // Backwards, and one style into another category.
      const wanted = before
        .toReversed()
        .map(({ id, styles }) => ({ id, styles: styles.map((style) => style.id) }));
      wanted[0]?.styles.splice(0, 1);
      wanted[1]?.styles.unshift(a.id);
      const ordered = (await ok('PUT', '/v1/admin/style-order', { categories: wanted })).categories;
      const idsOf = (list: ManagedCategoryBody[]) =>
        list.map(({ id, styles }) => ({ id, styles: styles.map((style) => style.id) }));
      assert.deepEqual(idsOf(ordered), wanted);
      assert.deepEqual(idsOf(await managed()), wanted);
      for (const wrong of [
        wanted.slice(1),
        [...wanted, wanted[0]],
        wanted.map((each) => ({ ...each, styles: [] })),
      ]) {
        const refused = await app.request('PUT', '/v1/admin/style-order', { categories: wrong });
        assert.equal(refused.status, 409, refused.text);
      }
      const renamed = await ok('PATCH', `/v1/admin/style-categories/${category.id}`, {
        names: { en: 'Handmade', zh: '手作' },
        enabled: false,
      });
      assert.deepEqual([renamed.name, renamed.enabled, renamed.styles.length], ['Handmade', false, 1]);
      assert.ok(!(await shown()).categories.some(({ id }) => id === category.id));
      assert.equal((await make({ prompt: 'a', style: b.id })).status, 422);
      await ok('DELETE', `/v1/admin/style-categories/${category.id}`);
      assert.ok(!(await managed()).some(({ id }) => id === category.id));
      assert.equal((await app.request('PATCH', `/v1/admin/styles/${b.id}`, { enabled: true })).status, 404);
      const orphan = await app.request('POST', '/v1/admin/styles', {
        category_id: category.id,
        names: { en: 'x', zh: 'x' },
        prompt_template: '{prompt}',
      });
      assert.equal(orphan.status, 404);
    });

    test('a template must say where the prompt goes', async () => {
      const body = { category_id: 'c', names: { en: 'x', zh: 'x' }, prompt_template: 'no place' };
      assert.equal((await app.request('POST', '/v1/admin/styles', body)).status, 422);
    });

    test('an uploaded cover is small, public, and outlives the upload it was made of', async () => {
      const { id } = await newStyle();
      const styled = await ok('PUT', `/v1/admin/styles/${id}/cover`, { upload_id: await upload() });
      const read = async (url: string) => {
        const answer = await fetch(url);
        await answer.arrayBuffer();
        return answer.status;
      };
      const cover = await fetch(styled.cover_url);
      const meta = await sharp(Buffer.from(await cover.arrayBuffer())).metadata();
      assert.ok((meta.width ?? 0) <= 512, `${meta.width}`);
      const other = await ok('PUT', `/v1/admin/styles/${id}/cover`, { upload_id: await upload() });
      assert.notEqual(other.cover_url, styled.cover_url);
      assert.equal(await read(styled.cover_url), 404);
      const rows = await app.app.db.slow.selectFrom('uploads').select('expires_at').execute();
      const year = 365 * 24 * 3600_000;
      assert.equal(rows.filter((row) => Number(row.expires_at) > Date.now() + year).length, 1);
      assert.equal((await ok('DELETE', `/v1/admin/styles/${id}/cover`)).cover_url, null);
      assert.equal(await read(other.cover_url), 404);
      const category = defaultId('stylecat', 'design');
      const named = await ok('PUT', `/v1/admin/style-categories/${category}/cover`, {
        upload_id: await upload(),
      });
      assert.equal(await read(named.cover_url), 200);
      assert.equal((await ok('DELETE', `/v1/admin/style-categories/${category}/cover`)).cover_url, null);
      const missing = await app.request('PUT', '/v1/admin/styles/style_x/cover', {
        upload_id: await upload(),
      });
      assert.equal(missing.status, 404);
    });
  });
}
