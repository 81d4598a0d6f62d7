// Several scripted providers behind one engine, on a fresh database: what a task meets when one of them fails.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { balanceOf, createAccountOpener, verifyLedger } from '../../src/credits/credits.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { EventHub } from '../../src/kernel/event-hub.ts';
import { newId } from '../../src/kernel/id.ts';
import { NodeLease } from '../../src/kernel/lease.ts';
import { createMemoryLogger } from '../../src/kernel/log.ts';
import type { Access } from '../../src/kernel/route.ts';
import { createMedia } from '../../src/media/media.ts';
import type {
  Credential,
  JobCall,
  ProbeResult,
  ProviderAdapter,
  ProviderCall,
  ProviderModel,
  SubmitCall,
} from '../../src/providers/provider.ts';
import { type LaneSettings, type ModelRouting, Providers } from '../../src/providers/providers.ts';
import { createTaskBody } from '../../src/tasks/contract.ts';
import { findTask, listAttempts } from '../../src/tasks/read-store.ts';
import { Tasks } from '../../src/tasks/tasks.ts';
import { FakeClock, until } from './clock.ts';
import { type DatabaseKind, openTestDb } from './database.ts';
import { ScriptedProvider } from './scripted-provider.ts';

export interface ChannelOptions {
  model?: string;
  priceMicros?: number;
  endpoints?: readonly string[];
  credentials?: readonly Credential[];
  script?: ConstructorParameters<typeof ScriptedProvider>[0];
}

/** A scripted provider under a name of its own, with accounts and probes that a test decides. */
export class FleetProvider implements ProviderAdapter {
  readonly name: string;
  readonly models: readonly ProviderModel[];
  readonly credentials?: readonly Credential[];
  endpoints: readonly string[];
  readonly script: ScriptedProvider;
  /** Each submit's account and the time it came, by `clock`. */
  readonly log: { credential: string | null; at: number }[] = [];
  readonly probed: (string | null)[] = [];
  onProbe: (credential: string | null) => Promise<ProbeResult> = async () => ({ note: null });
  clock: Pick<FakeClock, 'now'> | null = null;

  constructor(name: string, options: ChannelOptions = {}) {
    this.name = name;
    this.script = new ScriptedProvider(options.script);
    const [model] = this.script.models;
    assert.ok(model);
    const priceMicros = options.priceMicros ?? model.priceMicros;
    this.models = [{ ...model, name: options.model ?? 'picture', priceMicros }];
    this.endpoints = options.endpoints ?? [];
    if (options.credentials) this.credentials = options.credentials;
  }

  submit(call: SubmitCall) {
    this.log.push({ credential: call.credential ?? null, at: this.clock?.now() ?? 0 });
    return this.script.submit(call);
  }

  poll(call: JobCall) {
    return this.script.poll(call);
  }

  lookup(call: ProviderCall) {
    return this.script.lookup(call);
  }

  cancel(call: ProviderCall & { jobId: string }) {
    return this.script.cancel(call);
  }

  probe({ credential }: { credential?: string | null }) {
    this.probed.push(credential ?? null);
    return this.onProbe(credential ?? null);
  }

  async close() {}
}

export type Fleet = Awaited<ReturnType<typeof openFleet>>;

export interface FleetOptions {
  lanes?: Record<string, Partial<LaneSettings>>;
  routing?: Record<string, ModelRouting>;
  deadlineMs?: number;
  maxOpenTasks?: number;
  startingCredits?: number;
}

const DEADLINE_MS = 600_000;

/** Opens a database, an account and one node over these providers. */
export async function openFleet(
  kind: DatabaseKind,
  channels: readonly FleetProvider[],
  options: FleetOptions = {},
) {
  const opened = await openTestDb(kind);
  const root = mkdtempSync(join(tmpdir(), 'drawbridge-fleet-'));
  const clock = new FakeClock();
  const log = createMemoryLogger();
  const { db } = opened;
  for (const channel of channels) channel.clock = clock;
  const media = createMedia({ db, clock: systemClock, log, root, minFreeBytes: 0 });
  await media.start();
  const accountId = newId('acct', clock.now());
  const accounts = [{ id: accountId, name: 'test', role: 'member' as const }];
  const credits = (options.startingCredits ?? 20) * 1e6;
  await createAccountOpener(db, credits).open({ accounts, now: clock.now() });
  const access: Access = {
    accountId,
    scopes: new Set(['tasks:write', 'tasks:read']),
    via: 'key',
    credentialId: 'key_t',
  };
  const makeProviders = (routing = options.routing ?? {}) =>
    new Providers({
      entries: channels.map((adapter) => ({
        adapter,
        lane: {
          concurrency: 4,
          deadlineMs: options.deadlineMs ?? DEADLINE_MS,
          ...options.lanes?.[adapter.name],
        },
      })),
      defaultModel: null,
      priceMicrosByModel: new Map(),
      routing: new Map(Object.entries(routing)),
      db,
      clock,
      log,
    });
  const providers = makeProviders();
  const hub = new EventHub({ db, clock, log });
  await hub.start();
  // The lease is the database's, and a server's time cannot be turned.
  const node = new NodeLease({ db, clock: db.dialect === 'postgres' ? systemClock : clock, log });
  await node.start();
  const tasks = new Tasks({
    db,
    clock,
    log,
    media,
    providers,
    node,
    hub,
    maxOpenTasks: options.maxOpenTasks ?? 1_000,
    maxStreams: 10,
    deadlineMs: null,
    callbackUrl: () => null,
    fetchPicture: () => Promise.reject(new Error('unused')),
    downloadResult: () => Promise.reject(new Error('unused')),
  });
  await tasks.engine.start();
  const task = async (id: string) => {
    const row = await findTask(db.read, id);
    assert.ok(row);
    return row;
  };
  return {
    db,
    clock,
    log,
    providers,
    tasks,
    task,
    /** Another node's registry of the same providers, on the same database. */
    makeProviders,
    async create(wanted: Record<string, unknown> = {}) {
      const body = createTaskBody.parse({ prompt: 'a test', ...wanted });
      const accepted = await tasks.accept(body, {
        access,
        idempotencyKey: null,
        retryOf: null,
        parentImageId: null,
        signal: () => new AbortController().signal,
      });
      return accepted.task;
    },
    quote: (wanted: Record<string, unknown> = {}) =>
      tasks.quote(createTaskBody.parse({ prompt: 'a test', ...wanted })),
    attempts: (id: string) => listAttempts(db.read, id),
    shown: async (id: string) => tasks.view({ baseUrl: 'http://test', language: 'en' }, await task(id)),
    ended: (id: string, stepMs = 200) =>
      until(
        async () => {
          const row = await task(id);
          return row.finished_at === null ? null : row;
        },
        { clock, stepMs, what: `the end of ${id}` },
      ),
    async money() {
      const { availableMicros, heldMicros } = await balanceOf(db.read, accountId);
      return { available: availableMicros / 1e6, held: heldMicros / 1e6 };
    },
    async close() {
      const report = await verifyLedger(db);
      hub.close();
      await tasks.engine.drain();
      await providers.close();
      await node.close();
      await media.close();
      await opened.close();
      rmSync(root, { recursive: true, force: true });
      assert.deepEqual(report.findings, []);
    },
  };
}
