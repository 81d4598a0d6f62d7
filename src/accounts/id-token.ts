// Checks an OpenID Connect ID token: a signature by a published key with an asymmetric algorithm, and the claims that tie it to
// this issuer, this client and this very sign-in. Follows OpenID Connect Core 3.1.3.7; anything in doubt is refused.
import { createLocalJWKSet, errors, type JWK, type JWTPayload, jwtVerify } from 'jose';
import { z } from 'zod';
import { equalSecrets } from '../kernel/id.ts';

/** How far the issuer's clock may be from ours. */
const CLOCK_SKEW_S = 60;
/** Older tokens are not from the exchange that was just made. */
const MAX_AGE_S = 600;
const MAX_TOKEN_CHARS = 64 * 1024;

/** Neither `none` nor shared secrets: whoever knows the public key must not be able to sign. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA'];

const claimsSchema = z.object({
  sub: z.string().min(1).max(500),
  aud: z.union([z.string(), z.array(z.string())]),
  azp: z.string().optional(),
  nonce: z.string(),
  email: z.string().max(500).optional(),
  email_verified: z.union([z.boolean(), z.string()]).optional(),
  name: z.string().max(500).optional(),
  preferred_username: z.string().max(500).optional(),
});

export type IdClaims = z.output<typeof claimsSchema>;

/** A key as an issuer publishes it. */
export type PublishedKey = JWK;

export class IdTokenRefused extends Error {
  /** No published key has the token's id: they may have been changed. */
  readonly isKeyUnknown: boolean;
  constructor(message: string, options: { isKeyUnknown?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'IdTokenRefused';
    this.isKeyUnknown = options.isKeyUnknown ?? false;
  }
}

export interface IdTokenExpectation {
  issuer: string;
  clientId: string;
  nonce: string;
  nowS: number;
  keys: readonly PublishedKey[];
}

/** The claims of a token that passes every check; rejects with `IdTokenRefused`, which says what was wrong. */
export async function checkIdToken(token: string, expected: IdTokenExpectation): Promise<IdClaims> {
  if (token.length > MAX_TOKEN_CHARS) throw new IdTokenRefused('it is no signed token');
  const parsed = claimsSchema.safeParse(await verified(token, expected));
  if (!parsed.success) throw new IdTokenRefused('a part of it is not what the standard asks for');
  const claims = parsed.data;
  // The library has found this client among the audiences; with several, the token must say whom it was made for.
  const isForSeveral = Array.isArray(claims.aud) && claims.aud.length > 1;
  if (claims.azp === undefined ? isForSeveral : claims.azp !== expected.clientId)
    throw new IdTokenRefused('it was made for another client');
  if (!equalSecrets(claims.nonce, expected.nonce)) throw new IdTokenRefused('it belongs to another sign-in');
  return claims;
}

async function verified(
  token: string,
  { issuer, clientId, nowS, keys }: IdTokenExpectation,
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: [...keys] }), {
      algorithms: ALGORITHMS,
      issuer,
      audience: clientId,
      clockTolerance: CLOCK_SKEW_S,
      maxTokenAge: MAX_AGE_S,
      currentDate: new Date(nowS * 1000),
      requiredClaims: ['exp', 'iat', 'nonce', 'sub'],
    });
    return payload;
  } catch (error) {
    const isKeyUnknown =
      error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
    throw new IdTokenRefused(error instanceof Error ? error.message : 'it cannot be checked', {
      isKeyUnknown,
      cause: error,
    });
  }
}
