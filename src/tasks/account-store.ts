// The end of an account: it is refused from now on, everything it has open is cancelled and its pictures go to the trash, in one
// transaction. Its ledger stays, and within the trash's time everything can be brought back.
import { type Account, updateAccount } from '../accounts/accounts.ts';
import { registerWrites, type Trx } from '../kernel/db.ts';
import { TRASH_KEEP_MS, trashAllOf } from '../media/media.ts';
import { requestCancel } from './run-store.ts';
import { statusIs } from './store.ts';

/**
 * Ends an account; a second call takes up what came in between. Waiting tasks end here, running ones are marked for their owner
 * to stop. Throws `not_found`, or `conflict` for the administrator account.
 */
export async function closeAccount(trx: Trx, input: { accountId: string; now: number }): Promise<Account> {
  const { accountId, now } = input;
  const account = await updateAccount(trx, { accountId, disabled: true, now });
  const open = await trx
    .selectFrom('tasks')
    .select('id')
    .where('account_id', '=', accountId)
    .where(statusIs.open)
    .execute();
  for (const { id } of open) await requestCancel(trx, { taskId: id, now });
  await trashAllOf(trx, { accountId, uploadsUntilMs: now + TRASH_KEEP_MS, now });
  return account;
}

registerWrites(import.meta.url, { closeAccount });
