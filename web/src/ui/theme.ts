// Light, dark or the system's: an attribute on <html> that app.css turns into a colour scheme. boot.js sets it before paint.
import { useSyncExternalStore } from 'react';
import { writeStored } from './stored.ts';

export type Theme = 'system' | 'light' | 'dark';

const THEME_KEY = 'drawbridge.theme';
const listeners = new Set<() => void>();

function currentTheme(): Theme {
  const value = document.documentElement.dataset.theme;
  return value === 'light' || value === 'dark' ? value : 'system';
}

/** Applies at once and remembers the choice on this device. */
export function switchTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  writeStored(THEME_KEY, theme === 'system' ? null : theme);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, currentTheme);
}
