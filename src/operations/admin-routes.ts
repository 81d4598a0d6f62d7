// Binds the contracts of the admin rooms to its verbs.
import { type Clock, toTimestamp } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { type BoundRoute, bindRoute } from '../kernel/route.ts';
import type { Media } from '../media/media.ts';
import type { Providers } from '../providers/providers.ts';
import { decodeError, findTask, type Tasks } from '../tasks/tasks.ts';
import {
  type AdminTaskRowBody,
  type AuditEntryBody,
  getAdminTaskRoute,
  listAdminTasksRoute,
  listAuditRoute,
  listHeartbeatsRoute,
  overviewRoute,
} from './admin-contract.ts';
import { heartbeats, overview, SEGMENT_MS } from './admin-figures.ts';
import {
  type AdminTaskFilter,
  type AdminTaskRow,
  findNamedAccounts,
  lastScanned,
  listAdminTasks,
  listTasksByIdStart,
  nameAccounts,
} from './admin-store.ts';
import { type AuditRow, listAudit } from './audit-store.ts';

const MICROS_PER_CREDIT = 1_000_000;
const SHOWN_PROMPT_CHARS = 200;
/** A task can have been made this long before it ended: its longest deadline, and as much again for the time after it. */
const LONGEST_LIFE_MS = 48 * 3600_000;
const MS_DIGITS = 12;
const ID_START = /^task_[0-9a-f]{6,32}$/;
const ACCOUNT_ID = /^acct_[0-9a-f]{32}$/;

export interface AdminRoutesOptions {
  db: Db;
  clock: Clock;
  media: Media;
  providers: Providers;
  tasks: Tasks;
}

export function adminRoutes({ db, clock, media, providers, tasks }: AdminRoutesOptions): BoundRoute[] {
  const figures = { db, clock, providers, freeBytes: () => media.freeBytes().catch(() => null) };
  return [
    bindRoute(overviewRoute, async () => ({ status: 200 as const, body: await overview(figures) })),
    bindRoute(listHeartbeatsRoute, async () => ({
      status: 200 as const,
      body: { segment_s: SEGMENT_MS / 1000, data: await heartbeats(figures) },
    })),
    bindRoute(listAdminTasksRoute, async ({ query }) => ({
      status: 200 as const,
      body: await taskPage(db, clock.now(), query),
    })),
    bindRoute(getAdminTaskRoute, async ({ params, baseUrl, language }) => {
      const row = await findTask(db.read, params.id);
      if (!row) throw new AppError('not_found', { detail: 'There is no task with this id.' });
      const names = await nameAccounts(db.read, [row.account_id]);
      const account = { id: row.account_id, name: names.get(row.account_id) ?? '' };
      const task = await tasks.view({ baseUrl, language }, row);
      return { status: 200 as const, body: { task, account, overdue: isOverdue(row, clock.now()) } };
    }),
    bindRoute(listAuditRoute, async ({ query }) => {
      const { action, q: text, cursor: beforeId, limit } = query;
      const rows = await listAudit(db.slow, { action, text, beforeId, limit: limit + 1 });
      const data = rows.slice(0, limit);
      return {
        status: 200 as const,
        body: {
          data: data.map(auditEntry),
          next_cursor: rows.length > limit ? (data.at(-1)?.id ?? null) : null,
        },
      };
    }),
  ];
}

interface AskedPage {
  status?: string | undefined;
  overdue?: 'true' | undefined;
  provider?: string | undefined;
  model?: string | undefined;
  account?: string | undefined;
  error?: string | undefined;
  since?: string | undefined;
  q?: string | undefined;
  limit: number;
  cursor?: string | undefined;
}

async function taskPage(db: Db, now: number, asked: AskedPage) {
  const { q, limit } = asked;
  if (q && ID_START.test(q)) {
    const found = await listTasksByIdStart(db.slow, q, limit);
    return { data: await shownTasks(db, found, now), next_cursor: null, searched_to: null };
  }
  const filter = await filterOf(db, now, asked);
  const rows = await listAdminTasks(db.slow, { ...filter, limit: limit + 1 });
  const data = await shownTasks(db, rows.slice(0, limit), now);
  if (rows.length > limit) return { data, next_cursor: data.at(-1)?.id ?? null, searched_to: null };
  const reached = await lastScanned(db.slow, filter);
  return {
    data,
    next_cursor: reached,
    searched_to: reached === null ? null : toTimestamp(timeOfId(reached)),
  };
}

async function filterOf(db: Db, now: number, asked: AskedPage): Promise<AdminTaskFilter> {
  const { q, status, since: sinceText } = asked;
  const namesAccount = q !== undefined && ACCOUNT_ID.test(q);
  const text = q === undefined || q === '' || namesAccount ? undefined : q;
  const since = sinceText === undefined ? undefined : Date.parse(sinceText);
  return {
    // `delayed` is shown as queued.
    statuses: status?.split(',').flatMap((one) => (one === 'queued' ? ['queued', 'delayed'] : [one])),
    overdueAt: asked.overdue === 'true' ? now : undefined,
    provider: asked.provider,
    model: asked.model,
    accountId: asked.account ?? (namesAccount ? q : undefined),
    errorCode: asked.error,
    since,
    fromId: since === undefined ? undefined : smallestIdAt(since - LONGEST_LIFE_MS),
    text,
    namedAccounts: text === undefined ? undefined : await findNamedAccounts(db.slow, text),
    beforeId: asked.cursor,
    limit: asked.limit,
  };
}

/** The first id that a task made at that time may have. */
const smallestIdAt = (ms: number) => `task_${Math.max(0, ms).toString(16).padStart(MS_DIGITS, '0')}`;
const timeOfId = (id: string) => Number.parseInt(id.slice(5, 5 + MS_DIGITS), 16);

const isOverdue = (row: Pick<AdminTaskRow, 'finished_at' | 'deadline_at'>, now: number) =>
  row.finished_at === null && row.deadline_at < now;
const timestampOrNull = (ms: number | null) => (ms === null ? null : toTimestamp(ms));

async function shownTasks(db: Db, rows: readonly AdminTaskRow[], now: number): Promise<AdminTaskRowBody[]> {
  const names = await nameAccounts(
    db.read,
    rows.map(({ account_id }) => account_id),
  );
  return rows.map((row) => ({
    id: row.id,
    status: row.status === 'delayed' ? 'queued' : row.status,
    phase: row.phase,
    progress: row.progress,
    overdue: isOverdue(row, now),
    account: { id: row.account_id, name: names.get(row.account_id) ?? '' },
    provider: row.lane,
    model: row.model,
    mode: row.mode,
    prompt: row.prompt.slice(0, SHOWN_PROMPT_CHARS),
    n: row.pictures,
    attempts: row.attempt,
    error: row.error === null ? null : decodeError(row.error),
    credits: row.captured_micros / MICROS_PER_CREDIT,
    created_at: toTimestamp(row.created_at),
    started_at: timestampOrNull(row.started_at),
    finished_at: timestampOrNull(row.finished_at),
  }));
}

function auditEntry({ at, detail, via, ...row }: AuditRow): AuditEntryBody {
  return {
    ...row,
    at: toTimestamp(at),
    via: via as AuditEntryBody['via'],
    detail: JSON.parse(detail) as AuditEntryBody['detail'],
  };
}
