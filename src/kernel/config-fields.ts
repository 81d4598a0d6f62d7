// The kinds of values that settings have: each with its check, and words that say what it must be.
import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** Micro-credits in a credit; settings are in credits with at most six decimals. */
const MICROS_PER_CREDIT = 1_000_000;
/** Keeps micro-credit sums far inside the safe integers. */
const MOST_CREDITS = 1_000_000_000;
export const LONGEST_TIMEOUT_S = 24 * 3600;
const PROXY_GROUPS = ['loopback', 'linklocal', 'uniquelocal'];

interface SettingNotes {
  /** Names in the environment, strongest first; without it the one that the key gives. */
  env?: readonly string[];
  /** Never shown; may also come from a file named by `<NAME>_FILE`. */
  secret?: true;
}

/** Gives a leaf its one-line meaning and, where they are not the mechanical ones, its names in the environment. */
export function setting<T extends z.ZodType>(schema: T, description: string, notes: SettingNotes = {}): T {
  return schema.meta({
    description,
    ...(notes.env ? { 'x-env': notes.env } : {}),
    ...(notes.secret ? { 'x-secret': true } : {}),
  }) as T;
}

function parsedUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

export const text = (meaning: string, notes?: SettingNotes) =>
  setting(z.string().min(1).nullable().default(null), meaning, notes);
export const flag = (initial: boolean, meaning: string) => setting(z.boolean().default(initial), meaning);
export const count = (initial: number, least: number, most: number, meaning: string) =>
  setting(z.int().min(least).max(most).default(initial), meaning);
export const seconds = (initial: number, meaning: string) =>
  setting(z.number().min(0.1).max(LONGEST_TIMEOUT_S).default(initial), meaning);

export const credits = z
  .number()
  .min(0)
  .max(MOST_CREDITS)
  .refine((value) => Number(value.toFixed(6)) === value, 'must have at most six decimals');

/** A number of credits that the schema accepted, as integer micro-credits. */
export function toMicros(amount: number): number {
  return Math.round(amount * MICROS_PER_CREDIT);
}

/** Of a service that is called: no part of it may be lost or shown. */
export const serviceUrl = z.string().refine((value) => {
  const url = parsedUrl(value);
  return url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search && !url.hash;
}, 'must be an http or https address without user name, query or fragment');

/** A part of a key or path in a store. */
export const storePrefix = z
  .string()
  .regex(/^(?:[A-Za-z0-9_-]+\/?)*$/, 'must be letters, digits, - and _, in parts divided by /')
  .max(200);

export const publicUrl = z.string().refine((value) => {
  const url = parsedUrl(value);
  return url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search && !url.hash;
}, 'must be a full address such as https://pictures.example.com or https://example.com/draw, without user name, query or fragment');

export const origin = z.string().refine((value) => {
  const url = parsedUrl(value);
  return (
    url && /^https?:$/.test(url.protocol) && [url.origin, `${url.origin}/`].includes(value.toLowerCase())
  );
}, 'must be an origin such as https://app.example.com: scheme and host, with the port if it is unusual, and nothing after it ("*" is not accepted, since callers send credentials)');

export const trustedProxy = z
  .string()
  .refine(
    (value) => PROXY_GROUPS.includes(value) || ipaddr.isValid(value) || ipaddr.isValidCIDR(value),
    `must be an IP address, a range such as 10.0.0.0/8, or one of ${PROXY_GROUPS.join(', ')}`,
  );

export const hostPort = z.string().refine((value) => {
  const url = parsedUrl(`http://${value}`);
  return url && url.pathname === '/' && !url.username && /:\d+$/.test(value);
}, 'must be host:port, such as 192.168.1.20:8188');

export const proxyUrl = z
  .string()
  .refine(
    (value) => /^(https?|socks5h?):$/.test(parsedUrl(value)?.protocol ?? ''),
    'must be a proxy address such as http://10.0.0.2:3128 or socks5://10.0.0.2:1080',
  )
  .nullable()
  .default(null);

export const databaseUrl = z
  .string()
  .refine((value) => /^postgres(ql)?:\/\/./.test(value), 'must start with postgres:// or postgresql://')
  .nullable()
  .default(null);

export const adminKey = z
  .string()
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
  .nullable()
  .default(null);

/** 32 bytes in base64, base64url or hex. */
export const sealingKey = z
  .string()
  .regex(
    /^(?:[0-9a-fA-F]{64}|[A-Za-z0-9+/_-]{43}=?)$/,
    'must be 32 bytes as base64 (44 characters) or hex (64 characters), such as from "openssl rand -base64 32"',
  )
  .nullable()
  .default(null);

const MOST_ROUTES = 20;
const MOST_WEIGHT = 1000;

const route = z.strictObject({
  provider: z.string().min(1),
  model: z.string().min(1),
  weight: z.number().positive().max(MOST_WEIGHT).nullish(),
});

/** `openai/gpt-image-1|kie/flux*3`: routes in order, with a weight where neighbours share a place. */
const routesInWords = z
  .string()
  .regex(/^[^/|*]+\/[^|*]+(?:\*\d+(?:\.\d+)?)?(?:\|[^/|*]+\/[^|*]+(?:\*\d+(?:\.\d+)?)?)*$/)
  .transform((words) => ({
    routes: words.split('|').map((word) => {
      const [, provider = '', model = '', weight] = /^([^/]+)\/([^*]+)(?:\*(.+))?$/.exec(word.trim()) ?? [];
      return { provider, model: model.trim(), weight: weight === undefined ? null : Number(weight) };
    }),
    price: null,
  }));

export const modelRouting = z.union(
  [
    routesInWords,
    z.strictObject({ routes: z.array(route).min(1).max(MOST_ROUTES), price: credits.nullish() }),
  ],
  'must be routes such as openai/gpt-image-1|kie/flux (provider/model, with *weight where neighbours share a place), or in drawbridge.yaml {routes: [{provider, model, weight?}], price?}',
);
