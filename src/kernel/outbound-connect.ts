// Connections for outbound requests. The filter sits where the connection is made: on literals before, on resolved
// names in the look-up whose result is used, and on the connected socket's own address, so that neither a literal,
// nor a redirect, nor a second DNS answer gets around it.
import dns from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector, Client, type Dispatcher } from 'undici';
import { type AddressPolicy, isAllowedAddress } from './outbound-address.ts';
import { OutboundError } from './outbound-error.ts';

/** Connections kept to one operator's host; polls of many tasks share them. */
const MOST_CONNECTIONS_PER_HOST = 64;

export interface ConnectOptions {
  policy: AddressPolicy;
  lookup: LookupFunction;
  /** A unix socket instead of the URL's host. */
  socketPath?: string | undefined;
}

const blocked = () =>
  new OutboundError('blocked_address', 'not_sent', 'the address is not one that may be used');

/** A look-up that leaves out refused addresses, and fails when none remains. */
function filteredLookup(lookup: LookupFunction, policy: AddressPolicy): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, []);
      const addresses = Array.isArray(found) ? found : [{ address: found, family: isIP(found) }];
      const usable = addresses.filter(({ address }) => isAllowedAddress(address, policy));
      const [first] = usable;
      if (!first) return callback(blocked(), []);
      if (options.all) return callback(null, usable);
      callback(null, first.address, first.family);
    });
  };
}

function guardedConnector({ policy, lookup, socketPath }: ConnectOptions): buildConnector.connector {
  // The time limits are ours (outbound.ts), on the Clock: 0 turns undici's off.
  const common = { timeout: 0, allowH2: false };
  if (socketPath !== undefined) return buildConnector({ ...common, socketPath });
  const connect = buildConnector({
    ...common,
    lookup: filteredLookup(lookup, policy),
  } as buildConnector.BuildOptions);
  return (options, callback) => {
    const literal = options.hostname.replace(/^\[|\]$/g, '');
    if (isIP(literal) !== 0 && !isAllowedAddress(literal, policy)) return callback(blocked(), null);
    connect({ ...options, hostname: literal }, (...result) => {
      const [error, socket] = result;
      if (error) return callback(error, null);
      const { remoteAddress } = socket;
      if (remoteAddress !== undefined && isAllowedAddress(remoteAddress, policy))
        return callback(null, socket);
      socket.destroy();
      // Without an address the peer has hung up already.
      callback(
        remoteAddress === undefined ? new Error('the connection was closed at once') : blocked(),
        null,
      );
    });
  };
}

const NO_TIMEOUTS = { headersTimeout: 0, bodyTimeout: 0 };

/** Kept connections to operators' hosts, for requests that may be repeated without harm. */
export function createSharedAgent(lookup: LookupFunction): Agent {
  return new Agent({
    ...NO_TIMEOUTS,
    allowH2: false,
    connections: MOST_CONNECTIONS_PER_HOST,
    connect: guardedConnector({ policy: 'configured', lookup }),
  });
}

/**
 * A connection for one request. What must not be repeated never goes over a kept connection: the peer may be closing
 * that at the very moment, which cannot be told from a request that was taken and then lost.
 */
export function createFreshClient(origin: string, options: ConnectOptions): Dispatcher {
  return new Client(origin, {
    ...NO_TIMEOUTS,
    allowH2: false,
    pipelining: 0,
    connect: guardedConnector(options),
  });
}

export const systemLookup: LookupFunction = dns.lookup as LookupFunction;
