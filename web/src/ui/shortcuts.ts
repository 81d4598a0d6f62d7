// The registry of keyboard shortcuts. What is registered is what works and what the help shows: there is no second list.
// A shortcut never fires while an input method composes, a plain key never fires in a text field, nothing of the page fires
// under an open dialog, and keys that belong to the browser cannot be registered.
import { useLayoutEffect, useRef, useSyncExternalStore } from 'react';
import { isComposing } from './keys.ts';
import { isPlain, pressedKeys, refusalOf } from './shortcut-keys.ts';
import { readStored, writeStored } from './stored.ts';
import { hasOpenDialog } from './top-layer.ts';

export interface Shortcut {
  /**
   * `Mod+Enter` (Ctrl, or Command on Apple's keyboards), `Alt+ArrowUp`, `Shift+X`, `?`, `.`, or a sequence such as `g s`.
   * Letters follow the layout where it has Latin letters, and the key's place where it has not.
   */
  keys: string;
  /** What it does, in the page's language, for the help. */
  label: string;
  run(event: KeyboardEvent): void;
  /** Also works while typing; only sensible with Mod or Alt. */
  inFields?: boolean;
  /** Handled by an element of its own: only shown in the help. */
  isShownOnly?: boolean;
}

export interface ShortcutGroup {
  title: string;
  shortcuts: readonly Shortcut[];
  /** `dialog`: works while a modal dialog is open, and only then. */
  layer: 'page' | 'dialog';
}

const SEQUENCE_WITHIN_MS = 1500;
const SINGLE_KEYS_STORED = 'drawbridge.single-keys';

const groups = new Set<{ current: ShortcutGroup }>();
const listeners = new Set<() => void>();
let pending = { key: '', atMs: 0 };

function tell(): void {
  for (const listener of listeners) listener();
}

function isField(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      target.matches(
        'textarea, select, input:not([type=radio], [type=checkbox], [type=range], [type=button])',
      ))
  );
}

/** Whether shortcuts of one plain key work; people who speak to their computer switch them off. */
export function singleKeysAllowed(): boolean {
  return readStored(SINGLE_KEYS_STORED) !== 'off';
}

export function allowSingleKeys(allowed: boolean): void {
  writeStored(SINGLE_KEYS_STORED, allowed ? null : 'off');
  tell();
}

/** The shortcut that this press completes, or undefined; remembers the first key of a sequence. */
function findShortcut(event: KeyboardEvent, nowMs: number): Shortcut | undefined {
  const layer = hasOpenDialog() ? 'dialog' : 'page';
  const pressed = pressedKeys(event);
  const sequence = nowMs - pending.atMs <= SEQUENCE_WITHIN_MS ? `${pending.key} ${pressed}` : '';
  pending = { key: pressed, atMs: nowMs };
  // What was registered last belongs to the innermost part of the screen.
  const all = [...groups]
    .reverse()
    .filter(({ current }) => current.layer === layer)
    .flatMap(({ current }) => current.shortcuts)
    .filter(({ isShownOnly }) => !isShownOnly);
  return (
    all.find(({ keys }) => keys === sequence && sequence !== '') ?? all.find(({ keys }) => keys === pressed)
  );
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.repeat || isComposing(event)) return;
  const inField = isField(event.target);
  const shortcut = findShortcut(event, performance.now());
  if (!shortcut) return;
  if (inField && !shortcut.inFields) return;
  if (isPlain(shortcut.keys) && !singleKeysAllowed()) return;
  event.preventDefault();
  shortcut.run(event);
}

/** What works now, in the order of registration: the help's content. */
export function activeGroups(): ShortcutGroup[] {
  return [...groups].map(({ current }) => current);
}

function register(group: { current: ShortcutGroup }): () => void {
  for (const { keys } of group.current.shortcuts) {
    const refusal = refusalOf(keys);
    if (refusal) throw new Error(refusal);
  }
  if (groups.size === 0) document.addEventListener('keydown', onKeyDown);
  groups.add(group);
  tell();
  return () => {
    groups.delete(group);
    if (groups.size === 0) document.removeEventListener('keydown', onKeyDown);
    tell();
  };
}

/** Registers shortcuts for as long as the calling part is on the page; `run` and labels may change with every render. */
export function useShortcuts(
  title: string,
  shortcuts: readonly Shortcut[],
  layer: ShortcutGroup['layer'] = 'page',
): void {
  const group = useRef<ShortcutGroup>({ title, shortcuts, layer });
  group.current = { title, shortcuts, layer };
  // With the first paint: what can be seen can be pressed.
  useLayoutEffect(() => register(group), []);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Follows whether single keys are allowed. */
export function useSingleKeysAllowed(): boolean {
  return useSyncExternalStore(subscribe, singleKeysAllowed);
}
