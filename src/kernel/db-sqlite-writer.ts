// The writer worker: the only connection that writes to drawbridge.db. It drains its port before and during each group,
// runs the group (db-sqlite-group.ts), and answers only after the COMMIT.
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { armCrashPoint } from './crash-point.ts';
import { type AnyWrite, registeredWrite, type WriteAddress } from './db.ts';
import { openSqliteFile } from './db-node-sqlite.ts';
import { type Finished, GroupCommit, type Member } from './db-sqlite-group.ts';
import { type ErrorRecord, toErrorRecord } from './errors.ts';

export interface WriterRequest extends WriteAddress {
  id: number;
  input: unknown;
}

export type WriterMessage = { writes: WriterRequest[] } | { close: true };

export type WriterAnswer = { id: number; output: unknown } | { id: number; error: ErrorRecord };

interface QueuedMember extends Member {
  id: number;
}

/** Runs the worker's life on `port`; `path` is the database file, already migrated. */
function serveWrites(port: MessagePort, path: string): void {
  const connection = openSqliteFile(path, 'read-write');
  const group = new GroupCommit(connection);
  const queue: WriterRequest[] = [];
  let running = false;
  let closing = false;

  const accept = (message: WriterMessage) => {
    if ('close' in message) closing = true;
    else for (const request of message.writes) queue.push(request);
  };
  const drainPort = () => {
    for (let received = receiveMessageOnPort(port); received; received = receiveMessageOnPort(port)) {
      accept(received.message as WriterMessage);
    }
  };
  /** The next member whose module is here already; one that must be imported first waits for the next group. */
  const next = (): QueuedMember | undefined => {
    if (queue.length === 0) drainPort();
    const request = queue[0];
    const write = request && registeredWrite(request);
    if (!request || !write) return undefined;
    queue.shift();
    return { id: request.id, write, input: request.input };
  };

  const work = async () => {
    running = true;
    for (drainPort(); queue.length > 0; drainPort()) {
      const [head] = queue as [WriterRequest];
      try {
        await importWrite(head);
      } catch (error) {
        queue.shift();
        port.postMessage([{ id: head.id, error: toErrorRecord(error) }] satisfies WriterAnswer[]);
        continue;
      }
      answer(port, await group.run(next));
    }
    running = false;
    if (!closing) return;
    connection.database.close();
    port.close();
  };

  port.on('message', (message: WriterMessage) => {
    accept(message);
    if (!running) void work();
  });
}

async function importWrite(address: WriteAddress): Promise<AnyWrite> {
  const known = registeredWrite(address);
  if (known) return known;
  await import(address.moduleUrl);
  const write = registeredWrite(address);
  if (!write)
    throw new Error(`The module of the write function ${address.name} does not register it when imported`);
  return write;
}

function toAnswer({ member, outcome }: Finished<QueuedMember>): WriterAnswer {
  return outcome.ok
    ? { id: member.id, output: outcome.output }
    : { id: member.id, error: toErrorRecord(outcome.error) };
}

/** Answers a whole group in one message; an output that cannot be cloned must not take the others' answers with it. */
function answer(port: MessagePort, finished: Finished<QueuedMember>[]): void {
  const answers = finished.map(toAnswer);
  try {
    port.postMessage(answers);
  } catch {
    for (const single of answers) {
      try {
        port.postMessage([single]);
      } catch (error) {
        port.postMessage([{ id: single.id, error: toErrorRecord(error) }] satisfies WriterAnswer[]);
      }
    }
  }
}

if (parentPort) {
  const { path, crashPoint } = workerData as { path: string; crashPoint: string | null };
  armCrashPoint(crashPoint);
  serveWrites(parentPort, path);
}
