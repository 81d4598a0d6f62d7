// The composition root: builds the database, the stores, the providers and the slices, registers the routes, starts the
// loops. Reads top to bottom; everything below it gets what it needs handed in.
import type { Server } from 'node:http';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import {
  type Authenticator,
  type Bootstrap,
  createAuthenticator,
  ensureBootstrap,
} from './accounts/accounts.ts';
import { accountRoutes, authenticateRequest } from './accounts/routes.ts';
import { compatRoutes } from './compat/routes.ts';
import { allContracts } from './contracts.ts';
import { createAccountOpener } from './credits/credits.ts';
import { creditRoutes } from './credits/routes.ts';
import { type Clock, sleep, systemClock } from './kernel/clock.ts';
import type { Config } from './kernel/config.ts';
import { listenOnControlSocket } from './kernel/control-socket.ts';
import type { Db } from './kernel/db.ts';
import { DatabaseClock, readDatabaseTime } from './kernel/db-clock.ts';
import { DatabaseHistory } from './kernel/db-history.ts';
import { openPatiently } from './kernel/db-patience.ts';
import { registerDocs } from './kernel/docs-page.ts';
import { EventHub } from './kernel/event-hub.ts';
import { createHttpServer, type HttpOptions } from './kernel/http.ts';
import { createHttpDrain } from './kernel/http-drain.ts';
import { bindRoutes } from './kernel/http-routes.ts';
import { NodeLease } from './kernel/lease.ts';
import type { RootLogger } from './kernel/log.ts';
import { buildOpenApi } from './kernel/openapi.ts';
import type { Outbound } from './kernel/outbound.ts';
import type { DownloadOptions } from './kernel/outbound-download.ts';
import { VERSION } from './kernel/version.ts';
import { createMedia, type Media } from './media/media.ts';
import { mediaRoutes } from './media/routes.ts';
import { backupReplica } from './operations/backup-replica.ts';
import { Operations } from './operations/operations.ts';
import { holdAfterRestore, refuseHalfRestored, resumeCollection } from './operations/restore-state.ts';
import { operationsRoutes } from './operations/routes.ts';
import { hasAdapter } from './providers/configured-providers.ts';
import { LegTester } from './providers/leg-test.ts';
import { ManagedProviders } from './providers/managed-providers.ts';
import type { ProviderEntry } from './providers/providers.ts';
import { Providers } from './providers/providers.ts';
import { providerRoutes } from './providers/routes.ts';
import { SecretVault } from './providers/secrets.ts';
import { taskRoutes } from './tasks/routes.ts';
import {
  areTasksEnded,
  callbackAddress,
  countOpenByLane,
  findTask,
  Tasks,
  type TasksOptions,
  type WatchdogFinding,
} from './tasks/tasks.ts';
import { registerWebApp } from './web-app.ts';
import { webhookRoutes } from './webhooks/routes.ts';
import { checkReceiverUrl, Webhooks } from './webhooks/webhooks.ts';

/** How long the start waits for the first look at all providers. */
const FIRST_PROBE_WAIT_MS = 1_500;
/** What this node knows of the database server's history, in its data folder. */
const HISTORY_FILE = 'database-history.json';
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
  /** Removes the provider secrets that were set at run time, readable or not: for when their key is lost. */
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

export interface App {
  server: FastifyInstance;
  db: Db;
  media: Media;
  providers: Providers;
  tasks: Tasks;
  webhooks: Webhooks;
  operations: Operations;
  bootstrap: Bootstrap;
  /** Serves on TCP and on the control socket; resolves with the port. */
  listen(): Promise<number>;
  /** Starts the engine and the probes without listening: for commands that work without a server. */
  startEngine(): Promise<void>;
  /** Drains and closes everything, in reverse; safe to call once started or not. */
  close(): Promise<void>;
}

/** Builds the whole program over its data. Throws `conflict` when another process has the data directory. */
export async function createApp(options: AppOptions): Promise<App> {
  const { config, log } = options;
  refuseHalfRestored(config.dataDir);
  const db = await openDatabase(options);
  const databaseClock = await openDatabaseClock(options, db);
  const clock = options.clock ?? databaseClock ?? options.machineClock ?? systemClock;
  const history =
    db.dialect === 'postgres' ? new DatabaseHistory(db, join(config.dataDir, HISTORY_FILE)) : null;
  const opener = createAccountOpener(db, config.credits.startingGrantMicros);
  const bootstrap = await ensureBootstrap(db, clock, opener);
  const media = createMedia({
    db,
    clock,
    log: log.child({ component: 'media' }),
    root: config.media.root,
    uploadBytes: config.media.uploadMaxBytes,
    maxPixels: config.media.maxPixels,
    keepPromptMetadata: config.media.keepPromptMetadata,
    // Under private access a URL opens its picture by a signature of this key, the same on every node.
    signingKey: config.media.access === 'private' ? Buffer.from(bootstrap.ticketSecret) : null,
    replica: backupReplica(config.dataDir),
  });
  await media.start();
  const outbound = new LazyOutbound(config, log, clock);
  warnOfUnserved(config, log);
  const managed = await openManaged(options, { db, clock, outbound });
  const providers = new Providers({
    entries: [
      ...(options.providers ?? []),
      ...(await managed.openEntries()),
      ...(await sandboxEntry(options, clock)),
    ],
    defaultModel: config.defaultModel,
    priceMicrosByModel: new Map(Object.entries(config.credits.priceMicros)),
    routing: new Map(Object.entries(config.models)),
    probeIntervalMs: config.health.probeIntervalMs,
    countTasks: () => countOpenByLane(db.slow),
    db,
    clock,
    log: log.child({ component: 'providers' }),
  });
  managed.attach(providers);

  const authenticator = createAuthenticator({
    db,
    clock,
    adminAccountId: bootstrap.adminAccountId,
    ticketSecret: bootstrap.ticketSecret,
    adminKey: config.adminKey,
    onBackgroundError: (error) => log.warn({ err: error }, 'the last use of a key could not be written'),
  });
  const hub = new EventHub({ db, clock, log });
  // The lease is the database's, whatever time the rest is told.
  const leaseClock = db.dialect === 'postgres' ? (options.machineClock ?? systemClock) : clock;
  const node = new NodeLease({ db, clock: leaseClock, log, history, databaseClock });
  const tasks = openTasks(options, { db, clock, media, providers, node, hub, outbound });
  const webhooks = openWebhooks(options, { db, clock, node, outbound, tasks });
  tasks.watchdog.alsoLook(() => lateMessages(webhooks, clock));
  const parts = { config, db, clock, log, media, providers, tasks, webhooks, node, history };
  const operations = new Operations(parts);

  const http = httpOptions(options, { clock, authenticator, operations });
  const server = await createHttpServer(http);
  bindRoutes(server, http, [
    ...accountRoutes({
      db,
      clock,
      authenticator,
      opener,
      ticketSecret: bootstrap.ticketSecret,
      closeAccount: (accountId) => tasks.closeAccount(accountId),
    }),
    ...creditRoutes({ db, clock, areTasksTerminal: (taskIds) => areTasksEnded(db.slow, taskIds) }),
    ...mediaRoutes({ db, clock, media }),
    ...taskRoutes({ tasks, providers, startedAtS: Math.floor(clock.now() / 1000) }),
    ...compatRoutes({ db, clock, tasks, media }),
    ...operatorRoutes({ config, managed, providers, clock, outbound }),
    ...webhookRoutes(webhooks),
    ...operationsRoutes(operations, { resumeCollection: () => resumeCollection(db) }),
  ]);
  await registerDocs(server, {
    document: () => buildOpenApi(allContracts, { version: VERSION }),
    publicUrl: config.publicUrl,
  });
  await registerWebApp(server, {
    publicUrl: config.publicUrl,
    origins: config.corsOrigins,
    folder: options.webFolder,
  });

  return assemble({
    config,
    log,
    clock,
    server,
    db,
    media,
    managed,
    providers,
    tasks,
    webhooks,
    operations,
    bootstrap,
    authenticator,
    hub,
    node,
    outbound,
  });
}

/** What the HTTP server needs of the configuration and the slices. */
function httpOptions(
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
    corsOrigins: config.corsOrigins,
    requestsPerMinute: config.limits.requestsPerMinute,
    anonymousRequestsPerMinute: config.limits.anonymousRequestsPerMinute,
    authenticate: authenticateRequest(authenticator, config.publicUrl),
    onRequestEnded: (request) => operations.observeRequest(request),
    onAnswerMismatch,
  };
}

/** The tasks, with their ways to fetch what callers name and what providers made. */
function openTasks(
  { config, log, onTaskChange }: AppOptions,
  parts: Pick<TasksOptions, 'db' | 'clock' | 'media' | 'providers' | 'node' | 'hub'> & {
    outbound: LazyOutbound;
  },
): Tasks {
  const { db, clock, media, providers, node, hub, outbound } = parts;
  return new Tasks({
    db,
    clock,
    log: log.child({ component: 'tasks' }),
    media,
    providers,
    node,
    hub,
    maxOpenTasks: config.tasks.maxQueuedPerAccount,
    maxStreams: config.limits.streamsPerAccount,
    deadlineMs: config.tasks.deadlineMs,
    onTaskChange,
    watchdog: config.watchdog,
    callbackUrl: (provider, token) => callbackAddress(config.publicUrl, provider, token),
    checkWebhookUrl: (url) => checkReceiverUrl(url, config.outbound.allowHosts, '/webhook_url'),
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

/** The messages that tell of tasks: addresses in them start with the public one, or with what their maker used. */
function openWebhooks(
  { config, log }: AppOptions,
  {
    db,
    clock,
    node,
    outbound,
    tasks,
  }: { db: Db; clock: Clock; node: NodeLease; outbound: LazyOutbound; tasks: Tasks },
): Webhooks {
  return new Webhooks({
    db,
    clock,
    log: log.child({ component: 'webhooks' }),
    node,
    outbound: () => outbound.open(),
    async describeTask(taskId, baseUrl) {
      const task = await findTask(db.read, taskId);
      return task ? tasks.view({ baseUrl, language: 'en' }, task) : null;
    },
    publicUrl: config.publicUrl,
    localUrl: `http://${config.host}:${config.port}`,
    allowHosts: config.outbound.allowHosts,
  });
}

/** Messages that are due are sent within seconds; where one waits long, nobody sends them. */
async function lateMessages(webhooks: Webhooks, clock: Clock): Promise<WatchdogFinding[]> {
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
class LazyOutbound {
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

/** The configured providers with the secrets set at run time. Throws `validation_failed` and `secrets_key_wrong`. */
async function openManaged(
  { config, log, forgetSecrets }: AppOptions,
  { db, clock, outbound }: { db: Db; clock: Clock; outbound: LazyOutbound },
): Promise<ManagedProviders> {
  const providerLog = log.child({ component: 'providers' });
  if (forgetSecrets) {
    const forgotten = await SecretVault.forget(db);
    providerLog.warn({ forgotten }, 'stored provider secrets were removed');
  }
  const { dataDir, secretsKey } = config;
  const vault = await SecretVault.open({ db, clock, log: providerLog, dataDir, keys: secretsKey });
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

/** The routes by which an operator looks after providers. */
function operatorRoutes({
  config,
  managed,
  providers,
  clock,
  outbound,
}: Pick<Parts, 'config' | 'managed' | 'providers' | 'clock' | 'outbound'>) {
  return providerRoutes({
    managed,
    providers,
    probeIntervalMs: config.health.probeIntervalMs,
    legTester: new LegTester({
      managed,
      providers,
      clock,
      proxies: config.proxy,
      openOutbound: () => outbound.open(),
    }),
  });
}

const proxyOf = (proxy: string | null) => (proxy === null ? {} : { proxy });

/** Settings of providers and stores that this version does not know must not look as if they worked. */
function warnOfUnserved(config: Config, log: RootLogger): void {
  for (const section of ['providers', 'stores'] as const) {
    const names = Object.keys(config[section]).filter((name) => section !== 'providers' || !hasAdapter(name));
    if (names.length === 0) continue;
    log.warn(
      { [section]: names },
      `${section} are configured that this version cannot use yet; their settings have no effect`,
    );
  }
}

/** One time for all nodes, unless the caller brings its own. */
async function openDatabaseClock(
  { clock, machineClock = systemClock }: AppOptions,
  db: Db,
): Promise<DatabaseClock | null> {
  if (clock || db.dialect === 'sqlite') return null;
  const databaseClock = new DatabaseClock(machineClock);
  databaseClock.set(await readDatabaseTime(db.read, machineClock.now()));
  return databaseClock;
}

async function openDatabase({ config, log: root, databasePatienceMs = 0 }: AppOptions): Promise<Db> {
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

async function sandboxEntry({ config, sandbox }: AppOptions, clock: Clock): Promise<ProviderEntry[]> {
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

type Parts = Omit<App, 'listen' | 'startEngine' | 'close'> & {
  config: Config;
  log: RootLogger;
  clock: Clock;
  managed: ManagedProviders;
  authenticator: Authenticator;
  hub: EventHub;
  node: NodeLease;
  outbound: LazyOutbound;
};

function assemble(parts: Parts): App {
  const { config, log, clock, server, db, media, providers, tasks } = parts;
  const { managed, webhooks, operations, authenticator, hub, node, outbound } = parts;
  const drainHttp = createHttpDrain(server, clock);
  let control: Server | null = null;
  let isStarted = false;
  const startEngine = async () => {
    isStarted = true;
    await hub.start();
    await node.start();
    await holdAfterRestore({ db, clock, log, providers, tasks });
    await tasks.engine.start();
    tasks.watchdog.start();
    webhooks.start();
    managed.start();
    // A provider that does not answer must not hold the start up; until it has, it counts as usable.
    await Promise.race([providers.startProbing(), sleep(clock, FIRST_PROBE_WAIT_MS)]);
    operations.start();
  };
  return {
    ...parts,
    startEngine,
    async listen() {
      await server.ready();
      control = await listenOnControlSocket(config.dataDir, (request, response) =>
        server.routing(request, response),
      );
      await startEngine();
      await server.listen({ host: config.host, port: config.port });
      const address = server.server.address();
      return typeof address === 'object' && address ? address.port : config.port;
    },
    async close() {
      operations.close();
      tasks.watchdog.stop();
      hub.close();
      control?.close();
      await Promise.all([drainHttp(), isStarted ? tasks.engine.drain() : null]);
      if (isStarted) await webhooks.close();
      await managed.close();
      await Promise.all([providers.close(), media.close(), authenticator.close(), outbound.close()]);
      if (isStarted) await node.close();
      await db.close();
    },
  };
}
