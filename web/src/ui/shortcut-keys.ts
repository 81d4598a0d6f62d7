// How keys are written down: what a press is called, which presses belong to the browser, and how they are shown.

/** Keys that the browser or the screen reader needs. */
const RESERVED = new Set(
  [
    ...'acdefghjlnoprstuvwxz0123456789'.split('').map((key) => `Mod+${key}`),
    ...['Mod+Shift+n', 'Mod+Shift+t', 'Mod+Tab', 'Alt+ArrowLeft', 'Alt+ArrowRight', 'Alt+F4'],
    ...['F1', 'F3', 'F5', 'F6', 'F7', 'F11', 'F12', 'Tab', 'Escape', 'Backspace'],
  ].map((keys) => keys.toLowerCase()),
);

/** Why these keys may not be taken, or null. */
export function refusalOf(keys: string): string | null {
  if (RESERVED.has(keys.toLowerCase())) return `${keys} belongs to the browser`;
  if (!/^(?:(?:Mod|Alt|Shift)\+)*(?:[A-Z][A-Za-z]+\d*|\S)(?: \S)?$/.test(keys))
    return `${keys} cannot be read`;
  return null;
}

export interface KeyPress {
  key: string;
  code: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

/** A key press as it is written in `keys`; a letter's Shift is written, that of a sign such as `?` is in the sign. */
export function pressedKeys(event: KeyPress): string {
  const place = /^Key([A-Z])$/.exec(event.code)?.[1];
  const isLatin = /^[\x21-\x7e]$/.test(event.key);
  const named = event.key === ' ' ? 'Space' : event.key;
  const letter = isLatin || named.length > 1 ? named : (place ?? named);
  const key = /^[a-z]$/i.test(letter)
    ? event.shiftKey
      ? letter.toUpperCase()
      : letter.toLowerCase()
    : letter;
  const withShift = event.shiftKey && (key.length > 1 || /^[A-Z]$/.test(key));
  return [
    event.ctrlKey || event.metaKey ? 'Mod+' : '',
    event.altKey ? 'Alt+' : '',
    withShift ? 'Shift+' : '',
    key,
  ].join('');
}

/** Whether the keys are a single key without Ctrl, Command or Alt. */
export const isPlain = (keys: string) => !/^(Mod|Alt)\+/.test(keys);

/** How keys are shown on this device: `⌘ ↵`, `Ctrl + ↑`, `G then S` as its parts. */
export function keyCaps(keys: string, isApple: boolean): string[] {
  const signs: Record<string, string> = {
    Mod: isApple ? '⌘' : 'Ctrl',
    Alt: isApple ? '⌥' : 'Alt',
    Shift: '⇧',
    Enter: '↵',
    ArrowUp: '↑',
    ArrowDown: '↓',
    ArrowLeft: '←',
    ArrowRight: '→',
    Delete: 'Del',
  };
  return keys
    .split(/\+(?=.)| /)
    .map((part) => signs[part] ?? (part.length === 1 ? part.toUpperCase() : part));
}
