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
import { Operations } from './operations/operations.ts';
import { operationsRoutes } from './operations/routes.ts';
import { hasAdapter, openConfiguredProviders } from './providers/configured-providers.ts';
import type { ProviderEntry } from './providers/providers.ts';
import { Providers } from './providers/providers.ts';
import { taskRoutes } from './tasks/routes.ts';
import { areTasksEnded, Tasks, type TasksOptions } from './tasks/tasks.ts';
import { registerWebApp } from './web-app.ts';

/** How long the start waits for the first look at all providers. */
const FIRST_PROBE_WAIT_MS = 1_500;
/** The sandbox paints in seconds; what takes longer is stuck. */
const SANDBOX_DEADLINE_MS = 5 * 60_000;

export interface AppOptions {
  config: Config;
  log: RootLogger;
  clock?: Clock;
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
  const clock = options.clock ?? systemClock;
  const db = await openDatabase(config, log);
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
  });
  await media.start();
  const outbound = new LazyOutbound(config, log, clock);
  warnOfUnserved(config, log);
  const providers = new Providers({
    entries: [
      ...(options.providers ?? []),
      ...(await openConfiguredProviders(config.providers, async () => ({
        outbound: await outbound.open(),
        clock,
        log: log.child({ component: 'providers' }),
      }))),
      ...(await sandboxEntry(options, clock)),
    ],
    defaultModel: config.defaultModel,
    priceMicrosByModel: new Map(Object.entries(config.credits.priceMicros)),
    clock,
    log: log.child({ component: 'providers' }),
  });

  const authenticator = createAuthenticator({
    db,
    clock,
    adminAccountId: bootstrap.adminAccountId,
    ticketSecret: bootstrap.ticketSecret,
    adminKey: config.adminKey,
    onBackgroundError: (error) => log.warn({ err: error }, 'the last use of a key could not be written'),
  });
  const hub = new EventHub({ db, clock, log });
  const node = new NodeLease({ db, clock, log });
  const tasks = new Tasks({
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
    onTaskChange: options.onTaskChange,
    callbackUrl: (provider, token) =>
      config.publicUrl && `${config.publicUrl}/v1/callbacks/${provider}/${token}`,
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
        maxBytes: config.outbound.maxDownloadBytes,
        purpose: 'result',
        signal,
      }),
  });
  const operations = new Operations({ config, db, clock, log, media, providers, tasks, node });

  const http = httpOptions(options, { clock, authenticator, operations });
  const server = await createHttpServer(http);
  bindRoutes(server, http, [
    ...accountRoutes({ db, clock, authenticator, opener, ticketSecret: bootstrap.ticketSecret }),
    ...creditRoutes({ db, clock, areTasksTerminal: (taskIds) => areTasksEnded(db.slow, taskIds) }),
    ...mediaRoutes({ db, clock, media }),
    ...taskRoutes({ tasks, providers, media, startedAtS: Math.floor(clock.now() / 1000) }),
    ...compatRoutes({ db, clock, tasks, media }),
    ...operationsRoutes(operations),
  ]);
  await registerDocs(server, {
    document: () => buildOpenApi(allContracts, { version: VERSION }),
    publicUrl: config.publicUrl,
  });
  await registerWebApp(server, { publicUrl: config.publicUrl, origins: config.corsOrigins });

  return assemble({
    config,
    clock,
    server,
    db,
    media,
    providers,
    tasks,
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

async function openDatabase(config: Config, log: RootLogger): Promise<Db> {
  if (config.databaseUrl !== null) {
    const { openPostgresDb } = await import('./kernel/db-postgres.ts');
    return openPostgresDb({ url: config.databaseUrl, log: log.child({ component: 'database' }) });
  }
  const { openSqliteDb } = await import('./kernel/db-sqlite.ts');
  return openSqliteDb({ dataDir: config.dataDir, log: log.child({ component: 'database' }) });
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
  clock: Clock;
  authenticator: Authenticator;
  hub: EventHub;
  node: NodeLease;
  outbound: LazyOutbound;
};

function assemble(parts: Parts): App {
  const { config, clock, server, db, media, providers, tasks } = parts;
  const { operations, authenticator, hub, node, outbound } = parts;
  const drainHttp = createHttpDrain(server, clock);
  let control: Server | null = null;
  let isStarted = false;
  const startEngine = async () => {
    isStarted = true;
    await hub.start();
    await node.start();
    await tasks.engine.start();
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
      hub.close();
      control?.close();
      await Promise.all([drainHttp(), isStarted ? tasks.engine.drain() : null]);
      await Promise.all([providers.close(), media.close(), authenticator.close(), outbound.close()]);
      if (isStarted) await node.close();
      await db.close();
    },
  };
}
