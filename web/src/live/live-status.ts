// Whether what is on the screen is current, for everyone who shows it.
import { useSyncExternalStore } from 'react';
import type { LiveState } from './stream.ts';

export interface LiveStatus {
  state: LiveState;
  /** When the line was lost, wall time in ms; null while it is open. */
  lostAtMs: number | null;
}

let status: LiveStatus = { state: 'connecting', lostAtMs: null };
const listeners = new Set<() => void>();

export function setLiveState(state: LiveState, nowMs: number): void {
  const lostAtMs = state === 'open' ? null : (status.lostAtMs ?? nowMs);
  if (state === status.state && lostAtMs === status.lostAtMs) return;
  status = { state, lostAtMs };
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useLiveStatus(): LiveStatus {
  return useSyncExternalStore(subscribe, () => status);
}
