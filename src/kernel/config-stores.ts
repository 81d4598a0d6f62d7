// Which picture stores there are, and in which order they are tried: from `media.stores`, or from the environment's names
// alone. Local disk is always among them, at the end unless it is placed. Messages never show a value.
import { z } from 'zod';
import { serviceUrl, storePrefix } from './config-fields.ts';
import type { Settings } from './config-settings.ts';
import type { ConfigIssue } from './config-sources.ts';

export interface S3StoreConfig {
  kind: 's3';
  /** As kept in `files.store`. */
  name: string;
  /** Null: AWS, by region. */
  endpoint: string | null;
  region: string;
  bucket: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** Where the bucket's objects can be read by anybody, without a trailing slash. */
  publicUrl: string | null;
  /** `endpoint`: the endpoint is the bucket's own domain. `auto`: path style where names are no host names. */
  addressing: 'auto' | 'path' | 'virtual' | 'endpoint';
  /** Put before every object's key; empty or with a trailing slash. */
  prefix: string;
  /** A proxy's address, `direct`, or null for the environment's. */
  proxy: string | null;
}

export interface ImgbbStoreConfig {
  kind: 'imgbb';
  name: string;
  apiKey: string;
  url: string;
  proxy: string | null;
}

export interface DiskStoreConfig {
  kind: 'disk';
  name: 'disk';
}

export type StoreConfig = S3StoreConfig | ImgbbStoreConfig | DiskStoreConfig;

const DISK: DiskStoreConfig = { kind: 'disk', name: 'disk' };
const IMGBB_URL = 'https://api.imgbb.com';
/** The parts of `stores` in the order in which they are tried. */
const PARTS = ['r2', 's3', 'imgbb'] as const;
type Part = (typeof PARTS)[number];

const proxy = z
  .string()
  .refine(
    (value) =>
      value === 'direct' || (URL.canParse(value) && /^(https?|socks5h?):$/.test(new URL(value).protocol)),
    'must be a proxy address such as http://10.0.0.2:3128 or socks5://10.0.0.2:1080, or direct',
  );
const storeName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'must be 1 to 32 small letters, digits, - or _')
  .refine((value) => value !== 'disk', 'must not be "disk", which is the local one');
const region = z.string().regex(/^[a-z0-9-]{2,40}$/, 'must be a region such as eu-central-1 or auto');
const bucket = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/, 'must be the name of a bucket');
const word = z.string().min(1);
const addressing = z.enum(['auto', 'path', 'virtual', 'endpoint']);

const s3Entry = z.strictObject({
  kind: z.literal('s3'),
  name: storeName.default('s3'),
  endpoint: serviceUrl.optional(),
  region: region.optional(),
  bucket,
  access_key_id: word,
  secret_access_key: word,
  public_url: serviceUrl.optional(),
  addressing: addressing.default('auto'),
  prefix: storePrefix.default(''),
  proxy: proxy.optional(),
});
const imgbbEntry = z.strictObject({
  kind: z.literal('imgbb'),
  name: storeName.default('imgbb'),
  api_key: word,
  url: serviceUrl.optional(),
  proxy: proxy.optional(),
});
const diskEntry = z.strictObject({ kind: z.literal('disk'), name: z.literal('disk').optional() });
const entrySchema = z.discriminatedUnion('kind', [s3Entry, imgbbEntry, diskEntry]);

const ACCOUNT_ID = /^[0-9A-Za-z-]{1,64}$/;

/** A section of `stores` as the entry that it stands for. */
function entryOfPart(part: Part, fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  if (part !== 'r2') return { ...fields, kind: part, name: part };
  const { account_id: accountId, endpoint, ...rest } = fields;
  const isId = typeof accountId === 'string' && ACCOUNT_ID.test(accountId);
  const own = isId ? `https://${accountId}.r2.cloudflarestorage.com` : '';
  return { region: 'auto', ...rest, kind: 's3', name: 'r2', endpoint: endpoint ?? own };
}

const withoutSlash = (url: string | undefined) => (url === undefined ? null : url.replace(/\/+$/, ''));

function toStore(entry: z.output<typeof entrySchema>): StoreConfig {
  if (entry.kind === 'disk') return DISK;
  if (entry.kind === 'imgbb') {
    const { name, api_key: apiKey, url, proxy: own } = entry;
    return { kind: 'imgbb', name, apiKey, url: withoutSlash(url) ?? IMGBB_URL, proxy: own ?? null };
  }
  const folder = entry.prefix.replace(/\/+$/, '');
  return {
    kind: 's3',
    name: entry.name,
    endpoint: withoutSlash(entry.endpoint),
    region: entry.region ?? 'us-east-1',
    bucket: entry.bucket,
    accessKeyId: entry.access_key_id,
    secretAccessKey: entry.secret_access_key,
    publicUrl: withoutSlash(entry.public_url),
    addressing: entry.addressing,
    prefix: folder === '' ? '' : `${folder}/`,
    proxy: entry.proxy ?? null,
  };
}

export interface ResolvedStores {
  /** In the order in which they are tried; always with the disk. */
  stores: StoreConfig[];
  problems: ConfigIssue[];
  warnings: ConfigIssue[];
}

/** The stores that the settings name. What is wrong comes as problems, each with the place it is at. */
export function resolveStores(settings: Pick<Settings, 'media' | 'stores'>): ResolvedStores {
  const problems: ConfigIssue[] = [];
  const warnings: ConfigIssue[] = [];
  const sections = settings.stores as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  const wanted = settings.media.stores;
  const isSetUp = (part: string): part is Part =>
    (PARTS as readonly string[]).includes(part) &&
    Object.keys(sections[part] ?? {}).some((field) => field !== 'proxy');
  const entries: { place: string; value: Record<string, unknown> }[] = [];
  if (wanted.length === 0) {
    for (const part of PARTS.filter(isSetUp))
      entries.push({ place: `stores.${part}`, value: entryOfPart(part, sections[part] ?? {}) });
  }
  for (const [index, item] of wanted.entries()) {
    const place = `media.stores, entry ${index + 1}`;
    if (typeof item !== 'string') entries.push({ place, value: item });
    else if (item === 'disk') entries.push({ place, value: { kind: 'disk' } });
    else if (isSetUp(item)) entries.push({ place, value: entryOfPart(item, sections[item] ?? {}) });
    else {
      const text = `${place} names a store that is not set up: it must be disk, one of ${PARTS.join(', ')} with its settings, or a section with "kind".`;
      problems.push({ key: 'media.stores', text });
    }
  }
  const stores: StoreConfig[] = [];
  for (const { place, value } of entries) {
    const parsed = entrySchema.safeParse(value);
    if (!parsed.success) {
      for (const issue of parsed.error.issues) {
        const isMissing = issue.code === 'invalid_type' && value[String(issue.path[0])] === undefined;
        const what = isMissing ? 'is missing' : issue.message;
        const text = `${place}: ${issue.path.join('.') || 'it'} ${what}.`;
        problems.push({ key: place, text });
      }
      continue;
    }
    const store = toStore(parsed.data);
    if (stores.some(({ name }) => name === store.name)) {
      problems.push({ key: place, text: `${place}: there is another store with the name ${store.name}.` });
    } else if (store.kind === 'imgbb' && settings.media.access === 'private') {
      const text = 'ImgBB is not used: pictures there are public, and media.access is private.';
      warnings.push({ key: place, text });
    } else stores.push(store);
  }
  if (!stores.some(({ kind }) => kind === 'disk')) stores.push(DISK);
  return { stores, problems, warnings };
}
