// Everything that is sealed in the database, whichever slice it belongs to, under one key: new seals, moving to another key,
// and finishing a rotation that was cut off. A key goes only when nothing is sealed with it any more, and while something
// stored cannot be opened here, nothing new is sealed: it would be lost as soon as the right key is put back.
import { SECRETS_KEY_FILE } from './config-externals.ts';
import { AppError } from './errors.ts';
import type { Logger } from './log.ts';
import { keyIdOf, type SealedPlace, type SealingKey, unsealText } from './secret-box.ts';
import { SecretKeys, type SecretKeysOptions } from './secret-keys.ts';

/** What a slice keeps sealed. */
export interface SealedStore {
  /** In words, in the plural, for messages. */
  readonly what: string;
  survey(): Promise<SealSurvey>;
  /** Seals anew, with `key`, whatever is not sealed with it and can be opened or is still plain; returns how many values. */
  reseal(key: SealingKey): Promise<number>;
}

export interface SealSurvey {
  /** The names of the keys that something is sealed with. */
  keyIds: readonly string[];
  /** Something is not sealed yet: a version before this one wrote it. */
  hasPlain: boolean;
}

export class SecretSeals {
  readonly #keys: SecretKeys;
  readonly #log: Logger;
  readonly #stores: SealedStore[] = [];
  readonly #uses = new Set<Promise<unknown>>();
  #change: Promise<unknown> | null = null;

  private constructor(keys: SecretKeys, log: Logger) {
    this.#keys = keys;
    this.#log = log;
  }

  /** Reads what keys there are; makes none. Throws `secrets_key_wrong` for a key file that holds no key. */
  static async open({ log, ...keys }: SecretKeysOptions & { log: Logger }): Promise<SecretSeals> {
    return new SecretSeals(await SecretKeys.load(keys), log);
  }

  /** Every store, before the first `settle` and `rotate`: a key must not go while a store is unknown that needs it. */
  attach(store: SealedStore): void {
    this.#stores.push(store);
  }

  /** The key of that name, where it is at hand. */
  findKey(id: string): SealingKey | null {
    return this.#keys.find(id);
  }

  /** The value of a `sealText`; null when its key is not at hand, it was altered or sealed for another place, or is plain. */
  open(place: SealedPlace, text: string): string | null {
    const id = keyIdOf(text);
    const key = id === null ? null : this.#keys.find(id);
    return key && unsealText(key, place, text);
  }

  /** Why a value cannot be opened whose key is not at hand: "… is" this. */
  whyUnknown(): string {
    return this.#keys.current
      ? `encrypted with another key than ${this.#keys.origin}`
      : `encrypted, but there is no key: neither DRAWBRIDGE_SECRETS_KEY nor the file ${SECRETS_KEY_FILE} in the data folder`;
  }

  /**
   * Seals something new: `work` gets the key and stores what it sealed, and no rotation comes between. Throws
   * `secrets_key_wrong` while something is stored that this node lacks the key of.
   */
  async use<Result>(work: (key: SealingKey) => Promise<Result>): Promise<Result> {
    while (this.#change) await this.#change.catch(() => {});
    const use = (async () => {
      await this.#requireAllKeys();
      return work(await this.#keys.ensure());
    })();
    this.#uses.add(use);
    try {
      return await use;
    } finally {
      this.#uses.delete(use);
    }
  }

  /** Finishes a rotation that was cut off, and seals with the key in use what an earlier one sealed. Idempotent. */
  settle(): Promise<void> {
    return this.#alone(async () => {
      const keys = this.#keys;
      const used = await this.#usedKeyIds();
      if (keys.next && used.includes(keys.next.id) && !keys.isConfigured) {
        await this.#resealAll(keys.next);
        await keys.adoptNext();
        return;
      }
      const isElsewhere = used.some((id) => id !== keys.current?.id && keys.find(id) !== null);
      if (isElsewhere) await this.#resealAll(await keys.ensure());
      if (keys.next && !(await this.#usedKeyIds()).includes(keys.next.id)) await keys.dropNext();
    });
  }

  /**
   * Seals what a version before this one left plain; any number of nodes may do it at once. Where stored secrets cannot be
   * opened, nothing is sealed and the log says so. Throws `secrets_key_wrong` when a key is needed and cannot be written.
   */
  sealPlain(): Promise<void> {
    return this.#alone(async () => {
      const unknown = await this.#unopenable();
      if (unknown.length > 0) {
        this.#log.error({}, `stored ${unknown.join(' and ')} are ${this.whyUnknown()}`);
        return;
      }
      const surveys = await Promise.all(this.#stores.map((store) => store.survey()));
      if (surveys.some(({ hasPlain }) => hasPlain)) await this.#resealAll(await this.#keys.ensure());
    });
  }

  /**
   * Seals everything with a new key and makes that the key; returns how many values. Throws `conflict` when the key is a
   * setting, and `secrets_key_wrong` while something cannot be opened.
   */
  rotate(): Promise<number> {
    return this.#alone(async () => {
      await this.#requireAllKeys();
      const count = await this.#resealAll(await this.#keys.prepareNext());
      await this.#keys.adoptNext();
      return count;
    });
  }

  /** Waits for seals that are being made, and lets none begin until `work` is over. */
  async #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    while (this.#change) await this.#change.catch(() => {});
    const change = Promise.allSettled(this.#uses).then(work);
    this.#change = change;
    try {
      return await change;
    } finally {
      if (this.#change === change) this.#change = null;
    }
  }

  async #resealAll(key: SealingKey): Promise<number> {
    let count = 0;
    for (const store of this.#stores) {
      const sealed = await store.reseal(key);
      if (sealed > 0) this.#log.info({ count: sealed }, `stored ${store.what} were encrypted anew`);
      count += sealed;
    }
    return count;
  }

  async #usedKeyIds(): Promise<string[]> {
    const surveys = await Promise.all(this.#stores.map((store) => store.survey()));
    return surveys.flatMap(({ keyIds }) => keyIds);
  }

  /** What the stores have of which a key is not at hand. */
  async #unopenable(): Promise<string[]> {
    const known = async (store: SealedStore) =>
      (await store.survey()).keyIds.every((id) => this.#keys.find(id) !== null);
    const all = await Promise.all(this.#stores.map(known));
    return this.#stores.filter((_store, index) => !all[index]).map(({ what }) => what);
  }

  async #requireAllKeys(): Promise<void> {
    const unknown = await this.#unopenable();
    if (unknown.length === 0) return;
    throw new AppError('secrets_key_wrong', {
      detail: `Stored ${unknown.join(' and ')} are ${this.whyUnknown()}. Until that is set right, nothing new is encrypted.`,
    });
  }
}
