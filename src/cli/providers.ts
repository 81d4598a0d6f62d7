// `drawbridge providers`: what works and why not, step by step where something fails, and credentials without a restart.
import type { Command } from 'commander';
import type { Client } from './client.ts';
import type { CommandContext } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT } from './exit-codes.ts';
import { CommandFailure, usageFailure } from './failure.ts';
import { addExamples } from './help.ts';
import { testByPicture } from './provider-picture.ts';
import { wantsJson, withClient } from './run-command.ts';
import { oneLine, shortTime, stateColumn, stateWord } from './terminal.ts';
import type {
  KeyRotation,
  Provider,
  ProviderDetail,
  ProviderList,
  ProviderSecretChange,
  ProviderTest,
} from './wire.ts';

const pathOf = (name: string) => `/v1/admin/providers/${encodeURIComponent(name)}`;

export function addProviders(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { commands, examples } = context.messages;
  const group = program.command('providers').description(commands.providers.summary);
  addList(group, context, parts);
  addShow(group, context, parts);
  addTest(group, context, parts);
  addSetSecret(group, context, parts);
  addDrains(group, context, parts);
  addRotateKey(group, context, parts);
  addExamples(group, context, [
    ['drawbridge providers test', examples.everyProvider],
    ['drawbridge providers set-secret jimeng', examples.hiddenPrompt],
  ]);
}

function addList(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { terminal, messages } = context;
  const command = group
    .command('list')
    .description(messages.commands.providers.list)
    .action(() =>
      withClient(context, command, parts, {}, async (client) => {
        const list = await client.json<ProviderList>('GET', '/v1/admin/providers');
        if (wantsJson(command)) return terminal.json(list);
        const { table, providers: text } = messages;
        terminal.table(
          [
            { title: table.provider },
            stateColumn(table.state, messages),
            { title: table.secret },
            { title: table.proxy },
            { title: table.running, align: 'right' },
            { title: table.queued, align: 'right' },
            { title: table.reason, shrinks: true },
          ],
          list.data.map((one) => [
            one.name,
            stateOf(one, context),
            secretText(one, context),
            one.proxy ?? '',
            String(one.running),
            String(one.queued),
            one.reason?.detail ?? one.note ?? '',
          ]),
        );
        terminal.note(text.probed(list.probe_interval_s));
        if (list.unconfigured.length > 0) terminal.note(text.unconfigured(list.unconfigured.join(', ')));
      }),
    );
  addExamples(command, context, [['drawbridge providers list', '']]);
}

function addShow(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { terminal, messages } = context;
  const command = group
    .command('show')
    .description(messages.commands.providers.show)
    .argument('<name>', messages.commands.providers.name)
    .action((name: string) =>
      withClient(context, command, parts, {}, async (client) => {
        const provider = await client.json<ProviderDetail>('GET', pathOf(name));
        if (wantsJson(command)) return terminal.json(provider);
        showProvider(context, provider);
      }),
    );
  addExamples(command, context, [['drawbridge providers show jimeng', '']]);
}

function addTest(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { terminal, messages } = context;
  const { providers: text } = messages.commands;
  const command = group
    .command('test')
    .description(text.test)
    .argument('[name]', text.testName)
    .option('--model <name>', text.testModel)
    .option('--generate', text.generate)
    .action((name: string | undefined, options: { model?: string; generate?: boolean }) =>
      withClient(
        context,
        command,
        parts,
        { engine: options.generate === true, mayBegin: options.generate === true },
        async (client) => {
          const names = name === undefined ? await configuredNames(client) : [name];
          const tests: ProviderTest[] = [];
          for (const one of names) {
            const body = options.model === undefined ? {} : { model: options.model };
            const test = await client.json<ProviderTest>('POST', `${pathOf(one)}/test`, { body });
            if (options.generate) await testByPicture(context, client, test, options.model);
            test.ok = test.legs.every(({ state }) => state !== 'failed');
            tests.push(test);
            if (!wantsJson(command)) showTest(context, test);
          }
          if (wantsJson(command)) terminal.json({ ok: tests.every(({ ok }) => ok), tests });
          if (tests.some(({ ok }) => !ok)) context.exitCode = EXIT.unavailable;
        },
      ),
    );
  addExamples(command, context, [
    ['drawbridge providers test', messages.examples.everyProvider],
    ['drawbridge providers test kie --generate', messages.examples.withPicture],
  ]);
}

function addSetSecret(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { terminal, messages } = context;
  const { providers: text } = messages.commands;
  const { providers: said, problem } = messages;
  const command = group
    .command('set-secret')
    .description(text.setSecret)
    .argument('<name>', text.name)
    // Taken only to be refused with a reason.
    .allowExcessArguments()
    .option('--field <name>', text.field)
    .option('--unchecked', text.unchecked)
    .option('--clear', text.clear)
    .action(async (name: string, options: SecretOptions) => {
      if (command.args.length > 1)
        throw usageFailure(problem.usageTitle, said.argvRefused, said.argvFix(name));
      await withClient(context, command, parts, { mayBegin: true }, async (client) => {
        const path = `${pathOf(name)}/secret`;
        if (options.clear) {
          const query = { field: options.field };
          const cleared = await client.json<ProviderSecretChange>('DELETE', path, { query });
          if (wantsJson(command)) return terminal.json(cleared);
          return terminal.note(said.cleared(name, cleared.field, sourceAfterClear(context, cleared)));
        }
        const before = await client.json<ProviderList>('GET', '/v1/admin/providers');
        const known = [...before.data.map((one) => one.name), ...before.unconfigured];
        if (!known.includes(name))
          throw new CommandFailure(
            { title: said.unknown(name), detail: said.known(known.join(', ')) },
            EXIT.notFound,
          );
        const value = (await readSecret(context, name))?.trim();
        if (value === undefined) {
          context.exitCode = EXIT.interrupted;
          return;
        }
        if (value === '') throw usageFailure(problem.usageTitle, said.emptySecret, said.argvFix(name));
        const field = options.field === undefined ? {} : { field: options.field };
        const body = { value, ...field, unchecked: options.unchecked === true };
        const change = await client.json<ProviderSecretChange>('PUT', path, { body });
        if (wantsJson(command)) return terminal.json(change);
        terminal.note(
          options.unchecked ? said.storedUnchecked(name, change.field) : said.stored(name, change.field),
        );
        if (change.note) terminal.note(oneLine(change.note));
      });
    });
  addExamples(command, context, [
    ['drawbridge providers set-secret jimeng', messages.examples.hiddenPrompt],
    ['drawbridge providers set-secret openai < key.txt', ''],
    ['drawbridge providers set-secret jimeng --clear', messages.examples.backToConfiguration],
  ]);
}

interface SecretOptions {
  field?: string;
  unchecked?: boolean;
  clear?: boolean;
}

async function readSecret({ terminal, messages }: CommandContext, name: string): Promise<string | null> {
  const { readSecret: read } = await import('./hidden-input.ts');
  return read(terminal, messages.providers.prompt(name));
}

function addDrains(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { terminal, messages } = context;
  for (const verb of ['drain', 'undrain'] as const) {
    const command = group
      .command(verb)
      .description(messages.commands.providers[verb])
      .argument('<name>', messages.commands.providers.name)
      .action((name: string) =>
        withClient(context, command, parts, {}, async (client) => {
          const provider = await client.json<Provider>('POST', `${pathOf(name)}/${verb}`);
          if (wantsJson(command)) return terminal.json(provider);
          const { providers: said } = messages;
          terminal.note(
            verb === 'drain' ? said.drained(name, provider.running, provider.queued) : said.undrained(name),
          );
        }),
      );
    addExamples(command, context, [[`drawbridge providers ${verb} comfyui`, '']]);
  }
}

function addRotateKey(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { terminal, messages } = context;
  const { providers: text } = messages.commands;
  const command = group
    .command('rotate-key')
    .description(text.rotateKey)
    .option('--forget', text.forget)
    .action((options: { forget?: boolean }) =>
      withClient(context, command, parts, { forgetSecrets: options.forget === true }, async (client) => {
        const { providers: said, problem } = messages;
        if (options.forget && client.kind !== 'embedded')
          throw usageFailure(problem.usageTitle, said.forgetWithServer, said.forgetFix);
        const result = options.forget
          ? { secrets: 0 }
          : await client.json<KeyRotation>('POST', '/v1/admin/provider-secrets/rotate-key');
        if (wantsJson(command)) terminal.json(result);
        else terminal.note(options.forget ? said.forgotten : said.rotated(result.secrets));
      }),
    );
  addExamples(command, context, [['drawbridge providers rotate-key', '']]);
}

async function configuredNames(client: Client): Promise<string[]> {
  const { data } = await client.json<ProviderList>('GET', '/v1/admin/providers');
  return data.map(({ name }) => name);
}

function stateOf(provider: Provider, { messages }: CommandContext): string {
  return stateWord(provider.drained ? 'drained' : provider.state, messages);
}

/** Where the main credential comes from, in a word or two. */
function secretText({ secrets }: Provider, { messages }: CommandContext): string {
  const { providers: text } = messages;
  const [main] = secrets;
  if (!main) return '';
  if (main.source === 'run_time') return text.runTime;
  if (main.source === 'configuration') return main.origin ?? text.configuration;
  return main.required ? text.missing(main.env) : text.notNeeded;
}

function sourceAfterClear({ messages }: CommandContext, change: ProviderSecretChange): string {
  const source = change.sources.find(({ field }) => field === change.field);
  const { providers: text } = messages;
  if (source?.source === 'configuration') return text.nowFrom(source.origin ?? text.configuration);
  return text.nowNone;
}

function showTest({ terminal, messages }: CommandContext, test: ProviderTest): void {
  const { table, providers: text } = messages;
  const several = new Set(test.legs.map(({ target }) => target).filter((target) => target !== null)).size > 1;
  const word = (leg: string) => (text.legs as Record<string, string>)[leg] ?? leg;
  terminal.print(terminal.paint(terminal.out, 'bold', test.name));
  terminal.table(
    [
      { title: table.step },
      stateColumn(table.state, messages),
      { title: table.time, align: 'right' },
      { title: table.result, shrinks: true },
    ],
    test.legs.map((leg) => [
      several && leg.target ? `${word(leg.leg)} ${leg.target}` : word(leg.leg),
      stateWord(leg.state, messages),
      leg.ms === null ? '' : `${leg.ms} ms`,
      leg.reason ?? '',
    ]),
  );
  const failed = test.legs.find(({ state }) => state === 'failed');
  terminal.note(failed ? text.failsAt(test.name, word(failed.leg)) : text.allLegs(test.name));
}

/** The machines of a pool. */
function showServers({ terminal, messages }: CommandContext, { servers }: ProviderDetail): void {
  if (servers.length === 0) return;
  const { table, providers: text } = messages;
  terminal.print('');
  terminal.table(
    [
      { title: text.labels.server },
      stateColumn(text.labels.breaker, messages),
      { title: table.queued, align: 'right' },
      { title: table.reason, shrinks: true },
    ],
    servers.map(({ host, state, draining, queue_length: length, reason }) => [
      draining ? `${host} (${messages.words.drained})` : host,
      stateWord(state, messages),
      length === null ? '' : String(length),
      reason ?? '',
    ]),
  );
}

function showProvider(context: CommandContext, provider: ProviderDetail): void {
  const { terminal, messages } = context;
  const { table, providers: text } = messages;
  const line = (label: string, value: string) =>
    terminal.print(`${terminal.paint(terminal.out, 'bold', label)}: ${oneLine(value)}`);
  line(text.labels.state, stateOf(provider, context));
  if (provider.reason) line(text.labels.reason, provider.reason.detail);
  if (provider.note) line(text.labels.note, provider.note);
  if (provider.checked_at) line(text.labels.checked, shortTime(provider.checked_at));
  if (provider.endpoints.length > 0) line(text.labels.endpoints, provider.endpoints.join(', '));
  line(text.labels.proxy, provider.proxy ?? text.serverProxy);
  for (const secret of provider.secrets) {
    const shown = secretText({ ...provider, secrets: [secret] }, context);
    line(secret.field, secret.set_at ? `${shown}, ${shortTime(secret.set_at)}` : shown);
  }
  const { limits } = provider;
  const perMinute =
    limits.requests_per_minute === null ? '' : `, ${text.perMinute(limits.requests_per_minute)}`;
  line(text.labels.limits, `${text.atOnce(limits.concurrency)}${perMinute}`);
  line(text.labels.tasks, text.counts(provider.running, provider.queued));
  const breakers = [...provider.models, ...provider.credentials.map(toBreakerRow)];
  if (breakers.length > 0) {
    terminal.print('');
    terminal.table(
      [
        { title: table.model },
        stateColumn(text.labels.breaker, messages),
        { title: table.reason, shrinks: true },
      ],
      breakers.map(({ name, breaker }) => [
        name,
        stateWord(breaker.state, messages),
        breaker.reason?.detail ?? '',
      ]),
    );
  }
  showServers(context, provider);
  if (provider.history.length === 0) return;
  terminal.print('');
  terminal.table(
    [
      { title: text.labels.when },
      { title: text.labels.what },
      { title: text.labels.change },
      { title: table.reason, shrinks: true },
    ],
    provider.history.map((one) => [
      shortTime(one.at),
      one.name === '' ? provider.name : one.name,
      `${stateWord(one.from, messages)} → ${stateWord(one.to, messages)}`,
      one.reason?.detail ?? '',
    ]),
  );
}

function toBreakerRow({ label, state, reason }: ProviderDetail['credentials'][number]) {
  return { name: label, breaker: { state, reason } };
}
