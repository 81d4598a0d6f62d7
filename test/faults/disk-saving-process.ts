// A small program that stores pictures with the real code, for tests that break the calls it makes to the operating system.
// It reads commands from standard input, a line each, and answers each with one line of JSON.
//   save   stores one picture and its row      mark <name>   commits one row      check   examines everything deeply
import { createInterface } from 'node:readline';
import { systemClock } from '../../src/kernel/clock.ts';
import { openSqliteDb } from '../../src/kernel/db-sqlite.ts';
import { AppError } from '../../src/kernel/errors.ts';
import { newId } from '../../src/kernel/id.ts';
import type { Logger } from '../../src/kernel/log.ts';
import { createMedia } from '../../src/media/media.ts';
import { flatPng } from '../../src/media/test-pictures.ts';
import { insertForTest } from '../../src/media/test-writes.ts';
import { setMark } from '../../src/operations/store.ts';

const [dataDir = '', root = ''] = process.argv.slice(2);
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const db = await openSqliteDb({ dataDir });
const media = createMedia({ db, clock: systemClock, log: silent, root, decoders: 1, minFreeBytes: 0 });
await media.start();
const picture = flatPng(320, 200);

async function save(): Promise<object> {
  const stored = await media.ingestResult(
    (async function* () {
      yield picture;
    })(),
  );
  const now = systemClock.now();
  const image = {
    id: newId('img', now),
    accountId: 'acct_1',
    taskId: newId('task', now),
    position: 0,
    kind: 'final',
    picture: stored,
    seed: 1,
    mode: 'text-to-image',
    model: 'm',
    provider: 'p',
    prompt: 'a bridge',
    parentId: null,
    extra: false,
    captured: true,
  } as const;
  await db.write(insertForTest, { now, images: [image] });
  return { key: stored.fileKey, sha256: stored.sha256, thumb: stored.thumb };
}

async function run(line: string): Promise<object> {
  const [command = '', name = ''] = line.split(' ');
  if (command === 'save') return save();
  if (command === 'check') return { checks: await media.doctorChecks({ deep: true, strayBefore: 0 }) };
  await db.write(setMark, { name, at: 1, ok: 1, note: 'x'.repeat(2_000) });
  return { name };
}

const answer = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`);
answer({ ready: process.pid });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    answer({ ok: true, ...(await run(line)) });
  } catch (error) {
    const code = error instanceof AppError ? error.code : String(error);
    answer({ ok: false, code });
  }
}
await media.close();
await db.close();
process.exit(0);
