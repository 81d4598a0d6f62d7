// `drawbridge doctor`: what is wrong, why, and what to do, one finding after another; exit code 1 when something is.
import type { Command } from 'commander';
import { systemClock } from '../kernel/clock.ts';
import { NO_DATA, openClient } from './client.ts';
import { type CommandContext, configFailure, tryWholeConfig } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { addExamples } from './help.ts';
import { wantsJson } from './run-command.ts';
import { oneLine, stateColumn, stateWord } from './terminal.ts';
import type { DoctorReport } from './wire.ts';

interface DoctorOptions {
  deep?: boolean;
  fix?: boolean;
}

export function addDoctor(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages, terminal } = context;
  const { doctor: text } = messages.commands;
  const command = program
    .command('doctor')
    .description(text.summary)
    .option('--deep', text.deep)
    .option('--fix', text.fix)
    .action(async (options: DoctorOptions) => {
      const report = await examine(context, command, parts, options);
      const isWrong = report.findings.some(({ severity, fixed }) => severity === 'error' && fixed === null);
      if (isWrong) context.exitCode = EXIT.failure;
      if (wantsJson(command)) terminal.json(report);
      else show(context, report);
    });
  addExamples(command, context, [
    ['drawbridge doctor', ''],
    ['drawbridge doctor --deep --fix', ''],
    ['drawbridge doctor --json', messages.examples.forScripts],
  ]);
}

/** The server's report, or, where the program cannot even be opened, that of the machine. */
async function examine(
  context: CommandContext,
  command: Command,
  parts: ProgramParts,
  options: DoctorOptions,
): Promise<DoctorReport> {
  const { config, problems } = await tryWholeConfig(command, parts);
  if (!config) return examineMachineOnly(null, configFailure(context, problems));
  try {
    const client = await openClient(context, command, parts);
    try {
      const body = { deep: options.deep === true, fix: options.fix === true };
      return await client.json<DoctorReport>('POST', '/v1/admin/doctor', { body });
    } finally {
      await client.close();
    }
  } catch (error) {
    // Of a server elsewhere nothing more can be said from here, and of an empty folder nothing at all.
    if (!(error instanceof CommandFailure) || config.client.url !== null) throw error;
    if (error.problem.code === NO_DATA) throw error;
    return examineMachineOnly(config, error);
  }

  async function examineMachineOnly(usable: typeof config, failure: CommandFailure): Promise<DoctorReport> {
    const { examineMachine } = await import('../operations/operations.ts');
    const { detail, title, errors = [] } = failure.problem;
    const startError = detail || errors.map((one) => one.detail).join(' ') || title;
    const machine = { config: usable, clock: systemClock, isServing: false };
    return examineMachine(machine, { language: context.language, startError });
  }
}

function show({ terminal, messages }: CommandContext, report: DoctorReport): void {
  const { table, doctor, problem } = messages;
  terminal.table(
    [{ title: table.check }, stateColumn(table.state, messages), { title: table.result, shrinks: true }],
    report.checks.map((check) => [check.title, stateWord(check.state, messages), check.detail]),
  );
  const bold = (label: string) => terminal.paint(terminal.out, 'bold', label);
  for (const finding of report.findings) {
    terminal.print('');
    const colour = finding.severity === 'error' ? 'red' : 'yellow';
    terminal.print(
      terminal.paint(terminal.out, ['bold', colour], `${finding.id}  ${oneLine(finding.title)}`),
    );
    terminal.print(`  ${oneLine(finding.what)}`);
    for (const line of finding.evidence) terminal.print(`  ${bold(doctor.evidence)}: ${oneLine(line)}`);
    if (finding.fixed !== null) {
      terminal.print(`  ${bold(doctor.fixed)}: ${oneLine(finding.fixed)}`);
      continue;
    }
    terminal.print(`  ${bold(problem.cause)}: ${oneLine(finding.cause)}`);
    terminal.print(`  ${bold(problem.fix)}: ${oneLine(finding.fix)}`);
  }
  const errors = report.findings.filter(({ severity }) => severity === 'error').length;
  if (report.findings.length > 0) terminal.note(doctor.found(errors, report.findings.length - errors));
  else terminal.note(doctor.allWell(report.checks.length));
  if (!report.deep) terminal.note(doctor.deeper);
}
