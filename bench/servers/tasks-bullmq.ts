// The peer: a bare BullMQ worker. The same picture work in the same process: full decode, thumbnail, two files that are
// fsynced and renamed. No ledger, no events, no checks of what the provider sent beyond the decode.
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Queue, Worker } from 'bullmq';
import Fastify from 'fastify';
import sharp from 'sharp';
import { createTaskBody } from '../../src/tasks/contract.ts';
import { TimesBook } from './instant-picture.ts';
import { startRedis } from './redis.ts';

const CONCURRENCY = 8;
const THUMB_SIDE_PX = 512;
const [folder = '', picture = ''] = process.argv.slice(2);
const { socket, redis } = await startRedis(folder);
const media = join(folder, 'media');
await mkdir(media);
const book = new TimesBook();
const connection = { path: socket };
const queue = new Queue('tasks', { connection });

async function store(bytes: Buffer, name: string): Promise<void> {
  const path = join(media, name);
  const file = await open(`${path}.part`, 'w');
  await file.write(bytes);
  await file.sync();
  await file.close();
  await rename(`${path}.part`, path);
  const directory = await open(media);
  await directory.sync();
  await directory.close();
}

const worker = new Worker(
  'tasks',
  async (job) => {
    const id = String(job.id);
    book.note(id, 'calledAt');
    const bytes = await readFile(picture);
    book.note(id, 'answeredAt');
    const { width, height } = await sharp(bytes, { failOn: 'error' }).metadata();
    const thumb = await sharp(bytes, { failOn: 'error' })
      .resize({ width: THUMB_SIDE_PX, height: THUMB_SIDE_PX, fit: 'inside', withoutEnlargement: true })
      .webp()
      .toBuffer();
    await Promise.all([store(bytes, `${id}.png`), store(thumb, `${id}.webp`)]);
    return { width, height };
  },
  { connection: { ...connection, maxRetriesPerRequest: null }, concurrency: CONCURRENCY },
);
worker.on('completed', (job) => book.note(String(job.id), 'readableAt'));

const app = Fastify();
app.post('/v1/tasks', async (request, reply) => {
  const body = createTaskBody.parse(request.body);
  const job = await queue.add('paint', body);
  book.note(String(job.id), 'acceptedAt');
  return reply.code(202).send({ id: job.id, status: 'queued' });
});
app.get('/bench/times', async () => book.complete());
app.get('/bench/reset', async () => book.clear());
const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.once('SIGTERM', () => {
  redis.kill('SIGTERM');
  process.exit(0);
});
process.send?.({ url, key: 'none' });
