// Addresses that must never be connected to for a user: every private and reserved range in every disguise that some parser
// takes. The filter's own tests and those of every place that takes an address use the same ones.

/** Private, reserved and metadata addresses, as they are usually written. */
export const PRIVATE_V4 = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '10.255.255.254',
  '100.64.0.1',
  '100.100.100.200',
  '100.127.255.254',
  '127.0.0.1',
  '127.1.2.3',
  '127.255.255.254',
  '168.63.129.16',
  '169.254.0.1',
  '169.254.169.254',
  '169.254.170.2',
  '172.16.0.1',
  '172.31.255.254',
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.0.1',
  '192.168.255.254',
  '198.18.0.1',
  '198.19.255.254',
  '198.51.100.7',
  '203.0.113.9',
  '224.0.0.1',
  '239.255.255.250',
  '240.0.0.1',
  '255.255.255.255',
];
const PRIVATE_V6 = [
  '::',
  '::1',
  '::2',
  'fe80::1',
  'febf::1',
  'fec0::1',
  'fc00::1',
  'fd00:ec2::254',
  'fdff::1',
  'ff02::1',
  'ff05::2',
  '100::1',
  '2001::1',
  '2001:2::1',
  '2001:10::1',
  '2001:20::1',
  '2001:db8::1',
  '3fff::1',
  '5f00::1',
  '4000::1',
  'e000::1',
];
/** Every way to write an IPv4 address that some parser takes, and every IPv6 form that carries one. */
export function disguises(address: string): string[] {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  const number = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  const hex = number.toString(16).padStart(8, '0');
  const tail = `${hex.slice(0, 4)}:${hex.slice(4)}`;
  const flipped = (0xffffffff ^ number) >>> 0;
  const teredo = flipped.toString(16).padStart(8, '0');
  const fullWidth = address.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)));
  return [
    address,
    `${address}.`,
    String(number),
    `0x${hex}`,
    `0${number.toString(8)}`,
    [a, b, c, d].map((part) => `0x${part.toString(16)}`).join('.'),
    [a, b, c, d].map((part) => `0${part.toString(8)}`).join('.'),
    `${a}.${((b << 16) | (c << 8) | d) >>> 0}`,
    `${a}.${b}.${((c << 8) | d) >>> 0}`,
    fullWidth,
    address.replaceAll('.', '\u3002'),
    `[::ffff:${address}]`,
    `[::ffff:${tail}]`,
    `[::${address}]`,
    `[::${tail}]`,
    `[::ffff:0:${tail}]`,
    `[64:ff9b::${tail}]`,
    `[64:ff9b:1::${tail}]`,
    `[2002:${tail}::1]`,
    `[2001:0:4136:e378:8000:63bf:${teredo.slice(0, 4)}:${teredo.slice(4)}]`,
    `[fe80::5efe:${tail}]`,
    `[2a00:1450::5efe:${tail}]`,
    `[2a00:1450::200:5efe:${tail}]`,
  ];
}

/** Hosts as they stand in an address; every one is, embeds or tunnels to an address that is not public. */
export const HOSTILE_LITERALS = [
  ...PRIVATE_V4.flatMap(disguises),
  ...PRIVATE_V6.map((address) => `[${address}]`),
];
/** Names that are, or are made by a resolver to be, inside. */
export const HOSTILE_NAMES = [
  'localhost',
  'LOCALHOST',
  'localhost.',
  'intern.example',
  'metadata.google.internal',
  'ⓛocalhost',
  'user@intern.example',
  '1.1.1.1@intern.example',
];
