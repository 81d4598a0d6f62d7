// Binds the contracts of the record of syncs.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { type BoundRoute, bindRoute } from '../kernel/route.ts';
import {
  listSyncRunsRoute,
  MOST_RUNS_KEPT,
  recordSyncRunRoute,
  type SyncReport,
  type SyncRunBody,
} from './contract.ts';
import { insertSyncRun, listSyncRuns, type SyncRunRow } from './store.ts';

const toWire = ({ id, report }: SyncRunRow): SyncRunBody => ({ ...(JSON.parse(report) as SyncReport), id });

export function syncRoutes({ db, clock }: { db: Db; clock: Clock }): BoundRoute[] {
  return [
    bindRoute(listSyncRunsRoute, async ({ query }) => {
      const rows = await listSyncRuns(db.read, query.limit);
      return { status: 200 as const, body: { data: rows.map(toWire) } };
    }),
    bindRoute(recordSyncRunRoute, async ({ body, access }) => {
      const row = await db.write(insertSyncRun, {
        account_id: access.accountId,
        started_at: Date.parse(body.started_at),
        ended_at: Date.parse(body.ended_at),
        target: body.target,
        state: body.state,
        report: JSON.stringify(body),
        now: clock.now(),
        most: MOST_RUNS_KEPT,
      });
      return { status: 201 as const, body: toWire(row) };
    }),
  ];
}
