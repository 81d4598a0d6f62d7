// Which egress proxy a request takes, and the connections through it. A request that has a proxy never goes direct,
// whatever the proxy does. Addresses that a user or a provider gave are resolved and checked here and the proxy is asked
// for the checked address, so that its own resolver cannot lead it elsewhere; only the operator's hosts go by name.
import { isIP, type LookupFunction, type Socket } from 'node:net';
import ipaddr from 'ipaddr.js';
import { Agent, buildConnector, Client, type Dispatcher } from 'undici';
import type { Clock } from './clock.ts';
import type { DispatchRoute, DispatchTarget } from './outbound.ts';
import { type AddressPolicy, hostAndPort, isAllowedAddress } from './outbound-address.ts';
import { OutboundError } from './outbound-error.ts';
import {
  authenticationRefusal,
  connectToProxy,
  openTunnel,
  ProxyRefusal,
  type ProxyServer,
  proxyAuthorization,
} from './outbound-tunnel.ts';

/** Proxies whose connections are kept; more only come from addresses that were edited. */
const MOST_PROXIES_KEPT = 32;
const MOST_CONNECTIONS_PER_HOST = 64;
/** Every request has its own, mostly shorter, limit; this one ends what a proxy left hanging after that. */
const LONGEST_TUNNEL_MS = 60_000;
/** Addresses of one name that are asked of the proxy, one after the other. */
const MOST_ADDRESSES_TRIED = 3;
const DEFAULT_PORTS: Readonly<Record<ProxyServer['kind'], number>> = { http: 80, https: 443, socks5: 1080 };
/** Squid's names for pages that it made without having reached the target. */
const SQUID_NOT_SENT = /^ERR_(?:CACHE_)?(?:ACCESS_DENIED|CONNECT_FAIL|DNS_FAIL)\b/;
/** How a connection that was cut looks to TLS. */
const CUT_CODES = new Set(['ECONNRESET', 'EPIPE']);
const OWN_PAGE_SERVER = /^(?:tinyproxy|squid)\b/i;

/** The environment's proxies, as the configuration has them. */
export interface ProxySettings {
  /** For plain http addresses. */
  http: string | null;
  /** For https addresses. */
  https: string | null;
  /** For whatever has none of its own. */
  all: string | null;
  /** `NO_PROXY`: hosts (with their sub-domains), `.suffix`, `*.suffix`, addresses, ranges, each with `:port` if wanted, or `*`. */
  bypass: readonly string[];
}

const NO_PROXIES: ProxySettings = { http: null, https: null, all: null, bypass: [] };

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A bare % in a password: taken as it stands.
    return text;
  }
}

const withoutBrackets = (host: string) => host.replace(/^\[|\]$/g, '');

/** Takes a proxy's URL apart; throws `OutboundError` of kind `proxy`, which never quotes the URL. `socks5` and `socks5h` are the same: names are resolved by the proxy. */
export function parseProxy(text: string): ProxyServer {
  const refuse = () =>
    new OutboundError('proxy', 'not_sent', 'the proxy setting is not an http, https or socks5 address');
  if (!URL.canParse(text)) throw refuse();
  const url = new URL(text);
  const kind = url.protocol.replace(/^socks5?h?:$/, 'socks5:').slice(0, -1);
  if ((kind !== 'http' && kind !== 'https' && kind !== 'socks5') || url.hostname === '') throw refuse();
  const port = Number(url.port) || DEFAULT_PORTS[kind];
  return {
    kind,
    hostname: withoutBrackets(url.hostname),
    port,
    origin: `${kind}://${url.hostname}:${port}`,
    username: decode(url.username),
    password: decode(url.password),
    hasCredentials: url.username !== '' || url.password !== '',
  };
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;
const addressOf = (text: string): Address | undefined =>
  isIP(text) === 0 ? undefined : ipaddr.process(text);

function isLoopback(host: string): boolean {
  const address = addressOf(host);
  return address ? address.range() === 'loopback' : host === 'localhost' || host.endsWith('.localhost');
}

function matchesEntry(host: string, port: string, entry: string): boolean {
  // An IPv6 address without brackets has no port.
  const bareV6 = isIP(entry.replace(/\/\d+$/, '')) === 6;
  const entryPort = bareV6 ? undefined : /:(\d+)$/.exec(entry)?.[1];
  if (entryPort !== undefined && entryPort !== port) return false;
  const name = withoutBrackets(entryPort === undefined ? entry : entry.slice(0, -entryPort.length - 1));
  if (name === '*') return true;
  const address = addressOf(host);
  if (address) {
    if (!name.includes('/')) return addressOf(name)?.toNormalizedString() === address.toNormalizedString();
    if (!ipaddr.isValidCIDR(name)) return false;
    const [range, bits] = ipaddr.parseCIDR(name);
    return range.kind() === address.kind() && address.match(range, bits);
  }
  const suffix = name.replace(/^\*?\./, '').replace(/\.$/, '');
  return host.endsWith(`.${suffix}`) || (!name.startsWith('*.') && host === suffix);
}

/** Whether the environment's proxies are passed by for this address; this machine itself always is. */
export function isBypassed(url: URL, bypass: readonly string[]): boolean {
  const host = withoutBrackets(url.hostname.toLowerCase()).replace(/\.$/, '');
  const port = hostAndPort(url).replace(/^.*:/, '');
  const entries = bypass.flatMap((entry) => entry.toLowerCase().split(/[\s,]+/)).filter(Boolean);
  return isLoopback(host) || entries.some((entry) => matchesEntry(host, port, entry));
}

/**
 * The proxy that a request to `url` takes, or undefined for a direct connection. `own` is the request's: a proxy's URL,
 * which `bypass` does not weaken, or `direct`. Throws `OutboundError` of kind `proxy` for an unusable setting.
 */
export function selectProxy(
  url: URL,
  own: string | undefined,
  settings: ProxySettings = NO_PROXIES,
): ProxyServer | undefined {
  if (own === 'direct') return undefined;
  if (own !== undefined) return parseProxy(own);
  const text = (url.protocol === 'https:' ? settings.https : settings.http) || settings.all;
  return !text || isBypassed(url, settings.bypass) ? undefined : parseProxy(text);
}

/** The addresses to ask the proxy for: checked ones for a user's URL, what stands there for the operator's. */
async function tunnelHosts(host: string, policy: AddressPolicy, lookup: LookupFunction): Promise<string[]> {
  if (policy === 'configured' || isIP(host) !== 0) return [host];
  const found = await new Promise<{ address: string; family: number }[]>((resolve, reject) => {
    lookup(host, { all: true }, (error, addresses) => {
      if (error) return reject(error);
      resolve(Array.isArray(addresses) ? addresses : [{ address: addresses, family: isIP(addresses) }]);
    });
  });
  const usable = found.map(({ address }) => address).filter((address) => isAllowedAddress(address, policy));
  if (usable.length === 0) throw blocked();
  // What this machine can reach says nothing about the proxy; IPv4 is what most have.
  return usable.sort((a, b) => isIP(a) - isIP(b)).slice(0, MOST_ADDRESSES_TRIED);
}

const blocked = () =>
  new OutboundError('blocked_address', 'not_sent', 'the address is not one that may be used');

interface ConnectorOptions {
  clock: Clock;
  lookup: LookupFunction;
}

/** Makes connections for undici and can give up those that do not stand yet. */
class ProxyConnector {
  readonly #proxy: ProxyServer;
  readonly #options: ConnectorOptions;
  readonly #pending = new Set<AbortController>();
  readonly #secure = buildConnector({ timeout: 0, allowH2: false });

  constructor(proxy: ProxyServer, options: ConnectorOptions) {
    this.#proxy = proxy;
    this.#options = options;
  }

  /** To the proxy itself, which is then asked in absolute form. */
  toProxy(): buildConnector.connector {
    return this.#connector((_options, signal) => connectToProxy(this.#proxy, this.#options.lookup, signal));
  }

  /** Through the proxy, to the target. */
  toTarget(policy: AddressPolicy): buildConnector.connector {
    const { lookup } = this.#options;
    return this.#connector(async (options, signal) => {
      const host = withoutBrackets(options.hostname);
      const port = Number(options.port) || (options.protocol === 'https:' ? 443 : 80);
      const socket = await this.#tunnel(await tunnelHosts(host, policy, lookup), port, signal);
      if (options.protocol !== 'https:') return socket;
      return this.#startTls({ ...options, hostname: host }, socket, signal);
    });
  }

  cancel(): void {
    for (const controller of this.#pending) controller.abort(new Error('given up'));
  }

  #connector(
    open: (options: buildConnector.Options, signal: AbortSignal) => Promise<Socket>,
  ): buildConnector.connector {
    return (options, callback) => {
      const controller = new AbortController();
      this.#pending.add(controller);
      const timer = this.#options.clock.after(LONGEST_TUNNEL_MS, () =>
        controller.abort(new ProxyRefusal(this.#proxy, `no connection within ${LONGEST_TUNNEL_MS} ms`)),
      );
      const done = () => {
        timer.cancel();
        this.#pending.delete(controller);
      };
      open(options, controller.signal)
        .finally(done)
        .then(
          (socket) => callback(null, socket),
          (error) => callback(error, null),
        );
    };
  }

  async #tunnel(hosts: readonly string[], port: number, signal: AbortSignal): Promise<Socket> {
    let refusal: unknown;
    for (const host of hosts) {
      try {
        return await openTunnel(this.#proxy, { host, port }, { lookup: this.#options.lookup, signal });
      } catch (error) {
        refusal = error;
        if (!(error instanceof ProxyRefusal && error.targetUnreachable)) break;
      }
    }
    throw refusal;
  }

  #startTls(options: buildConnector.Options, socket: Socket, signal: AbortSignal): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const onClose = () => reject(new ProxyRefusal(this.#proxy, 'the connection ended before TLS stood'));
      const onAbort = () => {
        socket.destroy();
        reject(signal.reason);
      };
      socket.once('close', onClose);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#secure({ ...options, httpSocket: socket }, (error, secured) => {
        socket.off('close', onClose);
        signal.removeEventListener('abort', onAbort);
        if (!error) return resolve(secured);
        socket.destroy();
        const { code = '' } = error as NodeJS.ErrnoException;
        if (CUT_CODES.has(code)) onClose();
        else reject(error);
      });
    });
  }
}

const KEPT = { headersTimeout: 0, bodyTimeout: 0, allowH2: false } as const;

/** One proxy's connections that are kept for requests that may be repeated. */
class KeptProxy {
  readonly #connector: ProxyConnector;
  readonly tunnels: Agent;
  readonly forward: Agent;

  constructor(proxy: ProxyServer, options: ConnectorOptions) {
    this.#connector = new ProxyConnector(proxy, options);
    const agent = (connect: buildConnector.connector) =>
      new Agent({ ...KEPT, connections: MOST_CONNECTIONS_PER_HOST, connect });
    this.tunnels = agent(this.#connector.toTarget('configured'));
    this.forward = agent(this.#connector.toProxy());
  }

  /** Lets running exchanges end. */
  retire(): void {
    void this.tunnels.close();
    void this.forward.close();
  }

  async destroy(): Promise<void> {
    this.#connector.cancel();
    await Promise.all([this.tunnels.destroy(), this.forward.destroy()]);
  }
}

/** Asks the proxy in absolute form, which is what proxies allow for plain http on any port. */
function inAbsoluteForm(dispatcher: Dispatcher, proxy: ProxyServer): Dispatcher {
  return dispatcher.compose((dispatch) => (options, handler) => {
    const target = new URL(String(options.origin));
    const headers = { ...(options.headers as Record<string, string>), host: target.host };
    const forwarded = {
      ...options,
      origin: proxyHttpOrigin(proxy),
      path: `${target.origin}${options.path}`,
      headers: { ...headers, ...proxyAuthorization(proxy) },
    };
    return dispatch(forwarded, handler);
  });
}

/** The connector does TLS to an https proxy itself; to undici it is a plain server, or it would send the target's name as SNI. */
const proxyHttpOrigin = (proxy: ProxyServer) => proxy.origin.replace(/^https:/, 'http:');

const headerText = (value: string | string[] | undefined) => String(value ?? '');

/** Whether an answer in absolute form is the proxy's own and proves that the target was not reached. */
function refusalInAnswer(
  proxy: ProxyServer,
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): OutboundError | undefined {
  const ownPage = OWN_PAGE_SERVER.test(headerText(headers.server));
  if (status === 407 || (status === 401 && ownPage)) return authenticationRefusal(proxy, status);
  const squid = SQUID_NOT_SENT.exec(headerText(headers['x-squid-error']));
  if (!squid && !(status === 403 && ownPage)) return undefined;
  return new ProxyRefusal(
    proxy,
    `it answered with its own page, status ${status} ${squid?.[0] ?? ''}`.trim(),
  );
}

/** Routes through proxies; opens nothing until it is asked for a route that has one. */
export class ProxyRoutes {
  readonly #options: ConnectorOptions & { proxies?: ProxySettings | undefined };
  readonly #kept = new Map<string, KeptProxy>();

  constructor(options: ConnectorOptions & { proxies?: ProxySettings | undefined }) {
    this.#options = options;
  }

  /** The route through the target's proxy, or undefined where it has none. Throws `OutboundError`. */
  route(target: DispatchTarget): DispatchRoute | undefined {
    const { url, policy, repeatable, socketPath } = target;
    if (socketPath !== undefined) return undefined;
    const proxy = selectProxy(url, target.proxy, this.#options.proxies);
    if (!proxy) return undefined;
    const literal = withoutBrackets(url.hostname);
    if (isIP(literal) !== 0 && !isAllowedAddress(literal, policy)) throw blocked();
    // In absolute form a proxy derives Host from the address, so a checked address needs a tunnel, also for plain http.
    const isForwardable = url.protocol === 'http:' && policy === 'configured' && !target.needsTunnel;
    const forwards = isForwardable && proxy.kind !== 'socks5';
    const refusalIn = (status: number, headers: Parameters<typeof refusalInAnswer>[2]) =>
      forwards ? refusalInAnswer(proxy, status, headers) : undefined;
    if (repeatable && policy === 'configured') {
      const kept = this.#keptFor(proxy);
      const dispatcher = forwards ? inAbsoluteForm(kept.forward, proxy) : kept.tunnels;
      return { dispatcher, release: () => {}, refusalIn };
    }
    const connector = new ProxyConnector(proxy, this.#options);
    const client = new Client(forwards ? proxyHttpOrigin(proxy) : url.origin, {
      ...KEPT,
      pipelining: 0,
      connect: forwards ? connector.toProxy() : connector.toTarget(policy),
    });
    const release = () => {
      connector.cancel();
      void client.destroy();
    };
    return { dispatcher: forwards ? inAbsoluteForm(client, proxy) : client, release, refusalIn };
  }

  #keptFor(proxy: ProxyServer): KeptProxy {
    const key = JSON.stringify([proxy.origin, proxy.username, proxy.password]);
    const kept = this.#kept.get(key) ?? new KeptProxy(proxy, this.#options);
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    const [oldest] = this.#kept;
    if (oldest && this.#kept.size > MOST_PROXIES_KEPT) {
      this.#kept.delete(oldest[0]);
      oldest[1].retire();
    }
    return kept;
  }

  /** Cuts what is open and closes kept connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#kept.values()].map((kept) => kept.destroy()));
    this.#kept.clear();
  }
}
