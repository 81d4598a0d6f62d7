// The queries on the two kinds of one-time links that administrators hand out: invitations, which make a person, and reset
// links, which let a person choose a new password. Each works once, until its time is over or it is taken back.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { getUser } from './people-store.ts';
import { findAccount, type PageQuery, type Role } from './store.ts';

interface InvitationsTable {
  id: string;
  hash: string;
  role: Role;
  /** Whom it is for; null: whoever has the link. */
  email: string | null;
  /** The account to join; null: one of their own. */
  account_id: string | null;
  /** Credits of the new account, as decimal text; null: the configured starting grant. */
  grant_credits: string | null;
  created_at: number;
  expires_at: number;
  used_at: number | null;
  used_by: string | null;
  revoked_at: number | null;
}

interface PasswordResetsTable {
  hash: string;
  user_id: string;
  created_at: number;
  expires_at: number;
}

declare module '../kernel/db.ts' {
  interface Tables {
    invitations: InvitationsTable;
    password_resets: PasswordResetsTable;
  }
}

export type Invitation = Omit<InvitationsTable, 'hash'>;

const SHOWN = [
  'id',
  'role',
  'email',
  'account_id',
  'grant_credits',
  'created_at',
  'expires_at',
  'used_at',
  'used_by',
  'revoked_at',
] as const;

/** Stores an invitation. Throws `not_found` for an unknown account, `conflict` for a wrong one or too many open ones. */
export async function insertInvitation(
  trx: Trx,
  input: {
    invitation: Pick<
      InvitationsTable,
      'id' | 'hash' | 'role' | 'email' | 'account_id' | 'grant_credits' | 'created_at' | 'expires_at'
    >;
    maxOpen: number;
  },
): Promise<Invitation> {
  const { invitation } = input;
  if (invitation.account_id !== null) {
    const account = await findAccount(trx, invitation.account_id);
    if (!account) throw new AppError('not_found', { detail: 'There is no account with this id.' });
    if (account.role === 'admin' && invitation.role !== 'admin') {
      throw new AppError('conflict', {
        detail: "The administrators' account is for administrators only.",
        fix: 'Invite the person as a member with an account of their own.',
      });
    }
  }
  const { open } = await trx
    .selectFrom('invitations')
    .select((expression) => expression.fn.countAll<number>().as('open'))
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', invitation.created_at)
    .executeTakeFirstOrThrow();
  if (Number(open) >= input.maxOpen) {
    throw new AppError('conflict', {
      detail: `There are ${input.maxOpen} open invitations already; take back some that nobody uses.`,
    });
  }
  const row = { ...invitation, used_at: null, used_by: null, revoked_at: null };
  await trx.insertInto('invitations').values(row).execute();
  const { hash: _hash, ...shown } = row;
  return shown;
}

/** The invitation behind a link, if it can still be used. */
export async function findOpenInvitation(
  read: Reader,
  { hash, now }: { hash: string; now: number },
): Promise<Invitation | undefined> {
  return read
    .selectFrom('invitations')
    .select([...SHOWN])
    .where('hash', '=', hash)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirst();
}

/** All invitations that were not taken back, newest first. */
export async function listInvitations(read: Reader, page: PageQuery): Promise<Invitation[]> {
  let query = read
    .selectFrom('invitations')
    .select([...SHOWN])
    .where('revoked_at', 'is', null)
    .orderBy('id', 'desc')
    .limit(page.limit);
  if (page.before) query = query.where('id', '<', page.before);
  return query.execute();
}

/** Takes an unused invitation back; false when there is none. */
export async function revokeInvitation(trx: Trx, input: { id: string; now: number }): Promise<boolean> {
  const revoked = await trx
    .updateTable('invitations')
    .set({ revoked_at: input.now })
    .where('id', '=', input.id)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return revoked.numUpdatedRows !== 0n;
}

/** Uses an invitation up for a person. Throws `authentication_required` when it cannot be used (any more). */
export async function useInvitation(
  trx: Trx,
  input: { hash: string; userId: string; now: number },
): Promise<void> {
  const used = await trx
    .updateTable('invitations')
    .set({ used_at: input.now, used_by: input.userId })
    .where('hash', '=', input.hash)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', input.now)
    .executeTakeFirst();
  if (used.numUpdatedRows !== 1n) throw invitationOver();
}

export const invitationOver = () =>
  new AppError('authentication_required', {
    detail: 'This invitation does not work any more: it was used, taken back, is over, or never existed.',
    fix: 'Ask the administrator for a new one.',
  });

/** Stores a reset link for a person, in place of earlier ones. Throws `not_found`. */
export async function putReset(
  trx: Trx,
  input: { hash: string; userId: string; now: number; expiresAt: number },
): Promise<void> {
  await getUser(trx, input.userId);
  await trx.deleteFrom('password_resets').where('user_id', '=', input.userId).execute();
  await trx.deleteFrom('password_resets').where('expires_at', '<=', input.now).execute();
  await trx
    .insertInto('password_resets')
    .values({
      hash: input.hash,
      user_id: input.userId,
      created_at: input.now,
      expires_at: input.expiresAt,
    })
    .execute();
}

/** Whose reset link this is, if it can still be used. */
export async function findReset(
  read: Reader,
  { hash, now }: { hash: string; now: number },
): Promise<string | undefined> {
  const row = await read
    .selectFrom('password_resets')
    .select('user_id')
    .where('hash', '=', hash)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return row?.user_id;
}

export const resetOver = () =>
  new AppError('authentication_required', {
    detail:
      'This link does not work any more: it was used, replaced by a newer one, is over, or never existed.',
    fix: 'Ask the administrator for a new one.',
  });

registerWrites(import.meta.url, { insertInvitation, revokeInvitation, putReset });
