// The face of the command line: builds the program, runs one command, and turns whatever happens into an exit code.
// Commands are declared here lightly; what they need is loaded when they run.
import { type Command, CommanderError } from 'commander';
import { AppError, type Language } from '../kernel/errors.ts';
import {
  type CommandContext,
  configuredLanguage,
  type GlobalOptions,
  messagesFor,
  standardStreams,
} from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { CommandFailure, failureOf, type Problem } from './failure.ts';
import { buildProgram } from './program.ts';
import { type Stream, Terminal } from './terminal.ts';
import { usageDetail } from './usage-errors.ts';

export type { EmbeddedApp, ProgramParts } from './embedded.ts';

/** Runs a command line (without the program's own name) and resolves with its exit code; never rejects. */
export async function runCli(argv: readonly string[], parts: ProgramParts): Promise<ExitCode> {
  const language = configuredLanguage();
  const context = await createContext(language, standardStreams());
  const program = buildProgram(context, parts);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    return tell(error, context, program);
  }
}

async function createContext(
  language: Language,
  streams: { out: Stream; err: Stream },
): Promise<CommandContext> {
  const messages = await messagesFor(language);
  return { language, messages, terminal: new Terminal({ ...streams, messages }), exitCode: EXIT.ok };
}

/** Shows an error as the user needs it, and gives its exit code. */
function tell(error: unknown, context: CommandContext, program: Command): ExitCode {
  const { terminal, messages, language } = context;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok;
    if (error.code === 'commander.help') return EXIT.usage;
    const detail = usageDetail(error, messages);
    return show({ title: messages.problem.usageTitle, detail, fix: 'drawbridge --help' }, EXIT.usage);
  }
  if (error instanceof CommandFailure) return show(error.problem, error.exitCode);
  if (error instanceof AppError) return tell(failureOf(error, language), context, program);
  const { unexpectedTitle, unexpectedFix } = messages.problem;
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  terminal.note(stack);
  return show({ title: unexpectedTitle, detail: '', fix: unexpectedFix }, EXIT.failure);

  function show(problem: Problem, exitCode: ExitCode): ExitCode {
    if (program.opts<GlobalOptions>().json) terminal.note(JSON.stringify(problem));
    else terminal.problem(problem);
    return exitCode;
  }
}
