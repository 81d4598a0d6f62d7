// One timer for everything that shows a running time. It stands still while nothing is shown or the page is hidden.
import { useSyncExternalStore } from 'react';

const TICK_MS = 1000;
const listeners = new Set<() => void>();
let nowMs = 0;
let timer: ReturnType<typeof setInterval> | null = null;

function tick(): void {
  nowMs = Date.now();
  if (!document.hidden) for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) timer = setInterval(tick, TICK_MS);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0 && timer !== null) clearInterval(timer);
  };
}

/** Whole seconds, so that two reads within one render agree. */
function currentSecond(): number {
  if (listeners.size === 0) nowMs = Math.floor(Date.now() / TICK_MS) * TICK_MS;
  return nowMs;
}

/** Wall time in milliseconds, renewed each second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, currentSecond);
}
