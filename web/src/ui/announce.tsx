// What screen readers are told without moving: state changes only, one sentence at a time.
import { useSyncExternalStore } from 'react';

let message = '';
const listeners = new Set<() => void>();

/** Says `text` politely, after what is being read now. */
export function announce(text: string): void {
  message = text;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The page's one polite live region. */
export function Announcer() {
  const text = useSyncExternalStore(subscribe, () => message);
  return (
    <p aria-live="polite" className="sr-only" data-announcer="">
      {text}
    </p>
  );
}
