import assert from 'node:assert/strict';
import { test } from 'node:test';
import { creditsOf, EMPTY_STORY, filledDraft, parseStoryDraft, toStoryRequest } from './new-story.ts';

test('a stored form comes back; what is missing or strange in it is as in an empty one', () => {
  const draft = {
    ...EMPTY_STORY,
    idea: 'A fox',
    pages: 4,
    characters: [{ key: 'k', name: 'Pip', look: 'red', imageId: 'up_1' }],
  };
  assert.deepEqual(parseStoryDraft(JSON.stringify(draft)), draft);
  for (const broken of [null, 'no json', '7', 'null', '{"pages":"x","ahead":"all","characters":[null,3]}'])
    assert.deepEqual(parseStoryDraft(broken), EMPTY_STORY);
  assert.equal(parseStoryDraft('{"pages":99}').pages, 12);
});

test('the request says what was chosen, and there is none while something lacks', () => {
  const draft = { ...EMPTY_STORY, idea: ' A fox ', styleText: '  ', aheadBudget: '1,5' };
  const request = toStoryRequest(draft, 'zh');
  assert.deepEqual(
    [request?.idea, request?.language, request?.style_text, request?.ahead_budget_credits],
    ['A fox', 'zh', null, 1.5],
  );
  assert.equal(toStoryRequest({ ...draft, idea: ' ' }, 'en'), null);
  assert.equal(toStoryRequest({ ...draft, aheadBudget: 'many' }, 'en'), null);
  assert.equal(
    toStoryRequest({ ...draft, ahead: 'none', aheadBudget: 'many' }, 'en')?.ahead_budget_credits,
    undefined,
  );
  const chosen = toStoryRequest({ ...EMPTY_STORY, idea: 'A fox' }, 'en') ?? {};
  assert.ok(!('safety' in chosen) && !('ahead' in chosen), 'what nobody chose is left to the server');
  const filled = filledDraft(EMPTY_STORY, { safety: 'strict', ahead: 'text', ahead_budget_credits: 3 });
  assert.deepEqual([filled.safety, filled.ahead, filled.aheadBudget], ['strict', 'text', '3']);
  const unnamed = { key: 'k', name: '', look: 'tall', imageId: null };
  assert.equal(toStoryRequest({ ...draft, characters: [unnamed] }, 'en'), null);
  assert.deepEqual(['', '-1', '2', '0,5'].map(creditsOf), [null, null, 2, 0.5]);
});
