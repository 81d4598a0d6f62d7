// The keys that stored secrets are sealed with: DRAWBRIDGE_SECRETS_KEY, else the file secrets.key in the data folder,
// which only its owner may read. A new key's file is on disk before anything is sealed with it, and an old one goes only
// after everything was sealed anew, so that no crash leaves a secret without its key.
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SECRETS_KEY_FILE } from './config-externals.ts';
import { AppError } from './errors.ts';
import { formatSealingKey, newSealingKey, parseSealingKey, type SealingKey } from './secret-box.ts';

const OWNER_ONLY = 0o600;
/** A key that is being rotated in. */
const NEXT_KEY_FILE = `${SECRETS_KEY_FILE}.next`;

export interface SecretKeysOptions {
  dataDir: string;
  /** From the configuration, as text; null where there is none. */
  current: string | null;
  previous: string | null;
}

async function readKeyFile(path: string): Promise<SealingKey | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new AppError('secrets_key_wrong', {
      detail: `The file ${SECRETS_KEY_FILE} in the data folder cannot be read (${error.code}).`,
    });
  });
  if (text === null) return null;
  const key = parseSealingKey(text);
  if (key) return key;
  throw new AppError('secrets_key_wrong', {
    detail: `The file ${SECRETS_KEY_FILE} in the data folder does not hold a key (32 bytes in base64).`,
  });
}

/** Writes a key file that is on disk when this resolves. */
async function writeKeyFile(path: string, key: SealingKey): Promise<void> {
  const file = await open(path, 'w', OWNER_ONLY);
  try {
    // An older file keeps its mode.
    await chmod(path, OWNER_ONLY);
    await file.writeFile(formatSealingKey(key));
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}

export class SecretKeys {
  readonly #dataDir: string;
  readonly #fromEnvironment: SealingKey | null;
  readonly #previous: SealingKey | null;
  #file: SealingKey | null;
  #next: SealingKey | null;
  #making: Promise<SealingKey> | null = null;

  private constructor(
    options: SecretKeysOptions,
    { file, next }: { file: SealingKey | null; next: SealingKey | null },
  ) {
    this.#dataDir = options.dataDir;
    // The configuration has checked their form.
    this.#fromEnvironment = options.current === null ? null : parseSealingKey(options.current);
    this.#previous = options.previous === null ? null : parseSealingKey(options.previous);
    this.#file = file;
    this.#next = next;
  }

  /** Reads what keys there are; makes none. Throws `secrets_key_wrong` for a file that holds no key. */
  static async load(options: SecretKeysOptions): Promise<SecretKeys> {
    const [file, next] = await Promise.all([
      readKeyFile(join(options.dataDir, SECRETS_KEY_FILE)),
      readKeyFile(join(options.dataDir, NEXT_KEY_FILE)).catch(() => null),
    ]);
    return new SecretKeys(options, { file, next });
  }

  /** Whether the key comes from the configuration, which alone can change it then. */
  get isConfigured(): boolean {
    return this.#fromEnvironment !== null;
  }

  /** The key for new seals; null before the first was needed. */
  get current(): SealingKey | null {
    return this.#fromEnvironment ?? this.#file;
  }

  /** Where the key comes from, in words. */
  get origin(): string {
    return this.isConfigured ? 'DRAWBRIDGE_SECRETS_KEY' : `the file ${SECRETS_KEY_FILE} in the data folder`;
  }

  find(id: string): SealingKey | null {
    const all = [this.#fromEnvironment, this.#file, this.#next, this.#previous];
    return all.find((key) => key?.id === id) ?? null;
  }

  /** The key for new seals, made now if there is none: one, however many ask at once. Throws `secrets_key_wrong`. */
  async ensure(): Promise<SealingKey> {
    if (this.current) return this.current;
    this.#making ??= this.#make().finally(() => {
      this.#making = null;
    });
    return this.#making;
  }

  async #make(): Promise<SealingKey> {
    const key = newSealingKey();
    try {
      await mkdir(this.#dataDir, { recursive: true });
      await writeKeyFile(join(this.#dataDir, SECRETS_KEY_FILE), key);
      await syncFolder(this.#dataDir);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new AppError('secrets_key_wrong', {
        detail: `The file ${SECRETS_KEY_FILE} in the data folder cannot be written (${code}).`,
      });
    }
    this.#file = key;
    return key;
  }

  /**
   * A new key, on disk beside the one in use until `adoptNext`; that of a rotation that broke off, if there is one, since
   * something may be sealed with it. Throws `conflict` when the configuration has the key.
   */
  async prepareNext(): Promise<SealingKey> {
    if (this.isConfigured)
      throw new AppError('conflict', {
        detail:
          'The key comes from DRAWBRIDGE_SECRETS_KEY, so it is changed there: set the new one, and the one until now as DRAWBRIDGE_SECRETS_KEY_PREVIOUS, on every node, and restart.',
      });
    if (this.#next) return this.#next;
    const key = newSealingKey();
    await writeKeyFile(join(this.#dataDir, NEXT_KEY_FILE), key);
    await syncFolder(this.#dataDir);
    this.#next = key;
    return key;
  }

  /** Puts the prepared key in the place of the one in use: everything is sealed with it now. */
  async adoptNext(): Promise<void> {
    if (!this.#next) return;
    await rename(join(this.#dataDir, NEXT_KEY_FILE), join(this.#dataDir, SECRETS_KEY_FILE));
    await syncFolder(this.#dataDir);
    this.#file = this.#next;
    this.#next = null;
  }

  /** Drops a prepared key that nothing is sealed with. */
  async dropNext(): Promise<void> {
    await rm(join(this.#dataDir, NEXT_KEY_FILE), { force: true });
    this.#next = null;
  }

  /** The prepared key of a rotation that did not end. */
  get next(): SealingKey | null {
    return this.#next;
  }
}
