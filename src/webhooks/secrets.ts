// The webhooks' secrets between the database, where they are sealed, and the moment of sending, when they are open. What
// cannot be opened here is never sent and never signed with anything else: its messages wait for the right key.
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { keyIdOf, type SealedPlace, type SealingKey, sealText } from '../kernel/secret-box.ts';
import type { SealedStore, SealSurvey, SecretSeals } from '../kernel/secret-seals.ts';
import {
  type DefaultSeals,
  type EndpointSeals,
  listDefaultSeals,
  listEndpointSeals,
  listSealBeginnings,
  type Resealed,
  resealDefaults,
  resealEndpoints,
} from './secret-store.ts';
import type { DefaultSecretRow, EndpointRow, SealedHeaders } from './store.ts';

/** Rows that are read, and written, at once. */
const BATCH = 100;
/** Rows that somebody else changes meanwhile are read again so often. */
const MOST_PASSES = 5;

/** A secret stays bound to its place when a rotation makes it the previous one. */
const secretPlace = (endpointId: string): SealedPlace => ['webhook secret', endpointId];
const headersPlace = (endpointId: string): SealedPlace => ['webhook headers', endpointId];
const defaultPlace = (accountId: string): SealedPlace => ['webhook default secret', accountId];

type Headers = Readonly<Record<string, string>>;
type SealedPair = Pick<DefaultSecretRow, 'sealed_secret' | 'sealed_previous' | 'previous_until'>;
/** What a sealed or plain text of a place is replaced by; the same text where nothing is to be done. */
type Rewrite = (place: SealedPlace, text: string) => string;

/** What `examine` found. */
export interface SecretsReport {
  /** Endpoints and default secrets that there are. */
  count: number;
  /** Those that cannot be opened, each with what of it. */
  unreadable: string[];
  /** Those that an older version stored plain and no start has sealed yet. */
  plain: number;
}

/** The names of an endpoint's headers, which are not secret. */
export function headerNames(row: Pick<EndpointRow, 'header_names' | 'sealed_headers'>): string[] {
  if (row.header_names !== null) return JSON.parse(row.header_names) as string[];
  return Object.keys(JSON.parse(row.sealed_headers) as object);
}

/** Seals new values with the key in use. */
export class Sealer {
  readonly #key: SealingKey;

  constructor(key: SealingKey) {
    this.#key = key;
  }

  secret(endpointId: string, value: string): string {
    return sealText(this.#key, secretPlace(endpointId), value);
  }

  defaultSecret(accountId: string, value: string): string {
    return sealText(this.#key, defaultPlace(accountId), value);
  }

  headers(endpointId: string, headers: Headers): SealedHeaders {
    const names = Object.keys(headers);
    const place = headersPlace(endpointId);
    return { names, sealed: names.length === 0 ? '' : sealText(this.#key, place, JSON.stringify(headers)) };
  }
}

export class WebhookSecrets implements SealedStore {
  readonly what = 'webhook secrets';
  readonly #db: Db;
  readonly #seals: SecretSeals;

  constructor(db: Db, seals: SecretSeals) {
    this.#db = db;
    this.#seals = seals;
    seals.attach(this);
  }

  /** Runs `work`, which seals and stores something new. Throws `secrets_key_wrong` as `SecretSeals.use`. */
  use<Result>(work: (sealer: Sealer) => Promise<Result>): Promise<Result> {
    return this.#seals.use((key) => work(new Sealer(key)));
  }

  /** The secrets that sign an endpoint's messages at `now`, the newest first; null when the secret cannot be opened. */
  ofEndpoint(row: Pick<EndpointRow, 'id'> & SealedPair, now: number): string[] | null {
    return this.#signing(secretPlace(row.id), row, now);
  }

  /** As `ofEndpoint`, for what an account's tasks and batches name themselves. */
  ofAccount(row: Pick<DefaultSecretRow, 'account_id'> & SealedPair, now: number): string[] | null {
    return this.#signing(defaultPlace(row.account_id), row, now);
  }

  /**
   * Opened anew for every message, which takes less than 0.05 ms: so nothing open stays in memory, and nothing must be forgotten
   * when another node changes a secret.
   */
  #signing(place: SealedPlace, row: SealedPair, now: number): string[] | null {
    const secret = this.#seals.open(place, row.sealed_secret);
    if (secret === null) return null;
    const isOverlapping = row.sealed_previous !== null && (row.previous_until ?? 0) > now;
    const previous = isOverlapping ? this.#seals.open(place, row.sealed_previous ?? '') : null;
    return previous === null ? [secret] : [secret, previous];
  }

  /** An endpoint's headers; null when their values cannot be opened. */
  headers(row: Pick<EndpointRow, 'id' | 'header_names' | 'sealed_headers'>): Headers | null {
    if (row.header_names !== null && headerNames(row).length === 0) return {};
    const text = this.#seals.open(headersPlace(row.id), row.sealed_headers);
    return text === null ? null : (JSON.parse(text) as Headers);
  }

  async survey(): Promise<SealSurvey> {
    const keyIds = (await listSealBeginnings(this.#db.slow)).map(keyIdOf);
    return {
      keyIds: [...new Set(keyIds.filter((id) => id !== null))],
      hasPlain: keyIds.includes(null),
    };
  }

  reseal(key: SealingKey): Promise<number> {
    return this.#rewriteAll((place, text) => {
      const sealedBy = keyIdOf(text);
      if (text === '' || sealedBy === key.id) return text;
      const value = sealedBy === null ? text : this.#seals.open(place, text);
      return value === null ? text : sealText(key, place, value);
    });
  }

  /**
   * Removes what cannot be opened here, for when a key is lost; returns from how many endpoints and accounts. Their messages
   * wait until the owner rotates the secret, and sets the headers again whose values are gone.
   */
  forgetUnreadable(): Promise<number> {
    return this.#rewriteAll((place, text) =>
      keyIdOf(text) !== null && this.#seals.open(place, text) === null ? '' : text,
    );
  }

  /** Tries to open everything there is. */
  async examine(): Promise<SecretsReport> {
    const report: SecretsReport = { count: 0, unreadable: [], plain: 0 };
    const note = (name: string, isUnsealed: boolean, problems: readonly string[]) => {
      report.count += 1;
      if (isUnsealed) report.plain += 1;
      else if (problems.length > 0) report.unreadable.push(`${name}: ${problems.join(', ')}`);
    };
    const problem = (what: string, isOpen: boolean, text: string) =>
      isOpen ? [] : [text === '' ? `${what} removed` : what];
    const isPlain = (text: string) => text !== '' && keyIdOf(text) === null;
    for await (const rows of this.#endpoints()) {
      for (const row of rows.filter(({ deleted_at: deletedAt }) => deletedAt === null)) {
        const isOpen = this.#seals.open(secretPlace(row.id), row.sealed_secret) !== null;
        note(row.id, isPlain(row.sealed_secret), [
          ...problem('secret', isOpen, row.sealed_secret),
          ...problem('headers', this.headers(row) !== null, row.sealed_headers),
        ]);
      }
    }
    for await (const rows of this.#defaults()) {
      for (const { account_id: id, sealed_secret: text } of rows) {
        const isOpen = this.#seals.open(defaultPlace(id), text) !== null;
        note(id, isPlain(text), problem('default secret', isOpen, text));
      }
    }
    return report;
  }

  #endpoints(): AsyncGenerator<EndpointSeals[]> {
    return pages(
      (after) => listEndpointSeals(this.#db.slow, after, BATCH),
      (row) => row.id,
    );
  }

  #defaults(): AsyncGenerator<DefaultSeals[]> {
    return pages(
      (after) => listDefaultSeals(this.#db.slow, after, BATCH),
      (row) => row.account_id,
    );
  }

  /** Rewrites every row, and says how many changed. */
  async #rewriteAll(rewrite: Rewrite): Promise<number> {
    let count = 0;
    for (let passes = 0; passes < MOST_PASSES; passes += 1) {
      const { changed, missed } = await this.#rewriteOnce(rewrite);
      count += changed;
      if (missed === 0) return count;
    }
    throw new AppError('conflict', {
      detail: 'Webhooks were changed again and again while their secrets were encrypted anew. Try again.',
    });
  }

  /** One pass over all rows; those that somebody else changed meanwhile are `missed`. */
  async #rewriteOnce(rewrite: Rewrite): Promise<{ changed: number; missed: number }> {
    let due = 0;
    let changed = 0;
    for await (const rows of this.#endpoints()) {
      const found = rows.flatMap((row) => resealed(row, rewriteEndpoint(row, rewrite)));
      due += found.length;
      if (found.length > 0) changed += await this.#db.write(resealEndpoints, found);
    }
    for await (const rows of this.#defaults()) {
      const found = rows.flatMap((row) => resealed(row, rewriteDefault(row, rewrite)));
      due += found.length;
      if (found.length > 0) changed += await this.#db.write(resealDefaults, found);
    }
    return { changed, missed: due - changed };
  }
}

function rewriteEndpoint(row: EndpointSeals, rewrite: Rewrite): EndpointSeals {
  const place = secretPlace(row.id);
  const names = headerNames(row);
  return {
    ...row,
    header_names: JSON.stringify(names),
    sealed_secret: rewrite(place, row.sealed_secret),
    sealed_previous: rewrite(place, row.sealed_previous ?? '') || null,
    sealed_headers: names.length === 0 ? '' : rewrite(headersPlace(row.id), row.sealed_headers),
  };
}

function rewriteDefault(row: DefaultSeals, rewrite: Rewrite): DefaultSeals {
  const place = defaultPlace(row.account_id);
  return {
    ...row,
    sealed_secret: rewrite(place, row.sealed_secret),
    sealed_previous: rewrite(place, row.sealed_previous ?? '') || null,
  };
}

/** The change, if it is one. */
function resealed<Row extends EndpointSeals | DefaultSeals>(before: Row, after: Row): Resealed<Row>[] {
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ before, after }];
}

/** Everything that `read` has after each id, a page at a time. */
async function* pages<Row>(
  read: (after: string) => Promise<Row[]>,
  idOf: (row: Row) => string,
): AsyncGenerator<Row[]> {
  for (let after = ''; ; ) {
    const rows = await read(after);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    after = idOf(last);
  }
}
