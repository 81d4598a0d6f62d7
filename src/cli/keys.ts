// `drawbridge keys` and `drawbridge accounts`: who may use the server.
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { addExamples } from './help.ts';
import { showPage, wantsJson, withClient } from './run-command.ts';
import { shortTime, stateWord } from './terminal.ts';
import type { Account, ApiKey, Page } from './wire.ts';

const EXAMPLE_ACCOUNT = 'acct_0198f3a27c5d7e10b2c3d4e5f6a7b8c9';
const EXAMPLE_KEY = 'key_0198f3a27c5d7e10b2c3d4e5f6a7b8c9';

interface PageOptions {
  limit?: string;
  cursor?: string;
  account?: string;
}

export function addKeys(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages, terminal } = context;
  const { keys: text } = messages.commands;
  const group = program.command('keys').description(text.summary);
  const create = group
    .command('create')
    .description(text.create)
    .argument('<name>', text.name)
    .option('--scopes <scopes>', text.scopes)
    .option('--account <id>', messages.help.account)
    .action((name: string, options: { scopes?: string; account?: string }) =>
      withClient(context, create, parts, { account: options.account, mayBegin: true }, async (client) => {
        const scopes = options.scopes?.split(',').map((scope) => scope.trim());
        const key = await client.json<ApiKey & { key: string }>('POST', '/v1/keys', {
          body: { name, ...(scopes ? { scopes } : {}) },
        });
        if (wantsJson(create)) return terminal.json(key);
        terminal.print(key.key);
        terminal.note(`${key.id}  ${key.scopes.join(',')}`);
        terminal.note(messages.keys.created);
      }),
    );
  addExamples(create, context, [
    ['drawbridge keys create laptop', ''],
    [
      `drawbridge keys create shop --scopes tasks:write,tasks:read,accounts:act --account ${EXAMPLE_ACCOUNT}`,
      messages.examples.forBackend,
    ],
  ]);
  const list = group
    .command('list')
    .description(text.list)
    .option('--account <id>', messages.help.account)
    .option('--limit <number>', messages.help.limit)
    .option('--cursor <cursor>', messages.help.cursor)
    .action((options: PageOptions) =>
      withClient(context, list, parts, options, async (client) => {
        const query = { limit: options.limit, cursor: options.cursor };
        const page = await client.json<Page<ApiKey>>('GET', '/v1/keys', { query });
        if (wantsJson(list)) return terminal.json(page);
        showPage(terminal, page, (keys) => showKeys(context, keys));
      }),
    );
  addExamples(list, context, [['drawbridge keys list', '']]);
  const revoke = group
    .command('revoke')
    .description(text.revoke)
    .argument('<id>', text.id)
    .option('--account <id>', messages.help.account)
    .action((id: string, options: { account?: string }) =>
      withClient(context, revoke, parts, options, async (client) => {
        await client.call('DELETE', `/v1/keys/${encodeURIComponent(id)}`);
        if (wantsJson(revoke)) terminal.json({ id, revoked: true });
        else terminal.note(messages.keys.revoked(id));
      }),
    );
  addExamples(revoke, context, [[`drawbridge keys revoke ${EXAMPLE_KEY}`, '']]);
  addExamples(group, context, [['drawbridge keys create laptop', '']]);
}

function showKeys({ terminal, messages }: CommandContext, keys: readonly ApiKey[]): void {
  const { table } = messages;
  terminal.table(
    [
      { title: table.id },
      { title: table.name, shrinks: true },
      { title: table.prefix },
      { title: table.created },
      { title: table.lastUsed },
      { title: table.scopes },
    ],
    keys.map((key) => [
      key.id,
      key.name,
      `${key.prefix}…`,
      shortTime(key.created_at),
      key.last_used_at === null ? table.never : shortTime(key.last_used_at),
      key.scopes.join(','),
    ]),
  );
}

export function addAccounts(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages, terminal } = context;
  const { accounts: text } = messages.commands;
  const group = program.command('accounts').description(text.summary);
  const create = group
    .command('create')
    .description(text.create)
    .argument('<name>', text.name)
    .option('--grant <credits>', text.grant)
    .action((name: string, options: { grant?: string }) =>
      withClient(context, create, parts, { mayBegin: true }, async (client) => {
        const account = await client.json<Account>('POST', '/v1/admin/accounts', {
          body: { name, ...(options.grant === undefined ? {} : { grant_credits: options.grant }) },
        });
        if (wantsJson(create)) terminal.json(account);
        else terminal.print(account.id);
      }),
    );
  addExamples(create, context, [['drawbridge accounts create "Reading app" --grant 500', '']]);
  const list = group
    .command('list')
    .description(text.list)
    .option('--limit <number>', messages.help.limit)
    .option('--cursor <cursor>', messages.help.cursor)
    .action((options: PageOptions) =>
      withClient(context, list, parts, {}, async (client) => {
        const query = { limit: options.limit, cursor: options.cursor };
        const page = await client.json<Page<Account>>('GET', '/v1/admin/accounts', { query });
        if (wantsJson(list)) return terminal.json(page);
        showPage(terminal, page, (accounts) => showAccounts(context, accounts));
      }),
    );
  addExamples(list, context, [['drawbridge accounts list', '']]);
  addExamples(group, context, [['drawbridge accounts list', '']]);
}

function showAccounts({ terminal, messages }: CommandContext, accounts: readonly Account[]): void {
  const { table } = messages;
  terminal.table(
    [
      { title: table.id },
      { title: table.role },
      { title: table.created },
      { title: table.name, shrinks: true },
    ],
    accounts.map((account) => [
      account.id,
      stateWord(account.role, messages),
      shortTime(account.created_at),
      account.name,
    ]),
  );
}
