// The HTTP contracts of the record of syncs, and the shape of a sync's report. The command makes the report; the server keeps it.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { pageLimit } from '../kernel/wire-schemas.ts';

const TAG = 'Operations';
const MAX_NAME_CHARS = 300;
const MAX_TEXT_CHARS = 1_000;
export const MOST_FAILURES_KEPT = 100;
export const MOST_RUNS_KEPT = 200;
const MOST_REASONS = 30;
const MOST_PLACES = 10;

const time = z.iso.datetime().describe('RFC 3339, UTC');
const count = z.int().min(0);
const name = z.string().max(MAX_NAME_CHARS);
const text = z.string().max(MAX_TEXT_CHARS);
const reasons = z
  .record(z.string().max(40), count)
  .refine((value) => Object.keys(value).length <= MOST_REASONS, 'must have at most 30 reasons');

export const syncReportSchema = z
  .strictObject({
    started_at: time,
    ended_at: time,
    target: name.describe('Its name in the configuration'),
    what: z.enum(['media', 'code', 'rollback']),
    mode: z.enum(['incremental', 'full']),
    comparison: z.enum(['size_time', 'size_hash', 'hash', 'none']),
    dry_run: z.boolean(),
    state: z
      .enum(['done', 'partial', 'nothing_sent', 'failed'])
      .describe(
        '`partial`: files failed or were held back; `nothing_sent`: there were files, and none could go',
      ),
    places: z
      .array(z.object({ kind: z.string().max(20), from: text, to: text, files: count, bytes: count }))
      .max(MOST_PLACES)
      .describe('What went where, kind by kind'),
    files: count.describe('In the source'),
    bytes: count,
    sent: count,
    sent_bytes: count,
    resumed_bytes: count.describe('Of them, there already from a try that was cut'),
    replaced: count.describe('Files at the target that differed and were replaced'),
    kept: reasons.describe('Reason → how many files were not sent for it'),
    failed: reasons.describe('Reason → how many files failed for it'),
    failures: z.array(z.object({ name, reason: z.string().max(40), text })).max(MOST_FAILURES_KEPT),
    public_check: z
      .array(z.object({ kind: z.string().max(20), why: z.string().max(20), url: text, place: text }))
      .max(MOST_PLACES)
      .nullable()
      .describe('Kinds that are not to be had at the public address; null: not looked at'),
    release: name.nullable().describe('The release in use after a sync of code'),
    error: text.nullable(),
  })
  .meta({ id: 'SyncReport' });

export type SyncReport = z.output<typeof syncReportSchema>;

export const syncRunSchema = syncReportSchema
  .extend({ id: z.string().describe('`sync_…`') })
  .meta({ id: 'SyncRun' });
export type SyncRunBody = z.output<typeof syncRunSchema>;

export const listSyncRunsRoute = defineRoute({
  id: 'sync.list',
  method: 'GET',
  path: '/v1/admin/sync/runs',
  tag: TAG,
  summary: 'What `drawbridge sync` sent from here, and why files were not sent',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  query: z.object({ limit: pageLimit(50, MOST_RUNS_KEPT) }),
  responses: {
    200: {
      description: 'The newest first, at most 200 are kept',
      schema: z.object({ data: z.array(syncRunSchema) }),
    },
  },
  errors: [],
});

export const recordSyncRunRoute = defineRoute({
  id: 'sync.record',
  method: 'POST',
  path: '/v1/admin/sync/runs',
  tag: TAG,
  summary: 'Keep the report of a sync; the command does this when it ends',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  body: syncReportSchema,
  responses: { 201: { description: 'The report as it is kept', schema: syncRunSchema } },
  errors: [],
});
