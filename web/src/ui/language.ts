// The page's language: which catalogue is loaded and how texts, numbers, times and money are written in it.
// Only the active language is downloaded; switching loads the other and re-renders what called useText.
import { useSyncExternalStore } from 'react';
import type { ErrorText } from '../../../src/kernel/errors.ts';
import type { WebMessageKey, WebMessages } from '../../../src/kernel/messages/web-en.ts';
import { formatMessage, type MessageValues } from './messages.ts';
import { writeStored } from './stored.ts';

export type Language = 'en' | 'zh';

export interface Catalogue {
  language: Language;
  locale: string;
  messages: WebMessages;
  errors: Readonly<Record<string, ErrorText>>;
}

const LANGUAGE_KEY = 'drawbridge.language';
let active: Catalogue | null = null;
const listeners = new Set<() => void>();

async function loadCatalogue(language: Language): Promise<Catalogue> {
  if (language === 'zh') {
    const { messages, errors } = await import('./catalogue-zh.ts');
    return { language, locale: 'zh-CN', messages, errors };
  }
  const { messages, errors } = await import('./catalogue-en.ts');
  return { language, locale: 'en', messages, errors };
}

/** Loads the language that boot.js put on <html>. Must have settled before anything renders. */
export async function startLanguage(): Promise<void> {
  active = await loadCatalogue(document.documentElement.lang.startsWith('zh') ? 'zh' : 'en');
}

/** Switches the page and remembers the choice on this device. */
export async function switchLanguage(language: Language): Promise<void> {
  active = await loadCatalogue(language);
  document.documentElement.lang = active.locale;
  writeStored(LANGUAGE_KEY, language);
  for (const listener of listeners) listener();
}

export function currentCatalogue(): Catalogue {
  if (!active) throw new Error('startLanguage has not settled');
  return active;
}

export type Translate = (key: WebMessageKey, values?: MessageValues) => string;

export interface Text {
  t: Translate;
  language: Language;
  locale: string;
  errors: Catalogue['errors'];
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const textOf = new WeakMap<Catalogue, Text>();

/** The texts of the active language, outside of rendering. */
export function currentText(): Text {
  const catalogue = currentCatalogue();
  let text = textOf.get(catalogue);
  if (!text) {
    const { language, locale, messages, errors } = catalogue;
    text = {
      t: (key, values = {}) => formatMessage(messages[key], values, locale),
      language,
      locale,
      errors,
    };
    textOf.set(catalogue, text);
  }
  return text;
}

/** The texts of the active language; re-renders when it is switched. */
export function useText(): Text {
  return useSyncExternalStore(subscribe, currentText);
}
