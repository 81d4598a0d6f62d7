import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoryPage } from '../story-api.ts';
import { mapRows, pageAfter, pageToShow, paragraphsOf, ratioOf, stateOfWay, waysOn } from './story-tree.ts';

const step = { status: 'ready' as const, error: null, attempts: 1 };

function leaf(id: string, parent: string | null, more: Partial<StoryPage> = {}): StoryPage {
  return {
    id,
    parent_id: parent,
    number: 1,
    choice: parent === null ? null : `to ${id}`,
    choice_index: null,
    opened: true,
    is_last: false,
    title: '',
    text: 'Once',
    alt_text: '',
    picture_prompt: '',
    choices: [],
    writing: step,
    picture: { ...step, task_id: null, progress: null, preview_url: null, image: null },
    version: 1,
    ...more,
  };
}

// a ─ b ─ d        and from a, in own words, e
//   └ c (made ahead)
const choices = ['to b', 'to c', 'to nobody'].map((text, index) => ({ index, text, page_id: null }));
const TREE = [
  leaf('e', 'a'),
  leaf('c', 'a', { choice_index: 1, opened: false }),
  leaf('a', null, { choices }),
  leaf('b', 'a', { choice_index: 0 }),
  leaf('d', 'b'),
];
const page = (id: string) => TREE.find((one) => one.id === id) ?? assert.fail(id);

test('ways on are the choices, then own ways that were read, each with what is known of it', () => {
  assert.deepEqual(
    waysOn(TREE, page('a')).map((way) => [way.text, way.choice, way.page?.id, stateOfWay(way)]),
    [
      ['to b', 0, 'b', 'read'],
      ['to c', 1, 'c', 'ready'],
      ['to nobody', 2, undefined, 'new'],
      ['to e', null, 'e', 'read'],
    ],
  );
  const unwritten = leaf('x', 'a', { opened: false, writing: { ...step, status: 'queued' } });
  assert.equal(stateOfWay({ text: '', choice: 0, page: unwritten }), 'making');
});

test('the map goes down every branch in order; only a fork steps aside, and a fold hides what follows', () => {
  const shape = (folded: string[] = []) =>
    mapRows(TREE, new Set(folded)).map(
      (row) => `${row.page.id}${row.level}${row.lane}${row.passing.join('')}`,
    );
  assert.deepEqual(shape(), ['a10', 'b210', 'd310', 'c210', 'e21']);
  assert.deepEqual(shape(['b']), ['a10', 'b210', 'c210', 'e21']);
  assert.deepEqual(shape(['a']), ['a10']);
  const deep = Array.from({ length: 30 }, (_, n) => [
    leaf(`p${n}`, n === 0 ? null : `p${n - 1}`),
    leaf(`q${n}`, `p${n}`, { choice_index: 1 }),
  ]).flat();
  assert.ok(Math.max(...mapRows(deep, new Set()).map(({ lane }) => lane)) <= 7);
});

test('forward leads to the branch read last, to the only one read, or nowhere', () => {
  assert.equal(pageAfter(TREE, page('a'), new Map([['a', 'e']]))?.id, 'e');
  assert.equal(pageAfter(TREE, page('a'), new Map()), undefined);
  assert.equal(pageAfter(TREE, page('b'), new Map())?.id, 'd');
  assert.equal(pageAfter(TREE, page('d'), new Map()), undefined);
});

test('the page to show, its shape and its paragraphs', () => {
  assert.equal(pageToShow({ pages: TREE }, 'd', 'e')?.id, 'd');
  assert.equal(pageToShow({ pages: TREE }, 'gone', 'e')?.id, 'e');
  assert.equal(pageToShow({ pages: TREE }, undefined, 'gone')?.id, 'a');
  assert.equal(pageToShow({ pages: [] }, 'd', null), undefined);
  assert.equal(ratioOf({ aspect_ratio: '16:9' }), 16 / 9);
  assert.equal(ratioOf({ aspect_ratio: 'odd' }), 4 / 3);
  assert.deepEqual(paragraphsOf(' One.\n\nTwo\nlines.\n \n'), ['One.', 'Two\nlines.']);
});
