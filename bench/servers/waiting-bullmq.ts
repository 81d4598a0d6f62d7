// The peer: a BullMQ worker whose jobs move themselves back to the delayed set after each look, the way its documentation
// gives for jobs that wait for something outside. It keeps no task that anybody could read meanwhile.
import { randomInt } from 'node:crypto';
import { DelayedError, Queue, Worker } from 'bullmq';
import Fastify from 'fastify';
import { createTaskBody } from '../../src/tasks/contract.ts';
import { PollBook } from './polls.ts';
import { startRedis } from './redis.ts';

const CONCURRENCY = 200;
const [folder = '', pollMs = '', tellsProgress = '', jobSeconds = ''] = process.argv.slice(2);
const POLL_MS = Number(pollMs);
const { socket, redis } = await startRedis(folder);
const book = new PollBook([redis.pid ?? 0]);
const startedAtMs = new Map<string, number>();
const connection = { path: socket };
const queue = new Queue('tasks', { connection });

const worker = new Worker(
  'tasks',
  async (job, token) => {
    const id = String(job.id);
    const isFirst = !startedAtMs.has(id);
    if (isFirst) startedAtMs.set(id, performance.now());
    else book.polled(id);
    const passedMs = performance.now() - (startedAtMs.get(id) ?? 0);
    if (tellsProgress === 'progress' && !isFirst)
      await job.updateProgress(Math.min(99, (100 * passedMs) / (Number(jobSeconds) * 1000)));
    const delayMs = isFirst ? randomInt(POLL_MS) : POLL_MS;
    book.dueIn(id, delayMs);
    await job.moveToDelayed(Date.now() + delayMs, token);
    throw new DelayedError();
  },
  { connection: { ...connection, maxRetriesPerRequest: null }, concurrency: CONCURRENCY },
);
worker.on('error', () => {});

const app = Fastify();
app.post('/v1/tasks', async (request, reply) => {
  const job = await queue.add('paint', createTaskBody.parse(request.body));
  return reply.code(202).send({ id: job.id, status: 'queued' });
});
app.get('/bench/waiting', async () => ({ waiting: startedAtMs.size }));
app.get('/bench/reset', async () => book.reset());
app.get('/bench/window', async () => book.window());
const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.once('SIGTERM', () => {
  redis.kill('SIGTERM');
  process.exit(0);
});
process.send?.({ url, key: 'none' });
