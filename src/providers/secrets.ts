// Provider secrets that were set at run time: sealed in the database, open only in this process's memory. It opens only
// when every stored secret can be read, so that a server with the wrong key never runs as if there were none.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { uuidV7Hex } from '../kernel/id.ts';
import type { Logger } from '../kernel/log.ts';
import { type SealingKey, seal, unseal } from './secret-box.ts';
import { SecretKeys } from './secret-keys.ts';
import {
  listSecrets,
  removeAllSecrets,
  removeSecret,
  resealSecrets,
  type SecretRow,
  saveSecret,
} from './secret-store.ts';

/** Tells all nodes that a secret was set or removed. */
export const SECRETS_CHANNEL = 'provider-secrets';
/** Somebody setting secrets while the key is rotated. */
const MOST_ROTATION_TRIES = 5;

export interface StoredSecret {
  provider: string;
  field: string;
  /** Secret. */
  value: string;
  /** Changes when the value is set anew. */
  revision: string;
  setAt: number;
  setBy: string;
}

export interface VaultOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  dataDir: string;
  keys: { current: string | null; previous: string | null };
}

const nameOf = ({ provider, field }: Pick<SecretRow, 'provider' | 'field'>) => `${provider}.${field}`;

export class SecretVault {
  readonly #options: VaultOptions;
  readonly #keys: SecretKeys;

  private constructor(options: VaultOptions, keys: SecretKeys) {
    this.#options = options;
    this.#keys = keys;
  }

  /**
   * Opens the vault and finishes a rotation that was cut off. Throws `secrets_key_wrong` when there are secrets that the
   * keys at hand do not open.
   */
  static async open(options: VaultOptions): Promise<SecretVault> {
    const { dataDir, keys: configured, db } = options;
    const keys = await SecretKeys.load({ dataDir, ...configured });
    const vault = new SecretVault(options, keys);
    const rows = await listSecrets(db.read);
    vault.#openAll(rows);
    const isNextInUse = rows.some(({ key_id }) => key_id === keys.next?.id);
    if (isNextInUse && !keys.isConfigured) await keys.adoptNext();
    else if (keys.next && !isNextInUse) await keys.dropNext();
    if (rows.some(({ key_id }) => key_id !== keys.current?.id)) await vault.#sealAllWith(await keys.ensure());
    return vault;
  }

  /** Removes every stored secret, readable or not; returns their names. For when the key is lost. */
  static async forget(db: Db): Promise<string[]> {
    return (await db.write(removeAllSecrets, null)).map(nameOf);
  }

  /** Whether the key is a setting; otherwise it is a file of this machine. */
  get isKeyConfigured(): boolean {
    return this.#keys.isConfigured;
  }

  /** All stored secrets. Throws `secrets_key_wrong` when another node sealed one with a key that this one lacks. */
  async read(): Promise<StoredSecret[]> {
    return this.#openAll(await listSecrets(this.#options.db.read));
  }

  /** Stores a value in the place of the one before and tells all nodes. */
  async save(secret: { provider: string; field: string; value: string; by: string }): Promise<void> {
    const { db, clock } = this.#options;
    const { provider, field, value, by } = secret;
    const key = await this.#keys.ensure();
    const now = clock.now();
    await db.write(saveSecret, {
      provider,
      field,
      sealed: seal(key, { provider, field }, value),
      key_id: key.id,
      revision: uuidV7Hex(now),
      set_at: now,
      set_by: by,
    });
    db.signal(SECRETS_CHANNEL);
  }

  /** Removes a value and tells all nodes; says whether there was one. */
  async clear(place: { provider: string; field: string }): Promise<boolean> {
    const { db } = this.#options;
    const wasThere = await db.write(removeSecret, place);
    if (wasThere) db.signal(SECRETS_CHANNEL);
    return wasThere;
  }

  /** Seals everything with a new key and makes that the key; returns how many secrets. Throws `conflict` when the key is a setting. */
  async rotate(): Promise<number> {
    const key = await this.#keys.prepareNext();
    const count = await this.#sealAllWith(key);
    await this.#keys.adoptNext();
    return count;
  }

  async #sealAllWith(key: SealingKey): Promise<number> {
    const { db, log } = this.#options;
    for (let tries = 0; tries < MOST_ROTATION_TRIES; tries += 1) {
      const secrets = await this.read();
      const rows = secrets.map(({ provider, field, value, revision }) => ({
        provider,
        field,
        revision,
        sealed: seal(key, { provider, field }, value),
      }));
      if (!(await db.write(resealSecrets, { keyId: key.id, rows }))) continue;
      log.info({ count: rows.length }, 'provider secrets were encrypted anew');
      return rows.length;
    }
    throw new AppError('conflict', { detail: 'Secrets were set while the key was rotated. Try again.' });
  }

  #openAll(rows: readonly SecretRow[]): StoredSecret[] {
    const unknown = rows.filter(({ key_id }) => this.#keys.find(key_id) === null);
    if (unknown.length > 0) throw this.#wrongKey(unknown);
    return rows.map((row) => {
      const key = this.#keys.find(row.key_id);
      const value = key && unseal(key, row, row.sealed);
      if (value === null) {
        const detail = `The stored secret ${nameOf(row)} was altered or damaged: it does not decrypt with the right key.`;
        throw new AppError('secrets_key_wrong', { detail });
      }
      return {
        provider: row.provider,
        field: row.field,
        value,
        revision: row.revision,
        setAt: row.set_at,
        setBy: row.set_by,
      };
    });
  }

  #wrongKey(rows: readonly SecretRow[]): AppError {
    const names = rows.map(nameOf).join(', ');
    const which =
      rows.length === 1 ? `The stored secret ${names}` : `${rows.length} stored secrets (${names})`;
    const why = this.#keys.current
      ? `encrypted with another key than ${this.#keys.origin}`
      : 'encrypted, but there is no key: neither DRAWBRIDGE_SECRETS_KEY nor the file secrets.key in the data folder';
    const verb = rows.length === 1 ? 'is' : 'are';
    return new AppError('secrets_key_wrong', { detail: `${which} ${verb} ${why}.` });
  }
}
