// Whose keys are accepted: one pinned fingerprint, or the lines of a known_hosts file as OpenSSH writes them (plain, hashed,
// with ports, patterns and revoked keys). Nothing is ever added to the file.
import { createHash, createHmac } from 'node:crypto';
import { equalSecrets } from '../kernel/id.ts';

export interface KnownKey {
  type: string;
  /** The key as it stands in the line. */
  key: Buffer;
  isRevoked: boolean;
}

/** `SHA256:…` of a host key, as ssh-keygen shows it. */
export function fingerprintOf(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The type that a key's own bytes name, such as `ssh-ed25519`. */
export function typeOfKey(key: Buffer): string {
  const length = key.length >= 4 ? key.readUInt32BE(0) : 0;
  return key.subarray(4, 4 + Math.min(length, 64)).toString('latin1');
}

function matchesPattern(name: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 'i').test(name);
}

function matchesHashed(name: string, text: string): boolean {
  const [, , salt = '', expected = ''] = text.split('|');
  const found = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64');
  return equalSecrets(found, expected);
}

/** Whether the first field of a line names the host; a negated pattern takes the whole line out. */
function namesHost(field: string, names: readonly string[]): boolean {
  if (field.startsWith('|1|')) return names.some((name) => matchesHashed(name, field));
  let isNamed = false;
  for (const part of field.split(',')) {
    const isNegated = part.startsWith('!');
    const pattern = isNegated ? part.slice(1) : part;
    if (!names.some((name) => matchesPattern(name, pattern))) continue;
    if (isNegated) return false;
    isNamed = true;
  }
  return isNamed;
}

/** The keys that a known_hosts file gives a host. Certificates' authorities are left out: only keys are pinned. */
export function findKnownKeys(text: string, host: string, port: number): KnownKey[] {
  const names = port === 22 ? [host, `[${host}]:22`] : [`[${host}]:${port}`];
  const found: KnownKey[] = [];
  for (const line of text.split(/\r?\n/)) {
    const fields = line.trim().split(/\s+/);
    const marker = fields[0]?.startsWith('@') ? fields.shift() : undefined;
    const [hosts, type, key] = fields;
    if (!hosts || hosts.startsWith('#') || !type || !key || marker === '@cert-authority') continue;
    if (!namesHost(hosts, names)) continue;
    found.push({ type, key: Buffer.from(key, 'base64'), isRevoked: marker === '@revoked' });
  }
  return found;
}

const RSA_SIGNATURES = ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'];

/** The algorithms by which a host can prove one of these keys, so that it does not show another one that nobody knows. */
export function algorithmsFor(keys: readonly KnownKey[]): string[] {
  const types = new Set(keys.filter(({ isRevoked }) => !isRevoked).map(({ type }) => type));
  return [...types].flatMap((type) => (type === 'ssh-rsa' ? RSA_SIGNATURES : [type]));
}
