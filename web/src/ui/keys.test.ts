import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSubmitKey } from './keys.ts';

const enter = { key: 'Enter', keyCode: 13, ctrlKey: true, metaKey: false, isComposing: false };

test('Ctrl+Enter and Command+Enter submit, Enter alone does not', () => {
  assert.ok(isSubmitKey(enter));
  assert.ok(isSubmitKey({ ...enter, ctrlKey: false, metaKey: true }));
  assert.ok(!isSubmitKey({ ...enter, ctrlKey: false }));
  assert.ok(isSubmitKey({ ...enter, ctrlKey: false }, true));
  assert.ok(!isSubmitKey({ ...enter, ctrlKey: false, shiftKey: true }, true));
  assert.ok(!isSubmitKey({ ...enter, ctrlKey: false, isComposing: true }, true));
});

test('an Enter that belongs to an input method never submits', () => {
  assert.ok(!isSubmitKey({ ...enter, isComposing: true }));
  assert.ok(!isSubmitKey({ ...enter, keyCode: 229 }));
});
