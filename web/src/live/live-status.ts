// Whether what is on the screen is current, for everyone who shows it.
import { useSyncExternalStore } from 'react';
import type { LiveState } from './stream.ts';

export interface LiveStatus {
  state: LiveState;
  /** When the line was lost, wall time in ms; null while it is open. */
  lostAtMs: number | null;
  /** Attempts in a row that did not open the line. */
  failures: number;
}

let status: LiveStatus = { state: 'connecting', lostAtMs: null, failures: 0 };
const listeners = new Set<() => void>();

export function setLiveState(state: LiveState, nowMs: number): void {
  const lostAtMs = state === 'open' ? null : (status.lostAtMs ?? nowMs);
  if (state === status.state && lostAtMs === status.lostAtMs) return;
  const hasFailed = state === 'waiting' && status.state === 'connecting';
  const failures = state === 'open' ? 0 : status.failures + (hasFailed ? 1 : 0);
  status = { state, lostAtMs, failures };
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useLiveStatus(): LiveStatus {
  return useSyncExternalStore(subscribe, () => status);
}
