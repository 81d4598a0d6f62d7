// A client of one OpenID Connect provider (authorization code with PKCE). All calls go through the kernel's outbound door: the
// configured issuer is trusted as an address, what its documents point to only where it is public or the issuer's own host.
import { z } from 'zod';
import type { Clock } from '../kernel/clock.ts';
import type { Outbound, OutboundRequest } from '../kernel/outbound.ts';
import { hostAndPort } from '../kernel/outbound-address.ts';
import { checkIdToken, type IdClaims, IdTokenRefused, type PublishedKey } from './id-token.ts';
import { type Attempt, challengeOf } from './oidc-attempt.ts';
import type { ProvenIdentity } from './people.ts';

const SCOPES = 'openid profile email';
const DISCOVERY_PATH = '/.well-known/openid-configuration';
const MAX_ANSWER_BYTES = 512 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;
const CALL_TIMEOUT_MS = 15_000;
/** Documents and keys change rarely; an unknown key is looked for at once, but not by every forged token. */
const DOCUMENT_LIFETIME_MS = 3_600_000;
const KEY_REFRESH_MS = 60_000;
const MAX_NAME_CHARS = 100;

export interface OidcClientSettings {
  issuer: string;
  clientId: string;
  clientSecret: string | null;
}

const address = z.url({ protocol: /^https?$/ });
const discoverySchema = z.object({
  issuer: z.string(),
  authorization_endpoint: address,
  token_endpoint: address,
  jwks_uri: address,
  userinfo_endpoint: address.optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
});
type Discovery = z.output<typeof discoverySchema>;

const keysSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });
const tokenSchema = z.object({ id_token: z.string(), access_token: z.string().optional() });
const profileSchema = z.object({
  sub: z.string(),
  email: z.string().max(500).optional(),
  email_verified: z.union([z.boolean(), z.string()]).optional(),
  name: z.string().max(500).optional(),
});

/** The provider did not answer, or not as the standard asks; the message is for the log. */
export class OidcFailure extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OidcFailure';
  }
}

interface Cached<Value> {
  value: Value;
  readAt: number;
}

export class OidcClient {
  readonly #settings: OidcClientSettings;
  readonly #outbound: Outbound;
  readonly #clock: Clock;
  #discovery: Cached<Discovery> | null = null;
  #keys: Cached<readonly PublishedKey[]> | null = null;

  constructor(options: { settings: OidcClientSettings; outbound: Outbound; clock: Clock }) {
    this.#settings = options.settings;
    this.#outbound = options.outbound;
    this.#clock = options.clock;
  }

  /** Where to send the browser. Throws `OidcFailure`. */
  async authorizationUrl(attempt: Attempt, redirectUri: string): Promise<string> {
    const url = new URL((await this.#discover()).authorization_endpoint);
    const parameters = {
      response_type: 'code',
      client_id: this.#settings.clientId,
      redirect_uri: redirectUri,
      scope: SCOPES,
      state: attempt.state,
      nonce: attempt.nonce,
      code_challenge: challengeOf(attempt),
      code_challenge_method: 'S256',
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return url.href;
  }

  /** Trades the code of a callback for the identity it proves. Throws `OidcFailure`. */
  async identify(
    attempt: Attempt,
    { code, redirectUri, issuer }: { code: string; redirectUri: string; issuer: string | undefined },
  ): Promise<ProvenIdentity> {
    const discovery = await this.#discover();
    // RFC 9207: another provider's answer, brought here by mistake or by an attacker.
    if (issuer !== undefined && issuer !== discovery.issuer)
      throw new OidcFailure('the answer is from another issuer');
    const tokens = await this.#exchange(discovery, attempt, code, redirectUri);
    const claims = await this.#check(discovery, tokens.id_token, attempt.nonce);
    const told =
      claims.email === undefined && tokens.access_token !== undefined
        ? { ...claims, ...(await this.#profile(discovery, tokens.access_token, claims.sub)) }
        : claims;
    return {
      issuer: discovery.issuer,
      subject: claims.sub,
      email: told.email?.includes('@') ? told.email : null,
      isEmailProven: told.email_verified === true || told.email_verified === 'true',
      name:
        told.name?.trim().slice(0, MAX_NAME_CHARS) ||
        (claims.preferred_username?.slice(0, MAX_NAME_CHARS) ?? null),
    };
  }

  async #exchange(discovery: Discovery, attempt: Attempt, code: string, redirectUri: string) {
    const { clientId, clientSecret } = this.#settings;
    const form = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: attempt.verifier,
    });
    const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' };
    const methods = discovery.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    if (clientSecret !== null && methods.includes('client_secret_basic')) {
      // RFC 6749 2.3.1: both parts are form-encoded before they are joined.
      const encode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1);
      const pair = `${encode(clientId)}:${encode(clientSecret)}`;
      headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
    } else {
      form.set('client_id', clientId);
      if (clientSecret !== null) form.set('client_secret', clientSecret);
    }
    const answer = await this.#call({
      method: 'POST',
      url: discovery.token_endpoint,
      headers: { accept: 'application/json', ...headers },
      body: form.toString(),
      purpose: 'sign-in token',
    });
    return parse(tokenSchema, answer, 'the token endpoint');
  }

  async #check(discovery: Discovery, idToken: string, nonce: string): Promise<IdClaims> {
    const expected = {
      issuer: discovery.issuer,
      clientId: this.#settings.clientId,
      nonce,
      nowS: Math.floor(this.#clock.now() / 1000),
    };
    try {
      try {
        return await checkIdToken(idToken, {
          ...expected,
          keys: await this.#publishedKeys(discovery, DOCUMENT_LIFETIME_MS),
        });
      } catch (error) {
        if (!(error instanceof IdTokenRefused && error.isKeyUnknown)) throw error;
        return await checkIdToken(idToken, {
          ...expected,
          keys: await this.#publishedKeys(discovery, KEY_REFRESH_MS),
        });
      }
    } catch (error) {
      if (error instanceof IdTokenRefused)
        throw new OidcFailure(`the ID token is refused: ${error.message}`, { cause: error });
      throw error;
    }
  }

  async #profile(discovery: Discovery, accessToken: string, subject: string) {
    if (!discovery.userinfo_endpoint) return {};
    const answer = await this.#call({
      method: 'GET',
      url: discovery.userinfo_endpoint,
      headers: { accept: 'application/json', authorization: `Bearer ${accessToken}` },
      purpose: 'sign-in profile',
    });
    const { sub, ...profile } = parse(profileSchema, answer, 'the profile endpoint');
    if (sub !== subject) throw new OidcFailure('the profile is of another person than the ID token');
    return profile;
  }

  async #discover(): Promise<Discovery> {
    const now = this.#clock.now();
    const cached = this.#discovery;
    if (cached && now - cached.readAt < DOCUMENT_LIFETIME_MS) return cached.value;
    const { issuer } = this.#settings;
    const answer = await this.#call({
      method: 'GET',
      url: `${issuer.replace(/\/+$/, '')}${DISCOVERY_PATH}`,
      headers: { accept: 'application/json' },
      purpose: 'sign-in discovery',
      allow: 'configured',
    });
    const value = parse(discoverySchema, answer, 'the discovery document');
    if (value.issuer.replace(/\/+$/, '') !== issuer.replace(/\/+$/, ''))
      throw new OidcFailure('the discovery document is of another issuer than the configured one');
    this.#discovery = { value, readAt: now };
    return value;
  }

  async #publishedKeys(discovery: Discovery, lifetimeMs: number): Promise<readonly PublishedKey[]> {
    const now = this.#clock.now();
    const cached = this.#keys;
    if (cached && now - cached.readAt < lifetimeMs) return cached.value;
    const answer = await this.#call({
      method: 'GET',
      url: discovery.jwks_uri,
      headers: { accept: 'application/json' },
      purpose: 'sign-in keys',
    });
    const { keys } = parse(keysSchema, answer, 'the list of keys');
    const value = keys as readonly PublishedKey[];
    this.#keys = { value, readAt: now };
    return value;
  }

  async #call(request: Pick<OutboundRequest, 'method' | 'url' | 'purpose'> & Partial<OutboundRequest>) {
    try {
      const response = await this.#outbound.request({
        allow: 'public',
        allowHosts: [hostAndPort(new URL(this.#settings.issuer))],
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        idleTimeoutMs: CALL_TIMEOUT_MS,
        totalTimeoutMs: CALL_TIMEOUT_MS,
        maxBytes: MAX_ANSWER_BYTES,
        ...request,
      });
      if (response.status !== 200) {
        response.discard();
        throw new OidcFailure(`${request.purpose}: the provider answers ${response.status}`);
      }
      return await response.readJson(MAX_ANSWER_BYTES);
    } catch (error) {
      if (error instanceof OidcFailure) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new OidcFailure(`${request.purpose}: ${reason}`, { cause: error });
    }
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new OidcFailure(`${what} is not what the standard asks for${where ? ` (${where})` : ''}`);
}
