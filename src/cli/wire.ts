// The API's bodies as commands read them, by the contracts' own types; and what several commands show of them.
import type { z } from 'zod';
import type {
  accountSchema,
  createResetLink,
  keySchema,
  listInvitations,
  userSchema,
} from '../accounts/contract.ts';
import type { BatchBody, BatchCheckBody, listBatchItemsRoute } from '../batches/contract.ts';
import type { balanceSchema, entrySchema, spendingSchema } from '../credits/contract.ts';
import type { ResponseBody } from '../kernel/route.ts';
import type { uploadSchema } from '../media/contract.ts';
import type {
  acceptDatabaseRoute,
  BackupRunBody,
  DoctorReportBody,
  gcReportSchema,
  listAlertsRoute,
  listBackupRunsRoute,
  recentLogRoute,
  statusRoute,
  testAlertRoute,
} from '../operations/contract.ts';
import type {
  getProviderRoute,
  listProvidersRoute,
  ProviderBody,
  rotateKeyRoute,
  setSecretRoute,
  testProviderRoute,
} from '../providers/contract.ts';
import type { listSyncRunsRoute } from '../sync/contract.ts';
import type { listModelsRoute, quoteTaskRoute, TaskBody, WatchdogRunBody } from '../tasks/contract.ts';

export type Account = z.output<typeof accountSchema>;
export type ApiKey = z.output<typeof keySchema>;
export type User = z.output<typeof userSchema>;
export type Invitation = ResponseBody<typeof listInvitations, 200>['data'][number];
export type ResetLink = ResponseBody<typeof createResetLink, 201>;
export type Balance = z.output<typeof balanceSchema>;
export type CreditEntry = z.output<typeof entrySchema>;
export type Upload = z.output<typeof uploadSchema>;
export type Task = TaskBody;
export type Batch = BatchBody;
export type BatchCheck = BatchCheckBody;
export type BatchItems = ResponseBody<typeof listBatchItemsRoute, 200>;
export type WatchdogRun = WatchdogRunBody;
export type CreditSpending = z.output<typeof spendingSchema>;
export type DoctorReport = DoctorReportBody;
export type DatabaseAccepted = z.output<(typeof acceptDatabaseRoute.responses)[200]['schema']>;
export type AlertList = ResponseBody<typeof listAlertsRoute, 200>;
export type AlertTest = ResponseBody<typeof testAlertRoute, 200>;
export type BackupRun = BackupRunBody;
export type BackupRuns = ResponseBody<typeof listBackupRunsRoute, 200>;
export type LogPage = ResponseBody<typeof recentLogRoute, 200>;
export type GcReport = z.output<typeof gcReportSchema>;
export type Model = ResponseBody<typeof listModelsRoute, 200>['data'][number];
export type Quote = ResponseBody<typeof quoteTaskRoute, 200>;
export type Provider = ProviderBody;
export type ProviderList = ResponseBody<typeof listProvidersRoute, 200>;
export type ProviderDetail = ResponseBody<typeof getProviderRoute, 200>;
export type ProviderTest = ResponseBody<typeof testProviderRoute, 200>;
export type ProviderSecretChange = ResponseBody<typeof setSecretRoute, 200>;
export type KeyRotation = ResponseBody<typeof rotateKeyRoute, 200>;
export type ServerStatus = ResponseBody<typeof statusRoute, 200>;

export type SyncRuns = ResponseBody<typeof listSyncRunsRoute, 200>;

export interface Page<Item> {
  data: Item[];
  next_cursor: string | null;
}

/** Credits as people write them: at most 6 decimal places, none that say nothing. */
export function creditText(credits: number): string {
  return credits.toFixed(6).replace(/\.?0+$/, '');
}
