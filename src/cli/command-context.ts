// What every command works with: the user's language, the terminal, and the configuration with the command line's own
// flags on top. Configuration problems end a command with exit code 2, all of them at once.
import type { Command } from 'commander';
import { type Config, type LoadedConfig, loadConfig, processEnvironment } from '../kernel/config.ts';
import type { AppError, Language } from '../kernel/errors.ts';
import type { CliMessages } from '../kernel/messages/cli-en.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { CommandFailure, failureOf } from './failure.ts';
import type { Stream, Terminal } from './terminal.ts';

/** Options that every command takes. */
export interface GlobalOptions {
  json?: boolean;
  dataDir?: string;
  url?: string;
}

export interface CommandContext {
  language: Language;
  messages: CliMessages;
  terminal: Terminal;
  /** A command sets what the process is to exit with; 0 unless it does. */
  exitCode: ExitCode;
}

/** The configured language, also when the rest of the configuration is wrong; where none is, that of the terminal. */
export function configuredLanguage(): Language {
  const env = processEnvironment();
  const { config, origins } = loadConfig({ env, cwd: process.cwd() });
  if (origins.language === undefined) return localeLanguage(env);
  return config?.language ?? (env.DRAWBRIDGE_LANG === 'zh' ? 'zh' : 'en');
}

/** The language that the locale names, by the order of POSIX: the first of them that is not empty decides. */
function localeLanguage({ LC_ALL, LC_MESSAGES, LANG }: ReturnType<typeof processEnvironment>): Language {
  return /^zh\b|^zh_/i.test(LC_ALL || LC_MESSAGES || LANG || '') ? 'zh' : 'en';
}

export async function messagesFor(language: Language): Promise<CliMessages> {
  if (language === 'zh') return (await import('../kernel/messages/cli-zh.ts')).cliZh;
  return (await import('../kernel/messages/cli-en.ts')).cliEn;
}

/** The configuration as this command line makes it, with its problems. */
export function tryConfig(command: Command, flags: Record<string, string | undefined> = {}): LoadedConfig {
  const { dataDir, url } = command.optsWithGlobals<GlobalOptions>();
  const given = Object.entries({ data_dir: dataDir, 'client.url': url, ...flags });
  return loadConfig({
    env: processEnvironment(),
    cwd: process.cwd(),
    flags: Object.fromEntries(given.filter((entry): entry is [string, string] => entry[1] !== undefined)),
  });
}

/** As `tryConfig`, with what the providers' adapters refuse: for commands that open the program themselves. */
export async function tryWholeConfig(
  command: Command,
  parts: ProgramParts,
  flags: Record<string, string | undefined> = {},
): Promise<LoadedConfig> {
  const loaded = tryConfig(command, flags);
  const refused = await parts.findProviderProblems(loaded);
  if (refused.length === 0) return loaded;
  return { ...loaded, config: null, problems: [...loaded.problems, ...refused] };
}

/** As `tryConfig`; throws a failure that lists all problems. */
export function requireConfig(
  context: CommandContext,
  command: Command,
  flags: Record<string, string | undefined> = {},
): Config {
  const { config, problems } = tryConfig(command, flags);
  if (config) return config;
  throw configFailure(context, problems);
}

export function configFailure(
  { messages }: CommandContext,
  problems: LoadedConfig['problems'],
): CommandFailure {
  return new CommandFailure(
    {
      title: messages.problem.configTitle(problems.length),
      detail: '',
      code: 'configuration',
      errors: problems.map(({ key, text }) => ({ pointer: key, detail: text })),
    },
    EXIT.usage,
  );
}

/** Why the program could not be opened: what it says about its configuration is listed as every problem of it is. */
export function startFailure(context: CommandContext, error: AppError): CommandFailure {
  if (error.code === 'validation_failed') {
    const { errors = [{ pointer: '', detail: error.message }] } = error.options;
    return configFailure(
      context,
      errors.map(({ pointer, detail }) => ({ key: pointer, text: detail })),
    );
  }
  const failure = failureOf(error, context.language);
  // The database is a server elsewhere, which may be back soon; everything else is this machine's.
  const isKept = failure.exitCode === EXIT.usage || error.code === 'database_unavailable';
  return isKept ? failure : new CommandFailure(failure.problem, EXIT.failure);
}

/** Standard streams of this process; a reader that goes away (`| head`) is no error. */
export function standardStreams(): { out: Stream; err: Stream } {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(EXIT.ok);
      throw error;
    });
  }
  return { out: process.stdout, err: process.stderr };
}
