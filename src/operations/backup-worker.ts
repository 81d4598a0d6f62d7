// A backup in a thread of its own: copying and checking a large database must not hold the server's event loop.
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../kernel/clock.ts';
import type { Config } from '../kernel/config.ts';
import { createBackup } from './backup.ts';
import { type BackupReport, CopyError, type CopyFault } from './contract.ts';

export interface BackupJob {
  config: Config;
  folder: string;
  keep: number;
}

export type BackupOutcome = { report: BackupReport } | { fault: CopyFault | null; detail: string };

async function run({ config, folder, keep }: BackupJob): Promise<BackupOutcome> {
  try {
    const world = { config, clock: systemClock, folder, onProgress: () => {} };
    return { report: await createBackup(world, { includeSecrets: false, recheck: false, keep }) };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { fault: error instanceof CopyError ? error.fault : null, detail };
  }
}

if (parentPort) parentPort.postMessage(await run(workerData as BackupJob));
