// The configuration: read once at the start from process environment > .env > drawbridge.yaml > defaults, checked as a
// whole, then frozen. All problems come at once, each with where its value came from, and never with a secret's value.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { alertSecrets, toAlerts } from './config-alerts.ts';
import {
  checkExternals,
  explain,
  type MissingCredential,
  warnOfUnknownNames,
  warnOfUnknownParts,
  warnOfWeakAdminKey,
} from './config-checks.ts';
import { EXTERNAL_NAMES, PROXY_FIELD, SECRETS_KEY_FILE } from './config-externals.ts';
import { toMicros } from './config-fields.ts';
import { type ConfigInput, gather, toTree } from './config-gather.ts';
import { type Settings, settingsSchema } from './config-settings.ts';
import type { ConfigIssue, Issues } from './config-sources.ts';
import { resolveStores } from './config-stores.ts';
import { toStoryDefaults } from './config-stories.ts';
import { resolveSyncTargets } from './config-sync.ts';
import { isSecretName, redactText } from './redact.ts';

export type { MissingCredential } from './config-checks.ts';
export type { ConfigInput } from './config-gather.ts';
export type { ConfigIssue } from './config-sources.ts';

const LOCAL_HOST = '127.0.0.1';
const EVERY_ADDRESS = '0.0.0.0';
const BYTES_PER_MB = 1024 * 1024;
const PIXELS_PER_MEGAPIXEL = 1_000_000;
const MS_PER_S = 1000;
const MS_PER_HOUR = 3_600_000;
const MS_PER_DAY = 24 * MS_PER_HOUR;

type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** Everything that can be set, in the units its name says; paths are absolute. */
export type Config = DeepReadonly<ReturnType<typeof toConfig>>;

interface LoadedCommon {
  warnings: ConfigIssue[];
  /** Dotted key → where its value came from; keys left at their default are not in it. */
  origins: Readonly<Record<string, string>>;
  /** Documented environment names of providers, stores and secrets → whether they have a value (never the value). */
  presence: Readonly<Record<string, boolean>>;
  /** The sections of the providers as they were written, for who can judge them; a function, since they hold secrets. */
  providerSections(): Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export type LoadedConfig = LoadedCommon &
  ({ config: Config; problems: readonly [] } | { config: null; problems: readonly ConfigIssue[] });

/** The process's environment. The only place in the program that reads it. */
export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

const withoutSlash = (url: string | null) => (url === null ? null : new URL(url).href.replace(/\/+$/, ''));

interface ConfigContext {
  cwd: string;
  /** The port was given by the platform (PORT), which routes to it from outside. */
  portFromPlatform: boolean;
  /** Dotted key → where its value came from. */
  origins?: Readonly<Record<string, string>>;
  missingCredentials?: readonly MissingCredential[];
  presence?: Readonly<Record<string, boolean>>;
}

function mediaConfig(settings: Settings, dataDir: string, cwd: string) {
  const { media } = settings;
  return {
    root: media.root === null ? resolve(dataDir, 'media') : resolve(cwd, media.root),
    access: media.access,
    uploadMaxBytes: media.upload_max_mb * BYTES_PER_MB,
    maxPixels: media.max_megapixels * PIXELS_PER_MEGAPIXEL,
    keepPromptMetadata: media.keep_prompt_metadata,
    /** In the order in which they are tried, the disk among them. */
    stores: resolveStores(settings).stores,
    serve: media.serve,
    /** Without a trailing slash. */
    accelLocation: media.accel_redirect === null ? null : media.accel_redirect.replace(/\/+$/, ''),
  };
}

function compatConfig({ allow_anonymous: allowAnonymous, account, aliases }: Settings['compat']) {
  /** Whose calls without a key are; null: an account is opened for them. */
  return { allowAnonymous, accountId: account, aliases };
}

/** Settings in credits, seconds and megabytes → what the program computes in. Reads every leaf of `settings`. */
export function toConfig(settings: Settings, context: ConfigContext) {
  const dataDir = resolve(context.cwd, settings.data_dir);
  const { log, tasks, sandbox, limits, outbound } = settings;
  const prices = Object.entries(settings.credits.prices);
  return {
    host: settings.host ?? (context.portFromPlatform ? EVERY_ADDRESS : LOCAL_HOST),
    port: settings.port,
    role: settings.role,
    dataDir,
    /** Without a trailing slash; may have a path prefix. Null: built from each request. */
    publicUrl: withoutSlash(settings.public_url),
    adminKey: settings.admin_key,
    /** Keys of secrets set at run time, as text; null: the file in the data folder. */
    secretsKey: { current: settings.secrets_key, previous: settings.secrets_key_previous },
    /** Providers may lack their credential until it is set at run time. */
    allowIncompleteProviders: settings.allow_incomplete_providers,
    /** Credentials that only a secret set at run time can still supply; without it the start fails. */
    missingCredentials: [...(context.missingCredentials ?? [])],
    health: { probeIntervalMs: settings.health.probe_interval_s * MS_PER_S },
    corsOrigins: settings.cors_origins.map((value) => new URL(value).origin),
    /** As Fastify's `trustProxy` takes them. */
    trustedProxies: settings.trusted_proxies,
    trustLoopback: settings.trust_loopback ?? settings.public_url === null,
    databaseUrl: settings.database_url,
    language: settings.language,
    defaultModel: settings.default_model,
    client: { url: withoutSlash(settings.client.url), apiKey: settings.client.api_key },
    log: {
      level: log.level,
      format: log.format,
      file: log.file === null ? null : resolve(context.cwd, log.file),
    },
    credits: {
      startingGrantMicros: toMicros(settings.credits.starting_grant),
      /** Model → micro-credits for one picture. */
      priceMicros: Object.fromEntries(prices.map(([model, price]) => [model, toMicros(price)])),
    },
    accounts: { openRegistration: settings.accounts.open_registration },
    /** Signing in at an OpenID Connect provider; null where there is none. */
    oidc: toOidc(settings.oidc),
    tasks: {
      /** Null: each provider's own. */
      deadlineMs: tasks.deadline_s === null ? null : tasks.deadline_s * MS_PER_S,
      maxQueuedPerAccount: tasks.max_queued_per_account,
      maxQueuedBatchItems: tasks.max_queued_batch_items,
      idempotencyMs: tasks.idempotency_hours * MS_PER_HOUR,
    },
    /** Public model name → its routes in order, and its price; only those that differ from what the providers offer. */
    models: Object.fromEntries(
      Object.entries(settings.models).map(([name, { routes, price }]) => [
        name,
        {
          routes: routes.map(({ provider, model, weight }) => ({ provider, model, weight: weight ?? null })),
          priceMicros: price === undefined || price === null ? null : toMicros(price),
        },
      ]),
    ),
    sandbox: {
      enabled: sandbox.enabled,
      concurrency: sandbox.concurrency,
      slowMs: sandbox.slow_seconds * MS_PER_S,
      /** Fault of the sandbox → share from 0 to 1. */
      faults: sandbox.faults,
    },
    media: mediaConfig(settings, dataDir, context.cwd),
    limits: {
      requestsPerMinute: limits.requests_per_minute,
      anonymousRequestsPerMinute: limits.anonymous_requests_per_minute,
      streamsPerAccount: limits.streams_per_account,
      /** 0: no limit. */
      storageBytesPerAccount: limits.storage_mb_per_account * BYTES_PER_MB,
      /** 0: no limit. */
      maxRssBytes: limits.max_rss_mb * BYTES_PER_MB,
    },
    backup: {
      folder: settings.backup.folder === null ? null : resolve(context.cwd, settings.backup.folder),
      schedule: toSchedule(settings.backup.schedule),
      keep: settings.backup.keep,
    },
    retention: {
      /** Null: never. */
      picturesMs: settings.retention.pictures_days * MS_PER_DAY || null,
      /** Null: as long as the store keeps unused ones. */
      uploadsMs: settings.retention.uploads_days * MS_PER_DAY || null,
    },
    watchdog: {
      /** 0: only when asked. */
      intervalMs: settings.watchdog.interval_s * MS_PER_S,
      graceMs: settings.watchdog.grace_s * MS_PER_S,
    },
    stories: toStoryDefaults(settings.stories),
    alerts: toAlerts(settings.alerts),
    outbound: {
      connectTimeoutMs: outbound.connect_timeout_s * MS_PER_S,
      idleTimeoutMs: outbound.idle_timeout_s * MS_PER_S,
      totalTimeoutMs: outbound.total_timeout_s * MS_PER_S,
      maxDownloadBytes: outbound.max_download_mb * BYTES_PER_MB,
      allowHosts: outbound.allow_hosts,
    },
    proxy: {
      http: settings.proxy.http,
      https: settings.proxy.https,
      all: settings.proxy.all,
      bypass: settings.proxy.bypass,
    },
    compat: compatConfig(settings.compat),
    /** Documented environment names of providers, stores and secrets → whether they have a value. */
    presence: { ...context.presence },
    /** Provider → its own keys, as text from the environment or as written in drawbridge.yaml. */
    providers: settings.providers,
    /** Dotted key of a provider's setting → where its value came from, in words. */
    providerOrigins: Object.fromEntries(
      Object.entries(context.origins ?? {}).filter(([key]) => key.startsWith('providers.')),
    ),
    stores: settings.stores,
    /** Where `drawbridge sync` can send. */
    syncTargets: resolveSyncTargets(settings).targets,
    sync: settings.sync,
  };
}

const SCHEDULE_UNIT_MS = { m: 60 * MS_PER_S, h: MS_PER_HOUR, d: MS_PER_DAY } as const;

/** `03:30` → a time of day; `6h` → a distance. The schema has checked the form. */
function toSchedule(
  text: string | null,
): { kind: 'daily'; minuteOfDay: number } | { kind: 'interval'; intervalMs: number } | null {
  if (text === null) return null;
  const [hours = '', minutes] = text.split(':');
  if (minutes !== undefined) return { kind: 'daily', minuteOfDay: Number(hours) * 60 + Number(minutes) };
  const unit = text.slice(-1) as keyof typeof SCHEDULE_UNIT_MS;
  return { kind: 'interval', intervalMs: Number(text.slice(0, -1)) * SCHEDULE_UNIT_MS[unit] };
}

function toOidc({ issuer, client_id: clientId, ...rest }: Settings['oidc']) {
  const { client_secret: clientSecret, name, auto_register: autoRegister, allowed_domains: domains } = rest;
  if (issuer === null || clientId === null) return null;
  const allowedDomains = domains.map((domain) => domain.toLowerCase());
  return { issuer, clientId, clientSecret, name, autoRegister, allowedDomains };
}

function deepFreeze<T>(value: T): DeepReadonly<T> {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) deepFreeze(item);
  }
  return value as DeepReadonly<T>;
}

/**
 * Reads and checks the whole configuration. Never throws for what a user wrote: `config` is null exactly when
 * `problems` has entries (the caller prints them and exits with 2); `warnings` are to be printed in any case.
 */
export function loadConfig(input: ConfigInput): LoadedConfig {
  const issues: Issues = { problems: [], warnings: [] };
  const gathered = gather(input, issues);
  const tree = toTree(gathered.found);
  const parsed = settingsSchema.safeParse(tree);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) issues.problems.push(explain(issue, tree, gathered));
  }
  const missing = checkExternals(gathered, issues);
  const missingCredentials = decideMissing(missing, parsed.success ? parsed.data : null, input, issues);
  warnOfUnknownNames(gathered, issues);
  warnOfUnknownParts(gathered, issues);
  if (parsed.success) warnOfWeakAdminKey(parsed.data, issues);
  // A section that lacks something was reported above, with every place it was looked for.
  if (parsed.success && issues.problems.length === 0) {
    const { problems, warnings } = resolveStores(parsed.data);
    issues.problems.push(...problems);
    issues.warnings.push(...warnings);
    issues.problems.push(...resolveSyncTargets(parsed.data).problems);
  }

  const { environment, found } = gathered;
  const documented = [...gathered.settings.filter(({ secret }) => secret), ...EXTERNAL_NAMES];
  const presence = Object.fromEntries(
    documented.flatMap(({ env, secret }) =>
      env.map((name) => [name, environment.find([name], secret) !== undefined] as const),
    ),
  );
  const origins = Object.fromEntries([...found].map(([key, { origin }]) => [key, origin]));
  const providers = parsed.success ? parsed.data.providers : sectionsOf(tree.providers);
  const common = { warnings: issues.warnings, origins, presence, providerSections: () => providers };
  if (!parsed.success || issues.problems.length > 0)
    return { ...common, config: null, problems: issues.problems };
  const portFromPlatform =
    !environment.find(['DRAWBRIDGE_PORT'], false) && !!environment.find(['PORT'], false);
  const context = {
    cwd: input.cwd,
    portFromPlatform: portFromPlatform && input.flags?.port === undefined,
    origins,
    missingCredentials,
    presence,
  };
  return { ...common, config: deepFreeze(toConfig(parsed.data, context)), problems: [] };
}

/** The sections of a tree that did not pass its schema. */
function sectionsOf(tree: unknown): Record<string, Record<string, unknown>> {
  const isSection = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isSection(tree)) return {};
  return Object.fromEntries(
    Object.entries(tree).filter((entry): entry is [string, Record<string, unknown>] => isSection(entry[1])),
  );
}

/**
 * What to do about credentials that no source has: a warning where the operator allows it; left to the start where
 * secrets may have been set at run time, since only the database knows them; otherwise a problem.
 */
function decideMissing(
  missing: readonly MissingCredential[],
  settings: Settings | null,
  input: ConfigInput,
  issues: Issues,
): readonly MissingCredential[] {
  if (settings?.allow_incomplete_providers) {
    for (const { key, text, provider } of missing) {
      const how = `The start goes on, as DRAWBRIDGE_ALLOW_INCOMPLETE_PROVIDERS allows: "drawbridge providers set-secret ${provider}" sets it at run time.`;
      issues.warnings.push({ key, text: `${text} ${how}` });
    }
    return [];
  }
  if (settings && missing.length > 0 && mayHoldSecrets(settings, input)) return missing;
  issues.problems.push(...missing.map(({ key, text }) => ({ key, text })));
  return [];
}

function mayHoldSecrets(settings: Settings, { cwd, readFile }: ConfigInput): boolean {
  if (settings.secrets_key !== null) return true;
  const read = readFile ?? ((path: string) => readFileSync(path, 'utf8'));
  try {
    read(join(resolve(cwd, settings.data_dir), SECRETS_KEY_FILE));
    return true;
  } catch {
    return false;
  }
}

/** The passwords in addresses, as they stand there and as they are meant. */
function passwordsIn(text: string): string[] {
  return text.split(',').flatMap((part) => {
    const address = part.trim();
    if (!URL.canParse(address)) return [];
    const { password } = new URL(address);
    try {
      return [password, decodeURIComponent(password)];
    } catch {
      // A bare % in a password: taken as it stands.
      return [password];
    }
  });
}

/** What must be masked of a credential's value: each of a list, and the bare part behind a prefix such as `us-` or `proxy@`. */
export function maskedParts(value: string): string[] {
  return value.split(',').flatMap((part) => {
    const whole = part.trim();
    const bare = whole.slice(whole.lastIndexOf('@') + 1);
    return [whole, bare, bare.replace(/^[a-z]{2}-/, '')];
  });
}

/** Names of fields that hold a credential, beyond those that look like one. */
const CREDENTIAL_FIELDS: ReadonlySet<string> = new Set(
  EXTERNAL_NAMES.filter(({ secret, field }) => secret && field !== PROXY_FIELD).map(({ field }) => field),
);

/** What must be masked in sections that nobody here knows: values under a telling name, and passwords in addresses. */
function secretsIn(value: unknown, isSecret: boolean): string[] {
  if (typeof value === 'string') return isSecret ? maskedParts(value) : passwordsIn(value);
  if (value === null || typeof value !== 'object') return [];
  if (Array.isArray(value)) return value.flatMap((item) => secretsIn(item, isSecret));
  return Object.entries(value).flatMap(([name, item]) =>
    secretsIn(item, isSecret || CREDENTIAL_FIELDS.has(name) || isSecretName(name)),
  );
}

/** The configured secrets' values, for the log to mask wherever they turn up. */
export function secretValues(config: Config): string[] {
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  // The stores' fields have other names there, but the same meaning.
  const listed = config.media.stores.flatMap((store) => [
    store.kind === 's3' ? [store.accessKeyId, store.secretAccessKey] : [],
    store.kind === 'imgbb' ? store.apiKey : [],
    store.kind !== 'disk' && store.proxy !== null ? passwordsIn(store.proxy) : [],
  ]);
  const inSections = [config.providers, config.stores, config.sync].flatMap((sections) =>
    secretsIn(sections, false),
  );
  const urls = [
    config.databaseUrl,
    config.proxy.http,
    config.proxy.https,
    config.proxy.all,
    config.alerts.proxy,
  ];
  const { current, previous } = config.secretsKey;
  return [
    config.adminKey,
    config.client.apiKey,
    config.oidc?.clientSecret,
    current,
    previous,
    ...inSections,
    ...listed.flat(),
    ...alertSecrets(config.alerts.webhookUrl),
    ...urls.flatMap((url) => passwordsIn(text(url))),
  ]
    .map(text)
    .filter((value) => value !== '');
}

/** The fields of the one environment line that a start logs; addresses come without user names and passwords. */
export function describeConfig(config: Config): Record<string, string> {
  const local = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${config.port}`;
  const base = config.publicUrl ?? local;
  const provider = ([name, fields]: readonly [string, Config['providers'][string]]) => {
    const url = fields.base_url ?? fields.url;
    const own = fields[PROXY_FIELD];
    const proxy =
      typeof own === 'string' ? own : (config.proxy.https ?? config.proxy.http ?? config.proxy.all);
    return `${name} ${typeof url === 'string' ? redactText(url) : '(own address)'}${proxy ? ` (proxy ${redactText(proxy)})` : ''}`;
  };
  const providers = Object.entries(config.providers).map(provider);
  return {
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    data_dir: config.dataDir,
    public_url: config.publicUrl ?? `from each request (here ${local})`,
    database: config.databaseUrl === null ? 'sqlite' : redactText(config.databaseUrl),
    providers: [...(config.sandbox.enabled ? ['sandbox'] : []), ...providers].join(', '),
    stores: config.media.stores.map(({ name }) => name).join(', '),
    docs: `${base}/docs`,
  };
}
