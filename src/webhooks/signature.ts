// Signing as Standard Webhooks 1.0 has it: HMAC-SHA256 over `id.timestamp.body` with the secret's decoded bytes. Secrets are
// 32 random bytes, shown as `whsec_` and base64.
import { createHmac, randomBytes } from 'node:crypto';

const SECRET_PREFIX = 'whsec_';
/** The standard asks for 24 to 64. */
const SECRET_BYTES = 32;

export function newWebhookSecret(): string {
  return `${SECRET_PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`;
}

/**
 * The value of `webhook-signature`: one `v1,…` for each secret, separated by spaces, so that a receiver passes with the old
 * and with the new one while a rotation lasts. `timestampS` is in whole seconds, `body` exactly what is sent.
 */
export function signatureHeader(
  secrets: readonly string[],
  { id, timestampS, body }: { id: string; timestampS: number; body: string },
): string {
  return secrets
    .map((secret) => {
      const key = Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64');
      return `v1,${createHmac('sha256', key).update(`${id}.${timestampS}.${body}`).digest('base64')}`;
    })
    .join(' ');
}
