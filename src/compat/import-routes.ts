// Binds the take-over of older systems: pictures under their old names, tasks, and people with their credits. Each call may be
// made again after it was cut off anywhere.
import { type AccountOpener, findAccount } from '../accounts/accounts.ts';
import { grantCredits, parseCredits } from '../credits/credits.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import { fieldErrors } from '../kernel/problem.ts';
import { type Access, type BoundRoute, bindRoute, type HandlerRequest } from '../kernel/route.ts';
import {
  findAliases,
  importPicture,
  importStateOf,
  type Media,
  measure,
  parseOldName,
} from '../media/media.ts';
import { readFormPicture } from './form-picture.ts';
import * as contract from './import-contract.ts';
import {
  claimImportedAccount,
  countImportedTasks,
  findImportedAccounts,
  insertImportedTasks,
} from './import-store.ts';

const GRANT_REASON = 'Balance of the older system';
/** A picture that an older system stored may be larger than what it lets people upload. */
const MAX_PICTURE_BYTES = 128 * 1024 * 1024;

export interface ImportRouteOptions {
  db: Db;
  clock: Clock;
  media: Media;
  opener: AccountOpener;
}

export function importRoutes(options: ImportRouteOptions): BoundRoute[] {
  const { db } = options;
  return [
    bindRoute(contract.checkImportRoute, async ({ body, access }) => ({
      status: 200 as const,
      body: { data: await checkFiles(db, body, access) },
    })),
    bindRoute(contract.importPictureRoute, (request) => takePicture(options, request)),
    bindRoute(contract.importTasksRoute, async ({ body, access }) => ({
      status: 200 as const,
      body: await takeTasks(db, body, access),
    })),
    bindRoute(contract.importAccountsRoute, async ({ body, access }) => ({
      status: 200 as const,
      body: { data: await takeAccounts(options, body, access) },
    })),
  ];
}

async function checkFiles(
  db: Db,
  { kind, files }: HandlerRequest<typeof contract.checkImportRoute>['body'],
  access: Access,
) {
  const names = files.map(({ name }) => parseOldName(name));
  const aliases = await findAliases(
    db.read,
    kind,
    names.filter((name) => name !== null),
  );
  const byName = new Map(aliases.map((alias) => [alias.name, alias]));
  const owners = await findImportedAccounts(
    db.read,
    files.flatMap(({ owner }) => owner ?? []),
  );
  return files.map(({ name, sha256, owner }, index) => {
    const parsed = names[index] ?? null;
    const accountId = owner === undefined ? access.accountId : owners.get(owner);
    if (parsed === null) return { name, state: 'bad_name' as const };
    if (accountId === undefined) return { name, state: 'no_owner' as const };
    return { name, state: importStateOf(byName.get(parsed), { sha256, accountId }) };
  });
}

function invalid(pointer: string, detail: string): AppError {
  return new AppError('validation_failed', { detail, errors: [{ pointer, detail }] });
}

/** The account of each old id. Throws `validation_failed` for one that nobody imported. */
async function requireOwners(db: Db, owners: readonly string[]): Promise<Map<string, string>> {
  const found = await findImportedAccounts(db.read, owners);
  const missing = owners.find((owner) => !found.has(owner));
  if (missing === undefined) return found;
  throw invalid('/owner', `Nobody with the old id "${missing}" was imported; import balances first.`);
}

async function takePicture(
  options: ImportRouteOptions,
  { raw, access, baseUrl }: HandlerRequest<typeof contract.importPictureRoute>,
) {
  const { db, clock, media } = options;
  const { picture, fields } = await readFormPicture(raw, media, MAX_PICTURE_BYTES);
  try {
    const parsed = contract.importPictureFields.safeParse(fields);
    if (!parsed.success) {
      const errors = fieldErrors(parsed.error, 'body');
      const detail = `${errors[0]?.pointer}: ${errors[0]?.detail}`;
      throw new AppError('validation_failed', { detail, errors });
    }
    const { kind, sha256, owner, prompt, mode, model, created_at: createdAt } = parsed.data;
    const name = parseOldName(parsed.data.name);
    if (name === null) throw invalid('/name', 'The name must be a plain path such as 2024/cat.png.');
    if ((await measure(picture.path)).sha256 !== sha256)
      throw invalid('/sha256', 'The file that arrived is not the one that was sent: send it again.');
    const owners = await requireOwners(db, owner === undefined ? [] : [owner]);
    const accountId = owner === undefined ? access.accountId : (owners.get(owner) ?? access.accountId);
    const state = await importPicture(
      { db, clock, media },
      {
        ...{ kind, name, sha256, accountId, prompt, mode, model },
        source: { path: picture.path },
        createdAt: createdAt === undefined ? clock.now() : Math.min(Date.parse(createdAt), clock.now()),
      },
    );
    const url = `${baseUrl}/media/${kind}/${name.split('/').map(encodeURIComponent).join('/')}`;
    return { status: 200 as const, body: { state, url } };
  } finally {
    await media.discard(picture.path);
  }
}

async function takeTasks(
  db: Db,
  { tasks, dry_run: isDryRun }: HandlerRequest<typeof contract.importTasksRoute>['body'],
  access: Access,
) {
  const named = [...new Set(tasks.flatMap(({ owner }) => owner ?? []))];
  // A dry run comes before the people do.
  const owners = isDryRun ? await findImportedAccounts(db.read, named) : await requireOwners(db, named);
  const rows = tasks.map(({ id, status, prompt, error, files, created_at: createdAt, owner }) => ({
    account_id: (owner === undefined ? access.accountId : owners.get(owner)) ?? '',
    old_id: id,
    status,
    prompt,
    error,
    files: JSON.stringify(files),
    created_at: Date.parse(createdAt),
  }));
  let known = 0;
  for (const [accountId, own] of Map.groupBy(rows, (row) => row.account_id))
    known += await countImportedTasks(
      db.read,
      accountId,
      own.map((row) => row.old_id),
    );
  if (isDryRun) return { imported: rows.length - known, known };
  const imported = await db.write(insertImportedTasks, { tasks: rows });
  return { imported, known: rows.length - imported };
}

async function takeAccounts(
  { db, clock, opener }: ImportRouteOptions,
  { accounts, dry_run: isDryRun }: HandlerRequest<typeof contract.importAccountsRoute>['body'],
  access: Access,
) {
  // All amounts are looked at before the first account is opened.
  const wanted = accounts.map((account, index) => ({
    ...account,
    amountMicros: parseCredits(account.credits, `/accounts/${index}/credits`),
  }));
  const before = await findImportedAccounts(
    db.read,
    accounts.map(({ id }) => id),
  );
  const data = [];
  for (const { id, name, amountMicros } of wanted) {
    const known = before.get(id);
    const state = known === undefined ? ('opened' as const) : ('known' as const);
    if (isDryRun) {
      data.push({ id, account_id: known ?? null, state });
      continue;
    }
    const now = clock.now();
    const accountId = await db.write(claimImportedAccount, {
      oldId: id,
      proposedId: newId('acct', now),
      now,
    });
    // An import that was cut off between the two has the one without the other.
    if (!(await findAccount(db.read, accountId))) {
      const account = { id: accountId, name: name ?? id, role: 'member' as const, grantCredits: 0 };
      await opener.open({ accounts: [account], now });
    }
    if (amountMicros > 0) {
      await db.write(grantCredits, {
        accountId,
        amountMicros,
        reason: GRANT_REASON,
        idempotencyKey: `import:${id}`,
        actorId: access.accountId,
        now,
      });
    }
    data.push({ id, account_id: accountId, state });
  }
  return data;
}
