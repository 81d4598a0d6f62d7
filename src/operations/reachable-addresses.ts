// By which addresses other devices find this server: the doctor says it, and the settings page shows it to administrators.
import type { Config } from '../kernel/config.ts';
import { EVERY_HOST, localAuthority } from '../kernel/listen-address.ts';
import type { AddressesBody } from './contract.ts';
import { type HostSystem, hostSystem } from './host-system.ts';

const LOCAL_ONLY = new Set(['127.0.0.1', 'localhost', '::1']);
/** What Docker and Podman leave in every container. */
const CONTAINER_MARKS = ['/.dockerenv', '/run/.containerenv'];

/** `port` is the one that is listened on, which the configuration may leave open. */
export function reachableAddresses(
  { host, publicUrl }: Pick<Config, 'host' | 'publicUrl'>,
  port: number,
  system: Pick<HostSystem, 'addresses' | 'exists'> = hostSystem,
): AddressesBody {
  if (publicUrl !== null) return { reach: 'public', urls: [publicUrl] };
  if (LOCAL_ONLY.has(host)) return { reach: 'loopback', urls: [] };
  const addresses = EVERY_HOST.has(host) ? system.addresses() : [host];
  const urls = addresses.map((address) => `http://${localAuthority(address, port)}`);
  return { reach: CONTAINER_MARKS.some((path) => system.exists(path)) ? 'container' : 'network', urls };
}
