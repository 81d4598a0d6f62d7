// Provider secrets that were set at run time: sealed in the database, open only in this process's memory. It opens only
// when every stored secret can be read, so that a server with the wrong key never runs as if there were none.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { uuidV7Hex } from '../kernel/id.ts';
import { type SealedPlace, type SealingKey, seal, unseal } from '../kernel/secret-box.ts';
import type { SealedStore, SealSurvey, SecretSeals } from '../kernel/secret-seals.ts';
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
/** Somebody setting secrets while they are sealed anew. */
const MOST_RESEAL_TRIES = 5;

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
  seals: SecretSeals;
}

type Place = Pick<SecretRow, 'provider' | 'field'>;

/** What the seal of a provider's secret is bound to. */
export const sealedPlace = ({ provider, field }: Place): SealedPlace => ['provider secret', provider, field];
const nameOf = ({ provider, field }: Place) => `${provider}.${field}`;

export class SecretVault implements SealedStore {
  readonly what = 'provider secrets';
  readonly #options: VaultOptions;

  private constructor(options: VaultOptions) {
    this.#options = options;
  }

  /** Opens the vault. Throws `secrets_key_wrong` when there are secrets that the keys at hand do not open. */
  static async open(options: VaultOptions): Promise<SecretVault> {
    const vault = new SecretVault(options);
    await vault.read();
    options.seals.attach(vault);
    return vault;
  }

  /** Removes every stored secret, readable or not; returns their names. For when the key is lost. */
  static async forget(db: Db): Promise<string[]> {
    return (await db.write(removeAllSecrets, null)).map(nameOf);
  }

  /** All stored secrets. Throws `secrets_key_wrong` when another node sealed one with a key that this one lacks. */
  async read(): Promise<StoredSecret[]> {
    return this.#openAll(await listSecrets(this.#options.db.read));
  }

  /** Stores a value in the place of the one before and tells all nodes. */
  async save(secret: { provider: string; field: string; value: string; by: string }): Promise<void> {
    const { db, clock, seals } = this.#options;
    const { provider, field, value, by } = secret;
    await seals.use((key) => {
      const now = clock.now();
      return db.write(saveSecret, {
        provider,
        field,
        sealed: seal(key, sealedPlace(secret), value),
        key_id: key.id,
        revision: uuidV7Hex(now),
        set_at: now,
        set_by: by,
      });
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

  /** Seals everything that is stored, other slices' secrets too, with a new key; as `SecretSeals.rotate`. */
  rotate(): Promise<number> {
    return this.#options.seals.rotate();
  }

  async survey(): Promise<SealSurvey> {
    const rows = await listSecrets(this.#options.db.read);
    return { keyIds: [...new Set(rows.map(({ key_id }) => key_id))], hasPlain: false };
  }

  async reseal(key: SealingKey): Promise<number> {
    const { db } = this.#options;
    for (let tries = 0; tries < MOST_RESEAL_TRIES; tries += 1) {
      const stored = await listSecrets(db.read);
      if (stored.every(({ key_id }) => key_id === key.id)) return 0;
      const rows = this.#openAll(stored).map(({ provider, field, value, revision }) => ({
        provider,
        field,
        revision,
        sealed: seal(key, sealedPlace({ provider, field }), value),
      }));
      if (await db.write(resealSecrets, { keyId: key.id, rows })) return rows.length;
    }
    throw new AppError('conflict', { detail: 'Secrets were set while the key was rotated. Try again.' });
  }

  #openAll(rows: readonly SecretRow[]): StoredSecret[] {
    const { seals } = this.#options;
    const unknown = rows.filter(({ key_id }) => seals.findKey(key_id) === null);
    if (unknown.length > 0) throw this.#wrongKey(unknown);
    return rows.map((row) => {
      const key = seals.findKey(row.key_id);
      const value = key && unseal(key, sealedPlace(row), row.sealed);
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
    const verb = rows.length === 1 ? 'is' : 'are';
    return new AppError('secrets_key_wrong', {
      detail: `${which} ${verb} ${this.#options.seals.whyUnknown()}.`,
    });
  }
}
