// What the admin rooms read and write: shapes of the server's own contracts, queries by path, and pages that follow each other
// by key. Every query begins with ADMIN_KEY, so that an action can make all that is shown be read again.
import { infiniteQueryOptions, type QueryClient, queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import type {
  accountSchema,
  keySchema,
  listInvitations,
  userSchema,
} from '../../../src/accounts/contract.ts';
import type { balanceSchema, entrySchema, spendingSchema } from '../../../src/credits/contract.ts';
import type { moveSchema, storageSchema } from '../../../src/media/contract.ts';
import type {
  AdminTaskRowBody,
  AuditEntryBody,
  DoctorReportBody,
  getAdminTaskRoute,
  HeartbeatBody,
  LogLineBody,
  listAlertsRoute,
  listBackupRunsRoute,
  OverviewBody,
  storageUseSchema,
  testAlertRoute,
} from '../../../src/operations/contract.ts';
import type {
  getProviderRoute,
  listProvidersRoute,
  ProviderBody,
  testProviderRoute,
} from '../../../src/providers/contract.ts';
import type { ManagedCategoryBody, ManagedStyleBody } from '../../../src/styles/contract.ts';
import type { WatchdogRunBody } from '../../../src/tasks/contract.ts';
import type { deliverySchema, webhookSchema } from '../../../src/webhooks/contract.ts';
import { call } from '../api/client.ts';

export type Overview = OverviewBody;
export type AdminTaskRow = AdminTaskRowBody;
export type AdminTask = z.output<(typeof getAdminTaskRoute)['responses'][200]['schema']>;
export type Heartbeat = HeartbeatBody;
export type Provider = ProviderBody;
export type ProviderList = z.output<(typeof listProvidersRoute)['responses'][200]['schema']>;
export type ProviderDetail = z.output<(typeof getProviderRoute)['responses'][200]['schema']>;
export type ProviderTest = z.output<(typeof testProviderRoute)['responses'][200]['schema']>;
export type WatchdogRun = WatchdogRunBody;
export type WatchdogFinding = WatchdogRun['findings'][number];
export type DoctorReport = DoctorReportBody;
export type User = z.output<typeof userSchema>;
export type Invitation = z.output<(typeof listInvitations)['responses'][200]['schema']>['data'][number];
export type Account = z.output<typeof accountSchema>;
export type ApiKey = z.output<typeof keySchema>;
export type Balance = z.output<typeof balanceSchema>;
export type Spending = z.output<typeof spendingSchema>;
export type Entry = z.output<typeof entrySchema>;
export type StorageUse = z.output<typeof storageUseSchema>;
export type Storage = z.output<typeof storageSchema>;
export type StoreMove = z.output<typeof moveSchema>;
export type Backups = z.output<(typeof listBackupRunsRoute)['responses'][200]['schema']>;
export type Alerts = z.output<(typeof listAlertsRoute)['responses'][200]['schema']>;
export type AlertTest = z.output<(typeof testAlertRoute)['responses'][200]['schema']>;
export type Webhook = z.output<typeof webhookSchema>;
export type Delivery = z.output<typeof deliverySchema>;
export type AuditEntry = AuditEntryBody;
export type LogLine = LogLineBody;
export type StyleCategory = ManagedCategoryBody;
export type Style = ManagedStyleBody;

export interface Page<Item> {
  data: readonly Item[];
  next_cursor: string | null;
}

const ADMIN_KEY = 'admin';

export type Filter = Readonly<Record<string, string | undefined>>;

/** `?a=b` for what is set, or nothing. */
export function queryText(filter: Filter): string {
  const set = Object.entries(filter).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, value] as [string, string]],
  );
  return set.length === 0 ? '' : `?${new URLSearchParams(set)}`;
}

/** One answer, such as `v1/admin/overview`; `accountId` asks as that account. */
export const answerOf = <Answer>(path: string, accountId?: string) =>
  queryOptions({
    queryKey: [ADMIN_KEY, path, accountId ?? null],
    queryFn: ({ signal }) =>
      call<Answer>('GET', path, { signal, ...(accountId === undefined ? {} : { accountId }) }),
  });

/** A list, page by page; `Extra` is what a page says beside its rows. */
export const pagesOf = <Item, Extra = unknown>(path: string, filter: Filter = {}, accountId?: string) =>
  infiniteQueryOptions({
    queryKey: [ADMIN_KEY, path, filter, accountId ?? null],
    queryFn: ({ signal, pageParam }) =>
      call<Page<Item> & Extra>('GET', `${path}${queryText({ ...filter, cursor: pageParam ?? undefined })}`, {
        signal,
        ...(accountId === undefined ? {} : { accountId }),
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page: Page<Item> & Extra) => page.next_cursor,
  });

/** Reads everything again that an action may have changed. */
export function readAgain(client: QueryClient): Promise<void> {
  return client.invalidateQueries({ queryKey: [ADMIN_KEY] });
}
