// Checks an OpenID Connect ID token: a signature by a published key with an asymmetric algorithm, and the claims that tie it to
// this issuer, this client and this very sign-in. Follows OpenID Connect Core 3.1.3.7; anything in doubt is refused.
import { constants, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';
import { equalSecrets } from '../kernel/id.ts';

/** How far the issuer's clock may be from ours. */
const CLOCK_SKEW_S = 60;
/** Older tokens are not from the exchange that was just made. */
const MAX_AGE_S = 600;
const MAX_TOKEN_CHARS = 64 * 1024;

interface Algorithm {
  keyType: string;
  curve?: string;
  hash: string | null;
  padding?: number;
  isRaw?: boolean;
}

const rsa = (hash: string): Algorithm => ({ keyType: 'rsa', hash });
const pss = (hash: string): Algorithm => ({ keyType: 'rsa', hash, padding: constants.RSA_PKCS1_PSS_PADDING });
const ecdsa = (hash: string, curve: string): Algorithm => ({ keyType: 'ec', hash, curve, isRaw: true });

/** Neither `none` nor shared secrets: whoever knows the public key must not be able to sign. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  RS256: rsa('sha256'),
  RS384: rsa('sha384'),
  RS512: rsa('sha512'),
  PS256: pss('sha256'),
  PS384: pss('sha384'),
  PS512: pss('sha512'),
  ES256: ecdsa('sha256', 'prime256v1'),
  ES384: ecdsa('sha384', 'secp384r1'),
  EdDSA: { keyType: 'ed25519', hash: null },
};

const headerSchema = z.object({
  alg: z.string(),
  kid: z.string().optional(),
  crit: z.undefined().optional(),
});

const claimsSchema = z.object({
  iss: z.string(),
  sub: z.string().min(1).max(500),
  aud: z.union([z.string(), z.array(z.string())]),
  azp: z.string().optional(),
  exp: z.number(),
  iat: z.number(),
  nonce: z.string(),
  email: z.string().max(500).optional(),
  email_verified: z.union([z.boolean(), z.string()]).optional(),
  name: z.string().max(500).optional(),
  preferred_username: z.string().max(500).optional(),
});

export type IdClaims = z.output<typeof claimsSchema>;

/** A key as an issuer publishes it. */
export type PublishedKey = JsonWebKey & { kid?: string; use?: string; alg?: string };

export class IdTokenRefused extends Error {
  /** No published key has the token's id: they may have been changed. */
  readonly isKeyUnknown: boolean;
  constructor(message: string, isKeyUnknown = false) {
    super(message);
    this.name = 'IdTokenRefused';
    this.isKeyUnknown = isKeyUnknown;
  }
}

export interface IdTokenExpectation {
  issuer: string;
  clientId: string;
  nonce: string;
  nowS: number;
  keys: readonly PublishedKey[];
}

/** The claims of a token that passes every check; throws `IdTokenRefused` with what was wrong. */
export function checkIdToken(token: string, expected: IdTokenExpectation): IdClaims {
  const parts = token.length <= MAX_TOKEN_CHARS ? token.split('.') : [];
  const [head, payload, signed] = parts;
  if (parts.length !== 3 || !head || !payload || !signed) throw new IdTokenRefused('it is no signed token');
  const header = parsePart(head, headerSchema);
  const algorithm = Object.hasOwn(ALGORITHMS, header.alg) ? ALGORITHMS[header.alg] : undefined;
  if (!algorithm) throw new IdTokenRefused(`its algorithm "${header.alg.slice(0, 20)}" is not accepted`);
  const key = findKey(expected.keys, header, algorithm);
  const isGood = verify(
    algorithm.hash,
    Buffer.from(`${head}.${payload}`),
    {
      key,
      ...(algorithm.padding === undefined
        ? {}
        : { padding: algorithm.padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }),
      ...(algorithm.isRaw ? { dsaEncoding: 'ieee-p1363' as const } : {}),
    },
    Buffer.from(signed, 'base64url'),
  );
  if (!isGood) throw new IdTokenRefused('its signature is wrong');
  const claims = parsePart(payload, claimsSchema);
  checkClaims(claims, expected);
  return claims;
}

function parsePart<Schema extends z.ZodType>(part: string, schema: Schema): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(Buffer.from(part, 'base64url').toString('utf8')));
  } catch {
    throw new IdTokenRefused('a part of it is not what the standard asks for');
  }
}

function findKey(
  keys: readonly PublishedKey[],
  { alg, kid }: { alg: string; kid?: string | undefined },
  algorithm: Algorithm,
): KeyObject {
  for (const published of keys) {
    if (kid !== undefined && published.kid !== kid) continue;
    if (published.use !== undefined && published.use !== 'sig') continue;
    if (published.alg !== undefined && published.alg !== alg) continue;
    const key = importKey(published);
    if (key?.asymmetricKeyType !== algorithm.keyType) continue;
    if (algorithm.curve !== undefined && key.asymmetricKeyDetails?.namedCurve !== algorithm.curve) continue;
    return key;
  }
  throw new IdTokenRefused('the issuer publishes no key for it', true);
}

function importKey(published: PublishedKey): KeyObject | undefined {
  try {
    return createPublicKey({ key: published, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function checkClaims(claims: IdClaims, { issuer, clientId, nonce, nowS }: IdTokenExpectation): void {
  const audiences = typeof claims.aud === 'string' ? [claims.aud] : claims.aud;
  const refuse = (what: string) => new IdTokenRefused(what);
  if (claims.iss !== issuer) throw refuse('it is from another issuer');
  if (!audiences.includes(clientId)) throw refuse('it is for another client');
  if (audiences.length > 1 && claims.azp === undefined) throw refuse('it does not say whom it was made for');
  if (claims.azp !== undefined && claims.azp !== clientId) throw refuse('it was made for another client');
  if (claims.exp <= nowS - CLOCK_SKEW_S) throw refuse('its time is over');
  if (claims.iat > nowS + CLOCK_SKEW_S || claims.iat < nowS - MAX_AGE_S)
    throw refuse('it was not made just now; check the clocks');
  if (!equalSecrets(claims.nonce, nonce)) throw refuse('it belongs to another sign-in');
}
