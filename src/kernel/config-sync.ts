// Where `drawbridge sync` can send: the sections of `sync`, checked and in the units their names say. A section that is wrong
// stops the start as every other setting does; messages name the place and never show a value.
import { z } from 'zod';
import { serviceUrl, storePrefix } from './config-fields.ts';
import type { Settings } from './config-settings.ts';
import type { ConfigIssue } from './config-sources.ts';
import type { S3StoreConfig } from './config-stores.ts';

/** What lies below a folder of its own at a target: the kinds of pictures, and everything else. */
export const SYNC_KINDS = ['original', 'final', 'hd', 'thumb', 'files'] as const;
export type SyncKind = (typeof SYNC_KINDS)[number];

/** Kind → folder (SFTP) or prefix (S3), where it is not the usual one. */
export type SyncPaths = { [kind in SyncKind]?: string | undefined };

export interface CodeTargetConfig {
  /** Holds `releases/` and the link `current`. */
  path: string;
  /** Run in the new release before it is used; null: nothing. */
  install: string | null;
  /** Run after the switch when asked to. */
  restart: string | null;
  /** Must answer with 200 after the switch, else the one before comes back. */
  checkUrl: string | null;
  /** Releases that are kept. */
  keep: number;
}

export interface SftpTargetConfig {
  kind: 'sftp';
  name: string;
  host: string;
  port: number;
  user: string;
  password: string | null;
  privateKeyFile: string | null;
  passphrase: string | null;
  /** `SHA256:…` of the one key that is accepted; null: what the file of known hosts says. */
  hostKey: string | null;
  /** Null: the user's own. */
  knownHosts: string | null;
  /** Null or `direct`: none. */
  proxy: string | null;
  /** Folder of the media; null where only code is sent. */
  path: string | null;
  paths: SyncPaths;
  /** Where the folder is served, without a trailing slash. */
  publicUrl: string | null;
  code: CodeTargetConfig | null;
}

export interface S3TargetConfig {
  kind: 's3';
  name: string;
  store: S3StoreConfig;
  paths: SyncPaths;
  publicUrl: string | null;
}

export interface DrawbridgeTargetConfig {
  kind: 'drawbridge';
  name: string;
  /** Without a trailing slash. */
  url: string;
  apiKey: string;
  proxy: string | null;
}

export type SyncTargetConfig = SftpTargetConfig | S3TargetConfig | DrawbridgeTargetConfig;

const SSH_PORT = 22;
const DEFAULT_RELEASES = 5;
const MOST_RELEASES = 50;
const DEFAULT_INSTALL = 'npm ci --omit=dev';

// A variable that may be missing leaves an empty text behind: that is no value.
const word = z.string().min(1);
const maybe = z.string().optional();
const proxy = z
  .string()
  .refine(
    (value) =>
      value === 'direct' || (URL.canParse(value) && /^(https?|socks5h?):$/.test(new URL(value).protocol)),
    'must be a proxy address such as http://10.0.0.2:3128, or direct',
  );
/** Control characters and `..` would lead somewhere else than the reader sees. */
const folder = z
  .string()
  .regex(/^\/(?:[^\p{Cc}/]+\/?)*$/u, 'must be an absolute folder such as /srv/drawbridge/media')
  .refine((value) => !value.split('/').includes('..'), 'must not contain ".."');
const pathsOf = (value: typeof folder | typeof storePrefix) =>
  z.partialRecord(z.enum(SYNC_KINDS), value).default({});

const codeSchema = z.strictObject({
  path: folder,
  install: z.string().default(DEFAULT_INSTALL),
  restart: word.optional(),
  check_url: serviceUrl.optional(),
  keep: z.int().min(2).max(MOST_RELEASES).default(DEFAULT_RELEASES),
});

const sftpSchema = z
  .strictObject({
    kind: z.literal('sftp'),
    host: z.string().regex(/^(?:[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:.]+\]?)$/, 'must be a host name or an address'),
    port: z.coerce.number().int().min(1).max(65_535).default(SSH_PORT),
    user: word,
    password: maybe,
    private_key_file: maybe,
    passphrase: maybe,
    host_key: z
      .string()
      .regex(/^SHA256:[A-Za-z0-9+/]{43}=?$/, 'must be a fingerprint such as SHA256:… (ssh-keygen -lf)')
      .optional(),
    known_hosts: maybe,
    proxy: proxy.optional(),
    path: folder.optional(),
    paths: pathsOf(folder),
    public_url: serviceUrl.optional(),
    code: codeSchema.optional(),
  })
  .refine(({ password, private_key_file: key }) => (password ?? '') !== '' || (key ?? '') !== '', {
    message: 'needs "password" or "private_key_file"',
  })
  .refine(({ path, code }) => path !== undefined || code !== undefined, {
    message: 'needs "path" (for media) or "code"',
  });

const s3Schema = z.strictObject({
  kind: z.literal('s3'),
  endpoint: serviceUrl.optional(),
  region: z
    .string()
    .regex(/^[a-z0-9-]{2,40}$/)
    .default('us-east-1'),
  bucket: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/, 'must be the name of a bucket'),
  access_key_id: word,
  secret_access_key: word,
  public_url: serviceUrl.optional(),
  addressing: z.enum(['auto', 'path', 'virtual', 'endpoint']).default('auto'),
  prefix: storePrefix.default(''),
  paths: pathsOf(storePrefix),
  proxy: proxy.optional(),
});

const drawbridgeSchema = z.strictObject({
  kind: z.literal('drawbridge'),
  url: serviceUrl,
  api_key: word,
  proxy: proxy.optional(),
});

const entrySchema = z.discriminatedUnion('kind', [sftpSchema, s3Schema, drawbridgeSchema]);
const NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;

const withoutSlash = (url: string | undefined) => (url === undefined ? null : url.replace(/\/+$/, ''));
const given = (text: string | undefined) => (text === undefined || text === '' ? null : text);
const plainFolder = (path: string) => (path === '/' ? '' : path.replace(/\/+$/, ''));

function toCode(code: z.output<typeof codeSchema>): CodeTargetConfig {
  return {
    path: plainFolder(code.path),
    install: given(code.install),
    restart: code.restart ?? null,
    checkUrl: code.check_url ?? null,
    keep: code.keep,
  };
}

function toTarget(name: string, entry: z.output<typeof entrySchema>): SyncTargetConfig {
  if (entry.kind === 'drawbridge') {
    const { url, api_key: apiKey } = entry;
    return { kind: 'drawbridge', name, url: withoutSlash(url) ?? url, apiKey, proxy: entry.proxy ?? null };
  }
  const paths = Object.fromEntries(
    Object.entries(entry.paths).map(([kind, path]) => [kind, plainFolder(String(path))]),
  ) as SyncPaths;
  const publicUrl = withoutSlash(entry.public_url);
  if (entry.kind === 'sftp') {
    return {
      kind: 'sftp',
      name,
      host: entry.host.replace(/^\[|\]$/g, ''),
      port: entry.port,
      user: entry.user,
      password: given(entry.password),
      privateKeyFile: given(entry.private_key_file),
      passphrase: given(entry.passphrase),
      hostKey: entry.host_key?.replace(/=$/, '') ?? null,
      knownHosts: given(entry.known_hosts),
      proxy: entry.proxy ?? null,
      path: entry.path === undefined ? null : plainFolder(entry.path),
      paths,
      publicUrl,
      code: entry.code ? toCode(entry.code) : null,
    };
  }
  const { prefix: before } = entry;
  const store: S3StoreConfig = {
    kind: 's3',
    name,
    endpoint: withoutSlash(entry.endpoint),
    region: entry.region,
    bucket: entry.bucket,
    accessKeyId: entry.access_key_id,
    secretAccessKey: entry.secret_access_key,
    publicUrl,
    addressing: entry.addressing,
    prefix: before === '' || before.endsWith('/') ? before : `${before}/`,
    proxy: entry.proxy ?? null,
  };
  return { kind: 's3', name, store, paths, publicUrl };
}

/** The targets that the settings name. What is wrong comes as problems, each with the place it is at. */
export function resolveSyncTargets(settings: Pick<Settings, 'sync'>): {
  targets: SyncTargetConfig[];
  problems: ConfigIssue[];
} {
  const targets: SyncTargetConfig[] = [];
  const problems: ConfigIssue[] = [];
  for (const [name, value] of Object.entries(settings.sync)) {
    const place = `sync.${name}`;
    const refuse = (text: string) => problems.push({ key: place, text: `${place} ${text}.` });
    if (!NAME.test(name)) {
      refuse('has a name that is not 1 to 32 small letters, digits, - or _');
      continue;
    }
    const parsed = entrySchema.safeParse(value);
    if (parsed.success) targets.push(toTarget(name, parsed.data));
    else for (const issue of parsed.error.issues) refuse(explained(issue, value));
  }
  return { targets, problems };
}

function explained(issue: z.core.$ZodIssue, value: Record<string, unknown>): string {
  if (issue.path[0] === 'kind') return 'needs "kind": sftp, s3 or drawbridge';
  const field = issue.path.map(String).join('.');
  const isMissing = issue.code === 'invalid_type' && issue.path.length === 1 && value[field] === undefined;
  if (isMissing) return `lacks "${field}"`;
  if (issue.code === 'unrecognized_keys') return `has an unknown name: ${issue.keys.join(', ')}`;
  return field === '' ? issue.message : `(${field}) ${issue.message}`;
}
