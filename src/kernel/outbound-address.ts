// Which addresses a URL given by a user may lead to: public unicast ones, on ports 80 and 443, over http and https.
// Everything that embeds, tunnels to or is a local, private, reserved or metadata address is refused; unknown is refused.
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import { OutboundError } from './outbound-error.ts';

/** `public`: an address that a user or a provider's answer gave. `configured`: a host that the operator set. */
export type AddressPolicy = 'public' | 'configured';

const PUBLIC_PORTS = new Set(['', '80', '443']);

/** Refused beyond what ipaddr.js calls unicast. */
const DENIED_RANGES = [
  // IPv4: this network, shared (CGNAT), protocol assignments, benchmarks, documentation, 6to4 relays, Azure's platform address.
  '0.0.0.0/8',
  '100.64.0.0/10',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '168.63.129.16/32',
  // IPv6: IPv4-compatible, Teredo and the rest of 2001::/23, documentation, 6to4, segment routing, site-local.
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fec0::/10',
].map((range) => ipaddr.parseCIDR(range));

/** The only block of IPv6 that is given out for public unicast. */
const GLOBAL_UNICAST_V6 = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number];

/** Where clouds hand out credentials; refused even to an operator's own configuration. */
const METADATA_RANGES = [
  '169.254.0.0/16',
  '100.100.100.200/32',
  '192.0.0.192/32',
  '168.63.129.16/32',
  'fd00:ec2::/32',
].map((range) => ipaddr.parseCIDR(range));

/** IPv6 that carries an IPv4 address in its last 32 bits: compatible, mapped, translated and NAT64. */
const TRANSLATED_RANGES = ['::/96', '::ffff:0:0/96', '::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48'].map(
  (range) => ipaddr.parseCIDR(range),
);

type Address = ipaddr.IPv4 | ipaddr.IPv6;

function within(address: Address, ranges: readonly [Address, number][]): boolean {
  return ranges.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits));
}

/** The address without zone; an IPv4 address in IPv6 clothing (::ffff:a.b.c.d) comes out as itself. */
function parse(text: string): Address | undefined {
  const bare = text.replace(/%.*$/, '');
  return ipaddr.isValid(bare) && (bare.includes(':') || ipaddr.IPv4.isValidFourPartDecimal(bare))
    ? ipaddr.process(bare)
    : undefined;
}

/** ISATAP hides an IPv4 address behind the interface id 0000:5efe or 0200:5efe, under any prefix. */
function isIsatap(address: ipaddr.IPv6): boolean {
  return address.parts[5] === 0x5efe && ((address.parts[4] ?? 0) & 0xfdff) === 0;
}

/** Whether a connected or resolved address (four-part IPv4 or IPv6) is one that anybody on the internet could use. */
export function isPublicAddress(text: string): boolean {
  const address = parse(text);
  if (address?.range() !== 'unicast' || within(address, DENIED_RANGES)) return false;
  if (address instanceof ipaddr.IPv4) return true;
  return address.match(...GLOBAL_UNICAST_V6) && !isIsatap(address);
}

/** Whether this is an address of a cloud's metadata service, or of the range they live in. */
export function isMetadataAddress(text: string): boolean {
  const address = parse(text);
  if (!address || within(address, METADATA_RANGES)) return true;
  return (
    address instanceof ipaddr.IPv6 && embeddedV4(address).some((inner) => within(inner, METADATA_RANGES))
  );
}

/** The IPv4 addresses that an IPv6 one may carry for a translator on the way: in its last 32 bits, or after 6to4's prefix. */
function embeddedV4(address: ipaddr.IPv6): ipaddr.IPv4[] {
  const bytes = address.toByteArray();
  const isTranslated = within(address, TRANSLATED_RANGES) || isIsatap(address);
  const is6to4 = address.range() === '6to4';
  return [...(isTranslated ? [bytes.slice(12)] : []), ...(is6to4 ? [bytes.slice(2, 6)] : [])].map(
    (four) => new ipaddr.IPv4(four),
  );
}

/** Addresses on which this machine itself answers; a public one would lead back to services meant for it alone. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
}

/** Whether a connection to this address may be made under the policy. */
export function isAllowedAddress(text: string, policy: AddressPolicy, own = ownAddresses()): boolean {
  if (policy === 'configured') return !isMetadataAddress(text);
  const normal = parse(text)?.toNormalizedString();
  return isPublicAddress(text) && !own.some((address) => parse(address)?.toNormalizedString() === normal);
}

/** `host:port` in lower case, with the scheme's port filled in; IPv6 in brackets. */
export function hostAndPort(url: URL): string {
  return `${url.hostname.toLowerCase()}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`;
}

/**
 * Checks what can be told from the URL alone and returns the policy for its addresses: an exact host:port that the
 * operator allowed is treated as configured. Throws `OutboundError` of kind `blocked_url`.
 */
export function checkUrl(
  url: URL,
  policy: AddressPolicy,
  allowed: ReadonlySet<string>,
  about: string,
): AddressPolicy {
  const refuse = (why: string) => new OutboundError('blocked_url', 'not_sent', `${about}: ${why}`);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refuse('only http and https are used');
  if (url.username || url.password) throw refuse('a user name in an address is not used');
  if (policy === 'configured' || allowed.has(hostAndPort(url))) return 'configured';
  if (!PUBLIC_PORTS.has(url.port)) throw refuse(`port ${url.port} is not allowed`);
  return 'public';
}

/** Where a redirect leads; throws `redirect_refused` for what is no address or leaves https. Hop limits are the caller's. */
export function redirectTarget(from: URL, location: string, about: string): URL {
  const refuse = (why: string) => new OutboundError('redirect_refused', 'sent', `${about}: ${why}`);
  if (!URL.canParse(location, from.href)) throw refuse('a redirect to something that is no address');
  const to = new URL(location, from);
  if (from.protocol === 'https:' && to.protocol === 'http:') throw refuse('a redirect from https to http');
  return to;
}
