// Sealing of secrets at rest: AES-256-GCM under a key that is never in the database. What was sealed for one place opens for
// no other, and a seal under another key is told apart from one that was tampered with.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
/** The length that GCM is made for; chances of a repeat are nil at a few writes a day. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_CHARS = 16;
/** How a sealed text of `sealText` begins: the key's name and a colon. */
export const SEALED_PREFIX_CHARS = KEY_ID_CHARS + 1;
const SEALED_PREFIX = /^[0-9a-f]{16}:/;

/** A key with the name by which sealed values point to it; the name tells nothing about the key. */
export interface SealingKey {
  id: string;
  bytes: Buffer;
}

/** What a seal is bound to: the kind of the secret, then whose it is. */
export type SealedPlace = readonly [kind: string, ...owner: string[]];

export function newSealingKey(): SealingKey {
  return sealingKeyOf(randomBytes(KEY_BYTES));
}

function sealingKeyOf(bytes: Buffer): SealingKey {
  const id = createHash('sha256').update('drawbridge sealing key\0').update(bytes).digest('hex');
  return { id: id.slice(0, KEY_ID_CHARS), bytes };
}

/** A key from its text (base64, base64url or hex); null if it is not 32 bytes. */
export function parseSealingKey(text: string): SealingKey | null {
  const trimmed = text.trim();
  const isHex = /^[0-9a-f]{64}$/i.test(trimmed);
  if (!isHex && !/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return null;
  const bytes = Buffer.from(trimmed, isHex ? 'hex' : 'base64');
  return bytes.length === KEY_BYTES ? sealingKeyOf(bytes) : null;
}

/** The key as text for its file. */
export function formatSealingKey(key: SealingKey): string {
  return `${key.bytes.toString('base64')}\n`;
}

const placeBytes = ([kind, ...owner]: SealedPlace) =>
  Buffer.from(JSON.stringify([`drawbridge ${kind}`, 1, ...owner]));

/** The value, encrypted for this place, as base64: nonce, tag, ciphertext. */
export function seal(key: SealingKey, place: SealedPlace, value: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key.bytes, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(placeBytes(place));
  const sealed = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
}

/** The value again; null when it was sealed with another key or for another place, or was altered. */
export function unseal(key: SealingKey, place: SealedPlace, sealed: string): string | null {
  const bytes = Buffer.from(sealed, 'base64');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return null;
  const decipher = createDecipheriv(CIPHER, key.bytes, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(placeBytes(place));
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  try {
    const text = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch {
    return null;
  }
}

/** As `seal`, with the key's name before it, for a column that stands alone. */
export function sealText(key: SealingKey, place: SealedPlace, value: string): string {
  return `${key.id}:${seal(key, place, value)}`;
}

/** The name of the key that a text of `sealText` (or its beginning) was sealed with; null for any other text. */
export function keyIdOf(text: string): string | null {
  return SEALED_PREFIX.test(text) ? text.slice(0, KEY_ID_CHARS) : null;
}

/** The value of `sealText` again; null as for `unseal`. */
export function unsealText(key: SealingKey, place: SealedPlace, text: string): string | null {
  return unseal(key, place, text.slice(SEALED_PREFIX_CHARS));
}
