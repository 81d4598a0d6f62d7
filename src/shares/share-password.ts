// Passwords of shares: kept as argon2id hashes, tried a few times only, and remembered by a visitor's browser in a cookie that
// opens this one share, until it is changed or a day is over.
import { argon2, createHmac, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../kernel/clock.ts';
import { equalSecrets } from '../kernel/id.ts';

/** OWASP's smallest setting: 19 MiB and two passes, some 40 ms. */
const MEMORY_KIB = 19_456;
const PASSES = 2;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** More at a time would be a way to use up the machine's memory. */
const MAX_HASHES_AT_ONCE = 2;

export const PASS_LIFETIME_MS = 24 * 60 * 60_000;
export const TRIES_PER_ADDRESS = 10;
/** Against one that has many addresses; whoever is in already is not concerned. */
export const TRIES_PER_SHARE = 300;
export const TRIES_WINDOW_MS = 15 * 60_000;

const HTTPS_COOKIE = '__Secure-drawbridge-share';
const HTTP_COOKIE = 'drawbridge_share';

let hashing = 0;
const waiting: (() => void)[] = [];

async function hash(password: string, salt: Buffer, memory: number, passes: number): Promise<Buffer> {
  if (hashing >= MAX_HASHES_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  hashing += 1;
  try {
    return await new Promise<Buffer>((resolve, reject) =>
      argon2(
        'argon2id',
        {
          message: password.normalize('NFC'),
          nonce: salt,
          parallelism: 1,
          tagLength: HASH_BYTES,
          memory,
          passes,
        },
        (error, result) => (error ? reject(error) : resolve(result)),
      ),
    );
  } finally {
    hashing -= 1;
    waiting.shift()?.();
  }
}

/** What is stored of a password: `argon2id$memory$passes$salt$hash`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const result = await hash(password, salt, MEMORY_KIB, PASSES);
  return ['argon2id', MEMORY_KIB, PASSES, salt.toString('base64url'), result.toString('base64url')].join('$');
}

export async function isPassword(given: string, stored: string): Promise<boolean> {
  const [kind, memory, passes, salt = '', expected = ''] = stored.split('$');
  if (kind !== 'argon2id') return false;
  const result = await hash(given, Buffer.from(salt, 'base64url'), Number(memory), Number(passes));
  return equalSecrets(result.toString('base64url'), expected);
}

/** A share as far as its passes are concerned. */
export interface LockedShare {
  id: string;
  passwordHash: string;
}

/** Makes and checks the passes that a visitor's browser keeps. A pass is bound to the share and to its present password. */
export class SharePasses {
  readonly #clock: Clock;
  readonly #key: Buffer;

  /** `secret` is the server's own, the same on every node. */
  constructor(clock: Clock, secret: string) {
    this.#clock = clock;
    this.#key = createHmac('sha256', secret).update('share passes').digest();
  }

  /** A `Set-Cookie` value that opens the share at `path` for a day. */
  issue(share: LockedShare, place: { path: string; isSecure: boolean }): string {
    const expires = String(this.#clock.now() + PASS_LIFETIME_MS);
    const value = `${expires}.${this.#sign(share, expires)}`;
    const attributes = `Path=${place.path}; Max-Age=${PASS_LIFETIME_MS / 1000}; HttpOnly; SameSite=Lax`;
    return place.isSecure
      ? `${HTTPS_COOKIE}=${value}; ${attributes}; Secure`
      : `${HTTP_COOKIE}=${value}; ${attributes}`;
  }

  /** Whether the request's cookies open the share now. */
  opens(share: LockedShare, { cookie }: IncomingHttpHeaders): boolean {
    for (const pair of (cookie ?? '').split(';')) {
      const at = pair.indexOf('=');
      const name = pair.slice(0, at).trim();
      if (name !== HTTPS_COOKIE && name !== HTTP_COOKIE) continue;
      const [expires = '', mark = ''] = pair
        .slice(at + 1)
        .trim()
        .split('.');
      if (!/^\d{1,15}$/.test(expires) || Number(expires) <= this.#clock.now()) continue;
      if (equalSecrets(mark, this.#sign(share, expires))) return true;
    }
    return false;
  }

  #sign({ id, passwordHash }: LockedShare, expires: string): string {
    return createHmac('sha256', this.#key).update(`${id}/${passwordHash}/${expires}`).digest('base64url');
  }
}
