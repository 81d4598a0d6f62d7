// Storage quotas on the wire, for operators.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';

const TAG = 'Accounts';
const MOST_MB = 1_000_000_000;

const params = z.object({ id: z.string().describe('`acct_…`') });

export const storageUseSchema = z
  .object({
    used_bytes: z.number().describe('Pictures outside the trash, and uploads'),
    quota_bytes: z.number().nullable().describe('Null: no limit'),
    own: z.boolean().describe('False: the quota of every account that has none of its own'),
  })
  .meta({ id: 'StorageUse' });

export const getStorageRoute = defineRoute({
  id: 'accounts.getStorage',
  method: 'GET',
  path: '/v1/admin/accounts/:id/storage',
  tag: TAG,
  summary: 'How much an account keeps, and how much it may',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  params,
  responses: { 200: { description: 'Counted now', schema: storageUseSchema } },
  errors: ['not_found'],
});

export const setStorageRoute = defineRoute({
  id: 'accounts.setStorage',
  method: 'PUT',
  path: '/v1/admin/accounts/:id/storage',
  tag: TAG,
  summary: 'Set how much an account may keep',
  description:
    'New tasks and uploads of an account that keeps as much as it may are refused with 403 `storage_quota_reached`; nothing that it has is touched. Tasks that were accepted go on.',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  params,
  body: z.strictObject({
    quota_mb: z
      .number()
      .min(0)
      .max(MOST_MB)
      .nullable()
      .describe('0: no limit for this account; null: as every account'),
  }),
  responses: { 200: { description: 'As it is now', schema: storageUseSchema } },
  errors: ['not_found'],
});
