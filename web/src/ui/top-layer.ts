// Where focus goes back to when a layer closes. The browser does this for a dialog that closes, not for one that is taken
// off the page, and not when what had the focus is gone.

/** Remembers what has the focus now; the returned function gives it back if it is still there. */
export function rememberFocus(): () => void {
  const before = document.activeElement;
  return () => {
    if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
  };
}

/** Whether a modal dialog is open: keys meant for the page belong to it then. */
export function hasOpenDialog(): boolean {
  return document.querySelector('dialog[open]:modal') !== null;
}
