// The peer: BullMQ behind the same kind of route - a key checked by its digest, the body checked by the same schema, the
// Idempotency-Key as job id - on a Redis that fsyncs every write. It holds no credits and keeps no account's tasks.
import { Queue } from 'bullmq';
import Fastify from 'fastify';
import { sha256Hex } from '../../src/kernel/id.ts';
import { createTaskBody } from '../../src/tasks/contract.ts';
import { startRedis } from './redis.ts';

const KEY = 'dbk_benchmark-key-of-more-than-enough-length';
const [folder = ''] = process.argv.slice(2);
const { socket, redis } = await startRedis(folder);

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
