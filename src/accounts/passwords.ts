// Passwords: which are taken, and their argon2id digests in the PHC form that names its own parameters. A check costs the
// same whether the person exists or not, and only a few run at once, so that a flood of tries cannot take the memory.
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { AppError } from '../kernel/errors.ts';
import { COMMON_PASSWORDS } from './common-passwords.ts';

export const MIN_PASSWORD_CHARS = 10;
export const MAX_PASSWORD_CHARS = 200;

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane; about 30 ms. */
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const SALT_BYTES = 16;
const DIGEST_BYTES = 32;
/** 19 MiB each. */
const MOST_AT_ONCE = 4;
const MOST_WAITING = 64;
const RETRY_AFTER_S = 5;
/** A part of the own name this long makes a password guessable. */
const LEAST_TELLING_CHARS = 4;

const deriveKey = promisify(argon2);
const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/-]+)\$([\w+/-]+)$/;

/** One spelling for every way to type the same characters. */
const normalised = (password: string) => password.normalize('NFKC');

const encode = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');

/** Hashes and checks passwords, `MOST_AT_ONCE` at a time. Throws `rate_limited` when too many wait. */
export class PasswordHasher {
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  #nobody: Promise<string> | null = null;

  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES);
    const digest = await this.#derive(password, salt, {
      memoryKib: MEMORY_KIB,
      passes: PASSES,
      lanes: LANES,
      bytes: DIGEST_BYTES,
    });
    return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${encode(salt)}$${encode(digest)}`;
  }

  /** Whether `password` is the stored one. With `null` it is not, after the same work. */
  async verify(password: string, stored: string | null): Promise<boolean> {
    // Made before either way is taken: its first making must not tell them apart.
    this.#nobody ??= this.hash(randomBytes(SALT_BYTES).toString('hex'));
    const [, memoryKib, passes, lanes, salt = '', digest = ''] =
      PHC.exec(stored ?? (await this.#nobody)) ?? [];
    await this.#nobody;
    const expected = Buffer.from(digest, 'base64');
    const found = await this.#derive(password, Buffer.from(salt, 'base64'), {
      memoryKib: Number(memoryKib),
      passes: Number(passes),
      lanes: Number(lanes),
      bytes: expected.length,
    });
    return timingSafeEqual(found, expected) && stored !== null;
  }

  async #derive(
    password: string,
    salt: Buffer,
    cost: { memoryKib: number; passes: number; lanes: number; bytes: number },
  ): Promise<Buffer> {
    await this.#enter();
    try {
      return await deriveKey('argon2id', {
        message: normalised(password),
        nonce: salt,
        parallelism: cost.lanes,
        tagLength: cost.bytes,
        memory: cost.memoryKib,
        passes: cost.passes,
      });
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < MOST_AT_ONCE) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.length >= MOST_WAITING) {
      throw new AppError('rate_limited', {
        detail: 'Very many people are signing in at this moment.',
        retryAfterS: RETRY_AFTER_S,
      });
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running -= 1;
  }
}

/** Throws `validation_failed` with the reason when a password is too easy to guess for the person with these names. */
export function requireGoodPassword(
  password: string,
  names: readonly (string | null)[],
  pointer = '/password',
): void {
  const reason = weaknessOf(password, names);
  if (reason === null) return;
  throw new AppError('validation_failed', {
    detail: `${pointer}: ${reason}`,
    errors: [{ pointer, detail: reason }],
  });
}

/** Why a password is not taken; null for a good one. */
export function weaknessOf(password: string, names: readonly (string | null)[]): string | null {
  const characters = [...normalised(password)];
  if (characters.length < MIN_PASSWORD_CHARS)
    return `The password must have at least ${MIN_PASSWORD_CHARS} characters; a few words in a row are easy to remember.`;
  const plain = characters.join('').toLowerCase();
  if (new Set(plain).size < 4)
    return 'The password repeats the same few characters; use a few words instead.';
  if (isSequence(plain)) return 'The password is a row of neighbouring characters; use a few words instead.';
  if (isCommon(plain)) return 'This password is one of the first that anybody tries; choose another.';
  const telling = names
    .flatMap((name) => (name ?? '').toLowerCase().split(/[^\p{L}\p{N}]+/u))
    .filter((part) => part.length >= LEAST_TELLING_CHARS);
  if (telling.some((part) => plain.includes(part) && plain.length - part.length < MIN_PASSWORD_CHARS - 2))
    return 'The password is little more than your own name or address; choose another.';
  return null;
}

/** A common password with digits or signs around it, or letters written as digits, is no better than itself. */
function isCommon(plain: string): boolean {
  const letters = plain
    .replaceAll('0', 'o')
    .replaceAll('1', 'l')
    .replaceAll('3', 'e')
    .replaceAll('@', 'a')
    .replaceAll('$', 's')
    .replaceAll('5', 's');
  const forms = [plain, letters].flatMap((form) => [
    form,
    form.replaceAll(/^[^\p{L}]+|[^\p{L}]+$/gu, ''),
    form.replaceAll(/[^\p{L}\p{N}]/gu, ''),
  ]);
  return forms.some((form) => COMMON_PASSWORDS.has(form));
}

function isSequence(plain: string): boolean {
  const steps = new Set<number>();
  for (let index = 1; index < plain.length; index += 1)
    steps.add(plain.charCodeAt(index) - plain.charCodeAt(index - 1));
  // 0 follows 9 on the keyboard.
  steps.delete('0'.charCodeAt(0) - '9'.charCodeAt(0));
  return steps.size <= 1 && [...steps].every((step) => Math.abs(step) <= 2);
}
