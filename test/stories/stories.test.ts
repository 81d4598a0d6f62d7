// Stories through the whole program with the demo writer and the sandbox, on both databases: the tree, what is made ahead, doing
// again, whose a story is, deleting and sharing.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import sharp from 'sharp';
import type { StoryPageBody } from '../../src/stories/contract.ts';
import { startTestApp, type TestApp, type TestAppOptions } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { postgresUnavailable } from '../harness/postgres.ts';
import { EventClient, type ReceivedEvent } from '../whole/event-client.ts';
import { firstPage, isReady, pageOf, Reader } from './story-world.ts';

async function started(t: TestContext, options: TestAppOptions = {}): Promise<TestApp> {
  const app = await startTestApp({ sandbox: { instantPicture: true }, ...options });
  t.after(() => app.close());
  return app;
}

function smallPicture(): Promise<Buffer> {
  return sharp({ create: { width: 64, height: 64, channels: 3, background: '#a33' } })
    .png()
    .toBuffer();
}

for (const database of ['sqlite', 'postgres'] as const) {
  const skip = database === 'postgres' && postgresUnavailable();
  test(`${database}: a whole story: proposals, an edited outline, a tree that keeps every branch`, {
    skip,
  }, async (t) => {
    const reader = new Reader(await started(t, { database }));
    const created = await reader.must('POST', '', {
      idea: 'A fox named Pip',
      pages: 3,
      proposals: 3,
      seed: 7,
    });
    assert.deepEqual([created.status, created.pages.length, created.outline], ['outlining', 0, null]);
    const proposed = await reader.until(created.id, ({ status }) => status === 'choosing');
    assert.equal(proposed.proposals.length, 3);
    assert.equal(proposed.by_demo_writer, true);
    const { id } = proposed;
    assert.equal((await reader.ask('POST', `/${id}/start`)).json.code, 'conflict', 'no outline yet');
    const outline = structuredClone(proposed.proposals[1] ?? assert.fail());
    outline.pages.reverse();
    outline.title = 'Pip <b>goes</b> out';
    const edited = await reader.must('PUT', `/${id}/outline`, { outline });
    assert.deepEqual([edited.status, edited.title, edited.outline], ['ready', outline.title, outline]);

    await reader.must('POST', `/${id}/start`);
    const begun = await reader.until(id, (story) => isReady(1)(story) && story.pages.length > 2);
    const first = firstPage(begun);
    assert.match(first.text, /Pip/);
    assert.ok(first.picture.image?.url);
    // Each choice has its page already, which nobody has opened.
    assert.ok(first.choices.length >= 2 && first.choices.every(({ page_id: page }) => page !== null));
    assert.ok(begun.pages.filter(({ number }) => number === 2).every(({ opened }) => !opened));

    // Their pictures wait until nothing else does.
    const priorityOf = async (page: StoryPageBody) =>
      (await reader.app.request('GET', `/v1/tasks/${page.picture.task_id}`)).json.params.priority;
    const painted = await reader.until(id, ({ pages }) =>
      pages.filter(({ number }) => number === 2).every(({ picture }) => picture.task_id !== null),
    );
    assert.ok(
      (await priorityOf(pageOf(painted, first.choices[0]?.page_id ?? ''))) < (await priorityOf(first)),
    );

    const left = await reader.choose(begun, first, { choice: 0 });
    assert.equal(left, first.choices[0]?.page_id, 'the page that was made ahead');
    const right = await reader.choose(begun, first, { choice: 1 });
    const own = await reader.choose(begun, first, { own: 'They sing a song together' });
    assert.equal(await reader.choose(begun, first, { choice: 0 }), left, 'going back finds the same page');
    assert.equal(await reader.choose(begun, first, { own: 'They sing a song together' }), own);
    const tree = await reader.until(id, isReady(4));
    assert.deepEqual(
      [left, right, own].map((page) => pageOf(tree, page).parent_id),
      [first.id, first.id, first.id],
    );
    assert.match(pageOf(tree, own).text, /sing a song/i);
    const last = await reader.choose(tree, pageOf(tree, left), { choice: 0 });
    const whole = await reader.until(id, isReady(5));
    assert.deepEqual([pageOf(whole, last).is_last, pageOf(whole, last).choices], [true, []]);
    assert.equal((await reader.ask('POST', `/${id}/pages/${last}/choose`, { choice: 0 })).status, 409);
    assert.equal((await reader.ask('POST', `/${id}/start`)).status, 202, 'starting twice does nothing new');
    assert.equal((await reader.get(id)).pages.filter(({ number }) => number === 1).length, 1);
    // Its pictures say where they come from.
    const task = await reader.app.request('GET', `/v1/tasks/${first.picture.task_id}`);
    assert.equal(task.json.metadata.story_id, id);
    const gallery = await reader.app.request('GET', `/v1/gallery?origin=story`);
    assert.ok(gallery.status !== 200 || gallery.text.includes(first.picture.image?.id ?? ''));
  });

  test(`${database}: the upload that shows a character is kept as long as a story names it`, {
    skip,
  }, async (t) => {
    const app = await started(t, { database });
    const reader = new Reader(app);
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(await smallPicture())], { type: 'image/png' }), 'pip.png');
    const upload = (await app.request('POST', '/v1/uploads', form)).json.id as string;
    const keptUntil = async () => {
      const rows = app.app.db.read.selectFrom('uploads').select('expires_at').where('id', '=', upload);
      return (await rows.executeTakeFirstOrThrow()).expires_at;
    };
    const atFirst = await keptUntil();
    const wish = {
      idea: 'A fox named Pip',
      characters: [{ name: 'Pip', look: 'a small red fox', image_id: upload }],
    };
    const [one, two] = [await reader.must('POST', '', wish), await reader.must('POST', '', wish)];
    const held = await keptUntil();
    assert.ok(held > atFirst + 1e12, 'a story may wait for years');
    await reader.must('DELETE', `/${one.id}`);
    assert.equal(await keptUntil(), held, 'the other story still names it');
    await reader.must('DELETE', `/${two.id}`);
    const left = await keptUntil();
    assert.ok(left >= atFirst && left < held, 'as long as any upload');
    const gone = { ...wish, characters: [{ ...wish.characters[0], image_id: `up_${'0'.repeat(32)}` }] };
    assert.equal((await reader.ask('POST', '', gone)).json.code, 'not_found');
  });

  test(`${database}: text, picture or both are made again; what is being made is not made twice`, {
    skip,
  }, async (t) => {
    const reader = new Reader(await started(t, { database }));
    const story = await reader.started({ idea: '一只小狐狸', language: 'zh', pages: 3, ahead: 'none' });
    const first = firstPage(story);
    assert.equal(story.pages.length, 1, 'nothing is made ahead');
    const again = (what: string) => reader.ask('POST', `/${story.id}/pages/${first.id}/regenerate`, { what });
    assert.equal((await again('text')).status, 202);
    const retold = await reader.until(story.id, (now) => {
      const page = firstPage(now);
      return page.writing.status === 'ready' && page.text !== first.text;
    });
    assert.deepEqual(firstPage(retold).choices, first.choices);
    assert.equal(firstPage(retold).picture.task_id, first.picture.task_id);
    assert.equal((await again('picture')).status, 202);
    const repainted = await reader.until(story.id, (now) => {
      const { picture } = firstPage(now);
      return picture.status === 'ready' && picture.task_id !== first.picture.task_id;
    });
    assert.equal(firstPage(repainted).text, firstPage(retold).text);
    assert.notEqual(firstPage(repainted).picture.image?.id, first.picture.image?.id);
    const both = await Promise.all([again('both'), again('both')]);
    assert.deepEqual(both.map(({ status }) => status).sort(), [202, 409]);
    await reader.until(story.id, (now) => {
      const { picture, writing } = firstPage(now);
      const isOther = picture.task_id !== firstPage(repainted).picture.task_id;
      return isOther && picture.status === 'ready' && writing.status === 'ready';
    });
  });
}

test('pages ahead stop at the budget; pictures ahead can be left out', async (t) => {
  const app = await started(t, { env: { DRAWBRIDGE_CREDITS_PRICES: 'sandbox=2' } });
  const reader = new Reader(app);
  const story = await reader.started({ idea: 'A snail', pages: 4, ahead: 'text' });
  const full = await reader.until(story.id, ({ pages }) =>
    pages.filter(({ number }) => number === 2).every(({ writing }) => writing.status === 'ready'),
  );
  for (const page of full.pages.filter(({ opened }) => !opened))
    assert.deepEqual([page.text !== '', page.picture.status], [true, 'none']);
  const wish = { idea: 'A snail', pages: 4, ahead: 'pictures', ahead_budget_credits: 4 };
  const poor = await reader.started(wish);
  assert.equal(poor.pages.filter(({ opened }) => !opened).length, 2, 'two of three choices');
  assert.equal(poor.ahead_spent_credits, 4);
});

test('a foreign story is not there, whatever is asked of it', async (t) => {
  const app = await started(t);
  const mine = await new Reader(app).started({ idea: 'A fox', pages: 2, ahead: 'none' });
  const account = (await app.request('POST', '/v1/admin/accounts', { name: 'another' })).json;
  const key = await app.request(
    'POST',
    '/v1/keys',
    { name: 'k', scopes: ['tasks:read', 'tasks:write'] },
    { 'x-account-id': account.id },
  );
  assert.equal(key.status, 201, key.text);
  const stranger = new Reader(app, { authorization: `Bearer ${key.json.key}` });
  const { id } = mine;
  const page = firstPage(mine).id;
  const calls: [string, string, object?][] = [
    ['GET', `/${id}`],
    ['GET', `/${id}/events`],
    ['GET', `/${id}/quote`],
    ['GET', `/${id}/export.pdf`],
    ['GET', `/${id}/export.epub`],
    ['PATCH', `/${id}`, { ahead: 'none' }],
    ['POST', `/${id}/outline`, {}],
    ['PUT', `/${id}/outline`, { proposal: 0 }],
    ['POST', `/${id}/start`],
    ['POST', `/${id}/pages/${page}/choose`, { choice: 0 }],
    ['POST', `/${id}/pages/${page}/regenerate`, { what: 'both' }],
    ['DELETE', `/${id}`],
  ];
  for (const [method, path, body] of calls)
    assert.equal((await stranger.ask(method, path, body)).status, 404, `${method} ${path}`);
  assert.deepEqual((await stranger.must<{ data: [] }>('GET', '')).data, []);
  const own = await stranger.outlined({ idea: 'A hare', pages: 2 });
  assert.equal((await stranger.ask('POST', `/${own.id}/pages/${page}/choose`, { choice: 0 })).status, 404);
});

test('a story is shared by a link, and deleting it leaves its pictures; the account’s stream tells of all of it', async (t) => {
  const app = await started(t);
  const reader = new Reader(app);
  const events: ReceivedEvent[] = [];
  const listen = (lastEventId?: string) => {
    const client = new EventClient({
      target: () => ({ url: `${app.url}/v1/events`, headers: { authorization: `Bearer ${app.adminKey}` } }),
      onEvent: (event) => event.event.startsWith('story.') && events.push(event),
      ...(lastEventId === undefined ? {} : { lastEventId }),
    });
    client.start();
    return client;
  };
  const client = listen();
  await until(() => client.lastEventId, { what: 'the stream' });
  const story = await reader.started({ idea: 'A fox', pages: 2, ahead: 'none' });
  const shared = await app.request('POST', '/v1/shares', { story_id: story.id });
  assert.equal(shared.status, 201, shared.text);
  const heads = await reader.must<{ data: { id: string; cover: { id: string } | null }[] }>('GET', '');
  const image = firstPage(story).picture.image?.id;
  assert.deepEqual(
    heads.data.map(({ id, cover }) => [id, cover?.id]),
    [[story.id, image]],
  );
  assert.equal((await reader.ask('DELETE', `/${story.id}`)).status, 204);
  assert.equal((await reader.ask('GET', `/${story.id}`)).status, 404);
  assert.equal((await app.request('GET', `/v1/images/${image}`)).status, 200);

  await until(() => events.at(-1)?.event === 'story.removed', { what: 'the end of the story' });
  await client.close();
  const versions = events.map(({ data }) => data.version as number);
  assert.deepEqual(
    versions,
    [...new Set(versions)].toSorted((a, b) => a - b),
    'none twice, none out of order',
  );
  assert.ok(events.every(({ data }) => data.id === story.id));
  const { data: told } = events.at(-2) ?? assert.fail();
  assert.deepEqual(
    [told.status, told.outlining.status, told.written_pages, told.pages],
    ['telling', 'ready', 1, undefined],
    'the story as the list shows it',
  );
  const [first] = events.splice(0);
  const again = listen(first?.id);
  await until(() => events.at(-1)?.event === 'story.removed', { what: 'what was missed' });
  await again.close();
});

test('an Idempotency-Key makes one story; an unsafe idea makes none', async (t) => {
  const app = await started(t);
  const post = (body: object) => app.request('POST', '/v1/stories', body, { 'idempotency-key': 'one' });
  const first = await post({ idea: 'A fox', pages: 2 });
  const second = await post({ idea: 'A fox', pages: 2 });
  assert.deepEqual([first.status, second.json.id], [202, first.json.id]);
  assert.equal((await post({ idea: 'A hare', pages: 2 })).json.code, 'idempotency_mismatch');
  const unsafe = await app.request('POST', '/v1/stories', { idea: 'A serial killer' });
  assert.deepEqual([unsafe.status, unsafe.json.code], [422, 'content_blocked']);
  const softened = await app.request('POST', '/v1/stories', { idea: 'A bear with a gun' });
  assert.deepEqual(softened.json.softened, ['gun']);
  const ideas = await app.request('GET', '/v1/story-ideas?language=zh');
  assert.ok(ideas.json.ideas.length >= 20);
  assert.equal(ideas.json.writer.by_demo_writer, true);
});
