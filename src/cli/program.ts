// The commands and the options they share, in the user's language. Declaring them is light: what a command needs is loaded
// when it runs.
import { Command } from 'commander';
import { VERSION } from '../kernel/version.ts';
import { addAlerts } from './alerts.ts';
import { addBackup } from './backup.ts';
import { addBatch } from './batch.ts';
import type { CommandContext } from './command-context.ts';
import { addCredits } from './credits.ts';
import { addDoctor } from './doctor.ts';
import type { ProgramParts } from './embedded.ts';
import { addGenerate } from './generate.ts';
import { translateHeading } from './help.ts';
import { addImport } from './import.ts';
import { addAccounts, addKeys } from './keys.ts';
import { addLogs } from './logs.ts';
import { addCaddyConfig, addNginxConfig } from './nginx-config.ts';
import { addProviders } from './providers.ts';
import { addRestore } from './restore.ts';
import { addServe } from './serve.ts';
import { addService } from './service.ts';
import { addStatus } from './status.ts';
import { addSync } from './sync.ts';
import { addTasks } from './tasks.ts';
import { displayWidth } from './terminal.ts';
import { addAcceptDatabase, addGc, addMigrate, addOpenapi } from './upkeep.ts';
import { addUsers } from './users.ts';

/** In the order of the help. */
const COMMANDS: readonly ((program: Command, context: CommandContext, parts: ProgramParts) => void)[] = [
  addServe,
  addGenerate,
  addBatch,
  addTasks,
  addProviders,
  addStatus,
  addAlerts,
  addDoctor,
  addCredits,
  addAccounts,
  addUsers,
  addKeys,
  addBackup,
  addRestore,
  addSync,
  addImport,
  addGc,
  addMigrate,
  addAcceptDatabase,
  addLogs,
  addService,
  addNginxConfig,
  addCaddyConfig,
  addOpenapi,
];

/** The program with all its commands. */
export function buildProgram(context: CommandContext, parts: ProgramParts): Command {
  const { messages, terminal } = context;
  const { help } = messages;
  const program = new Command('drawbridge');
  program
    .description(help.program)
    .version(VERSION, '-V, --version', help.version)
    .option('--json', help.json)
    .option('--data-dir <folder>', help.dataDir)
    .option('--url <address>', help.url)
    .helpOption('-h, --help', help.helpOption)
    .helpCommand('help [command]', help.helpCommand)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out.write(text),
      writeErr: (text) => terminal.err.write(text),
      // Told below, in the form of every other problem.
      outputError: () => {},
    })
    .configureHelp({
      showGlobalOptions: true,
      displayWidth,
      styleTitle: (title) => translateHeading(title, context),
    });
  for (const add of COMMANDS) add(program, context, parts);
  return program;
}
