// Webhooks without the rest of the program: real receivers over HTTP, a real database, a clock that a test turns, and tasks
// that end when it says so.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { mock } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { createAccountOpener } from '../../src/credits/credits.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { Db } from '../../src/kernel/db.ts';
import { EVENTS_CHANNEL } from '../../src/kernel/event-hub.ts';
import { newId } from '../../src/kernel/id.ts';
import { NodeLease } from '../../src/kernel/lease.ts';
import { createMemoryLogger } from '../../src/kernel/log.ts';
import { createOutbound } from '../../src/kernel/outbound.ts';
import type { SecretKeysOptions } from '../../src/kernel/secret-keys.ts';
import { SecretSeals } from '../../src/kernel/secret-seals.ts';
import { claimTasks } from '../../src/tasks/claim-store.ts';
import type { TaskBody } from '../../src/tasks/contract.ts';
import { findTask } from '../../src/tasks/read-store.ts';
import { finishTask } from '../../src/tasks/run-store.ts';
import { createTask } from '../../src/tasks/store.ts';
import type { FinalStatus } from '../../src/webhooks/event-names.ts';
import { Webhooks } from '../../src/webhooks/webhooks.ts';
import { FakeClock, until } from './clock.ts';
import { type DatabaseKind, openTestDb } from './database.ts';

/** Hundreds of attempts in one wait, on a machine that has other work. */
const BUSY_MACHINE_MS = 120_000;

/** Of 32 bytes, as text. */
export const SHARED_KEY = Buffer.alloc(32, 5).toString('base64');

export interface Received {
  path: string;
  headers: Record<string, string>;
  body: string;
  id: string;
  response: ServerResponse;
}

/** A receiver whose every answer a test decides; 204 unless `onRequest` says otherwise. */
export class Receiver {
  readonly requests: Received[] = [];
  onRequest: (request: Received) => void = ({ response }) => {
    response.writeHead(204).end();
  };
  readonly #server = createServer((request, response) => void this.#take(request, response));

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  url(path = '/'): string {
    return `http://${this.host}${path}`;
  }

  at(path: string): Received[] {
    return this.requests.filter((request) => request.path === path);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const headers = request.headers as Record<string, string>;
    const received = {
      path: request.url ?? '',
      headers,
      body: Buffer.concat(chunks).toString(),
      id: headers['webhook-id'] ?? '',
      response,
    };
    this.requests.push(received);
    this.onRequest(received);
  }
}

/** What the standard's own library says of a message at this time, in epoch milliseconds. Throws when it does not verify. */
export function verified(secret: string, { body, headers }: Pick<Received, 'body' | 'headers'>, now: number) {
  mock.timers.enable({ apis: ['Date'], now });
  try {
    return new Webhook(secret).verify(body, headers) as { type: string; timestamp: string; data: TaskBody };
  } finally {
    mock.timers.reset();
  }
}

export interface WebhookNode {
  webhooks: Webhooks;
  seals: SecretSeals;
  node: NodeLease;
  close(): Promise<void>;
}

export class WebhookWorld {
  readonly clock = new FakeClock(Date.now());
  readonly log = createMemoryLogger();
  readonly db: Db;
  readonly allowHosts: string[] = [];
  lookup: LookupFunction | undefined;
  readonly #closeDb: () => Promise<void>;
  readonly #nodes: WebhookNode[] = [];

  private constructor(db: Db, closeDb: () => Promise<void>) {
    this.db = db;
    this.#closeDb = closeDb;
  }

  static async open(kind: DatabaseKind): Promise<WebhookWorld> {
    const opened = await openTestDb(kind);
    return new WebhookWorld(opened.db, () => opened.close());
  }

  async openAccount(): Promise<string> {
    const id = newId('acct', this.clock.now());
    const accounts = [{ id, name: 'Ada', role: 'member' as const, grantCredits: 1000 }];
    await createAccountOpener(this.db, 0).open({ accounts, now: this.clock.now() });
    return id;
  }

  /** A further server on the same database, with the key that all have unless it gets others. */
  async startNode(keys: Partial<SecretKeysOptions> = {}): Promise<WebhookNode> {
    const { db, clock, log } = this;
    // Without a folder of its own it finds no key but those of the configuration.
    const unless = { dataDir: '/nonexistent', current: SHARED_KEY, previous: null };
    const seals = await SecretSeals.open({ ...unless, ...keys, log });
    // The lease is the database's, and a server's time cannot be turned.
    const node = new NodeLease({ db, clock: db.dialect === 'postgres' ? systemClock : clock, log });
    await node.start();
    const outbound = createOutbound({
      clock,
      log,
      allowHosts: this.allowHosts,
      ...(this.lookup ? { lookup: this.lookup } : {}),
    });
    const webhooks = new Webhooks({
      db,
      clock,
      log,
      node,
      seals,
      outbound: async () => outbound,
      describeBatch: () => Promise.resolve(null),
      describeStory: async () => null,
      describeTask: async (id) => {
        const task = await findTask(db.read, id);
        return task ? ({ id, status: task.status, attempts: [], urls: {} } as unknown as TaskBody) : null;
      },
      publicUrl: 'https://draw.example',
      localUrl: 'http://127.0.0.1',
      allowHosts: this.allowHosts,
    });
    await seals.settle();
    await seals.sealPlain();
    webhooks.start();
    const started: WebhookNode = {
      webhooks,
      seals,
      node,
      async close() {
        await webhooks.close();
        await node.close();
        await outbound.close();
      },
    };
    this.#nodes.push(started);
    return started;
  }

  async createEndpoint(webhooks: Webhooks, accountId: string, url: string, events: string[] = ['*']) {
    return webhooks.create({
      accountId,
      url,
      events,
      description: '',
      headers: {},
      enabled: true,
      baseUrl: 'https://draw.example',
    });
  }

  /** A task that ends at once; returns its id. */
  async endTask(accountId: string, status: FinalStatus = 'succeeded', webhookUrl?: string): Promise<string> {
    const { db, clock } = this;
    const now = clock.now();
    const taskId = newId('task', now);
    const lane = taskId;
    await db.write(createTask, {
      taskId,
      accountId,
      credentialId: 'key_test',
      mode: 'text-to-image',
      model: 'scripted',
      lane,
      providerModel: 'scripted',
      prompt: 'a lake',
      params: JSON.stringify({
        inputs: [],
        mask: null,
        ...(webhookUrl ? { webhook: { url: webhookUrl, baseUrl: null } } : {}),
      }),
      requestHash: taskId,
      pictures: 1,
      priority: 0,
      flow: accountId,
      unitMicros: 1,
      deadlineAt: now + 600_000,
      retryOf: null,
      metadata: '{}',
      idempotencyKey: null,
      uploadIds: [],
      dedupeWindowMs: 0,
      now,
    });
    const claim = { lane, concurrency: 1, batch: 1, owner: 'node_test', runMs: 600_000, now };
    const [claimed] = await db.write(claimTasks, claim);
    await db.write(finishTask, {
      lease: { taskId, epoch: claimed?.task.lease_epoch ?? 0 },
      n: 0,
      status,
      attemptOutcome: 'succeeded',
      error: null,
      images: [],
      capturePictures: 0,
      unitMicros: 1,
      now,
    });
    db.signal(EVENTS_CHANNEL);
    return taskId;
  }

  /** Lets the program run, at about the pace of real time, until `condition` holds. */
  until<T>(condition: () => T | Promise<T>, what: string): Promise<NonNullable<T>> {
    return until(condition, { clock: this.clock, stepMs: 5, limitMs: BUSY_MACHINE_MS, what });
  }

  async close(): Promise<void> {
    for (const node of this.#nodes) await node.close();
    await this.#closeDb();
  }
}
