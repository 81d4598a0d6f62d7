// The entry of bin/drawbridge: runs one command, with the program above it loaded only by commands that need it.
import { MessageChannel } from 'node:worker_threads';
import { runCli } from './cli/cli.ts';

// The clock's timers never keep a process alive, but a command that waits must stay: an open port does that.
new MessageChannel().port1.on('message', () => {});

const exitCode = await runCli(process.argv.slice(2), {
  createApp: async (options) => (await import('./app.ts')).createApp(options),
  findProviderProblems: async ({ providerSections, origins }) =>
    (await import('./providers/configured-providers.ts')).findSectionProblems(providerSections(), origins),
  contracts: async () => (await import('./contracts.ts')).allContracts,
  dataCopies: () => import('./operations/backup.ts'),
});
// A pipe takes 64 kB at once; what is more must get through before the process ends.
for (const stream of [process.stdout, process.stderr])
  await new Promise<void>((resolve) => stream.write('', () => resolve()));
// Connections that a command leaves behind must not keep it from ending.
process.exit(exitCode);
