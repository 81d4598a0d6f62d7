// Plain connections to hosts that the operator configured and that do not speak HTTP: SSH. The same filter as for requests
// holds: on a literal before connecting, on what a name resolves to, and on the connected socket's own address.
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import type { Clock } from './clock.ts';
import { isAllowedAddress } from './outbound-address.ts';
import { systemLookup } from './outbound-connect.ts';
import { OutboundError, toOutboundError } from './outbound-error.ts';
import { parseProxy } from './outbound-proxy.ts';
import { openTunnel } from './outbound-tunnel.ts';

export interface TcpTarget {
  host: string;
  port: number;
  /** What it is for, in a word or two, for messages. */
  purpose: string;
  connectTimeoutMs: number;
  clock: Clock;
  /** Address of the proxy that connects for us and resolves the name; null or `direct`: none. */
  proxy?: string | null;
  /** Resolves names; the system's unless given. */
  lookup?: LookupFunction;
}

const isUsable = (address: string) => isAllowedAddress(address, 'configured');

/**
 * Connects to a configured host, without delay for small packets. Rejects with `OutboundError`: `blocked_address` for metadata
 * services and the like, however they are written.
 */
export async function openTcp(target: TcpTarget): Promise<Socket> {
  const { port, purpose, connectTimeoutMs, clock } = target;
  const host = target.host.replace(/^\[|\]$/g, '');
  const blocked = () =>
    new OutboundError('blocked_address', 'not_sent', `${purpose}: the address is not one that may be used`);
  if (isIP(host) !== 0 && !isUsable(host)) throw blocked();
  const resolve = target.lookup ?? systemLookup;
  const { proxy = null } = target;
  if (proxy !== null && proxy !== 'direct')
    return throughProxy(target, { host, port, proxy, lookup: resolve });
  const lookup: LookupFunction = (name, options, callback) => {
    resolve(name, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, []);
      const addresses = Array.isArray(found) ? found : [{ address: found, family: isIP(found) }];
      const usable = addresses.filter(({ address }) => isUsable(address));
      const [first] = usable;
      if (!first) return callback(blocked(), []);
      if (options.all) return callback(null, usable);
      callback(null, first.address, first.family);
    });
  };
  return new Promise((done, fail) => {
    const socket = connect({ host, port, lookup, noDelay: true });
    const timer = clock.after(connectTimeoutMs, () =>
      socket.destroy(new OutboundError('connect_timeout', 'not_sent', `${purpose}: no connection in time`)),
    );
    const onError = (error: unknown) => {
      timer.cancel();
      fail(toOutboundError(error, 'not_sent', purpose));
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      timer.cancel();
      socket.off('error', onError);
      const { remoteAddress } = socket;
      if (remoteAddress !== undefined && isUsable(remoteAddress)) return done(socket);
      socket.on('error', () => {});
      socket.destroy();
      fail(blocked());
    });
  });
}

/** Names are resolved by the proxy, so that only what is written as an address could be checked. */
async function throughProxy(
  { purpose, connectTimeoutMs, clock }: TcpTarget,
  way: { host: string; port: number; proxy: string; lookup: LookupFunction },
): Promise<Socket> {
  const { host, port, proxy, lookup } = way;
  const late = new AbortController();
  const timer = clock.after(connectTimeoutMs, () =>
    late.abort(new OutboundError('connect_timeout', 'not_sent', `${purpose}: no connection in time`)),
  );
  try {
    const options = { lookup, signal: late.signal, targetSpeaksFirst: true };
    return await openTunnel(parseProxy(proxy), { host, port }, options);
  } finally {
    timer.cancel();
  }
}
