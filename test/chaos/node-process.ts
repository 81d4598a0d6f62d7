// One node of a chaos run: `drawbridge serve` as it is, with the scripted lanes beside its providers, and every committed change
// that it makes to a task written down outside of its own data, in a file that outlives it.
import { openSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { MessageChannel } from 'node:worker_threads';
import { createApp } from '../../src/app.ts';
import { runCli } from '../../src/cli/cli.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { findSectionProblems } from '../../src/providers/configured-providers.ts';
import { scriptedEntries } from './scripted-adapter.ts';

/** One committed change of a task as the node saw it. */
export interface ChangeRecord {
  at: number;
  pid: number;
  id: string;
  status: string;
  owner: string | null;
  epoch: number;
}

const { CHAOS_RECORDS = '', CHAOS_SERVICE_URL = '' } = process.env;

async function main(): Promise<void> {
  new MessageChannel().port1.on('message', () => {});
  const records = openSync(CHAOS_RECORDS, 'a');
  const exitCode = await runCli(process.argv.slice(2), {
    createApp: async (options) => {
      const app = await createApp({
        ...options,
        providers: scriptedEntries(CHAOS_SERVICE_URL, { clock: systemClock, log: options.log }),
        onTaskChange: ({ id, status, lease_owner: owner, lease_epoch: epoch }) => {
          const record: ChangeRecord = { at: Date.now(), pid: process.pid, id, status, owner, epoch };
          writeSync(records, `${JSON.stringify(record)}\n`);
        },
      });
      // Whoever is killed cannot leave its compiled code to the next life otherwise.
      flushCompileCache();
      return app;
    },
    findProviderProblems: ({ providerSections, origins }) => findSectionProblems(providerSections(), origins),
    contracts: async () => [],
    dataCopies: () => Promise.reject(new Error('A node of a chaos run makes no copies')),
  });
  process.exit(exitCode);
}

if (import.meta.main) await main();
