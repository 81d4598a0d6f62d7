// The peer: BullMQ behind the same kind of route - a key checked by its digest, the body checked by the same schema, the
// Idempotency-Key as job id - on a Redis that fsyncs every write. It holds no credits and keeps no account's tasks.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Queue } from 'bullmq';
import Fastify from 'fastify';
import { sha256Hex } from '../../src/kernel/id.ts';
import { createTaskBody } from '../../src/tasks/contract.ts';

const KEY = 'dbk_benchmark-key-of-more-than-enough-length';
const [folder = ''] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const socket = join(folder, 'redis.sock');
const redis = spawn(
  'redis-server',
  [
    '--port',
    '0',
    '--unixsocket',
    socket,
    '--dir',
    folder,
    '--appendonly',
    'yes',
    '--appendfsync',
    'always',
    '--save',
    '',
  ],
  { stdio: 'ignore' },
);
await reachable(socket);

const queue = new Queue('tasks', {
  connection: { path: socket },
  defaultJobOptions: { removeOnComplete: true },
});
const keys = new Map([[sha256Hex(KEY), 'acct_1']]);
const app = Fastify();
app.post('/v1/tasks', async (request, reply) => {
  const account = keys.get(sha256Hex((request.headers.authorization ?? '').slice('Bearer '.length)));
  if (!account) return reply.code(401).send({});
  const body = createTaskBody.parse(request.body);
  const job = await queue.add(
    'paint',
    { account, ...body },
    { jobId: String(request.headers['idempotency-key']) },
  );
  return reply
    .code(202)
    .header('location', `/v1/tasks/${job.id}`)
    .send({ id: job.id, status: 'queued', ...body });
});
const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.once('SIGTERM', () => {
  redis.kill('SIGTERM');
  process.exit(0);
});
process.send?.({ url, key: KEY });

async function reachable(path: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const probe = createConnection(path, () => resolve(true));
      probe.on('error', () => resolve(false));
    });
    if (isOpen) return;
    await delay(25);
  }
  throw new Error('redis-server did not start; install it (Debian: redis-server)');
}
