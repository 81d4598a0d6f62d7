import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutlineDraft } from './outline-draft.ts';
import { completeOutline, moved, toEdited, withoutPage, withPageAfter } from './outline-edit.ts';
import type { Outline } from './story-api.ts';

const OUTLINE: Outline = {
  title: 'The moon',
  summary: '',
  characters: [{ name: 'Pip', look: 'a red fox', image_id: 'img_1' }],
  pages: [
    { title: 'One', summary: 'a' },
    { title: 'Two', summary: 'b' },
    { title: 'Three', summary: 'c' },
  ],
  plan: 'note',
};

/** A draft whose saves are answered by hand and whose pause ends by hand. */
function world() {
  const asked: { outline: Outline; answer(outline?: Outline): void; refuse(): void }[] = [];
  let timer: (() => void) | null = null;
  const draft = new OutlineDraft(OUTLINE, {
    save: (outline) =>
      new Promise((resolve, reject) =>
        asked.push({
          outline,
          answer: (as = outline) => resolve(as),
          refuse: () => reject(new Error('no')),
        }),
      ),
    after(_delayMs, callback) {
      timer = callback;
      return () => {
        if (timer === callback) timer = null;
      };
    },
  });
  const pass = () => {
    const run = timer;
    timer = null;
    run?.();
  };
  return { draft, asked, pass, isWaiting: () => timer !== null };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('rows keep their keys when they move, and an outline comes back as it was', () => {
  const edited = toEdited(OUTLINE);
  assert.deepEqual(completeOutline(edited), OUTLINE);
  const pages = moved(edited.pages, 0, 2);
  assert.deepEqual(
    pages.map(({ title }) => title),
    ['Two', 'Three', 'One'],
  );
  assert.equal(pages[2]?.key, edited.pages[0]?.key);
  assert.equal(moved(edited.pages, 0, 3), edited.pages);
  assert.deepEqual(
    withPageAfter(edited.pages, 0).map(({ title }) => title),
    ['One', '', 'Two', 'Three'],
  );
  assert.equal(withoutPage(withoutPage(edited.pages, 0), 0).length, 2, 'two pages are the fewest');
  const unnamed = { ...edited, characters: [{ key: 'k', name: '', look: 'tall', imageId: null }] };
  assert.equal(completeOutline(unnamed), null);
  const blank = { ...edited, characters: [{ key: 'k', name: ' ', look: '', imageId: null }] };
  assert.deepEqual(completeOutline(blank)?.characters, [], 'a row that nobody filled in is left out');
});

test('a change is saved after a pause; what is typed meanwhile is saved after it and never replaced', async () => {
  const { draft, asked, pass, isWaiting } = world();
  draft.change({ title: 'A' });
  draft.change({ title: 'AB' });
  assert.equal(asked.length, 0);
  pass();
  assert.deepEqual(
    asked.map(({ outline }) => outline.title),
    ['AB'],
  );
  draft.change({ title: 'ABC' });
  pass();
  assert.equal(asked.length, 1, 'one at a time');
  asked[0]?.answer();
  await settled();
  assert.equal(draft.get().status, 'waiting');
  pass();
  assert.deepEqual(
    asked.map(({ outline }) => outline.title),
    ['AB', 'ABC'],
  );
  assert.ok(!isWaiting());
  draft.adopt(OUTLINE);
  assert.equal(draft.get().edited.title, 'ABC', 'the server’s older state replaces nothing unsaved');
  const [key] = draft.get().edited.pages.map((page) => page.key);
  asked[1]?.answer({ ...OUTLINE, title: 'ABC, harmless' });
  await settled();
  assert.deepEqual([draft.get().status, draft.get().edited.title], ['saved', 'ABC, harmless']);
  assert.equal(draft.get().edited.pages[0]?.key, key);
});

test('what could not be saved comes back in the next page, unless the outline has changed since', () => {
  const left = world();
  assert.equal(left.draft.unsaved(), null);
  left.draft.change({ title: '' });
  const kept = left.draft.unsaved();
  const next = world();
  assert.ok(next.draft.restore(kept));
  assert.deepEqual([next.draft.get().status, next.draft.get().edited.title], ['incomplete', '']);
  const changed = world();
  changed.draft.adopt({ ...OUTLINE, title: 'Changed elsewhere' });
  assert.ok(!changed.draft.restore(kept));
  for (const broken of [null, '7', '{}', '{', JSON.stringify({ stored: JSON.stringify(OUTLINE), edited: 1 })])
    assert.ok(!world().draft.restore(broken), String(broken));
});

test('what is incomplete or refused stays, says so, and goes out with the next try', async () => {
  const { draft, asked, pass } = world();
  draft.change({ title: ' ' });
  assert.equal(draft.get().status, 'incomplete');
  assert.equal(await draft.flush(), false);
  assert.equal(asked.length, 0);
  draft.change({ title: 'B' });
  pass();
  asked[0]?.refuse();
  await settled();
  assert.deepEqual([draft.get().status, draft.get().edited.title], ['failed', 'B']);
  const again = draft.flush();
  asked[1]?.answer();
  assert.equal(await again, true);
  assert.deepEqual([draft.get().status, draft.get().problem], ['saved', null]);
});
