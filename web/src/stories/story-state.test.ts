import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Story, StoryPage } from './story-api.ts';
import { afterEvent, newerOf, withPage } from './story-state.ts';

const page = (id: string, more: Partial<StoryPage> = {}) =>
  ({
    id,
    parent_id: null,
    choice: null,
    opened: true,
    choices: [],
    text: '',
    version: 1,
    ...more,
  }) as StoryPage;
const story = (version: number, pages: StoryPage[] = [], more: Partial<Story> = {}) =>
  ({ id: 's', version, title: `v${version}`, pages, ...more }) as Story;
const event = (name: string, data: unknown) => ({ name, data: JSON.stringify(data) });

test('an older answer changes neither the story nor a page, a newer one both', () => {
  const known = story(5, [page('a', { version: 3, text: 'new' }), page('b')]);
  const older = newerOf(known, story(4, [page('a', { version: 2, text: 'old' })]));
  assert.equal(older.title, 'v5');
  assert.deepEqual(
    older.pages.map(({ id, text }) => `${id} ${text}`),
    ['a new', 'b '],
  );
  const newer = newerOf(known, story(6, [page('a', { version: 2, text: 'old' }), page('c')]));
  assert.equal(newer.title, 'v6');
  assert.deepEqual(
    newer.pages.map(({ id, text }) => `${id} ${text}`),
    ['a new', 'c '],
  );
  assert.equal(newerOf(known, { ...story(1), id: 'another' }).id, 'another');
});

test('events: the whole story first, then the story without its pages and each page that changed', () => {
  const first = afterEvent(undefined, event('story.updated', story(1, [page('a')])), true);
  const renamed = afterEvent(first, event('story.updated', story(2)), false);
  assert.deepEqual([renamed?.title, renamed?.pages.length], ['v2', 1]);
  assert.equal(afterEvent(renamed, event('story.updated', story(1)), false)?.title, 'v2');
  const written = afterEvent(renamed, event('story.page', page('a', { text: 'Once' })), false);
  assert.equal(written?.pages[0]?.text, 'Once', 'a text that grows keeps its version');
  const stale = afterEvent(written, event('story.page', page('a', { version: 0, text: '' })), false);
  assert.equal(stale?.pages[0]?.text, 'Once');
  assert.equal(afterEvent(written, event('another', {}), false), written);
});

test('a page made ahead is linked from its choice, and goes when the choice does', () => {
  const parent = page('a', { choices: [{ index: 0, text: 'left', page_id: null }] });
  const ahead = page('b', { parent_id: 'a', choice: 'left', opened: false });
  const linked = withPage(story(1, [parent]), ahead);
  assert.equal(linked.pages[0]?.choices[0]?.page_id, 'b');
  const rewritten = withPage(linked, {
    ...parent,
    version: 2,
    choices: [{ index: 0, text: 'up', page_id: null }],
  });
  assert.deepEqual(
    rewritten.pages.map(({ id }) => id),
    ['a'],
  );
  const opened = withPage(withPage(story(1, [parent]), { ...ahead, opened: true }), {
    ...parent,
    choices: [],
  });
  assert.equal(opened.pages.length, 2, 'what was read stays');
});
