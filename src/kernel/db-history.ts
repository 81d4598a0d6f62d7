// Whether a database server still has what this node knows it had: a failover to a standby that was behind, or a restored
// backup, takes back commits that were acknowledged, and with them the record of jobs that were sent. What the node knows is in
// a small file beside its data, so that a restart does not forget it. An operator says when the database is right as it is.
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { sql } from 'kysely';
import { z } from 'zod';
import { type Db, type Reader, registerWrites, type Trx } from './db.ts';
import { dialectOf } from './db-dialect.ts';
import { canResume, latestCursor } from './outbox.ts';

/** Made with the database, and in every copy of it: another id means another database, of which nothing is known yet. */
const ID_KEY = 'history_id';
/** When an operator last accepted the database as it is, in its own milliseconds. */
const ACCEPTED_KEY = 'history_accepted_at';
const LARGEST_ID = 2 ** 48 - 1;

const markSchema = z.object({
  historyId: z.int(),
  /** The server cluster; transaction numbers mean nothing in another one. */
  cluster: z.string(),
  /** The largest number of an acknowledged commit. */
  commit: z.int(),
  /** The newest event that was seen. */
  event: z.object({ change: z.int(), id: z.string() }).nullable(),
  acceptedAt: z.int(),
  /** Something was found missing, and nobody has accepted it yet. */
  isLost: z.boolean(),
});

type Mark = z.output<typeof markSchema>;

/** Gives the database its identity, once. */
export async function ensureHistoryId(trx: Trx, { id }: { id: number }): Promise<void> {
  await trx
    .insertInto('kernel_state')
    .values([
      { key: ID_KEY, value: id },
      { key: ACCEPTED_KEY, value: 0 },
    ])
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Takes the database as it is, for all nodes; returns when, by the database's clock. */
export async function acceptHistory(trx: Trx, { now }: { now: number }): Promise<number> {
  const at = dialectOf(trx).now(now);
  const row = await trx
    .insertInto('kernel_state')
    .values({ key: ACCEPTED_KEY, value: at })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: at }))
    .returning('value')
    .executeTakeFirstOrThrow();
  return row.value;
}

registerWrites(import.meta.url, { ensureHistoryId, acceptHistory });

async function readState(reader: Reader): Promise<{ historyId: number | null; acceptedAt: number }> {
  const rows = await reader
    .selectFrom('kernel_state')
    .selectAll()
    .where('key', 'in', [ID_KEY, ACCEPTED_KEY])
    .execute();
  const values = new Map(rows.map(({ key, value }) => [key, value]));
  return { historyId: values.get(ID_KEY) ?? null, acceptedAt: values.get(ACCEPTED_KEY) ?? 0 };
}

/** The server's identity; empty where the role may not ask. */
async function readCluster(reader: Reader): Promise<string> {
  try {
    const { rows } = await sql<{ id: string }>`
      select system_identifier::text as id from pg_control_system()`.execute(reader);
    return rows[0]?.id ?? '';
  } catch {
    return '';
  }
}

async function hasEvent(reader: Reader, { change, id }: { change: number; id: string }): Promise<boolean> {
  const row = await reader
    .selectFrom('events')
    .select('id')
    .where('change', '=', change)
    .where('id', '=', id)
    .executeTakeFirst();
  // One that was pruned meanwhile is not lost.
  return row !== undefined || !(await canResume(reader, { change: change - 1, id }));
}

export class DatabaseHistory {
  readonly #db: Db;
  readonly #path: string;
  #mark: Mark | null = null;
  #cluster: string | null = null;
  #written = '';
  #writing: Promise<void> = Promise.resolve();

  /** `path` is the file of this node's knowledge. */
  constructor(db: Db, path: string) {
    this.#db = db;
    this.#path = path;
  }

  /** Whether nothing that this node knows of is missing; remembers what is new. Always true on SQLite. */
  async isWhole(): Promise<boolean> {
    const { commits, read } = this.#db;
    if (!commits) return true;
    this.#cluster ??= await readCluster(read);
    const cluster = this.#cluster;
    const state = await this.#readState();
    this.#mark ??= this.#load();
    const known = this.#mark;
    const isKnown = known !== null && known.historyId === state.historyId;
    const isAccepted = isKnown && state.acceptedAt > known.acceptedAt;
    if (isKnown && !isAccepted) {
      if (known.cluster === cluster) commits.expectAbove(known.commit);
      const isGone = known.event !== null && !(await hasEvent(read, known.event));
      if (known.isLost || commits.hasLost || isGone) {
        await this.#remember({ ...known, isLost: true });
        return false;
      }
    }
    // What was acknowledged to a server that lost it must not be asked of this one for ever.
    if (isAccepted || (known !== null && !isKnown)) commits.accept();
    await this.#remember({
      ...state,
      cluster,
      commit: commits.highest,
      event: await latestCursor(read),
      isLost: false,
    });
    return true;
  }

  /** A loss that a write met is known after a restart, too, however soon it comes. */
  async noteLoss(): Promise<void> {
    this.#mark ??= this.#load();
    if (this.#mark && !this.#mark.isLost) await this.#remember({ ...this.#mark, isLost: true });
  }

  /** The operator takes the database as it is; every node learns of it at its next look. */
  async accept(nowMs: number): Promise<void> {
    this.#db.commits?.accept();
    await this.#db.write(acceptHistory, { now: nowMs });
  }

  async #readState(): Promise<{ historyId: number; acceptedAt: number }> {
    const { read } = this.#db;
    const { historyId, acceptedAt } = await readState(read);
    if (historyId !== null) return { historyId, acceptedAt };
    await this.#db.write(ensureHistoryId, { id: 1 + randomInt(LARGEST_ID - 1) });
    const made = await readState(read);
    return { historyId: made.historyId ?? 0, acceptedAt: made.acceptedAt };
  }

  /** A file that is missing or unreadable knows nothing. */
  #load(): Mark | null {
    try {
      return markSchema.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
    } catch {
      return null;
    }
  }

  #remember(mark: Mark): Promise<void> {
    this.#mark = mark;
    // One after the other: the last word is what the file says.
    this.#writing = this.#writing.catch(() => {}).then(() => this.#write(JSON.stringify(mark)));
    return this.#writing;
  }

  async #write(text: string): Promise<void> {
    if (text === this.#written) return;
    await writeFile(`${this.#path}.new`, text, { mode: 0o600 });
    await rename(`${this.#path}.new`, this.#path);
    this.#written = text;
  }
}
