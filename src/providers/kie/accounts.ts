// The accounts at KIE AI, one for each API key. With several, the engine names one for each attempt; a task is known only
// to the account that made it, so no other key is ever tried in its place.
import { sha256Hex } from '../../kernel/id.ts';
import { ProviderError } from '../provider.ts';

const FINGERPRINT_CHARS = 12;
const NO_KEY =
  'KIE AI has no API key. Set one: "drawbridge providers set-secret kie", or KIE_AI_API_KEY and a restart.';
const KEY_GONE =
  'The KIE AI key that this task was made with is not configured any more. Put it back: "drawbridge providers set-secret kie", or KIE_AI_API_KEY and a restart.';

export interface KieAccount {
  /** A fingerprint of the key. */
  id: string;
  label: string;
  /** Secret. */
  apiKey: string;
}

export function accountsOf(apiKeys: readonly string[]): KieAccount[] {
  return apiKeys.map((apiKey, index) => ({
    id: sha256Hex(apiKey).slice(0, FINGERPRINT_CHARS),
    label: `key ${index + 1} of ${apiKeys.length}`,
    apiKey,
  }));
}

/**
 * The account of an attempt. With one key it is that one, whatever was pinned, so that a task outlives a new key of its
 * account. Throws `credentials_missing` with `created` as given.
 */
export function accountFor(
  accounts: readonly KieAccount[],
  credential: string | null | undefined,
  created: 'no' | 'yes',
): KieAccount {
  const [first] = accounts;
  if (!first) throw new ProviderError('credentials_missing', created, NO_KEY);
  if (accounts.length === 1 || credential === null || credential === undefined) return first;
  const pinned = accounts.find(({ id }) => id === credential);
  if (!pinned) throw new ProviderError('credentials_missing', created, KEY_GONE);
  return pinned;
}
