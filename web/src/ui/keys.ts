// Keyboard rules shared by every handler. An Enter that confirms a candidate of an input method is never a command.
import { readStored, writeStored } from './stored.ts';

interface KeyLike {
  key: string;
  keyCode: number;
  ctrlKey: boolean;
  metaKey: boolean;
  isComposing: boolean;
}

/** Whether an input method owns this key; Safari reports the confirming Enter only by key code 229. */
export function isComposing(event: KeyLike): boolean {
  return event.isComposing || event.keyCode === 229;
}

const ENTER_STORED = 'drawbridge.enter-submits';

/** Whether Enter alone submits on this device, as in a chat; then Shift+Enter begins a line. */
export function enterSubmits(): boolean {
  return readStored(ENTER_STORED) === 'on';
}

export function letEnterSubmit(submits: boolean): void {
  writeStored(ENTER_STORED, submits ? 'on' : null);
}

/** Ctrl+Enter, or Command+Enter on Apple's keyboards; Enter alone where `alone` is set. */
export function isSubmitKey(event: KeyLike & { shiftKey?: boolean }, alone = false): boolean {
  if (event.key !== 'Enter' || isComposing(event)) return false;
  return event.ctrlKey || event.metaKey || (alone && !event.shiftKey);
}

export function isAppleDevice(): boolean {
  return /Mac|iPhone|iPad/.test(navigator.userAgent);
}

/** How the submit key is written on this device. */
export function submitKeyLabel(): string {
  return isAppleDevice() ? '⌘↵' : 'Ctrl+↵';
}
