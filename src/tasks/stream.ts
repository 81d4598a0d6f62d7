// Tasks as they change: event streams that resume without a gap, and waits for the end of one task. Both read the
// database from their own cursor; the hub only wakes them.
import type { FastifyReply } from 'fastify';
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { EventHub } from '../kernel/event-hub.ts';
import { type StreamEvent, serveEventStream } from '../kernel/event-stream.ts';
import {
  canResume,
  type EventCursor,
  type EventRow,
  formatCursor,
  latestCursor,
  parseCursor,
  readEvents,
  START_CURSOR,
} from '../kernel/outbox.ts';
import { type DescribeBatches, followBatches } from './batch-stream.ts';
import { findTask, findTasks } from './read-store.ts';
import { BATCH_ITEM_TOPIC, TASK_TOPIC, type TaskRow } from './store.ts';
import { type ViewContext, viewTasks } from './view.ts';

const EVENTS_PER_READ = 100;
/** The type of the one event that says how a task ended. */
const FINAL_EVENT = 'task.finished';

/** Other things of an account that its stream tells of: what each is now after its newest event, or that it is gone. */
export interface StreamedKind {
  topic: string;
  updated: string;
  removed: string;
  /** Those that are there, in any order; each has a `version`. */
  describe(
    accountId: string,
    ids: readonly string[],
    view: Pick<ViewContext, 'baseUrl' | 'language'>,
  ): Promise<{ id: string }[]>;
}

export interface StreamContext {
  db: Db;
  clock: Clock;
  hub: EventHub;
  /** Open streams that one account may have. */
  maxStreams: number;
  openStreams: Map<string, number>;
  /** Batches as the stream shows them; absent: it tells of none. */
  describeBatches?: DescribeBatches;
  kinds: StreamedKind[];
}

export interface StreamRequest {
  accountId: string;
  /** Only this task, or all of the account. */
  taskId: string | null;
  lastEventId: string | null;
  view: ViewContext;
}

/** Serves a stream until the client or the server goes; throws `rate_limited` over the account's number of streams. */
export async function streamTasks(
  context: StreamContext,
  request: StreamRequest,
  reply: FastifyReply,
): Promise<void> {
  const { openStreams, maxStreams, hub, clock } = context;
  const open = openStreams.get(request.accountId) ?? 0;
  if (open >= maxStreams) {
    throw new AppError('rate_limited', {
      detail: `This account has ${open} open streams, as many as it may have.`,
      retryAfterS: 10,
    });
  }
  openStreams.set(request.accountId, open + 1);
  try {
    let wakeUp = () => {};
    const { startId, next } = await openReader(context, request, () => wakeUp());
    await serveEventStream(reply, clock, {
      startId,
      next,
      onWake(wake) {
        wakeUp = wake;
        return hub.subscribe(request.accountId, wake);
      },
      signal: hub.closing,
    });
  } finally {
    const left = (openStreams.get(request.accountId) ?? 1) - 1;
    if (left > 0) openStreams.set(request.accountId, left);
    else openStreams.delete(request.accountId);
  }
}

async function openReader(
  { db, clock, describeBatches, kinds: allKinds }: StreamContext,
  request: StreamRequest,
  wake: () => void,
): Promise<{ startId: string; next: () => Promise<StreamEvent[]> }> {
  const { accountId, taskId, view } = request;
  const asked = request.lastEventId === null ? null : parseCursor(request.lastEventId);
  const isLost = asked !== null && (asked === undefined || !(await canResume(db.read, asked)));
  let cursor: EventCursor = asked && !isLost ? asked : ((await latestCursor(db.read)) ?? START_CURSOR);
  const startId = formatCursor(cursor);
  const batches =
    taskId === null && describeBatches
      ? followBatches({ db, clock, describeBatches, wake }, { accountId, view, isResumed: asked !== null })
      : null;
  const kinds = taskId === null ? allKinds : [];
  const ofTask = batches ? [TASK_TOPIC] : [TASK_TOPIC, BATCH_ITEM_TOPIC];
  const topics = [...ofTask, ...(batches?.topics ?? []), ...kinds.map(({ topic }) => topic)];
  let isFirst = true;
  const next = async () => {
    if (isFirst) {
      isFirst = false;
      if (isLost) return [{ id: startId, event: 'reset', data: { reason: 'too old' } }];
      // Whoever follows one task from now on wants to know where it stands.
      if (taskId !== null && asked === null) return snapshot(db, view, taskId, cursor);
    }
    for (;;) {
      const events = await readEvents(db.read, {
        after: cursor,
        accountId,
        ...(taskId === null ? {} : { entityId: taskId }),
        topics,
        limit: EVENTS_PER_READ,
      });
      const last = events.at(-1);
      if (last) cursor = { change: last.change, id: last.id };
      const ofBatches = batches ? await batches.take(events, formatCursor(cursor)) : [];
      const ofTasks = events.filter(({ topic }) => ofTask.includes(topic));
      const ofKinds = await Promise.all(kinds.map((kind) => tellKind(kind, accountId, view, events)));
      const inOrder = sortAs(events, [...(await tellTasks(db, view, ofTasks)), ...ofKinds.flat()]);
      const told = [...inOrder, ...ofBatches];
      // Items of batches may say nothing yet; what comes behind them must not wait for the next wake-up.
      if (told.length > 0 || events.length === 0) return told;
    }
  };
  return { startId, next };
}

/**
 * Of several changes of a task in one read only the newest is sent: it carries the whole entity. If one of them is its end,
 * that is what is said, also when a late picture or an answer to a cancel came after it.
 */
async function tellTasks(db: Db, view: ViewContext, events: readonly EventRow[]): Promise<StreamEvent[]> {
  if (events.length === 0) return [];
  const newest = new Map(events.map((event) => [event.entity_id, event]));
  const ended = new Set(events.filter(({ type }) => type === FINAL_EVENT).map((event) => event.entity_id));
  const bodies = await viewTasks(db.read, view, await findTasks(db.read, [...newest.keys()]));
  const byId = new Map(bodies.map((body) => [body.id, body]));
  return [...newest.values()]
    .sort((a, b) => a.change - b.change || (a.id < b.id ? -1 : 1))
    .flatMap((event): StreamEvent[] => {
      const body = byId.get(event.entity_id);
      const type = ended.has(event.entity_id) ? FINAL_EVENT : event.type;
      return body ? [{ id: formatCursor(event), event: type, data: body }] : [];
    });
}

/** The newest state of each thing of a kind that these events name. */
async function tellKind(
  { topic, updated, removed, describe }: StreamedKind,
  accountId: string,
  view: ViewContext,
  events: readonly EventRow[],
): Promise<StreamEvent[]> {
  const newest = new Map(
    events.filter((event) => event.topic === topic).map((event) => [event.entity_id, event]),
  );
  if (newest.size === 0) return [];
  const bodies = new Map(
    (await describe(accountId, [...newest.keys()], view)).map((body) => [body.id, body]),
  );
  return [...newest.values()].map((event) => {
    const { entity_id: id, version } = event;
    const body = bodies.get(id);
    return body
      ? { id: formatCursor(event), event: updated, data: body }
      : { id: formatCursor(event), event: removed, data: { id, version } };
  });
}

/** In the order of the events: a client that is cut off between two must not come back behind one that it has not seen. */
function sortAs(events: readonly EventRow[], told: readonly StreamEvent[]): StreamEvent[] {
  const places = new Map(events.map((event, at) => [formatCursor(event), at]));
  const placeOf = ({ id = '' }: StreamEvent) => places.get(id) ?? 0;
  return told.toSorted((a, b) => placeOf(a) - placeOf(b));
}

async function snapshot(
  db: Db,
  view: ViewContext,
  taskId: string,
  cursor: EventCursor,
): Promise<StreamEvent[]> {
  const [body] = await viewTasks(db.read, view, await findTasks(db.read, [taskId]));
  if (!body) return [];
  const event = body.finished_at === null ? 'task.updated' : FINAL_EVENT;
  return [{ id: formatCursor(cursor), event, data: body }];
}

/** The task once it has ended, or as it is after `waitMs` or when `signal` is aborted. */
export async function waitForEnd(
  { db, clock, hub }: Pick<StreamContext, 'db' | 'clock' | 'hub'>,
  task: Pick<TaskRow, 'id' | 'account_id'>,
  waitMs: number,
  signal: AbortSignal,
): Promise<TaskRow> {
  let wake = () => {};
  const unsubscribe = hub.subscribe(task.account_id, () => wake());
  const over = new AbortController();
  const timer = clock.after(waitMs, () => over.abort());
  const end = AbortSignal.any([over.signal, signal, hub.closing]);
  try {
    for (;;) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
        end.addEventListener('abort', () => resolve(), { once: true });
      });
      const row = await findTask(db.read, task.id);
      if (!row) throw new AppError('not_found');
      if (row.finished_at !== null || end.aborted) return row;
      await woken;
    }
  } finally {
    timer.cancel();
    unsubscribe();
  }
}
