// Keyboard rules shared by every handler. An Enter that confirms a candidate of an input method is never a command.

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

/** Ctrl+Enter, or Command+Enter on Apple's keyboards. */
export function isSubmitKey(event: KeyLike): boolean {
  return event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !isComposing(event);
}

/** How the submit key is written on this device. */
export function submitKeyLabel(): string {
  return /Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘↵' : 'Ctrl+↵';
}
