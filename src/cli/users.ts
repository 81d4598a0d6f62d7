// `drawbridge users`: people who sign in. A password is typed hidden or comes on standard input, never on the command line;
// the commands go the same way as everybody (an invitation, a reset link), so that no call sets another's password.
import type { Command } from 'commander';
import type { Client } from './client.ts';
import type { CommandContext } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT } from './exit-codes.ts';
import { CommandFailure, usageFailure } from './failure.ts';
import { addExamples } from './help.ts';
import { showPage, wantsJson, withClient } from './run-command.ts';
import { shortTime, stateWord } from './terminal.ts';
import type { Invitation, Page, ResetLink, User } from './wire.ts';

interface NewUserOptions {
  role?: string;
  account?: string;
  grant?: string;
}

const EXAMPLE_LOGIN = 'mia';

/** What an invitation says of whoever uses it. */
const wishes = ({ role, account, grant }: NewUserOptions) => ({
  ...(role === undefined ? {} : { role }),
  ...(account === undefined ? {} : { account_id: account }),
  ...(grant === undefined ? {} : { grant_credits: grant }),
});

const loginOf = (login: string) => (login.includes('@') ? { email: login } : { username: login });

export function addUsers(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages } = context;
  const group = program.command('users').description(messages.commands.users.summary);
  addAdd(group, context, parts);
  addList(group, context, parts);
  addPasswd(group, context, parts);
  addInvite(group, context, parts);
  addExamples(group, context, [[`drawbridge users add ${EXAMPLE_LOGIN}`, messages.examples.hiddenPrompt]]);
}

function addAdd(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages, terminal } = context;
  const { users: text } = messages.commands;
  const command = group
    .command('add')
    .description(text.add)
    .argument('<login>', text.login)
    .option('--name <name>', text.name)
    .option('--role <role>', text.role)
    .option('--account <id>', text.account)
    .option('--grant <credits>', messages.commands.accounts.grant)
    .action(async (login: string, options: NewUserOptions & { name?: string }) => {
      const password = await readPassword(context, login);
      if (password === null) return;
      await withClient(context, command, parts, { mayBegin: true }, async (client) => {
        const invitation = await client.json<Invitation & { token: string }>(
          'POST',
          '/v1/admin/invitations',
          {
            body: wishes(options),
          },
        );
        const user = await accept(client, invitation, {
          ...loginOf(login),
          ...(options.name === undefined ? {} : { name: options.name }),
          password,
        });
        if (wantsJson(command)) return terminal.json(user);
        terminal.print(user.id);
        terminal.note(messages.users.added(login));
      });
    });
  addExamples(command, context, [
    [`drawbridge users add ${EXAMPLE_LOGIN}`, messages.examples.hiddenPrompt],
    ['drawbridge users add admin@example.com --role admin < password.txt', ''],
  ]);
}

/** Uses the invitation at once; where that fails, nobody else can. */
async function accept(
  client: Client,
  { id, token }: Invitation & { token: string },
  person: object,
): Promise<User> {
  try {
    const { user } = await client.json<{ user: User }>('POST', '/v1/auth/invitations/accept', {
      body: { token, ...person, sign_in: false },
    });
    return user;
  } catch (error) {
    await client.call('DELETE', `/v1/admin/invitations/${id}`);
    throw error;
  }
}

function addList(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages, terminal } = context;
  const { users: text } = messages.commands;
  const { table } = messages;
  const command = group
    .command('list')
    .description(text.list)
    .option('--query <text>', text.query)
    .option('--limit <number>', messages.help.limit)
    .option('--cursor <cursor>', messages.help.cursor)
    .action((options: { query?: string; limit?: string; cursor?: string }) =>
      withClient(context, command, parts, {}, async (client) => {
        const query = { q: options.query, limit: options.limit, cursor: options.cursor };
        const page = await client.json<Page<User>>('GET', '/v1/admin/users', { query });
        if (wantsJson(command)) return terminal.json(page);
        showPage(terminal, page, (users) =>
          terminal.table(
            [
              { title: table.id },
              { title: table.role },
              { title: table.login, shrinks: true },
              { title: table.name, shrinks: true },
              { title: table.lastSignIn },
            ],
            users.map((user) => [
              user.id,
              stateWord(user.disabled ? 'disabled' : user.role, messages),
              user.username ?? user.email ?? user.identities[0]?.issuer ?? '',
              user.name,
              user.last_sign_in_at === null ? table.never : shortTime(user.last_sign_in_at),
            ]),
          ),
        );
      }),
    );
  addExamples(command, context, [['drawbridge users list --query example.com', '']]);
}

function addPasswd(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages, terminal } = context;
  const { users: text } = messages.commands;
  const command = group
    .command('passwd')
    .description(text.passwd)
    .argument('<login>', text.loginOrId)
    .option('--link', text.link)
    .action((login: string, options: { link?: boolean }) =>
      withClient(context, command, parts, {}, async (client) => {
        const user = await findUser(context, client, login);
        const path = `/v1/admin/users/${user.id}/reset-link`;
        if (options.link) {
          const link = await client.json<ResetLink>('POST', path);
          if (wantsJson(command)) return terminal.json(link);
          terminal.print(link.url);
          return terminal.note(messages.users.linkOnce);
        }
        const password = await readPassword(context, login);
        if (password === null) return;
        const { token } = await client.json<ResetLink>('POST', path);
        const body = { token, password, sign_in: false };
        const changed = await client.json<{ user: User }>('POST', '/v1/auth/password-reset', { body });
        if (wantsJson(command)) terminal.json(changed.user);
        else terminal.note(messages.users.passwordSet(login));
      }),
    );
  addExamples(command, context, [
    [`drawbridge users passwd ${EXAMPLE_LOGIN}`, messages.examples.hiddenPrompt],
    [`drawbridge users passwd ${EXAMPLE_LOGIN} --link`, ''],
  ]);
}

/** The one person with exactly this id, user name or address. */
async function findUser({ messages }: CommandContext, client: Client, login: string): Promise<User> {
  if (/^usr_[0-9a-f]{32}$/.test(login)) return client.json<User>('GET', `/v1/admin/users/${login}`);
  const { data } = await client.json<Page<User>>('GET', '/v1/admin/users', {
    query: { q: login, limit: 200 },
  });
  const wanted = login.toLowerCase();
  const user = data.find(({ username, email }) => username === wanted || email === wanted);
  if (user) return user;
  throw new CommandFailure(
    { title: messages.users.unknown(login), detail: messages.users.unknownFix },
    EXIT.notFound,
  );
}

function addInvite(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages, terminal } = context;
  const { users: text } = messages.commands;
  const command = group
    .command('invite')
    .description(text.invite)
    .option('--email <address>', text.email)
    .option('--role <role>', text.role)
    .option('--account <id>', text.account)
    .option('--grant <credits>', messages.commands.accounts.grant)
    .option('--hours <number>', text.hours)
    .action((options: NewUserOptions & { email?: string; hours?: string }) =>
      withClient(context, command, parts, { mayBegin: true }, async (client) => {
        const invitation = await client.json<Invitation & { url: string }>('POST', '/v1/admin/invitations', {
          body: {
            ...wishes(options),
            ...(options.email === undefined ? {} : { email: options.email }),
            ...(options.hours === undefined ? {} : { expires_in_h: Number(options.hours) }),
          },
        });
        if (wantsJson(command)) return terminal.json(invitation);
        terminal.print(invitation.url);
        terminal.note(messages.users.linkOnce);
      }),
    );
  addExamples(command, context, [
    ['drawbridge users invite --email mia@example.com', ''],
    ['drawbridge users invite --role admin --hours 24', ''],
  ]);
}

/** Typed twice on a terminal, once on standard input; null when it was broken off. */
async function readPassword(context: CommandContext, login: string): Promise<string | null> {
  const { terminal, messages } = context;
  const { readSecret } = await import('./hidden-input.ts');
  const { users: said, problem } = messages;
  const first = (await readSecret(terminal, said.prompt(login)))?.replace(/\r?\n$/, '');
  if (first === undefined) {
    context.exitCode = EXIT.interrupted;
    return null;
  }
  if (first === '') throw usageFailure(problem.usageTitle, messages.providers.emptySecret, said.argvFix);
  if (process.stdin.isTTY !== true) return first;
  const second = await readSecret(terminal, said.repeat);
  if (second === null) context.exitCode = EXIT.interrupted;
  else if (second !== first) throw usageFailure(problem.usageTitle, said.different, said.argvFix);
  return second;
}
