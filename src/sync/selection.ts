// Which files are sent at all: what the user included and excluded, and what never leaves the machine.
import { matchesGlob } from 'node:path';

export type LeftOut = 'excluded' | 'not_included' | 'private' | 'odd_name' | 'link' | 'not_taken';

export interface Selection {
  /** Patterns such as `final/**` or `*.png`; empty: everything. */
  include: readonly string[];
  exclude: readonly string[];
}

/** Keys, settings with secrets, and the database with its companions; examples of settings are not secret. */
const PRIVATE_NAME =
  /^(?:\.env(?!\.example$)(?:\..*)?|secrets\.key|.*\.(?:pem|key|p12|pfx|keystore)|id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc|drawbridge\.yaml|.*\.(?:db|sqlite3?)(?:-(?:wal|shm|journal))?)$/i;
/** Folders that belong to a machine and not to what is sent. */
const PRIVATE_FOLDER = /^(?:\.git|\.ssh|node_modules)$/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const ODD = /[\u0000-\u001f\u007f\\]|^\s*$/;

const PLAIN = 'files/';

/** A pattern without a slash is about the last part of the name, wherever it lies. */
function matches(name: string, pattern: string): boolean {
  if (!pattern.includes('/')) return matchesGlob(name.slice(name.lastIndexOf('/') + 1), pattern);
  const whole = (pattern.endsWith('/') ? `${pattern}**` : pattern).replace(/^\//, '');
  // Files of no kind are called by their path alone.
  return matchesGlob(name, whole) || (name.startsWith(PLAIN) && matchesGlob(name.slice(PLAIN.length), whole));
}

/** Whether this file or one of its folders is one that is never sent. */
export function isPrivate(path: string): boolean {
  const parts = path.split('/');
  const name = parts.pop() ?? '';
  return PRIVATE_NAME.test(name) || parts.some((part) => PRIVATE_FOLDER.test(part));
}

/** Why a file stays, or null when it is to be sent. */
export function reasonToLeaveOut(name: string, { include, exclude }: Selection): LeftOut | null {
  if (ODD.test(name) || name.split('/').includes('..')) return 'odd_name';
  if (isPrivate(name)) return 'private';
  if (exclude.some((pattern) => matches(name, pattern))) return 'excluded';
  if (include.length > 0 && !include.some((pattern) => matches(name, pattern))) return 'not_included';
  return null;
}
