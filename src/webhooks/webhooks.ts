// The face of the slice: endpoints and secrets of an account, the list of deliveries, and the two loops behind them, one from
// events to deliveries and one that sends. Every event that is committed becomes one message per receiver that asked for it,
// and every message is delivered or, after its schedule, kept as dead until somebody sends it again. Secrets are stored sealed.
import type { BatchBody } from '../batches/contract.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import type { NodeLease } from '../kernel/lease.ts';
import type { Logger } from '../kernel/log.ts';
import type { Outbound } from '../kernel/outbound.ts';
import type { SecretSeals } from '../kernel/secret-seals.ts';
import type { StoryNewsBody } from '../stories/contract.ts';
import type { TaskBody } from '../tasks/contract.ts';
import type { Parcel } from './attempt.ts';
import {
  countOpenDeliveries,
  type DeliveryFilter,
  findDelivery,
  insertTest,
  listAttempts,
  listDeliveries,
  nextDueAt,
  redeliver,
} from './delivery-store.ts';
import { TEST_EVENT } from './event-names.ts';
import { FanOut } from './fan-out.ts';
import { batchMessage, storyMessage, taskMessage, testMessage } from './message.ts';
import { checkReceiverUrl } from './receiver.ts';
import { type SecretsReport, WebhookSecrets } from './secrets.ts';
import { DELIVERIES_CHANNEL, Sender, type SenderCounts } from './sender.ts';
import { newWebhookSecret } from './signature.ts';
import {
  changeEndpoint,
  type DefaultSecretRow,
  type EndpointChange,
  type EndpointRow,
  ensureDefaultSecret,
  findDefaultSecret,
  findEndpoint,
  findEndpointToSend,
  insertEndpoint,
  listEndpoints,
  type NewEndpoint,
  removeEndpoint,
  rotateDefaultSecret,
  rotateEndpointSecret,
} from './store.ts';
import type { AttemptRow, DeadReason, DeliveryRow, WaitReason } from './target-store.ts';

export { checkDeliveriesExist } from './fan-out-store.ts';
export { checkReceiverUrl } from './receiver.ts';
export type { SecretsReport } from './secrets.ts';
export type { SenderCounts } from './sender.ts';

export interface WebhooksOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  node: NodeLease;
  seals: SecretSeals;
  outbound: () => Promise<Outbound>;
  /** A task as the API shows it, with addresses below `baseUrl`; null when it is gone. */
  describeTask(taskId: string, baseUrl: string): Promise<TaskBody | null>;
  /** As `describeTask` for a batch. */
  describeBatch(batchId: string, baseUrl: string): Promise<BatchBody | null>;
  /** A story, with one of its pages or none. */
  describeStory(storyId: string, pageId: string | null, baseUrl: string): Promise<StoryNewsBody | null>;
  /** Where the outside reaches this server, if that is configured. */
  publicUrl: string | null;
  /** What addresses start with where nothing else is known. */
  localUrl: string;
  /** The operator's own exceptions to public addresses, `host:port`. */
  allowHosts: readonly string[];
}

/** A delivery with its newest attempts, in their order. */
export interface DeliveryDetail {
  delivery: DeliveryRow;
  attempts: AttemptRow[];
}

/** What has just been made, with its secret, open: it is told this once. */
export type WithSecret<Row> = Row & { secret: string };

type Headers = Readonly<Record<string, string>>;
/** What to send, or why not, or why not yet. */
type Prepared = Parcel | DeadReason | WaitReason;

const notFound = () => new AppError('not_found', { detail: 'There is no such webhook.' });

export class Webhooks {
  readonly #options: WebhooksOptions;
  readonly #fanOut: FanOut;
  readonly #sender: Sender;
  readonly #secrets: WebhookSecrets;

  constructor(options: WebhooksOptions) {
    this.#options = options;
    const { db, clock, log, node, outbound, seals } = options;
    this.#secrets = new WebhookSecrets(db, seals);
    this.#sender = new Sender({
      db,
      clock,
      log,
      node,
      outbound,
      prepare: (delivery) => this.#prepare(delivery),
    });
    this.#fanOut = new FanOut({ db, clock, log, onDeliveries: () => this.#signal() });
  }

  /** Starts both loops; the node's lease must have been taken. */
  start(): void {
    this.#sender.start();
    this.#fanOut.start();
  }

  /** Ends both; what was not delivered goes on at the next start or on another node. Safe when never started. */
  async close(): Promise<void> {
    await this.#fanOut.close();
    await this.#sender.close();
  }

  /** Attempts of this process since its start. */
  get counts(): SenderCounts {
    return this.#sender.counts;
  }

  /** What waits or is on its way in the whole cluster. */
  countOpen(): ReturnType<typeof countOpenDeliveries> {
    return countOpenDeliveries(this.#options.db.slow);
  }

  /** When the oldest message was due that waits and may be sent, in epoch milliseconds; null when none does. */
  oldestDueAt(): Promise<number | null> {
    return nextDueAt(this.#options.db.read);
  }

  list(accountId: string): Promise<EndpointRow[]> {
    return listEndpoints(this.#options.db.read, accountId);
  }

  /** Throws `not_found` for foreign and unknown ids alike. */
  async get(accountId: string, id: string): Promise<EndpointRow> {
    const endpoint = await findEndpoint(this.#options.db.read, accountId, id);
    if (!endpoint) throw notFound();
    return endpoint;
  }

  /**
   * Makes an endpoint with a secret of its own. Throws `validation_failed` for its address, `conflict` beyond the limit,
   * `secrets_key_wrong` while this node cannot seal.
   */
  create(input: Omit<NewEndpoint, 'id' | 'headers' | 'sealedSecret' | 'now'> & { headers: Headers }) {
    const { db, clock, allowHosts } = this.#options;
    checkReceiverUrl(input.url, allowHosts, '/url');
    const secret = newWebhookSecret();
    return this.#secrets.use(async (sealer): Promise<WithSecret<EndpointRow>> => {
      const now = clock.now();
      const id = newId('wh', now);
      const [headers, sealedSecret] = [sealer.headers(id, input.headers), sealer.secret(id, secret)];
      return { ...(await db.write(insertEndpoint, { ...input, id, headers, sealedSecret, now })), secret };
    });
  }

  /** Changes what is given. Throws `validation_failed` for the address, `not_found`, with headers `secrets_key_wrong`. */
  async change(input: Omit<EndpointChange, 'headers' | 'now'> & { headers?: Headers }): Promise<EndpointRow> {
    const { db, clock, allowHosts } = this.#options;
    const { headers, ...rest } = input;
    await this.get(input.accountId, input.id);
    if (input.url !== undefined) checkReceiverUrl(input.url, allowHosts, '/url');
    const write = (more: Pick<EndpointChange, 'headers'>) =>
      db.write(changeEndpoint, { ...rest, ...more, now: clock.now() });
    const changed = await (headers === undefined
      ? write({})
      : this.#secrets.use((sealer) => write({ headers: sealer.headers(input.id, headers) })));
    if (!changed) throw notFound();
    return changed;
  }

  /** Removes it and gives up what waits for it. Throws `not_found`. */
  async remove(accountId: string, id: string): Promise<void> {
    const { db, clock } = this.#options;
    if (!(await db.write(removeEndpoint, { accountId, id, now: clock.now() }))) throw notFound();
  }

  /** A new secret; the old one signs beside it for `overlapMs`. Throws `not_found` and `secrets_key_wrong`. */
  async rotateSecret(accountId: string, id: string, overlapMs: number): Promise<WithSecret<EndpointRow>> {
    const { db, clock } = this.#options;
    const secret = newWebhookSecret();
    const rotated = await this.#secrets.use((sealer) => {
      const [now, sealedSecret] = [clock.now(), sealer.secret(id, secret)];
      return db.write(rotateEndpointSecret, {
        accountId,
        id,
        sealedSecret,
        previousUntil: now + overlapMs,
        now,
      });
    });
    if (!rotated) throw notFound();
    return { ...rotated, secret };
  }

  /** The secret, sealed, for the tasks' own `webhook_url`s, if the account has one yet. */
  findDefaultSecret(accountId: string): Promise<DefaultSecretRow | undefined> {
    return findDefaultSecret(this.#options.db.read, accountId);
  }

  /** Makes the account's default secret or replaces it; a replaced one signs too for `overlapMs`. Throws `secrets_key_wrong`. */
  rotateDefaultSecret(accountId: string, overlapMs: number): Promise<WithSecret<DefaultSecretRow>> {
    const { db, clock } = this.#options;
    const secret = newWebhookSecret();
    return this.#secrets.use(async (sealer) => {
      const [now, sealedSecret] = [clock.now(), sealer.defaultSecret(accountId, secret)];
      const input = { accountId, sealedSecret, previousUntil: now + overlapMs, now };
      return { ...(await db.write(rotateDefaultSecret, input)), secret };
    });
  }

  /** Tries to open every stored secret and header. */
  examineSecrets(): Promise<SecretsReport> {
    return this.#secrets.examine();
  }

  /** Removes the secrets and headers that cannot be opened here, for when their key is lost; returns from how many receivers. */
  forgetUnreadableSecrets(): Promise<number> {
    return this.#secrets.forgetUnreadable();
  }

  /** Puts a test message in the queue; it is tried once. Throws `not_found`. */
  async test(accountId: string, id: string): Promise<DeliveryDetail> {
    const { db, clock } = this.#options;
    await this.get(accountId, id);
    const delivery = await db.write(insertTest, { accountId, endpointId: id, now: clock.now() });
    this.#signal();
    return { delivery, attempts: [] };
  }

  /** Newest first, each with its attempts. */
  async listDeliveries(filter: DeliveryFilter): Promise<DeliveryDetail[]> {
    const { db } = this.#options;
    const deliveries = await listDeliveries(db.slow, filter);
    const attempts = Map.groupBy(await listAttempts(db.slow, deliveries), (attempt) => attempt.delivery_id);
    return deliveries.map((delivery) => ({ delivery, attempts: attempts.get(delivery.id) ?? [] }));
  }

  /** Throws `not_found` for foreign and unknown ids alike. */
  async getDelivery(accountId: string, id: string): Promise<DeliveryDetail> {
    const { db } = this.#options;
    const delivery = await findDelivery(db.read, accountId, id);
    if (!delivery) throw new AppError('not_found', { detail: 'There is no such delivery.' });
    return { delivery, attempts: await listAttempts(db.read, [delivery]) };
  }

  /** Sends a message again, now, under its own id. Throws `not_found` and `conflict`. */
  async redeliver(accountId: string, id: string): Promise<DeliveryDetail> {
    const { db, clock } = this.#options;
    await this.getDelivery(accountId, id);
    await db.write(redeliver, { accountId, id, now: clock.now() });
    this.#signal();
    return this.getDelivery(accountId, id);
  }

  /** Wakes the senders of all nodes, this one's too. */
  #signal(): void {
    this.#options.db.signal(DELIVERIES_CHANNEL);
    this.#sender.wake();
  }

  async #prepare(delivery: DeliveryRow): Promise<Prepared> {
    return delivery.endpoint_id === null
      ? this.#prepareForTask(delivery, delivery.url ?? '')
      : this.#prepareForEndpoint(delivery, delivery.endpoint_id);
  }

  async #prepareForEndpoint(delivery: DeliveryRow, endpointId: string): Promise<Prepared> {
    const { db, clock, publicUrl } = this.#options;
    const endpoint = await findEndpointToSend(db.read, endpointId);
    if (!endpoint || endpoint.deleted_at !== null) return 'endpoint_deleted';
    if (endpoint.enabled === 0 && delivery.type !== TEST_EVENT) return 'endpoint_disabled';
    const headers = this.#secrets.headers(endpoint);
    const secrets = this.#secrets.ofEndpoint(endpoint, clock.now());
    if (headers === null || secrets === null) return 'secret_unreadable';
    const body =
      delivery.type === TEST_EVENT
        ? testMessage(delivery.type, delivery.occurred_at, endpoint.id)
        : await this.#messageBody(delivery, publicUrl ?? endpoint.base_url);
    if (body === null) return 'task_missing';
    return { id: delivery.id, url: endpoint.url, headers, secrets, body };
  }

  async #prepareForTask(delivery: DeliveryRow, url: string): Promise<Prepared> {
    const { clock, publicUrl, localUrl } = this.#options;
    const secret = await this.#defaultSecret(delivery.account_id);
    const secrets = secret && this.#secrets.ofAccount(secret, clock.now());
    if (secrets === null) return 'secret_unreadable';
    const body = await this.#messageBody(delivery, publicUrl ?? delivery.base_url ?? localUrl);
    if (body === null) return 'task_missing';
    return { id: delivery.id, url, headers: {}, secrets, body };
  }

  /** The account's default secret, made where there is none; null when this node cannot seal one. */
  async #defaultSecret(accountId: string): Promise<DefaultSecretRow | null> {
    const { db, clock } = this.#options;
    const found = await findDefaultSecret(db.read, accountId);
    if (found) return found;
    const made = this.#secrets.use((sealer) => {
      const sealedSecret = sealer.defaultSecret(accountId, newWebhookSecret());
      return db.write(ensureDefaultSecret, { accountId, sealedSecret, now: clock.now() });
    });
    return made.catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'secrets_key_wrong') return null;
      throw error;
    });
  }

  /** Made anew for every attempt: what has ended does not change, but signed addresses of pictures run out. */
  async #messageBody(delivery: DeliveryRow, baseUrl: string): Promise<string | null> {
    const { batch_id: batchId, story_id: storyId } = delivery;
    if (batchId) {
      const batch = await this.#options.describeBatch(batchId, baseUrl);
      return batch === null ? null : batchMessage(delivery.type, delivery.occurred_at, batch);
    }
    if (storyId) {
      const story = await this.#options.describeStory(storyId, delivery.page_id, baseUrl);
      return story === null ? null : storyMessage(delivery.type, delivery.occurred_at, story);
    }
    if (delivery.task_id === null) return null;
    const task = await this.#options.describeTask(delivery.task_id, baseUrl);
    return task === null ? null : taskMessage(delivery.type, delivery.occurred_at, task);
  }
}
