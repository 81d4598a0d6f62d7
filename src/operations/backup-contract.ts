// Scheduled backups on the wire.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { time } from '../kernel/wire-schemas.ts';

const TAG = 'Operations';

export const backupRunSchema = z
  .object({
    started_at: time,
    ended_at: time.nullable(),
    state: z.enum(['running', 'done', 'failed']),
    trigger: z.enum(['schedule', 'request']),
    backup: z.string().nullable().describe('Its name in the folder'),
    files: z.int().nullable(),
    bytes: z.number().nullable(),
    missing: z.int().nullable().describe('Files that were missing or damaged where the pictures are kept'),
    error: z.string().nullable(),
  })
  .meta({ id: 'BackupRun' });

export type BackupRunBody = z.output<typeof backupRunSchema>;

export const listBackupRunsRoute = defineRoute({
  id: 'backups.list',
  method: 'GET',
  path: '/v1/admin/backups',
  tag: TAG,
  summary: 'Scheduled backups: when the next is due, and how the last ones went',
  description: 'Backups made by the command line in other folders are not in this list.',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  responses: {
    200: {
      description: 'The newest first, at most 100',
      schema: z.object({
        folder: z.string().nullable().describe('On the server; null when none is configured'),
        next_at: time.nullable().describe('Null when there is no schedule'),
        data: z.array(backupRunSchema),
      }),
    },
  },
  errors: [],
});

export const beginBackupRoute = defineRoute({
  id: 'backups.begin',
  method: 'POST',
  path: '/v1/admin/backups',
  tag: TAG,
  summary: 'Make a backup now, into the configured folder',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  responses: { 202: { description: 'It has begun; the list tells how it ends', schema: backupRunSchema } },
  errors: ['conflict'],
});
