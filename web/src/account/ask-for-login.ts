// Whether this browser still has to be asked how its person will come back: the set-up link signs in once only.
import { useSyncExternalStore } from 'react';
import { readStored, writeStored } from '../ui/stored.ts';

const STORED = 'drawbridge.ask-for-login';
const listeners = new Set<() => void>();

const isAsked = () => readStored(STORED) !== null;

/** Asks from now on, or no more. */
export function askForLogin(asks: boolean): void {
  writeStored(STORED, asks ? 'yes' : null);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useAsksForLogin(): boolean {
  return useSyncExternalStore(subscribe, isAsked);
}
