// Operations on the wire: is the server alive, ready and healthy; numbers for Prometheus; what is wrong and what it would
// take to set it right. Probes are public and terse, everything that tells about the inside is for operators.
import { z } from 'zod';
import type { Clock } from '../kernel/clock.ts';
import type { Config } from '../kernel/config.ts';
import { ERROR_CODES, type ErrorCode } from '../kernel/errors.ts';
import { defineRoute } from '../kernel/route.ts';
import { time } from '../kernel/wire-schemas.ts';

export * from './admin-contract.ts';
export * from './alert-contract.ts';
export * from './backup-contract.ts';
export * from './log-contract.ts';
export * from './storage-quota-contract.ts';

const TAG = 'Operations';
const ERROR_CODE_NAMES = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]];

export const partSchema = z
  .object({
    name: z.string().describe('`database`, `store`, `engine`, `store:<name>`, or `provider:<name>`'),
    state: z.enum(['ok', 'degraded', 'down']),
    reason: z.string().nullable().describe('Why it is not ok, in plain words'),
    code: z.enum(ERROR_CODE_NAMES).nullable(),
    required: z.boolean().describe('Whether the server can do nothing useful without it'),
  })
  .meta({ id: 'Part' });

export type PartBody = z.output<typeof partSchema>;

export const healthzRoute = defineRoute({
  id: 'health.live',
  method: 'GET',
  path: '/healthz',
  tag: TAG,
  summary: 'The process is alive',
  description: 'Says nothing about what it can do; restart the process when this does not answer.',
  access: { kind: 'public' },
  limit: 'none',
  responses: { 200: { description: 'Alive', schema: z.object({ status: z.literal('ok') }) } },
  errors: [],
});

export const readyzRoute = defineRoute({
  id: 'health.ready',
  method: 'GET',
  path: '/readyz',
  tag: TAG,
  summary: 'The server can do its work: database, store, and at least one usable provider',
  description:
    'For load balancers and container health checks. The sandbox does not count beside real providers.',
  access: { kind: 'public' },
  limit: 'none',
  responses: {
    200: { description: 'Ready', schema: z.object({ status: z.literal('ready') }) },
    503: {
      description: 'Not ready, and which parts are to blame',
      schema: z.object({ status: z.literal('not_ready'), reasons: z.array(z.string()) }),
    },
  },
  errors: [],
});

const healthDetail = {
  hasSession: z
    .boolean()
    .describe('Whether a provider is usable, and none lacks a credential that is accepted'),
  version: z.string().optional(),
  uptime_s: z.int().optional(),
  parts: z.array(partSchema).optional().describe('Only for an administrator or a caller on the same machine'),
};

export const healthRoute = defineRoute({
  id: 'health.get',
  method: 'GET',
  path: '/health',
  tag: TAG,
  summary: 'Whether every configured part is usable',
  access: { kind: 'public' },
  limit: 'none',
  responses: {
    200: { description: 'All is well', schema: z.object({ status: z.literal('ok'), ...healthDetail }) },
    503: {
      description: 'At least one configured part is not usable',
      schema: z.object({ status: z.literal('unhealthy'), error: z.string(), ...healthDetail }),
    },
  },
  errors: [],
});

export const metricsRoute = defineRoute({
  id: 'metrics.get',
  method: 'GET',
  path: '/metrics',
  tag: TAG,
  summary: 'Numbers for Prometheus',
  access: { kind: 'operator' },
  limit: 'none',
  responses: { 200: { description: 'Prometheus text format 0.0.4', contentType: 'text/plain' } },
  errors: [],
});

const maintenanceSchema = z
  .object({ job: z.string(), ran_at: time, ok: z.boolean(), result: z.string() })
  .meta({ id: 'MaintenanceRun' });

export const statusRoute = defineRoute({
  id: 'operations.status',
  method: 'GET',
  path: '/v1/admin/status',
  tag: TAG,
  summary: 'Each part with its state and reason, and what the server is doing',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  responses: {
    200: {
      description: 'The state now',
      schema: z
        .object({
          status: z.enum(['ok', 'degraded', 'down']),
          version: z.string(),
          node: z.string(),
          pid: z.int(),
          runtime: z.string(),
          started_at: time,
          uptime_s: z.int(),
          memory_bytes: z.int(),
          database: z.enum(['sqlite', 'postgres']),
          media_free_bytes: z.number().nullable(),
          running_here: z.int().describe('Tasks that this process runs'),
          tasks: z.array(z.object({ lane: z.string(), status: z.string(), count: z.int() })),
          parts: z.array(partSchema),
          maintenance: z.array(maintenanceSchema),
        })
        .meta({ id: 'ServerStatus' }),
    },
  },
  errors: [],
});

export const addressesSchema = z
  .object({
    reach: z
      .enum(['public', 'network', 'container', 'loopback'])
      .describe(
        '`public`: its public URL. `network`: the addresses of its machine. `container`: only those of the container, which other devices do not know. `loopback`: it listens for its own machine alone',
      ),
    urls: z.array(z.string()),
  })
  .meta({ id: 'ReachableAddresses' });

export type AddressesBody = z.output<typeof addressesSchema>;

export const addressesRoute = defineRoute({
  id: 'operations.addresses',
  method: 'GET',
  path: '/v1/admin/addresses',
  tag: TAG,
  summary: 'Where other devices find this server',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  responses: {
    200: { description: 'As far as the server itself can know', schema: addressesSchema },
  },
  errors: [],
});

export const findingSchema = z
  .object({
    id: z.string().describe('The check, or the invariant, that found it'),
    severity: z.enum(['warning', 'error']),
    title: z.string(),
    what: z.string().describe('What is so'),
    cause: z.string().describe('Why, most likely'),
    fix: z.string().describe('What to do, as a command where there is one'),
    evidence: z.array(z.string()).describe('Rows, files or values that show it'),
    fixed: z.string().nullable().describe('What `fix: true` did about it'),
  })
  .meta({ id: 'Finding' });

export const checkSchema = z
  .object({
    id: z.string(),
    title: z.string(),
    state: z.enum(['ok', 'warning', 'error', 'skipped']),
    detail: z.string(),
  })
  .meta({ id: 'Check' });

export type FindingBody = z.output<typeof findingSchema>;
export type CheckBody = z.output<typeof checkSchema>;

export const doctorReportSchema = z
  .object({
    ok: z.boolean().describe('False when there is an error; warnings alone leave it true'),
    deep: z.boolean(),
    checks: z.array(checkSchema),
    findings: z.array(findingSchema),
  })
  .meta({ id: 'DoctorReport' });

export type DoctorReportBody = z.output<typeof doctorReportSchema>;

export const doctorRoute = defineRoute({
  id: 'operations.doctor',
  method: 'POST',
  path: '/v1/admin/doctor',
  tag: TAG,
  summary: 'Look for what is wrong',
  description:
    '`deep` checks every invariant on all data, which takes time in proportion to it. `fix` does what is safe and says what it did.',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  body: z
    .strictObject({ deep: z.boolean().default(false), fix: z.boolean().default(false) })
    .default({ deep: false, fix: false }),
  responses: { 200: { description: 'What was checked and found', schema: doctorReportSchema } },
  errors: ['conflict'],
});

export const gcReportSchema = z
  .object({
    images: z.int().describe('Pictures whose time in the trash was over'),
    uploads: z.int().describe('Uploads that nothing uses'),
    files_removed: z.int(),
    strays_quarantined: z.int().describe('Files that belong to no picture'),
    strays_refused: z.int().describe('Left alone, because so many mean a wrong database'),
    staged_removed: z.int(),
    quarantined_removed: z.int(),
    thumbnails_made: z.int(),
    events_pruned: z.int(),
  })
  .meta({ id: 'GcReport' });

export const acceptDatabaseRoute = defineRoute({
  id: 'operations.acceptDatabase',
  method: 'POST',
  path: '/v1/admin/database/accept',
  tag: TAG,
  summary: 'Take the database as it is, although it lacks changes that it had confirmed',
  description:
    'After a failover to a standby that was behind, or after an older backup was restored, nothing is sent to providers until somebody says so: tasks that it shows as open may have been done already. Concerns PostgreSQL only.',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  responses: {
    200: {
      description: 'Accepted; all nodes go on',
      schema: z
        .object({ was_held: z.boolean().describe('Whether this server was held back') })
        .meta({ id: 'DatabaseAccepted' }),
    },
  },
  errors: [],
});

export const gcRoute = defineRoute({
  id: 'operations.gc',
  method: 'POST',
  path: '/v1/admin/gc',
  tag: TAG,
  summary: 'Collect what nobody needs any more, now instead of tonight',
  description:
    'After a restore nothing is collected, here or by itself, until a call says `resume`: files that the restored database does not know may be all that is left of newer pictures.',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  body: z
    .strictObject({
      resume: z.boolean().default(false).describe('The restored data was looked at: collect again'),
    })
    .default({ resume: false }),
  responses: { 200: { description: 'What was collected', schema: gcReportSchema } },
  errors: ['conflict', 'storage_unavailable'],
});

/** What can keep a backup or a restore from being made; `detail` names the path, the file or the tool's own words. */
export const COPY_FAULTS = [
  'busy',
  'foreign_folder',
  'inside_data',
  'no_data',
  'no_volume',
  'no_backup',
  'broken',
  'not_empty',
  'other_database',
  'newer_version',
  'no_space',
  'file_failed',
  'tool_missing',
  'tool_failed',
  'no_database',
] as const;
export type CopyFault = (typeof COPY_FAULTS)[number];

/** An expected failure of a backup or a restore; its words are in the message catalogue. */
export class CopyError extends Error {
  readonly fault: CopyFault;

  constructor(fault: CopyFault, detail: string) {
    super(detail);
    this.name = 'CopyError';
    this.fault = fault;
  }
}

export interface CopyProgress {
  phase: 'database' | 'pictures' | 'check';
  /** Bytes done and to do; 0 of 0 while nobody knows. */
  doneBytes: number;
  totalBytes: number;
}

export interface BackupSummary {
  id: string;
  createdAt: string;
  version: string;
  database: 'sqlite' | 'postgres';
  databaseBytes: number;
  /** Pictures, thumbnails and uploads that the database names, and their bytes. */
  files: number;
  bytes: number;
  /** Of these, files that were missing or damaged already when the backup was made. */
  missing: number;
  hasSecretsKey: boolean;
}

export interface BackupReport extends BackupSummary {
  folder: string;
  copiedFiles: number;
  copiedBytes: number;
  /** Files that an earlier backup had copied already. */
  keptFiles: number;
  /** There is a secrets.key, and it was not asked for. */
  leftOutKey: boolean;
  missingKeys: string[];
  /** Files of backups that are gone by `keep`. */
  prunedFiles: number;
  seconds: number;
}

export interface VerifyReport extends BackupSummary {
  checkedFiles: number;
  /** What is wrong, the first of it by name. */
  problems: string[];
  problemCount: number;
}

export interface RestoreReport extends BackupSummary {
  dataDir: string;
  restoredFiles: number;
  /** Files that the backup itself lacks, or holds with wrong bytes. */
  lostKeys: string[];
  lostFiles: number;
  unfinishedTasks: number;
  configurationCopy: string;
  seconds: number;
}

export interface CopyWorld {
  config: Config;
  clock: Clock;
  /** The backup folder, absolute. */
  folder: string;
  onProgress(progress: CopyProgress): void;
}

/** Backups and restores, as commands use them. All throw CopyError. */
export interface DataCopies {
  createBackup(
    world: CopyWorld,
    options: { includeSecrets: boolean; recheck: boolean; keep: number | null },
  ): Promise<BackupReport>;
  /** Newest first. */
  listBackups(folder: string): Promise<BackupSummary[]>;
  /** Reads everything that a backup consists of; null: the newest. */
  verifyBackup(world: Pick<CopyWorld, 'folder' | 'onProgress'>, id: string | null): Promise<VerifyReport>;
  restoreBackup(
    world: CopyWorld,
    options: { id: string | null; databaseOnly: boolean },
  ): Promise<RestoreReport>;
}
