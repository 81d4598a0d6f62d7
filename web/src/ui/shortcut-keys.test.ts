import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPlain, type KeyPress, keyCaps, pressedKeys, refusalOf } from './shortcut-keys.ts';

const press = (key: string, more: Partial<KeyPress> = {}): KeyPress => ({
  key,
  code: '',
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...more,
});

test('a press has one name, whatever the layout', () => {
  assert.equal(pressedKeys(press('s')), 's');
  assert.equal(pressedKeys(press('X', { shiftKey: true })), 'Shift+X');
  assert.equal(pressedKeys(press('?', { shiftKey: true, code: 'Slash' })), '?');
  assert.equal(pressedKeys(press('Enter', { metaKey: true })), 'Mod+Enter');
  assert.equal(pressedKeys(press('ArrowUp', { altKey: true })), 'Alt+ArrowUp');
  assert.equal(pressedKeys(press('ы', { code: 'KeyS' })), 's');
  assert.equal(pressedKeys(press(' ')), 'Space');
});

test('keys of the browser are refused, ours are not', () => {
  for (const keys of ['Mod+f', 'Mod+R', 'Alt+ArrowLeft', 'F5', 'Tab', 'Mod+Shift+T', ''])
    assert.ok(refusalOf(keys), keys);
  for (const keys of [
    '?',
    '/',
    '.',
    'g s',
    'Shift+X',
    'Mod+Enter',
    'Alt+ArrowUp',
    'Delete',
    'Mod+k',
    'Space',
  ])
    assert.equal(refusalOf(keys), null);
  assert.deepEqual(['g s', '.', 'Shift+X', 'Mod+Enter'].map(isPlain), [true, true, true, false]);
});

test('keys are shown as they are printed on this device', () => {
  assert.deepEqual(keyCaps('Mod+Enter', true), ['⌘', '↵']);
  assert.deepEqual(keyCaps('Mod+Enter', false), ['Ctrl', '↵']);
  assert.deepEqual(keyCaps('g s', false), ['G', 'S']);
  assert.deepEqual(keyCaps('Shift+X', false), ['⇧', 'X']);
});
