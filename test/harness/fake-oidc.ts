// A scripted OpenID Connect provider over real HTTP: it signs people in at once, checks code, PKCE and client secret as a real
// one does, and can be told to answer wrongly in one particular way.
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakePerson {
  sub: string;
  email?: string;
  email_verified?: boolean;
  name?: string;
}

interface Grant {
  person: FakePerson;
  nonce: string;
  challenge: string;
  redirectUri: string;
  clientId: string;
}

/** What goes wrong in the next token: other claims, another header, or a signature of somebody else. */
export interface TokenFault {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  signature?: 'foreign' | 'none';
}

export interface FakeOidc {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** Who signs in at the next visit. */
  person: FakePerson;
  /** What the profile endpoint says beyond the subject. */
  profile: Partial<FakePerson>;
  /** For tokens from now on. */
  fault: TokenFault;
  /** Replaces the document at this path: a value as JSON, a number as a bare status. */
  documents: Map<string, unknown>;
  /** Paths that were asked for, in order. */
  readonly asked: string[];
  /** Changes the signing key, as providers do now and then. */
  rotateKey(): void;
  /** As a browser that is sent there: where it is sent back to. */
  visit(authorizationUrl: string): URL;
  close(): Promise<void>;
}

const base64url = (value: string | Buffer) => Buffer.from(value).toString('base64url');

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return new URLSearchParams(text);
}

class ScriptedProvider implements FakeOidc {
  issuer = '';
  readonly clientId = 'drawbridge-client';
  readonly clientSecret = 'a:secret/with+signs';
  person: FakePerson = { sub: 'p-1', email: 'mia@example.com', email_verified: true, name: 'Mia' };
  profile: Partial<FakePerson> = {};
  fault: TokenFault = {};
  readonly documents = new Map<string, unknown>();
  readonly asked: string[] = [];
  readonly #grants = new Map<string, Grant>();
  #key = this.#newKey();
  readonly #server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', this.issuer).pathname;
    this.asked.push(path);
    void this.#answer(path, request).then(([status, body]) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.issuer = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #newKey() {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    return { id: randomBytes(4).toString('hex'), privateKey, publicKey };
  }

  rotateKey(): void {
    this.#key = this.#newKey();
  }

  visit(authorizationUrl: string): URL {
    const { searchParams } = new URL(authorizationUrl);
    const get = (name: string) => searchParams.get(name) ?? '';
    const code = randomBytes(8).toString('hex');
    this.#grants.set(code, {
      person: this.person,
      nonce: get('nonce'),
      challenge: get('code_challenge'),
      redirectUri: get('redirect_uri'),
      clientId: get('client_id'),
    });
    const back = new URL(get('redirect_uri'));
    back.searchParams.set('code', code);
    back.searchParams.set('state', get('state'));
    back.searchParams.set('iss', this.issuer);
    return back;
  }

  async #answer(path: string, request: IncomingMessage): Promise<[number, unknown]> {
    const document = this.documents.get(path);
    if (typeof document === 'number') return [document, {}];
    if (document !== undefined) return [200, document];
    if (path === '/.well-known/openid-configuration') return [200, this.#discovery()];
    if (path === '/keys') return [200, { keys: [this.#published()] }];
    if (path === '/token') return this.#token(request);
    if (path === '/userinfo') {
      const isKnown = request.headers.authorization === 'Bearer an-access-token';
      return isKnown ? [200, { sub: this.person.sub, ...this.profile }] : [401, {}];
    }
    return [404, {}];
  }

  #discovery() {
    return {
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      jwks_uri: `${this.issuer}/keys`,
      userinfo_endpoint: `${this.issuer}/userinfo`,
    };
  }

  #published() {
    return { ...this.#key.publicKey.export({ format: 'jwk' }), kid: this.#key.id, use: 'sig', alg: 'RS256' };
  }

  async #token(request: IncomingMessage): Promise<[number, unknown]> {
    const form = await readForm(request);
    const code = form.get('code') ?? '';
    const grant = this.#grants.get(code);
    this.#grants.delete(code);
    const [, pair = ''] = (request.headers.authorization ?? '').split(' ');
    const [id, secret] = Buffer.from(pair, 'base64')
      .toString()
      .split(':')
      .map((part) => new URLSearchParams(`x=${part}`).get('x'));
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const isRight =
      grant?.challenge === challenge &&
      grant.redirectUri === form.get('redirect_uri') &&
      grant.clientId === this.clientId &&
      id === this.clientId &&
      secret === this.clientSecret;
    if (!isRight) return [400, { error: 'invalid_grant' }];
    return [200, { access_token: 'an-access-token', token_type: 'Bearer', id_token: this.#sign(grant) }];
  }

  #sign({ person, nonce }: Grant): string {
    const nowS = Math.floor(Date.now() / 1000);
    const { claims, header, signature } = this.fault;
    const head = base64url(JSON.stringify({ alg: 'RS256', kid: this.#key.id, typ: 'JWT', ...header }));
    const body = base64url(
      JSON.stringify({
        iss: this.issuer,
        aud: this.clientId,
        iat: nowS,
        exp: nowS + 300,
        nonce,
        ...person,
        ...claims,
      }),
    );
    const key: KeyObject = signature === 'foreign' ? this.#newKey().privateKey : this.#key.privateKey;
    const signed =
      signature === 'none' ? Buffer.from('none') : sign('sha256', Buffer.from(`${head}.${body}`), key);
    return `${head}.${body}.${base64url(signed)}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Starts the provider on a free port of this machine. */
export async function startFakeOidc(): Promise<FakeOidc> {
  const provider = new ScriptedProvider();
  await provider.listen();
  return provider;
}
