// The configuration: read once at the start from process environment > .env > drawbridge.yaml > defaults, checked as a
// whole, then frozen. All problems come at once, each with where its value came from, and never with a secret's value.
import { resolve } from 'node:path';
import {
  checkExternals,
  explain,
  warnOfUnknownNames,
  warnOfUnknownParts,
  warnOfWeakAdminKey,
} from './config-checks.ts';
import { EXTERNAL_NAMES } from './config-externals.ts';
import { type ConfigInput, gather, toTree } from './config-gather.ts';
import { type Settings, settingsSchema, toMicros } from './config-settings.ts';
import type { ConfigIssue, Issues } from './config-sources.ts';
import { redactText } from './redact.ts';

export type { ConfigInput } from './config-gather.ts';
export type { ConfigIssue } from './config-sources.ts';

const LOCAL_HOST = '127.0.0.1';
const EVERY_ADDRESS = '0.0.0.0';
const BYTES_PER_MB = 1024 * 1024;
const PIXELS_PER_MEGAPIXEL = 1_000_000;
const MS_PER_S = 1000;
const MS_PER_HOUR = 3_600_000;

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
}

/** Settings in credits, seconds and megabytes → what the program computes in. Reads every leaf of `settings`. */
export function toConfig(settings: Settings, context: ConfigContext) {
  const dataDir = resolve(context.cwd, settings.data_dir);
  const { log, tasks, sandbox, media, limits, outbound } = settings;
  const prices = Object.entries(settings.credits.prices);
  return {
    host: settings.host ?? (context.portFromPlatform ? EVERY_ADDRESS : LOCAL_HOST),
    port: settings.port,
    dataDir,
    /** Without a trailing slash; may have a path prefix. Null: built from each request. */
    publicUrl: withoutSlash(settings.public_url),
    adminKey: settings.admin_key,
    corsOrigins: settings.cors_origins.map((value) => new URL(value).origin),
    /** As Fastify's `trustProxy` takes them. */
    trustedProxies: settings.trusted_proxies,
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
    tasks: {
      /** Null: each provider's own. */
      deadlineMs: tasks.deadline_s === null ? null : tasks.deadline_s * MS_PER_S,
      maxQueuedPerAccount: tasks.max_queued_per_account,
      idempotencyMs: tasks.idempotency_hours * MS_PER_HOUR,
    },
    sandbox: {
      enabled: sandbox.enabled,
      concurrency: sandbox.concurrency,
      slowMs: sandbox.slow_seconds * MS_PER_S,
      /** Fault of the sandbox → share from 0 to 1. */
      faults: sandbox.faults,
    },
    media: {
      root: media.root === null ? resolve(dataDir, 'media') : resolve(context.cwd, media.root),
      access: media.access,
      uploadMaxBytes: media.upload_max_mb * BYTES_PER_MB,
      maxPixels: media.max_megapixels * PIXELS_PER_MEGAPIXEL,
      keepPromptMetadata: media.keep_prompt_metadata,
    },
    limits: {
      requestsPerMinute: limits.requests_per_minute,
      anonymousRequestsPerMinute: limits.anonymous_requests_per_minute,
      streamsPerAccount: limits.streams_per_account,
    },
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
    /** Provider → its own keys, as text from the environment or as written in drawbridge.yaml. */
    providers: settings.providers,
    stores: settings.stores,
  };
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
  checkExternals(gathered, issues);
  warnOfUnknownNames(gathered, issues);
  warnOfUnknownParts(gathered, issues);
  if (parsed.success) warnOfWeakAdminKey(parsed.data, issues);

  const { environment, found } = gathered;
  const documented = [...gathered.settings.filter(({ secret }) => secret), ...EXTERNAL_NAMES];
  const presence = Object.fromEntries(
    documented.flatMap(({ env, secret }) =>
      env.map((name) => [name, environment.find([name], secret) !== undefined] as const),
    ),
  );
  const origins = Object.fromEntries([...found].map(([key, { origin }]) => [key, origin]));
  const common = { warnings: issues.warnings, origins, presence };
  if (!parsed.success || issues.problems.length > 0)
    return { ...common, config: null, problems: issues.problems };
  const portFromPlatform =
    !environment.find(['DRAWBRIDGE_PORT'], false) && !!environment.find(['PORT'], false);
  const context = { cwd: input.cwd, portFromPlatform: portFromPlatform && input.flags?.port === undefined };
  return { ...common, config: deepFreeze(toConfig(parsed.data, context)), problems: [] };
}

/** The configured secrets' values, for the log to mask wherever they turn up. */
export function secretValues(config: Config): string[] {
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  const external = EXTERNAL_NAMES.filter(({ secret }) => secret).flatMap(({ section, part, field }) =>
    text(config[section][part]?.[field]).split(','),
  );
  const inUrls = [config.databaseUrl, config.proxy.http, config.proxy.https, config.proxy.all].flatMap(
    (url) => {
      if (url === null || !URL.canParse(url)) return [];
      const { password } = new URL(url);
      return [password, decodeURIComponent(password)];
    },
  );
  return [config.adminKey, config.client.apiKey, ...external, ...inUrls]
    .map(text)
    .filter((value) => value !== '');
}

/** The fields of the one environment line that a start logs; addresses come without user names and passwords. */
export function describeConfig(config: Config): Record<string, string> {
  const local = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${config.port}`;
  const base = config.publicUrl ?? local;
  const provider = ([name, fields]: readonly [string, Config['providers'][string]]) => {
    const url = fields.base_url ?? fields.url;
    const proxy = config.proxy.https ?? config.proxy.http ?? config.proxy.all;
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
    stores: ['disk', ...Object.keys(config.stores)].join(', '),
    docs: `${base}/docs`,
  };
}
