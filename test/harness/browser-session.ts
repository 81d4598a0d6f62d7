// A browser as far as sign-in is concerned: it keeps cookies, names its own origin, never follows redirects by itself, and comes
// from an address of its own, so that no test is slowed down by another's tries.
import { readAnswer, type TestAnswer, type TestApp } from './app.ts';

let addresses = 0;

export class BrowserSession {
  readonly #app: TestApp;
  readonly cookies = new Map<string, string>();
  address: string;

  constructor(app: TestApp) {
    this.#app = app;
    addresses += 1;
    this.address = `198.18.${addresses >> 8}.${addresses & 255}`;
  }

  /** The `Cookie` header that goes out next. */
  get cookie(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async request(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<TestAnswer> {
    const response = await fetch(new URL(path, this.#app.url), {
      method,
      redirect: 'manual',
      headers: {
        'x-forwarded-for': this.address,
        ...(method === 'GET' ? {} : { origin: this.#app.url }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.cookies.size > 0 ? { cookie: this.cookie } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      const at = pair.indexOf('=');
      if (/Max-Age=0/.test(line)) this.cookies.delete(pair.slice(0, at));
      else this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return readAnswer(response);
  }

  /** Signs in with a password. */
  signIn(login: string, password: string): Promise<TestAnswer> {
    return this.request('POST', '/v1/auth/session', { login, password });
  }

  /** Whether the browser is signed in. */
  async isSignedIn(): Promise<boolean> {
    return (await this.request('GET', '/v1/account')).status === 200;
  }
}
