// Tries the way to a provider step by step - configuration, name, proxy, connection, TLS, service, credential, credit,
// model - so that the one step that fails is named. It asks what probes ask and makes no picture.
import { isIP } from 'node:net';
import { type Clock, timeoutSignal } from '../kernel/clock.ts';
import { nameOfField } from '../kernel/config-externals.ts';
import { AppError } from '../kernel/errors.ts';
import type { Outbound } from '../kernel/outbound.ts';
import { OutboundError } from '../kernel/outbound-error.ts';
import type { ProxySettings } from '../kernel/outbound-proxy.ts';
import type { LEG_NAMES, LegBody } from './contract.ts';
import type { ManagedProviders } from './managed-providers.ts';
import { type ProbeResult, type ProviderAdapter, ProviderError } from './provider.ts';
import { shownProxy } from './provider-proxy.ts';
import type { Providers } from './providers.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 20_000;
const PROBE_TIMEOUT_MS = 30_000;
/** Proxies that answer for a target that they could not reach, by their own name. */
const PROXY_PAGE = /^(?:tinyproxy|squid|privoxy|haproxy|varnish)\b/i;
const FIRST_SERVER_ERROR = 500;

export interface LegTesterOptions {
  managed: ManagedProviders;
  providers: Providers;
  clock: Clock;
  /** The environment's proxies. */
  proxies: ProxySettings;
  openOutbound: () => Promise<Outbound>;
}

type LegName = (typeof LEG_NAMES)[number];
type Outcome = Pick<LegBody, 'state' | 'reason'>;

const OK: Outcome = { state: 'ok', reason: null };
const ok = (reason: string): Outcome => ({ state: 'ok', reason });
const failed = (reason: string): Outcome => ({ state: 'failed', reason });
const skipped = (reason: string): Outcome => ({ state: 'skipped', reason });
const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** The legs that were tried, in order, each with its time. */
class LegList {
  readonly legs: LegBody[] = [];
  readonly #clock: Clock;
  #sinceMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = clock.monotonicMs();
  }

  /** Adds a leg that took the time since the one before; skipped ones took none. */
  add(leg: LegName, target: string | null, outcome: Outcome): void {
    const now = this.#clock.monotonicMs();
    const ms = outcome.state === 'skipped' ? null : Math.round(now - this.#sinceMs);
    this.#sinceMs = now;
    this.legs.push({ leg, target, ...outcome, ms });
  }

  skip(legs: readonly LegName[], target: string | null, why: string): void {
    for (const leg of legs) this.add(leg, target, skipped(why));
  }

  hasFailed(target: string): boolean {
    return this.legs.some((leg) => leg.target === target && leg.state === 'failed');
  }
}

export class LegTester {
  readonly #options: LegTesterOptions;

  constructor(options: LegTesterOptions) {
    this.#options = options;
  }

  /** Every step's outcome. `model`: one that must be there too. Throws `not_found` for a name that is no provider's. */
  async test(provider: string, model: string | null): Promise<LegBody[]> {
    const { managed, providers, clock } = this.#options;
    const list = new LegList(clock);
    const adapter = providers.adapter(provider);
    if (!adapter && !managed.unconfigured.includes(provider)) {
      const known = [...providers.names, ...managed.unconfigured].join(', ');
      const detail = `There is no provider "${provider.slice(0, 60)}". There are: ${known}.`;
      throw new AppError('not_found', { detail });
    }
    const missing = managed.missingCredentials(provider).map((field) => nameOfField(provider, field));
    if (!adapter || missing.length > 0) {
      const what = adapter ? `${missing.join(' and ')} is missing` : 'It is not configured';
      list.add('configuration', null, failed(`${what}. ${howToSet(provider, missing)}`));
    } else list.add('configuration', null, ok(originsOf(managed, provider)));
    if (!adapter) {
      list.skip(['dns', 'proxy', 'tcp', 'tls', 'service', 'auth', 'credit', 'model'], null, 'not configured');
      return list.legs;
    }
    await this.#testConnections(list, provider, adapter);
    await this.#testService(list, adapter, model);
    return list.legs;
  }

  async #testConnections(list: LegList, provider: string, adapter: ProviderAdapter): Promise<void> {
    if (adapter.endpoints.length === 0)
      list.skip(['dns', 'proxy', 'tcp', 'tls'], null, 'it works inside this process');
    for (const endpoint of adapter.endpoints) await this.#testConnection(list, provider, new URL(endpoint));
  }

  async #testConnection(list: LegList, provider: string, url: URL): Promise<void> {
    const { clock, providers, proxies, openOutbound } = this.#options;
    const target = url.host;
    const own = providers.proxy(provider);
    const { selectProxy } = await import('../kernel/outbound-proxy.ts');
    const proxy = selectProxy(url, own ?? undefined, proxies);
    const isSecure = url.protocol === 'https:';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const after = ['tcp', 'tls'] as const;
    const outbound = await openOutbound();
    if (proxy) list.add('dns', target, skipped('the proxy resolves the name'));
    else if (isIP(host) !== 0) list.add('dns', target, skipped('the address is a number'));
    else {
      const found = await resolveName(host, timeoutSignal(clock, CONNECT_TIMEOUT_MS));
      list.add('dns', target, found);
      if (found.state === 'failed') return list.skip(['proxy', ...after], target, 'the name has no address');
    }
    if (proxy) {
      const reached = await reachProxy(proxy, timeoutSignal(clock, CONNECT_TIMEOUT_MS));
      if (reached.state === 'failed') {
        list.add('proxy', target, reached);
        return list.skip(after, target, 'the proxy does not answer');
      }
    }
    const judged = await knock(outbound, url, own);
    if (judged.leg === 'proxy') {
      list.add('proxy', target, failed(judged.reason));
      return list.skip(after, target, 'the proxy does not let it through');
    }
    list.add('proxy', target, proxy ? ok(`by ${shownProxy(proxy.origin)}`) : skipped('none, it goes direct'));
    list.add('tcp', target, judged.leg === 'tcp' ? failed(judged.reason) : OK);
    if (!isSecure) list.add('tls', target, skipped('plain http'));
    else if (judged.leg === 'tcp') list.add('tls', target, skipped('there is no connection'));
    else list.add('tls', target, judged.leg === 'tls' ? failed(judged.reason) : OK);
  }

  async #testService(list: LegList, adapter: ProviderAdapter, model: string | null): Promise<void> {
    const { managed, clock } = this.#options;
    const targets = adapter.endpoints.map((endpoint) => new URL(endpoint).host);
    if (targets.length > 0 && targets.every((target) => list.hasFailed(target)))
      return list.skip(['service', 'auth', 'credit', 'model'], null, 'it cannot be reached');
    let result: ProbeResult;
    try {
      result = await adapter.probe({ signal: timeoutSignal(clock, PROBE_TIMEOUT_MS) });
    } catch (error) {
      return judgeProbe(list, error);
    }
    list.add('service', null, OK);
    const hasCredential = managed.credentialSources(adapter.name).some(({ source }) => source !== 'none');
    list.add('auth', null, hasCredential ? OK : skipped('it needs no credential'));
    const saysCredit = result.note !== null && /\bleft\b/i.test(result.note);
    list.add('credit', null, saysCredit ? ok(result.note ?? '') : skipped('the provider does not say'));
    list.add('model', null, judgeModels(adapter, result, model));
  }
}

function howToSet(provider: string, missing: readonly string[]): string {
  const [first] = missing;
  const inEnvironment = first ? `, or ${first} in the environment and restart` : '';
  return `Set it: drawbridge providers set-secret ${provider}${inEnvironment}.`;
}

/** `api_key set at run time`, `session_id from .env line 3`. */
function originsOf(managed: ManagedProviders, provider: string): string {
  const parts = managed
    .credentialSources(provider)
    .filter(({ source }) => source !== 'none')
    .map(({ field, source, origin }) =>
      source === 'run_time' ? `${field} set at run time` : `${field} from ${origin ?? 'the configuration'}`,
    );
  return parts.length > 0 ? parts.join(', ') : 'complete; it needs no credential';
}

async function resolveName(host: string, signal: AbortSignal): Promise<Outcome> {
  const { systemLookup } = await import('../kernel/outbound-connect.ts');
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(failed(`No answer for the name ${host} in time.`)));
    systemLookup(host, { all: true }, (error, addresses) => {
      const count = Array.isArray(addresses) ? addresses.length : 1;
      if (error)
        resolve(
          failed(`The name ${host} has no address (${error.code ?? error.message}). Is it spelt right?`),
        );
      else resolve(ok(count === 1 ? 'one address' : `${count} addresses`));
    });
  });
}

async function reachProxy(
  proxy: ReturnType<typeof import('../kernel/outbound-proxy.ts').parseProxy>,
  signal: AbortSignal,
): Promise<Outcome> {
  const { systemLookup } = await import('../kernel/outbound-connect.ts');
  const { connectToProxy } = await import('../kernel/outbound-tunnel.ts');
  try {
    (await connectToProxy(proxy, systemLookup, signal)).destroy();
    return OK;
  } catch (error) {
    return failed(textOf(error));
  }
}

/** One request without any credential: whatever answers, the way there stands. */
async function knock(
  outbound: Outbound,
  url: URL,
  proxy: string | null,
): Promise<{ leg: 'proxy' | 'tcp' | 'tls' | null; reason: string }> {
  try {
    const response = await outbound.request({
      method: 'GET',
      url,
      purpose: 'provider test',
      allow: 'configured',
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      idleTimeoutMs: ANSWER_TIMEOUT_MS,
      totalTimeoutMs: ANSWER_TIMEOUT_MS,
      ...(proxy === null ? {} : { proxy }),
    });
    response.discard();
    const server = String(response.headers.server ?? '');
    if (response.status >= FIRST_SERVER_ERROR && PROXY_PAGE.test(server))
      return { leg: 'tcp', reason: `${server} on the way answers for it with status ${response.status}.` };
    return { leg: null, reason: '' };
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    return { leg: legOf(error), reason: error.message };
  }
}

function legOf(error: OutboundError): 'proxy' | 'tcp' | 'tls' | null {
  // A proxy that says so about the target works itself.
  const isAboutTarget = 'targetUnreachable' in error && error.targetUnreachable === true;
  if (error.kind === 'proxy') return isAboutTarget ? 'tcp' : 'proxy';
  if (error.kind === 'tls') return 'tls';
  const isConnecting = ['dns', 'refused', 'unreachable', 'connect_timeout', 'blocked_address'];
  if (isConnecting.includes(error.kind)) return 'tcp';
  // What answered badly, or not in time, did answer the connection: the next step says more.
  return error.phase === 'not_sent' ? 'tcp' : null;
}

/** Which step a failed probe speaks of. */
function judgeProbe(list: LegList, error: unknown): void {
  const kind = error instanceof ProviderError ? error.kind : null;
  const reason = textOf(error);
  switch (kind) {
    case 'credentials_missing':
    case 'credentials_expired':
      list.add('service', null, OK);
      list.add('auth', null, failed(reason));
      list.skip(['credit', 'model'], null, 'without an accepted credential it cannot be asked');
      break;
    case 'quota_exhausted':
      list.add('service', null, OK);
      list.add('auth', null, OK);
      list.add('credit', null, failed(reason));
      list.skip(['model'], null, 'without credit it cannot be tried');
      break;
    case 'invalid_request':
      list.add('service', null, OK);
      list.skip(['auth', 'credit'], null, 'the provider does not say');
      list.add('model', null, failed(reason));
      break;
    default:
      list.add('service', null, failed(reason));
      list.skip(['auth', 'credit', 'model'], null, 'the service does not answer properly');
  }
}

function judgeModels(adapter: ProviderAdapter, result: ProbeResult, wanted: string | null): Outcome {
  const offered = adapter.models.map(({ name }) => name);
  if (wanted !== null && !offered.includes(wanted))
    return failed(
      `It is not set up to offer "${wanted}". It offers: ${offered.join(', ') || 'no picture models'}.`,
    );
  const missing = result.missingModels ?? [];
  const lacking = wanted === null ? missing : missing.filter((name) => name === wanted);
  if (lacking.length > 0) return failed(`The service does not have: ${lacking.join(', ')}.`);
  if (offered.length === 0) return skipped('it makes no pictures');
  return ok(wanted ?? offered.join(', '));
}
