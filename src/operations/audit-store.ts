// The audit log: one row for each action of an administrator, written before the action and completed after it. Rows are
// never changed otherwise and never deleted.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';

export interface AuditRow {
  /** The id of the request, so that it sorts by time and leads to the log. */
  id: string;
  /** Milliseconds. */
  at: number;
  action: string;
  /** The person, or else the key. */
  actor: string;
  actor_account_id: string;
  via: string;
  address: string;
  target: string | null;
  /** What was asked for, as JSON of plain values; no secrets. */
  detail: string;
  /** HTTP status of the answer. */
  status: number | null;
}

declare module '../kernel/db.ts' {
  interface Tables {
    audit_entries: AuditRow;
  }
}

/** Writes an entry; `credentialId` is a session's or a key's id, by which the actor is named. */
export async function beginAudit(
  trx: Trx,
  input: Omit<AuditRow, 'actor' | 'status'> & { credentialId: string },
): Promise<void> {
  const { credentialId, ...entry } = input;
  const actor = (await actorOf(trx, credentialId)) ?? credentialId;
  await trx
    .insertInto('audit_entries')
    .values({ ...entry, actor, status: null })
    .execute();
}

async function actorOf(trx: Trx, credentialId: string): Promise<string | null> {
  const key = await trx
    .selectFrom('api_keys')
    .select(['name', 'prefix'])
    .where('id', '=', credentialId)
    .executeTakeFirst();
  if (key) return `${key.name} (${key.prefix}…)`;
  const session = await trx
    .selectFrom('sessions')
    .leftJoin('users', 'users.id', 'sessions.user_id')
    .leftJoin('api_keys', 'api_keys.id', 'sessions.key_id')
    .select(['users.name as person', 'api_keys.name as key', 'api_keys.prefix as prefix'])
    .where('sessions.id', '=', credentialId)
    .executeTakeFirst();
  if (!session) return null;
  return session.person ?? (session.key === null ? null : `${session.key} (${session.prefix}…)`);
}

/** Says how an action was answered. */
export async function endAudit(trx: Trx, input: { id: string; status: number }): Promise<void> {
  await trx
    .updateTable('audit_entries')
    .set({ status: input.status })
    .where('id', '=', input.id)
    .where('status', 'is', null)
    .execute();
}

registerWrites(import.meta.url, { beginAudit, endAudit });

export interface AuditFilter {
  /** The beginning of an action. */
  action?: string | undefined;
  /** Part of the actor or the target, any case. */
  text?: string | undefined;
  /** Only ids below this one. */
  beforeId?: string | undefined;
  limit: number;
}

/** Newest first. */
export function listAudit(read: Reader, filter: AuditFilter): Promise<AuditRow[]> {
  let query = read.selectFrom('audit_entries').selectAll();
  if (filter.action)
    query = query.where('action', '>=', filter.action).where('action', '<', `${filter.action}\u{10ffff}`);
  if (filter.text) {
    const pattern = `%${filter.text.toLowerCase()}%`;
    query = query.where((eb) =>
      eb.or([
        eb(eb.fn<string>('lower', ['actor']), 'like', pattern),
        eb(eb.fn<string>('lower', ['target']), 'like', pattern),
      ]),
    );
  }
  if (filter.beforeId) query = query.where('id', '<', filter.beforeId);
  return query.orderBy('id', 'desc').limit(filter.limit).execute();
}
