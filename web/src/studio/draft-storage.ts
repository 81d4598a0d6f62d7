// Where drafts and pictures that are still being uploaded are kept on this device: IndexedDB, which has room for pictures and
// never blocks typing. A page that is being closed cannot wait for it, so its last words also go to localStorage; whichever
// was written later holds. Where a browser refuses storage, the values live as long as the page.
import { readStored, writeStored } from '../ui/stored.ts';

const DATABASE = 'drawbridge';
const SCHEMA_VERSION = 1;
const DRAFTS = 'drafts';
const FILES = 'files';

interface StoredDraft {
  json: string | null;
  savedAtMs: number;
}

/** A picture on its way to the server, kept so that a reload sends it again. */
export interface PendingFile {
  key: string;
  accountId: string;
  name: string;
  file: Blob;
}

let opening: Promise<IDBDatabase | null> | null = null;

function openDatabase(): Promise<IDBDatabase | null> {
  opening ??= new Promise((resolve) => {
    try {
      const request = indexedDB.open(DATABASE, SCHEMA_VERSION);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(DRAFTS);
        request.result.createObjectStore(FILES, { keyPath: 'key' });
      };
      request.onsuccess = () => {
        // Another tab with a newer version must not wait for this one.
        request.result.onversionchange = () => request.result.close();
        resolve(request.result);
      };
      request.onerror = () => resolve(null);
      request.onblocked = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
  return opening;
}

/** Runs one request; undefined when storage refused. */
async function run<T>(
  store: string,
  mode: IDBTransactionMode,
  request: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T | undefined> {
  const database = await openDatabase();
  if (!database) return undefined;
  return new Promise((resolve) => {
    try {
      const transaction = database.transaction(store, mode, { durability: 'relaxed' });
      const pending = request(transaction.objectStore(store));
      transaction.oncomplete = () => resolve(pending.result);
      transaction.onerror = () => resolve(undefined);
      transaction.onabort = () => resolve(undefined);
      if (mode === 'readwrite') transaction.commit();
    } catch {
      resolve(undefined);
    }
  });
}

const lastWordsKey = (key: string) => `drawbridge.draft.${key}`;

function readLastWords(key: string): StoredDraft | null {
  try {
    const value = JSON.parse(readStored(lastWordsKey(key)) ?? 'null') as Partial<StoredDraft> | null;
    if (typeof value?.savedAtMs !== 'number') return null;
    return { json: typeof value.json === 'string' ? value.json : null, savedAtMs: value.savedAtMs };
  } catch {
    return null;
  }
}

/** The draft that was written last under `key`, or null. */
export async function readDraft(key: string): Promise<string | null> {
  const kept = await run<StoredDraft | undefined>(DRAFTS, 'readonly', (store) => store.get(key));
  const lastWords = readLastWords(key);
  if (!kept) return lastWords?.json ?? null;
  return lastWords && lastWords.savedAtMs > kept.savedAtMs ? lastWords.json : kept.json;
}

/** Writes a draft, or its absence; `isLeaving` also writes it where a closing page can. */
export function writeDraft(key: string, json: string | null, savedAtMs: number, isLeaving: boolean): void {
  const draft: StoredDraft = { json, savedAtMs };
  if (isLeaving) writeStored(lastWordsKey(key), JSON.stringify(draft));
  void run(DRAFTS, 'readwrite', (store) => store.put(draft, key));
}

export function keepFile(file: PendingFile): void {
  void run(FILES, 'readwrite', (store) => store.put(file));
}

export function forgetFile(key: string): void {
  void run(FILES, 'readwrite', (store) => store.delete(key));
}

/** What an earlier page of this account did not finish uploading. */
export async function pendingFiles(accountId: string): Promise<PendingFile[]> {
  const files = await run<PendingFile[]>(FILES, 'readonly', (store) => store.getAll());
  return (files ?? []).filter((file) => file.accountId === accountId && file.file instanceof Blob);
}
