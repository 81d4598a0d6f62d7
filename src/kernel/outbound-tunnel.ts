// Tunnels through an egress proxy: HTTP CONNECT (the proxy itself over http or https) and SOCKS5.
// Whatever goes wrong before the tunnel stands is `proxy` and `not_sent`: nothing of the request has left this process.
// Undici's own SOCKS5 agent is not used: it waits for ever when the proxy hangs up during the handshake, cannot reach
// IPv6 literals, and connects to the name that it sends as SNI, so that a checked address cannot be pinned.
import { once } from 'node:events';
import { isIP, isIPv4, type LookupFunction, connect as netConnect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import ipaddr from 'ipaddr.js';
import { Client } from 'undici';
import { isAllowedAddress } from './outbound-address.ts';
import { OutboundError } from './outbound-error.ts';
import { redactText } from './redact.ts';

/** A dead proxy is noticed on a kept connection by the system's probes after so much silence. */
const KEEP_ALIVE_DELAY_MS = 60_000;
const MOST_SOCKS_TEXT_BYTES = 255;
const SOCKS_VERSION = 5;
const SOCKS_AUTH_VERSION = 1;
const SOCKS_NO_LOGIN = 0;
const SOCKS_LOGIN = 2;
const SOCKS_REPLIES: Readonly<Record<number, string>> = {
  1: 'general failure',
  2: 'not allowed by its rules',
  3: 'network unreachable',
  4: 'host unreachable',
  5: 'the target refused the connection',
  6: 'time to live expired',
  7: 'command not supported',
  8: 'address type not supported',
};
/** Replies after which another address of the same target may still do. */
const SOCKS_TARGET_REPLIES = new Set([1, 3, 4, 5, 6, 8]);
const CONNECT_TARGET_STATUSES = new Set([502, 503, 504]);

/** A proxy as its URL describes it, taken apart once. */
export interface ProxyServer {
  kind: 'http' | 'https' | 'socks5';
  /** Name or bare address, without brackets. */
  hostname: string;
  port: number;
  /** Scheme, host and port without credentials: for undici and for messages. */
  origin: string;
  username: string;
  password: string;
  hasCredentials: boolean;
}

/** Where a tunnel ends; `host` is a name that the proxy resolves, or a bare address. */
export interface TunnelTarget {
  host: string;
  port: number;
}

/** A refusal; `targetUnreachable` when it is about the target's address and not about us. */
export class ProxyRefusal extends OutboundError {
  readonly targetUnreachable: boolean;

  constructor(proxy: ProxyServer, why: string, targetUnreachable = false, cause?: unknown) {
    super('proxy', 'not_sent', `proxy ${proxy.origin}: ${why}`, cause);
    this.name = 'ProxyRefusal';
    this.targetUnreachable = targetUnreachable;
  }
}

/** `Proxy-Authorization` for the proxy, or nothing if its URL has no user name. */
export function proxyAuthorization(proxy: ProxyServer): Record<string, string> {
  if (!proxy.hasCredentials) return {};
  const pair = Buffer.from(`${proxy.username}:${proxy.password}`).toString('base64');
  return { 'proxy-authorization': `Basic ${pair}` };
}

/** An answer of 407, or of 401 as tinyproxy gives to a wrong password, in the operator's words. */
export function authenticationRefusal(proxy: ProxyServer, status: number): ProxyRefusal {
  const why = proxy.hasCredentials
    ? 'it refused the user name or password in its address'
    : 'it wants a user name and password, and its address has none';
  return new ProxyRefusal(proxy, `${why} (${status})`);
}

/** `work`, unless `signal` is aborted or the socket ends first. */
async function whileOpen<T>(
  socket: Socket,
  signal: AbortSignal,
  proxy: ProxyServer,
  work: () => Promise<T>,
): Promise<T> {
  let stop = () => {};
  const stopped = new Promise<never>((_resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    const onClose = () => reject(new ProxyRefusal(proxy, 'it hung up before the connection stood'));
    const onError = (error: Error & { code?: string }) =>
      reject(new ProxyRefusal(proxy, redactText(error.code ?? error.message), false, error));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('close', onClose).once('error', onError);
    stop = () => {
      signal.removeEventListener('abort', onAbort);
      socket.off('close', onClose).off('error', onError);
    };
  });
  try {
    return await Promise.race([work(), stopped]);
  } catch (error) {
    socket.destroy();
    if (error instanceof OutboundError || signal.aborted) throw error;
    const { code, message } = error as Error & { code?: string };
    throw new ProxyRefusal(proxy, redactText(code ?? message), false, error);
  } finally {
    stop();
  }
}

/**
 * A connection to the proxy itself, over TLS if it is an `https:` one. Rejects with a `ProxyRefusal`, or with the
 * signal's reason. An address of a cloud's metadata service is refused here as everywhere.
 */
export async function connectToProxy(
  proxy: ProxyServer,
  lookup: LookupFunction,
  signal: AbortSignal,
): Promise<Socket> {
  const where = { host: proxy.hostname, port: proxy.port, lookup };
  const secure = proxy.kind === 'https';
  const socket = secure
    ? tlsConnect({
        ...where,
        ALPNProtocols: ['http/1.1'],
        ...(isIP(proxy.hostname) === 0 && { servername: proxy.hostname }),
      })
    : netConnect(where);
  // It lives longer than each of its owners; an error between two of them must not end the process.
  socket.on('error', () => {});
  socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
  return whileOpen(socket, signal, proxy, async () => {
    await once(socket, secure ? 'secureConnect' : 'connect');
    if (!isAllowedAddress(socket.remoteAddress ?? '', 'configured')) {
      throw new ProxyRefusal(proxy, 'its address is not one that may be used');
    }
    return socket;
  });
}

async function requestConnect(socket: Socket, proxy: ProxyServer, { host, port }: TunnelTarget) {
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const origin = proxy.origin.replace(/^https:/, 'http:');
  // The time limits are ours (outbound.ts), on the Clock: 0 turns undici's off.
  const client = new Client(origin, {
    // Later, since undici does not begin to send when it is called back at once.
    connect: (_options, callback) => queueMicrotask(() => callback(null, socket)),
    headersTimeout: 0,
    allowH2: false,
  });
  try {
    const { statusCode } = await client.connect({
      path: authority,
      headers: { host: authority, ...proxyAuthorization(proxy) },
    });
    if (statusCode === 407 || statusCode === 401) throw authenticationRefusal(proxy, statusCode);
    if (statusCode < 200 || statusCode > 299) {
      const targetUnreachable = CONNECT_TARGET_STATUSES.has(statusCode);
      throw new ProxyRefusal(proxy, `it answered CONNECT with status ${statusCode}`, targetUnreachable);
    }
  } finally {
    // The tunnel's socket is the client's no longer.
    void client.destroy();
  }
}

/**
 * Exactly `length` bytes; what follows them stays in the socket. One listener for the whole wait: each new one on a
 * socket that holds some of the bytes already is called at once, and waiting would spin.
 */
function readBytes(socket: Socket, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const onReadable = () => {
      const bytes: Buffer | null = socket.read(length);
      if (bytes === null && !socket.readableEnded) return;
      stop();
      if (bytes?.length === length) resolve(bytes);
      else reject(new Error('it hung up during the SOCKS handshake'));
    };
    const stop = () => socket.off('readable', onReadable).off('close', stop);
    socket.on('readable', onReadable).once('close', stop);
    onReadable();
  });
}

function socksAddress(proxy: ProxyServer, host: string): Buffer {
  if (isIP(host) !== 0) {
    return Buffer.from([isIPv4(host) ? 1 : 4, ...ipaddr.parse(host).toByteArray()]);
  }
  const name = Buffer.from(host);
  if (name.length > MOST_SOCKS_TEXT_BYTES) throw new ProxyRefusal(proxy, 'the host name is too long for it');
  return Buffer.concat([Buffer.from([3, name.length]), name]);
}

async function authenticateSocks(socket: Socket, proxy: ProxyServer): Promise<void> {
  const username = Buffer.from(proxy.username);
  const password = Buffer.from(proxy.password);
  if (Math.max(username.length, password.length) > MOST_SOCKS_TEXT_BYTES) {
    throw new ProxyRefusal(proxy, 'the user name or password in its address is longer than SOCKS5 allows');
  }
  const sizes = [Buffer.from([SOCKS_AUTH_VERSION, username.length]), Buffer.from([password.length])] as const;
  socket.write(Buffer.concat([sizes[0], username, sizes[1], password]));
  const status = (await readBytes(socket, 2))[1];
  if (status !== 0) throw new ProxyRefusal(proxy, 'it refused the user name or password in its address');
}

/** RFC 1928 and 1929. */
async function requestSocks(socket: Socket, proxy: ProxyServer, { host, port }: TunnelTarget) {
  const methods = proxy.hasCredentials ? [SOCKS_LOGIN, SOCKS_NO_LOGIN] : [SOCKS_NO_LOGIN];
  socket.write(Buffer.from([SOCKS_VERSION, methods.length, ...methods]));
  const [version, method] = await readBytes(socket, 2);
  if (version !== SOCKS_VERSION) throw new ProxyRefusal(proxy, 'it does not speak SOCKS5');
  if (method === SOCKS_LOGIN && proxy.hasCredentials) await authenticateSocks(socket, proxy);
  else if (method !== SOCKS_NO_LOGIN) {
    const missing = 'it wants a user name and password, and its address has none';
    throw new ProxyRefusal(proxy, proxy.hasCredentials ? 'it accepts no user name and password' : missing);
  }
  const portBytes = Buffer.from([port >> 8, port & 255]);
  const request = Buffer.from([SOCKS_VERSION, 1, 0]);
  socket.write(Buffer.concat([request, socksAddress(proxy, host), portBytes]));
  const [replyVersion, reply = 1, , addressType] = await readBytes(socket, 4);
  if (replyVersion !== SOCKS_VERSION) throw new ProxyRefusal(proxy, 'it does not speak SOCKS5');
  if (reply !== 0) {
    const why = SOCKS_REPLIES[reply] ?? `SOCKS reply ${reply}`;
    throw new ProxyRefusal(proxy, why, SOCKS_TARGET_REPLIES.has(reply));
  }
  // The address it uses on the other side is of no interest, but has to be read.
  const sizes: Readonly<Record<number, number>> = { 1: 4, 4: 16 };
  const size = addressType === 3 ? ((await readBytes(socket, 1))[0] ?? 0) : sizes[addressType ?? 0];
  if (size === undefined) throw new ProxyRefusal(proxy, 'it does not speak SOCKS5');
  await readBytes(socket, size + 2);
}

/**
 * A connection to `target` through the proxy; its bytes are the target's. Rejects with a `ProxyRefusal`, or with the
 * signal's reason, and leaves nothing open then.
 */
export async function openTunnel(
  proxy: ProxyServer,
  target: TunnelTarget,
  options: { lookup: LookupFunction; signal: AbortSignal; targetSpeaksFirst?: boolean },
): Promise<Socket> {
  const socket = await connectToProxy(proxy, options.lookup, options.signal);
  return whileOpen(socket, options.signal, proxy, async () => {
    if (proxy.kind === 'socks5') await requestSocks(socket, proxy, target);
    else await requestConnect(socket, proxy, target);
    // In TLS and HTTP the client speaks first: bytes that are here already are the proxy's own. In SSH the server does.
    if (socket.readableLength > 0 && options.targetSpeaksFirst !== true)
      throw new ProxyRefusal(proxy, 'it put bytes of its own into the connection');
    return socket;
  });
}
