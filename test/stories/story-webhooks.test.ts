// What webhooks tell of stories, on both databases: a step that failed for good, then the page that was written after all, each
// once, signed as every message; pages made ahead are told of when their reader comes to them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestApp } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { FakeChat, streamedJson } from '../harness/fake-chat.ts';
import { postgresUnavailable } from '../harness/postgres.ts';
import { Receiver } from '../harness/webhooks.ts';
import { firstPage, Reader } from './story-world.ts';

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
const page = (text: string) => ({
  text,
  choices: ['Climb the hill', 'Ask the owl'],
  picture_prompt: 'Pip in the snow',
  alt_text: 'A fox in the snow',
});

for (const database of ['sqlite', 'postgres'] as const) {
  const skip = database === 'postgres' ? (postgresUnavailable() ?? false) : false;
  test(`webhooks tell of pages and failures of a story, on ${database}`, { skip }, async (t) => {
    const chat = await FakeChat.start();
    t.after(() => chat.close());
    const receiver = await new Receiver().start();
    t.after(() => receiver.close());
    chat.script.push(
      streamedJson(OUTLINES),
      // Not for children, and not when asked once more either.
      ...[1, 2].map(() => streamedJson(page('They found the heroin and a naked man.'))),
      streamedJson(page('Pip looked up.')),
      ...[1, 2].map(() => streamedJson(page('Pip went on.'))),
    );
    const app = await startTestApp({
      database,
      sandbox: { instantPicture: true },
      env: {
        MOONSHOT_API_KEY: 'sk-webhooks0123456789',
        MOONSHOT_BASE_URL: chat.baseUrl,
        DRAWBRIDGE_OUTBOUND_ALLOW_HOSTS: receiver.host,
        DRAWBRIDGE_STORIES_AHEAD: 'text',
      },
    });
    t.after(() => app.close());
    const events = ['story.page_ready', 'story.failed'];
    const made = await app.request('POST', '/v1/webhooks', { url: receiver.url('/told'), events });
    assert.equal(made.status, 201, made.text);
    const told = async (count: number) => {
      await until(async () => receiver.at('/told').length >= count, { what: `message ${count}` });
      return receiver.at('/told').map(({ body }) => JSON.parse(body));
    };

    const reader = new Reader(app);
    const wish = { idea: 'A fox writes to the moon', pages: 3, proposals: 1, model: 'sandbox' };
    const { id, ahead } = await reader.outlined(wish);
    assert.equal(ahead, 'text', "the server's own default");
    await reader.must('POST', `/${id}/start`);
    const [failed] = await told(1);
    assert.deepEqual([failed.type, failed.data.id, failed.data.page.number], ['story.failed', id, 1]);
    assert.equal(failed.data.page.writing.error.code, 'content_blocked');

    await reader.must('POST', `/${id}/pages/${failed.data.page.id}/regenerate`, { what: 'text' });
    const [, ready] = await told(2);
    assert.deepEqual([ready.type, ready.data.page.text], ['story.page_ready', 'Pip looked up.']);
    // The pages behind its choices are written ahead, without a word.
    const story = await reader.until(
      id,
      ({ pages }) => pages.filter(({ text }) => text === 'Pip went on.').length === 2,
    );
    await reader.choose(story, firstPage(story), { choice: 0 });
    const all = await told(3);
    assert.deepEqual(
      all.map(({ type, data }) => [type, data.page.number, data.page.opened]),
      [
        ['story.failed', 1, true],
        ['story.page_ready', 1, true],
        ['story.page_ready', 2, true],
      ],
    );
    assert.equal(all[2].data.pages, undefined);
    const { json: doctor } = await app.request('POST', '/v1/admin/doctor', { deep: true });
    const check = doctor.checks.find((one: { id: string }) => one.id === 'N1');
    assert.equal(check?.state, 'ok', JSON.stringify(check));
  });
}
