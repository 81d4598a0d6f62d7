// The page's language: which catalogue is loaded and how texts, numbers, times and money are written in it.
// Only the active language is downloaded, each room's texts with the room and those of errors after the first paint;
// switching loads the other language of all that was opened and re-renders what called useText.
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
  /** By code. Empty until they are there: a problem then speaks in the server's own words. */
  errors: Readonly<Record<string, ErrorText>>;
  /** What tasks say of themselves, by code; empty as long as `errors` is. */
  remarks: Readonly<Record<string, string>>;
}

/** The texts that nothing needs before the first paint. */
type LateTexts = Pick<Catalogue, 'errors' | 'remarks'>;

const LANGUAGE_KEY = 'drawbridge.language';
let active: Catalogue | null = null;
const listeners = new Set<() => void>();
/** How the texts of each room that was opened are loaded in another language. */
const openedRooms = new Set<(language: Language) => Promise<void>>();

async function loadCatalogue(language: Language): Promise<Catalogue> {
  if (language === 'zh') {
    const { messages } = await import('./catalogue-zh.ts');
    return { language, locale: 'zh-CN', messages, errors: {}, remarks: {} };
  }
  const { messages } = await import('./catalogue-en.ts');
  return { language, locale: 'en', messages, errors: {}, remarks: {} };
}

async function loadLate(language: Language): Promise<LateTexts> {
  if (language === 'zh') {
    const [{ errorsZh }, { remarksZh }] = await Promise.all([
      import('../../../src/kernel/messages/errors-zh.ts'),
      import('../../../src/kernel/messages/remarks-zh.ts'),
    ]);
    return { errors: errorsZh, remarks: remarksZh };
  }
  const [{ errorsEn }, { remarksEn }] = await Promise.all([
    import('../../../src/kernel/messages/errors-en.ts'),
    import('../../../src/kernel/messages/remarks-en.ts'),
  ]);
  return { errors: errorsEn, remarks: remarksEn };
}

/** The language that boot.js, and later a switch, put on <html>. */
const pageLanguage = (): Language => (document.documentElement.lang.startsWith('zh') ? 'zh' : 'en');

/** Loads the page's language. Must have settled before anything renders. */
export async function startLanguage(): Promise<void> {
  active = await loadCatalogue(pageLanguage());
}

/** Loads the texts of errors and remarks, which nothing needs before the first paint. Without them the server's own words are shown. */
export async function loadErrorTexts(): Promise<void> {
  const { language } = currentCatalogue();
  const late = await loadLate(language).catch(() => null);
  if (late === null || active?.language !== language) return;
  active = { ...active, ...late };
  for (const listener of listeners) listener();
}

/** Switches the page and remembers the choice on this device. */
export async function switchLanguage(language: Language): Promise<void> {
  const [catalogue, late] = await Promise.all([
    loadCatalogue(language),
    loadLate(language),
    ...[...openedRooms].map((loadRoom) => loadRoom(language)),
  ]);
  active = { ...catalogue, ...late };
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
  remarks: Catalogue['remarks'];
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
    const { language, locale, messages, errors, remarks } = catalogue;
    text = {
      t: (key, values = {}) => formatMessage(messages[key], values, locale),
      language,
      locale,
      errors,
      remarks,
    };
    textOf.set(catalogue, text);
  }
  return text;
}

/** The texts of the active language; re-renders when it is switched. */
export function useText(): Text {
  return useSyncExternalStore(subscribe, currentText);
}

export interface RoomText<Key extends string> extends Omit<Text, 't'> {
  t: (key: Key | WebMessageKey, values?: MessageValues) => string;
}

/** The texts of one room, beside those that every page shares. */
export interface RoomTexts<Key extends string> {
  /** Downloads them in the page's language, also before that has started. The room's route loader awaits this, so that rendering never waits. */
  load(): Promise<void>;
  /** The room's texts and the shared ones; re-renders when the language is switched. */
  useText(): RoomText<Key>;
}

/**
 * Declares a room's own catalogue, for example
 * `defineRoomTexts({ en: async () => (await import('…/gallery-en.ts')).galleryEn, zh: … })`. The Chinese file is typed by the
 * English one, so a missing text does not compile.
 */
export function defineRoomTexts<Messages extends Readonly<Record<string, string>>>(
  loaders: Readonly<Record<Language, () => Promise<Messages>>>,
): RoomTexts<keyof Messages & string> {
  type Key = keyof Messages & string;
  const loaded = new Map<Language, Messages>();
  const texts = new WeakMap<Text, RoomText<Key>>();

  async function load(language: Language): Promise<void> {
    if (!loaded.has(language)) loaded.set(language, await loaders[language]());
    openedRooms.add(load);
  }

  function current(): RoomText<Key> {
    const common = currentText();
    const { language, locale, errors, remarks, t: shared } = common;
    const messages = loaded.get(language);
    if (!messages) throw new Error('the texts of this room were not loaded');
    let text = texts.get(common);
    if (!text) {
      const own = (key: string): key is Key => Object.hasOwn(messages, key);
      text = {
        t: (key, values = {}) =>
          own(key) ? formatMessage(messages[key] ?? '', values, locale) : shared(key, values),
        language,
        locale,
        errors,
        remarks,
      };
      texts.set(common, text);
    }
    return text;
  }

  return {
    load: () => load(pageLanguage()),
    useText: () => useSyncExternalStore(subscribe, current),
  };
}
