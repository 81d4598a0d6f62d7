// Alerts and the notices about them. What is wrong is one row while it lasts; that it began and that it is over are one notice
// each, written in the same transaction, so that a restart neither repeats nor loses one. The receiver gets a notice's id: after
// a crash between sending and noting it, the same notice may come twice.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { uuidV7Hex } from '../kernel/id.ts';

const LOCK = 'alerts';
const ROUND_MARK = 'alerts-round';
/** Alerts that are over are kept so long. */
const KEEP_MS = 90 * 24 * 3_600_000;

export interface AlertRow {
  id: string;
  /** Kind and subject: what makes two looks see the same thing. */
  alert_key: string;
  kind: string;
  subject: string | null;
  severity: 'warning' | 'error';
  /** `pending`: seen, but not for long enough to be told. */
  state: 'pending' | 'open' | 'resolved';
  detail: string;
  /** string[] as JSON. */
  evidence: string;
  /** Milliseconds. */
  first_seen_at: number;
  opened_at: number | null;
  last_seen_at: number;
  resolved_at: number | null;
}

export interface NoticeRow {
  id: string;
  alert_id: string;
  event: 'opened' | 'recovered';
  /** `kept`: there was nobody to send it to. */
  state: 'waiting' | 'sent' | 'given_up' | 'kept';
  tries: number;
  due_at: number;
  sent_at: number | null;
  last_error: string | null;
  created_at: number;
}

declare module '../kernel/db.ts' {
  interface Tables {
    alerts: AlertRow;
    alert_notices: NoticeRow;
  }
}

/** Something that is wrong now. */
export interface Condition {
  kind: string;
  subject: string | null;
  severity: AlertRow['severity'];
  detail: string;
  evidence: readonly string[];
  /** How long it must have been so before anybody is told, in milliseconds. */
  holdMs: number;
}

export interface RoundInput {
  now: number;
  /** Kinds that were looked at; alerts of others stay as they are. */
  judged: readonly string[];
  conditions: readonly Condition[];
  /** How long something must be away before it counts as over, in milliseconds. */
  quietMs: number;
  hasReceiver: boolean;
}

export const keyOf = ({ kind, subject }: Pick<Condition, 'kind' | 'subject'>) =>
  subject === null ? kind : `${kind}:${subject}`;

/** Takes this round's right to look, which one node has at a time; false when another looked since `after`. */
export async function claimAlertRound(
  trx: Trx,
  input: { now: number; after: number; node: string },
): Promise<boolean> {
  const { now, after, node } = input;
  const claimed = await trx
    .insertInto('operation_marks')
    .values({ name: ROUND_MARK, at: now, ok: 1, note: node })
    .onConflict((conflict) =>
      conflict
        .column('name')
        .doUpdateSet({ at: now, note: node })
        // A mark of the future was left by a clock that was set back.
        .where((eb) => eb.or([eb('operation_marks.at', '<=', after), eb('operation_marks.at', '>', now)])),
    )
    .returning('at')
    .execute();
  return claimed.length > 0;
}

/** Opens what is new, keeps what lasts, ends what is over; returns what was told. */
export async function settleRound(
  trx: Trx,
  input: RoundInput,
): Promise<{ opened: string[]; recovered: string[] }> {
  const { now, judged, conditions, quietMs } = input;
  await dialectOf(trx).lockName(trx, LOCK);
  const known = await trx.selectFrom('alerts').selectAll().where('state', '<>', 'resolved').execute();
  const byKey = new Map(known.map((row) => [row.alert_key, row]));
  const told = { opened: [] as string[], recovered: [] as string[] };
  const seen = new Set<string>();
  for (const condition of conditions) {
    const key = keyOf(condition);
    if (seen.has(key)) continue;
    seen.add(key);
    if (await see(trx, input, condition, byKey.get(key))) told.opened.push(key);
  }
  for (const row of known) {
    if (seen.has(row.alert_key) || !judged.includes(row.kind)) continue;
    if (row.state === 'pending') await trx.deleteFrom('alerts').where('id', '=', row.id).execute();
    else if (now - row.last_seen_at >= quietMs) {
      const over = { state: 'resolved', resolved_at: now } as const;
      await trx.updateTable('alerts').set(over).where('id', '=', row.id).execute();
      await addNotice(trx, input, row.id, 'recovered');
      told.recovered.push(row.alert_key);
    }
  }
  if (told.recovered.length > 0) await forgetOld(trx, now - KEEP_MS);
  return told;
}

/** Whether somebody is told of it now. */
async function see(
  trx: Trx,
  input: RoundInput,
  condition: Condition,
  row: AlertRow | undefined,
): Promise<boolean> {
  const { now } = input;
  const { kind, subject, severity, detail, holdMs } = condition;
  const evidence = JSON.stringify(condition.evidence);
  const isDue = now - (row?.first_seen_at ?? now) >= holdMs;
  const opens = isDue && row?.state !== 'open';
  const state = isDue || row?.state === 'open' ? ('open' as const) : ('pending' as const);
  const opened = opens ? { opened_at: now } : {};
  const common = { severity, detail, evidence, state, last_seen_at: now };
  const id = row?.id ?? `alert_${uuidV7Hex(now)}`;
  if (row) {
    await trx
      .updateTable('alerts')
      .set({ ...common, ...opened })
      .where('id', '=', id)
      .execute();
  } else {
    const fresh = { id, alert_key: keyOf(condition), kind, subject, first_seen_at: now };
    await trx
      .insertInto('alerts')
      .values({ ...fresh, ...common, opened_at: null, resolved_at: null, ...opened })
      .execute();
  }
  if (opens) await addNotice(trx, input, id, 'opened');
  return opens;
}

async function addNotice(
  trx: Trx,
  { now, hasReceiver }: RoundInput,
  alertId: string,
  event: NoticeRow['event'],
): Promise<void> {
  await trx
    .insertInto('alert_notices')
    .values({
      id: `notice_${uuidV7Hex(now)}`,
      alert_id: alertId,
      event,
      state: hasReceiver ? 'waiting' : 'kept',
      tries: 0,
      due_at: now,
      sent_at: null,
      last_error: null,
      created_at: now,
    })
    .execute();
}

async function forgetOld(trx: Trx, before: number): Promise<void> {
  const old = await trx
    .selectFrom('alerts')
    .select('id')
    .where('state', '=', 'resolved')
    .where('resolved_at', '<', before)
    .limit(100)
    .execute();
  if (old.length === 0) return;
  const ids = old.map(({ id }) => id);
  await trx.deleteFrom('alert_notices').where('alert_id', 'in', ids).execute();
  await trx.deleteFrom('alerts').where('id', 'in', ids).execute();
}

export type NoticeToSend = Pick<NoticeRow, 'id' | 'event' | 'tries' | 'created_at'> & { alert: AlertRow };

/**
 * Takes the oldest notices that are due, for `leaseMs`: whoever dies with one leaves it to the next. That something is over is
 * not told before that it began.
 */
export async function claimNotices(
  trx: Trx,
  input: { now: number; leaseMs: number; limit: number },
): Promise<NoticeToSend[]> {
  await dialectOf(trx).lockName(trx, LOCK);
  const { now, leaseMs, limit } = input;
  const due = await trx
    .selectFrom('alert_notices as notice')
    .selectAll()
    .where('state', '=', 'waiting')
    .where('due_at', '<=', now)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('alert_notices as earlier')
            .select('earlier.id')
            .whereRef('earlier.alert_id', '=', 'notice.alert_id')
            .whereRef('earlier.id', '<', 'notice.id')
            .where('earlier.state', '=', 'waiting'),
        ),
      ),
    )
    .orderBy('id')
    .limit(limit)
    .execute();
  const claimed: NoticeToSend[] = [];
  for (const { id, alert_id: alertId, event, tries, created_at } of due) {
    const alert = await trx.selectFrom('alerts').selectAll().where('id', '=', alertId).executeTakeFirst();
    if (!alert) continue;
    const leased = { due_at: now + leaseMs, tries: tries + 1 };
    await trx.updateTable('alert_notices').set(leased).where('id', '=', id).execute();
    claimed.push({ id, event, tries: tries + 1, created_at, alert });
  }
  return claimed;
}

/** Notes how an attempt ended: sent, given up, or to be tried again at `due_at`. */
export async function settleNotice(
  trx: Trx,
  input: Pick<NoticeRow, 'id' | 'state' | 'due_at' | 'sent_at' | 'last_error'>,
): Promise<void> {
  const { id, ...ended } = input;
  await trx
    .updateTable('alert_notices')
    .set(ended)
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .execute();
}

registerWrites(import.meta.url, { claimAlertRound, settleRound, claimNotices, settleNotice });

export type AlertWithNotices = AlertRow & { notices: NoticeRow[] };

/** Alerts that were told, open ones first, then the newest. */
export async function listAlerts(
  read: Reader,
  { isOpen, limit }: { isOpen: boolean; limit: number },
): Promise<AlertWithNotices[]> {
  let query = read.selectFrom('alerts').selectAll().where('state', '<>', 'pending');
  if (isOpen) query = query.where('state', '=', 'open');
  const rows = await query
    .orderBy((eb) => eb.case().when('state', '=', 'open').then(0).else(1).end())
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const notices = await read
    .selectFrom('alert_notices')
    .selectAll()
    .where('alert_id', 'in', ids)
    .orderBy('id')
    .execute();
  return rows.map((row) => ({ ...row, notices: notices.filter((one) => one.alert_id === row.id) }));
}

/** Open alerts by kind. */
export async function countOpenAlerts(read: Reader): Promise<{ kind: string; count: number }[]> {
  const rows = await read
    .selectFrom('alerts')
    .select(({ fn }) => ['kind', fn.countAll<number | string>().as('count')])
    .where('state', '=', 'open')
    .groupBy('kind')
    .execute();
  return rows.map(({ kind, count }) => ({ kind, count: Number(count) }));
}
