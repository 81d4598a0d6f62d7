// How each part of the program is opened from the configuration: what app.ts puts together. Nothing here starts working.
import { join } from 'node:path';
import type { Authenticator, Bootstrap } from './accounts/accounts.ts';
import { authenticateRequest } from './accounts/routes.ts';
import { Batches } from './batches/batches.ts';
import { type Clock, systemClock } from './kernel/clock.ts';
import type { Config } from './kernel/config.ts';
import type { Db } from './kernel/db.ts';
import { DatabaseClock, readDatabaseTime } from './kernel/db-clock.ts';
import { openPatiently } from './kernel/db-patience.ts';
import type { HttpOptions } from './kernel/http.ts';
import type { NodeLease } from './kernel/lease.ts';
import { localAuthority } from './kernel/listen-address.ts';
import type { RootLogger } from './kernel/log.ts';
import type { Outbound } from './kernel/outbound.ts';
import type { DownloadOptions } from './kernel/outbound-download.ts';
import { SecretSeals } from './kernel/secret-seals.ts';
import { createMedia, type Media } from './media/media.ts';
import { backupReplica } from './operations/backup-replica.ts';
import { requireWorkers } from './operations/node-role.ts';
import type { Operations } from './operations/operations.ts';
import { hasAdapter, sectionsInUse } from './providers/configured-providers.ts';
import { ManagedProviders } from './providers/managed-providers.ts';
import type { ProviderEntry } from './providers/providers.ts';
import { SecretVault } from './providers/secrets.ts';
import { Stories, type StoriesOptions } from './stories/stories.ts';
import type { Styles } from './styles/styles.ts';
import { callbackAddress, findTask, Tasks, type TasksOptions, type WatchdogFinding } from './tasks/tasks.ts';
import { checkReceiverUrl, Webhooks } from './webhooks/webhooks.ts';

/** A webhook message that waits longer after its time is one that nobody sends. */
const MESSAGES_LATE_MS = 10 * 60_000;
/** The sandbox paints in seconds; what takes longer is stuck. */
const SANDBOX_DEADLINE_MS = 5 * 60_000;

export interface AppOptions {
  config: Config;
  log: RootLogger;
  /** All time there is; without it the machine's, and with several nodes the database's. */
  clock?: Clock;
  machineClock?: Clock;
  /** How long a database server that is not up yet is waited for. */
  databasePatienceMs?: number;
  /** Removes provider secrets set at run time, and what cannot be read of webhooks' secrets: for when their key is lost. */
  forgetSecrets?: boolean;
  /** A built studio other than the checkout's own: for tests. */
  webFolder?: string | undefined;
  /** Further providers, or other settings of the sandbox: for tests and benchmarks. */
  providers?: readonly ProviderEntry[];
  sandbox?: { instantPicture?: boolean; paintDelayMs?: number };
  onAnswerMismatch?: HttpOptions['onAnswerMismatch'];
  /** Told of every committed change of a task: for measurements. */
  onTaskChange?: TasksOptions['onTaskChange'];
}

/** The pictures, with every store that the configuration names. */
export function openMedia(
  { config, log }: AppOptions,
  {
    db,
    clock,
    bootstrap,
    requireStorage,
    outbound,
  }: {
    db: Db;
    clock: Clock;
    bootstrap: Bootstrap;
    requireStorage: (accountId: string) => Promise<void>;
    outbound: LazyOutbound;
  },
): Media {
  return createMedia({
    requireRoom: requireStorage,
    uploadKeepMs: config.retention.uploadsMs,
    db,
    clock,
    log: log.child({ component: 'media' }),
    root: config.media.root,
    uploadBytes: config.media.uploadMaxBytes,
    maxPixels: config.media.maxPixels,
    keepPromptMetadata: config.media.keepPromptMetadata,
    accelLocation: config.media.accelLocation,
    // Under private access a URL opens its picture by a signature of this key, the same on every node.
    signingKey: config.media.access === 'private' ? Buffer.from(bootstrap.ticketSecret) : null,
    replica: backupReplica(config.dataDir),
    stores: config.media.stores,
    serve: config.media.serve,
    openOutbound: () => outbound.open(),
  });
}

/** What the HTTP server needs of the configuration and the slices. */
export function httpOptions(
  { config, log, onAnswerMismatch }: AppOptions,
  {
    clock,
    authenticator,
    operations,
  }: { clock: Clock; authenticator: Authenticator; operations: Operations },
): HttpOptions {
  return {
    log: log.child({ component: 'http' }),
    clock,
    publicUrl: config.publicUrl,
    trustedProxies: config.trustedProxies,
    trustLoopback: config.trustLoopback,
    corsOrigins: config.corsOrigins,
    requestsPerMinute: config.limits.requestsPerMinute,
    anonymousRequestsPerMinute: config.limits.anonymousRequestsPerMinute,
    authenticate: authenticateRequest(authenticator, config.publicUrl),
    onRequestEnded: (request) => operations.observeRequest(request),
    onAnswerMismatch,
  };
}

/** The tasks, with their ways to fetch what callers name and what providers made. */
export function openTasks(
  { config, log, onTaskChange }: AppOptions,
  parts: Pick<TasksOptions, 'db' | 'clock' | 'media' | 'providers' | 'node' | 'hub' | 'requireStorage'> & {
    outbound: LazyOutbound;
    styles: Styles;
  },
): Tasks {
  const { db, clock, media, providers, node, hub, outbound, styles } = parts;
  return new Tasks({
    db,
    clock,
    log: log.child({ component: 'tasks' }),
    media,
    providers,
    node,
    hub,
    maxOpenTasks: config.tasks.maxQueuedPerAccount,
    maxOpenBatchItems: config.tasks.maxQueuedBatchItems,
    maxStreams: config.limits.streamsPerAccount,
    deadlineMs: config.tasks.deadlineMs,
    onTaskChange,
    watchdog: config.watchdog,
    callbackUrl: (provider, token) => callbackAddress(config.publicUrl, provider, token),
    requireStorage: parts.requireStorage,
    checkWebhookUrl: (url) => checkReceiverUrl(url, config.outbound.allowHosts, '/webhook_url'),
    resolveStyle: (id, prompt) => styles.resolve(id, prompt),
    fetchPicture: (url, signal) =>
      outbound.download('caller', {
        url,
        allow: 'public',
        maxBytes: media.uploadBytes,
        purpose: 'input picture',
        signal,
      }),
    downloadResult: (url, provider, signal) =>
      outbound.download('provider', {
        url,
        allow: 'public',
        allowHosts: providers.trustedHosts(provider),
        ...proxyOf(providers.proxy(provider)),
        maxBytes: config.outbound.maxDownloadBytes,
        purpose: 'result',
        signal,
      }),
  });
}

/** Many pictures at once; the event streams tell of them too. */
export function openBatches(
  { log }: AppOptions,
  parts: { db: Db; clock: Clock; media: Media; styles: Styles; tasks: Tasks },
): Batches {
  const batches = new Batches({ ...parts, log: log.child({ component: 'batches' }) });
  parts.tasks.showBatchesBy((accountId, ids, view) => batches.describeFor(accountId, ids, view));
  return batches;
}

/** Stories, with the writer that the providers' sections in force ask for. */
export function openStories(
  { config, log }: AppOptions,
  {
    managed,
    outbound,
    ...parts
  }: Omit<StoriesOptions, 'log' | 'defaults' | 'sections' | 'openWriter'> & {
    managed: ManagedProviders;
    outbound: LazyOutbound;
  },
): Stories {
  const world = async () => ({ outbound: await outbound.open(), clock: parts.clock, log });
  const stories = new Stories({
    ...parts,
    log,
    defaults: config.stories,
    sections: () => {
      const { sections } = managed;
      return Object.fromEntries(sectionsInUse(sections).map((name) => [name, sections[name] ?? {}]));
    },
    openWriter: async (sections) => {
      const { openStoryWriter } = await import('./providers/chat/open-story-writer.ts');
      return openStoryWriter(sections, world);
    },
  });
  parts.tasks.showKind(stories.streamed);
  return stories;
}

/**
 * The messages that tell of tasks: addresses in them start with the public one, or with what their maker used. They are the
 * last that keep something sealed, so a change of keys that was cut off is finished here.
 */
export async function openWebhooks(
  { config, log, forgetSecrets }: AppOptions,
  {
    db,
    clock,
    node,
    seals,
    outbound,
    tasks,
    batches,
    stories,
  }: {
    db: Db;
    clock: Clock;
    node: NodeLease;
    seals: SecretSeals;
    outbound: LazyOutbound;
    tasks: Tasks;
    batches: Batches;
    stories: Stories;
  },
): Promise<Webhooks> {
  const webhooks = new Webhooks({
    db,
    clock,
    log: log.child({ component: 'webhooks' }),
    node,
    seals,
    outbound: () => outbound.open(),
    async describeTask(taskId, baseUrl) {
      const task = await findTask(db.read, taskId);
      return task ? tasks.view({ baseUrl, language: 'en' }, task) : null;
    },
    describeBatch: (batchId, baseUrl) => batches.describe(batchId, baseUrl),
    describeStory: (storyId, pageId, baseUrl) => stories.describe(storyId, pageId, baseUrl),
    publicUrl: config.publicUrl,
    localUrl: `http://${localAuthority(config.host, config.port)}`,
    allowHosts: config.outbound.allowHosts,
  });
  if (forgetSecrets) {
    const forgotten = await webhooks.forgetUnreadableSecrets();
    if (forgotten > 0) log.warn({ forgotten }, 'webhook secrets that could not be decrypted were removed');
  }
  await seals.settle();
  return webhooks;
}

/** Messages that are due are sent within seconds; where one waits long, nobody sends them. */
export async function lateMessages(webhooks: Webhooks, clock: Clock): Promise<WatchdogFinding[]> {
  const dueAt = await webhooks.oldestDueAt();
  if (dueAt === null || clock.now() - dueAt < MESSAGES_LATE_MS) return [];
  return [
    {
      kind: 'messages_late',
      taskId: null,
      what: 'Webhook messages that are due are not sent.',
      evidence: [`the oldest is due since ${new Date(dueAt).toISOString()}`],
      action: 'report',
      reason: 'They are kept and sent as soon as a sender works again; restart the server if it does not.',
      from: 'pending',
      to: 'pending',
      result: null,
      note: null,
    },
  ];
}

/** Outbound HTTP at its first use: an idle server need not carry its client (5 MB resident). */
export class LazyOutbound {
  readonly #open: () => Promise<Outbound>;
  #opened: Promise<Outbound> | null = null;

  constructor(config: Config, log: RootLogger, clock: Clock) {
    const { outbound: timeouts } = config;
    this.#open = async () => {
      const { createOutbound } = await import('./kernel/outbound.ts');
      return createOutbound({
        clock,
        log: log.child({ component: 'outbound' }),
        timeouts,
        allowHosts: timeouts.allowHosts,
        proxies: config.proxy,
      });
    };
  }

  open(): Promise<Outbound> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  /** A picture's bytes; an address that a caller gave fails without a reason that maps our network. */
  async download(from: 'caller' | 'provider', options: DownloadOptions): Promise<AsyncIterable<Uint8Array>> {
    const outbound = await this.open();
    const { download, downloadForCaller } = await import('./kernel/outbound-download.ts');
    return (from === 'caller' ? downloadForCaller : download)(outbound, options);
  }

  async close(): Promise<void> {
    await (await this.#opened)?.close();
  }
}

/** The keys of what is stored sealed. Throws `secrets_key_wrong` for a key file that holds no key. */
export function openSeals({ config, log }: AppOptions): Promise<SecretSeals> {
  const { dataDir, secretsKey } = config;
  return SecretSeals.open({ dataDir, ...secretsKey, log: log.child({ component: 'secrets' }) });
}

/** The configured providers with the secrets set at run time. Throws `validation_failed` and `secrets_key_wrong`. */
export async function openManaged(
  { config, log, forgetSecrets }: AppOptions,
  { db, clock, seals, outbound }: { db: Db; clock: Clock; seals: SecretSeals; outbound: LazyOutbound },
): Promise<ManagedProviders> {
  const providerLog = log.child({ component: 'providers' });
  if (forgetSecrets) {
    const forgotten = await SecretVault.forget(db);
    providerLog.warn({ forgotten }, 'stored provider secrets were removed');
  }
  const vault = await SecretVault.open({ db, clock, seals });
  return ManagedProviders.open({
    config,
    vault,
    db,
    clock,
    log: providerLog,
    learnSecret: (secret) => log.learn(secret),
    openWorld: async () => ({ outbound: await outbound.open(), clock, log: providerLog }),
  });
}

const proxyOf = (proxy: string | null) => (proxy === null ? {} : { proxy });

/** Settings of providers and stores that this version does not know must not look as if they worked. */
export function warnOfUnserved(config: Config, log: RootLogger): void {
  const isServed = {
    providers: hasAdapter,
    stores: (name: string) => ['r2', 's3', 'imgbb'].includes(name),
  };
  for (const section of ['providers', 'stores'] as const) {
    const names = Object.keys(config[section]).filter((name) => !isServed[section](name));
    if (names.length === 0) continue;
    log.warn(
      { [section]: names },
      `${section} are configured that this version cannot use yet; their settings have no effect`,
    );
  }
}

/** One time for all nodes, unless the caller brings its own. */
export async function openDatabaseClock(
  { clock, machineClock = systemClock }: AppOptions,
  db: Db,
): Promise<DatabaseClock | null> {
  if (clock || db.dialect === 'sqlite') return null;
  const databaseClock = new DatabaseClock(machineClock);
  databaseClock.set(await readDatabaseTime(db.read, machineClock.now()));
  return databaseClock;
}

export async function openDatabase({ config, log: root, databasePatienceMs = 0 }: AppOptions): Promise<Db> {
  requireWorkers(config);
  const { databaseUrl: url } = config;
  if (url !== null) {
    const { openPostgresDb } = await import('./kernel/db-postgres.ts');
    const log = root.child({ component: 'database' });
    const patience = { clock: systemClock, log, longestMs: databasePatienceMs };
    return openPatiently(() => openPostgresDb({ url, log }), patience);
  }
  const { openSqliteDb } = await import('./kernel/db-sqlite.ts');
  return openSqliteDb({ dataDir: config.dataDir, log: root.child({ component: 'database' }) });
}

export async function sandboxEntry({ config, sandbox }: AppOptions, clock: Clock): Promise<ProviderEntry[]> {
  if (!config.sandbox.enabled) return [];
  const { createSandboxProvider } = await import('./providers/sandbox/sandbox.ts');
  const adapter = await createSandboxProvider({
    stateDir: join(config.dataDir, 'sandbox'),
    clock,
    slowSeconds: config.sandbox.slowMs / 1000,
    faults: config.sandbox.faults,
    ...sandbox,
  });
  return [{ adapter, lane: { concurrency: config.sandbox.concurrency, deadlineMs: SANDBOX_DEADLINE_MS } }];
}

/** Plain enlargement beside real providers, of which many cannot upscale; the sandbox alone can. */
export async function resizeEntry(config: Config, media: Media): Promise<ProviderEntry[]> {
  return Object.keys(config.providers).some(hasAdapter) ? openResize(media) : [];
}

/** The same for the first real provider that is set up at run time. */
export async function openResize(media: Media): Promise<ProviderEntry[]> {
  const { createResizeProvider } = await import('./providers/resize/resize.ts');
  const adapter = createResizeProvider({ enlarge: (path, size) => media.enlarge(path, size) });
  return [{ adapter, lane: { concurrency: 1, deadlineMs: SANDBOX_DEADLINE_MS }, isHelper: true }];
}
