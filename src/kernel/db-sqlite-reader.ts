// The reader worker: slow reads (lists, counts, scans) on a read-only connection, one after another, off the event loop.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { refuseTransactionControl } from './db-driver.ts';
import { openSqliteFile, toSqliteAppError } from './db-node-sqlite.ts';
import { type ErrorRecord, toErrorRecord } from './errors.ts';

export interface ReaderRequest {
  id: number;
  sql: string;
  parameters: readonly unknown[];
}

export type ReaderMessage = ReaderRequest | { close: true };

export type ReaderAnswer = { id: number; output: unknown[] } | { id: number; error: ErrorRecord };

function serveReads(port: MessagePort, path: string): void {
  const connection = openSqliteFile(path, 'read-only');
  port.on('message', (message: ReaderMessage) => {
    if ('close' in message) {
      connection.database.close();
      port.close();
      return;
    }
    const { id, sql, parameters } = message;
    try {
      refuseTransactionControl(sql);
      port.postMessage({ id, output: connection.run(sql, parameters).rows } satisfies ReaderAnswer);
    } catch (error) {
      port.postMessage({ id, error: toErrorRecord(toSqliteAppError(error)) } satisfies ReaderAnswer);
    }
  });
}

if (parentPort) serveReads(parentPort, (workerData as { path: string }).path);
