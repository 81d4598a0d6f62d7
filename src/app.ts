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
import { accountRoutes } from './accounts/routes.ts';
import {
  type AppOptions,
  httpOptions,
  LazyOutbound,
  lateMessages,
  openBatches,
  openDatabase,
  openDatabaseClock,
  openManaged,
  openMedia,
  openResize,
  openSeals,
  openStories,
  openTasks,
  openWebhooks,
  resizeEntry,
  sandboxEntry,
  warnOfUnserved,
} from './app-parts.ts';
import type { Batches } from './batches/batches.ts';
import { batchRoutes } from './batches/routes.ts';
import { admitAnonymous, openAnonymousAccount } from './compat/anonymous.ts';
import { compatRoutes } from './compat/routes.ts';
import { allContracts } from './contracts.ts';
import { createAccountOpener } from './credits/credits.ts';
import { creditRoutes } from './credits/routes.ts';
import { type Clock, sleep, systemClock } from './kernel/clock.ts';
import type { Config } from './kernel/config.ts';
import { listenOnControlSocket } from './kernel/control-socket.ts';
import type { Db } from './kernel/db.ts';
import { DatabaseHistory } from './kernel/db-history.ts';
import { registerDocs } from './kernel/docs-page.ts';
import { EventHub } from './kernel/event-hub.ts';
import { createHttpServer } from './kernel/http.ts';
import { createHttpDrain } from './kernel/http-drain.ts';
import { bindRoutes } from './kernel/http-routes.ts';
import { NodeLease } from './kernel/lease.ts';
import { localAuthority } from './kernel/listen-address.ts';
import type { RootLogger } from './kernel/log.ts';
import { buildOpenApi } from './kernel/openapi.ts';
import type { SecretSeals } from './kernel/secret-seals.ts';
import { VERSION } from './kernel/version.ts';
import { type Media, storeOrigins } from './media/media.ts';
import { mediaRoutes } from './media/routes.ts';
import { adminRoutes } from './operations/admin-routes.ts';
import { auditedRoutes } from './operations/audit.ts';
import { deliveryRoutes } from './operations/delivery-routes.ts';
import { LogRing } from './operations/log-ring.ts';
import { guardRole } from './operations/node-role.ts';
import { Operations, type OperationsOptions } from './operations/operations.ts';
import { holdAfterRestore, refuseHalfRestored, resumeCollection } from './operations/restore-state.ts';
import { operationsRoutes } from './operations/routes.ts';
import { StorageQuota } from './operations/storage-quota.ts';
import { Traces } from './operations/traces.ts';
import { LegTester } from './providers/leg-test.ts';
import type { ManagedProviders } from './providers/managed-providers.ts';
import { Providers } from './providers/providers.ts';
import { providerRoutes } from './providers/routes.ts';
import { shareRoutes } from './shares/routes.ts';
import { Shares, type SharesOptions } from './shares/shares.ts';
import { storyRoutes } from './stories/routes.ts';
import type { Stories } from './stories/stories.ts';
import { styleRoutes } from './styles/routes.ts';
import { Styles } from './styles/styles.ts';
import { syncRoutes } from './sync/routes.ts';
import { taskRoutes } from './tasks/routes.ts';
import { areTasksEnded, countOpenByLane, type Tasks } from './tasks/tasks.ts';
import { registerWebApp } from './web-app.ts';
import { webhookRoutes } from './webhooks/routes.ts';
import type { Webhooks } from './webhooks/webhooks.ts';

/** How long the start waits for the first look at all providers. */
const FIRST_PROBE_WAIT_MS = 1_500;
/** What this node knows of the database server's history, in its data folder. */
const HISTORY_FILE = 'database-history.json';

export type { AppOptions };

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
  const quota = new StorageQuota({ db, clock, defaultBytes: config.limits.storageBytesPerAccount });
  const requireStorage = (accountId: string) => quota.requireRoom(accountId);
  const logLines = new LogRing(log, clock.now().toString(36));
  const outbound = new LazyOutbound(config, log, clock);
  const media = openMedia(options, { db, clock, bootstrap, requireStorage, outbound });
  await media.start();
  warnOfUnserved(config, log);
  const seals = await openSeals(options);
  const managed = await openManaged(options, { db, clock, seals, outbound });
  const providers = new Providers({
    entries: [
      ...(options.providers ?? []),
      ...(await managed.openEntries()),
      ...(await sandboxEntry(options, clock)),
      ...(await resizeEntry(config, media)),
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
  managed.attach(providers, () => openResize(media));

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
  const styles = new Styles({ db, clock, media, keeperAccountId: bootstrap.adminAccountId });
  const lower = { db, clock, media, providers, node, hub };
  const traces = new Traces({ db, clock, log });
  const tasks = openTasks(traced(options, traces), { ...lower, outbound, styles, requireStorage });
  const batches = openBatches(options, { db, clock, media, styles, tasks });
  const stories = openStories(options, { ...lower, tasks, styles, managed, outbound });
  const webhooks = await openWebhooks(options, { ...lower, seals, outbound, tasks, batches, stories });
  const sources = shareSources(stories);
  const shares = new Shares({ db, clock, log, media, secret: bootstrap.ticketSecret, config, sources });
  tasks.watchdog.alsoLook(() => lateMessages(webhooks, clock));
  const below = { config, db, clock, log, media, providers };
  const parts = { ...below, tasks, stories, webhooks, node, history, traces };
  const { operations, legTester } = openOperations({ ...parts, managed, outbound });

  const anonymousId = await openAnonymousAccount({ db, clock, log, opener, config });
  const ownHttp = httpOptions(options, { clock, authenticator, operations });
  const http = { ...ownHttp, authenticate: admitAnonymous(ownHttp.authenticate, db, anonymousId) };
  const server = await createHttpServer(http);
  guardRole(server, config);
  const routes = [
    ...accountRoutes({
      db,
      clock,
      authenticator,
      opener,
      ticketSecret: bootstrap.ticketSecret,
      openRegistration: config.accounts.openRegistration,
      oidc: config.oidc && { ...config.oidc, openOutbound: () => outbound.open() },
      closeAccount: (accountId) => tasks.closeAccount(accountId),
    }),
    ...creditRoutes({ db, clock, areTasksTerminal: (taskIds) => areTasksEnded(db.slow, taskIds) }),
    ...mediaRoutes({ db, clock, media, makingOf: (...asked) => tasks.makingOf(...asked) }),
    ...shareRoutes(shares),
    ...styleRoutes(styles),
    ...storyRoutes(stories),
    ...batchRoutes({ batches, media, reader: db.slow }),
    ...taskRoutes({ tasks, providers, startedAtS: Math.floor(clock.now() / 1000) }),
    ...compatRoutes({ ...parts, shares, opener, health: operations.health }),
    ...operatorRoutes({ config, managed, providers, legTester }),
    ...webhookRoutes(webhooks),
    ...syncRoutes({ db, clock }),
    ...operationsRoutes(operations, { resumeCollection: () => resumeCollection(db) }),
    ...deliveryRoutes({ db, clock, backups: operations.backups, quota, logLines, closing: hub.closing }),
    ...adminRoutes({ db, clock, media, providers, tasks }),
  ];
  bindRoutes(server, http, auditedRoutes(routes, { db, clock }));
  await registerDocs(server, {
    document: () => buildOpenApi(allContracts, { version: VERSION }),
    publicUrl: config.publicUrl,
  });
  await registerWebApp(server, {
    publicUrl: config.publicUrl,
    origins: [...config.corsOrigins, ...storeOrigins(config.media)],
    folder: options.webFolder,
  });

  return assemble({
    ...parts,
    server,
    managed,
    seals,
    batches,
    stories,
    shares,
    operations,
    bootstrap,
    authenticator,
    hub,
    outbound,
  });
}

/** What links show of things that rank below them. */
function shareSources(stories: Stories): NonNullable<SharesOptions['sources']> {
  return {
    story: (accountId, id) => stories.shareSource(accountId, id),
    readStory: (accountId, id) => stories.sharedStory(accountId, id),
  };
}

/** Tells traces, too, of every change of a task. */
function traced(options: AppOptions, traces: Traces): AppOptions {
  const onTaskChange: AppOptions['onTaskChange'] = (task) => {
    traces.task(task);
    options.onTaskChange?.(task);
  };
  return { ...options, onTaskChange };
}

/** The operations, and the tester of ways to providers that they share with the operator's routes. */
function openOperations({
  managed,
  outbound,
  ...parts
}: Omit<OperationsOptions, 'openOutbound' | 'testLegs'> & Pick<Parts, 'managed' | 'outbound'>) {
  const { config, providers, clock } = parts;
  const openOutbound = () => outbound.open();
  const legTester = new LegTester({ managed, providers, clock, proxies: config.proxy, openOutbound });
  const testLegs = (provider: string) => legTester.test(provider, null);
  return { operations: new Operations({ ...parts, openOutbound, testLegs }), legTester };
}

/** The routes by which an operator looks after providers. */
function operatorRoutes({
  config,
  managed,
  providers,
  legTester,
}: Pick<Parts, 'config' | 'managed' | 'providers'> & { legTester: LegTester }) {
  const { probeIntervalMs } = config.health;
  return providerRoutes({ managed, providers, probeIntervalMs, legTester });
}

type Parts = Omit<App, 'listen' | 'startEngine' | 'close'> & {
  config: Config;
  log: RootLogger;
  clock: Clock;
  managed: ManagedProviders;
  seals: SecretSeals;
  shares: Shares;
  batches: Batches;
  stories: Stories;
  authenticator: Authenticator;
  hub: EventHub;
  node: NodeLease;
  outbound: LazyOutbound;
};

function assemble(parts: Parts): App {
  const { config, log, clock, server, db, media, providers, tasks } = parts;
  const { managed, webhooks, shares, operations, authenticator, hub, node, outbound } = parts;
  const drainHttp = createHttpDrain(server, clock);
  let control: Server | null = null;
  let isStarted = false;
  const isWorking = config.role !== 'api';
  const startEngine = async () => {
    isStarted = true;
    await hub.start();
    await node.start();
    if (isWorking) {
      await holdAfterRestore({ db, clock, log, providers, tasks });
      await tasks.engine.start();
      tasks.watchdog.start();
      webhooks.start();
      parts.batches.start();
      parts.stories.start();
    }
    managed.start();
    media.startMoving();
    // A provider that does not answer must not hold the start up; until it has, it counts as usable.
    await Promise.race([providers.startProbing(), sleep(clock, FIRST_PROBE_WAIT_MS)]);
    await parts.media.startGallery();
    operations.start();
  };
  return {
    ...parts,
    startEngine,
    async listen() {
      await server.ready();
      let port: number | null = null;
      control = await listenOnControlSocket({
        dataDir: config.dataDir,
        listensAt: () => (port === null ? null : localAuthority(config.host, port)),
        handle: (request, response) => server.routing(request, response),
      });
      if (isWorking) await parts.seals.sealPlain();
      await startEngine();
      await server.listen({ host: config.host, port: config.port });
      const address = server.server.address();
      port = typeof address === 'object' && address ? address.port : config.port;
      return port;
    },
    async close() {
      operations.close();
      tasks.watchdog.stop();
      hub.close();
      control?.close();
      await Promise.all([drainHttp(), isStarted && isWorking ? tasks.engine.drain() : null]);
      if (isStarted && isWorking)
        await Promise.all([webhooks.close(), parts.batches.close(), parts.stories.close()]);
      await managed.close();
      await shares.close();
      await Promise.all([providers.close(), media.close(), authenticator.close(), outbound.close()]);
      if (isStarted) await node.close();
      await db.close();
    },
  };
}
