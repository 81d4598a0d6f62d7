// The whole program with a provider that answers at once; what its engine adds is noted at the provider and in the events.
import { createReadStream } from 'node:fs';
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/kernel/config.ts';
import { createLogger } from '../../src/kernel/log.ts';
import type { ProviderAdapter } from '../../src/providers/provider.ts';
import { sandboxModels } from '../../src/providers/sandbox/models.ts';
import { TimesBook } from './instant-picture.ts';

const ADMIN_KEY = 'dbk_benchmark-key-of-more-than-enough-length';
/** Tasks at the provider at once, on both sides. */
export const CONCURRENCY = 8;
const [dataDir = '', picture = ''] = process.argv.slice(2);
const book = new TimesBook();
const taskOfJob = new Map<string, string>();

const instant: ProviderAdapter = {
  name: 'instant',
  endpoints: [],
  models: sandboxModels(0, 0)
    .slice(0, 1)
    .map((model) => ({ ...model, name: 'instant' })),
  async submit({ clientRef }) {
    taskOfJob.set(clientRef, clientRef);
    const row = await app.db.read
      .selectFrom('attempts')
      .select('task_id')
      .where('client_ref', '=', clientRef)
      .executeTakeFirst();
    if (row) taskOfJob.set(clientRef, row.task_id);
    book.note(row?.task_id ?? clientRef, 'calledAt');
    return { state: 'accepted', jobId: clientRef, pollAfterMs: 0 };
  },
  async poll({ jobId, spool }) {
    const file = await spool(createReadStream(picture));
    book.note(taskOfJob.get(jobId) ?? jobId, 'answeredAt');
    return { state: 'done', outputs: [{ file, seed: 1 }] };
  },
  probe: async () => ({ note: null }),
  close: async () => {},
};

const { config, problems } = loadConfig({
  cwd: process.cwd(),
  env: {
    DRAWBRIDGE_DATA_DIR: dataDir,
    DRAWBRIDGE_PORT: '0',
    DRAWBRIDGE_ADMIN_KEY: ADMIN_KEY,
    DRAWBRIDGE_LIMITS_REQUESTS_PER_MINUTE: '100000000',
    DRAWBRIDGE_TASKS_MAX_QUEUED_PER_ACCOUNT: '10000000',
    DRAWBRIDGE_DEFAULT_MODEL: 'instant',
    DRAWBRIDGE_LOG_LEVEL: 'error',
  },
});
if (!config) throw new Error(JSON.stringify(problems));
const app = await createApp({
  config,
  log: await createLogger(config.log),
  providers: [{ adapter: instant, lane: { concurrency: CONCURRENCY, deadlineMs: 300_000 } }],
  onTaskChange: (task) => {
    if (task.version === 1) book.note(task.id, 'acceptedAt');
    if (task.status === 'succeeded') book.note(task.id, 'readableAt');
  },
});
app.server.get('/bench/times', async () => book.complete());
app.server.get('/bench/reset', async () => book.clear());
const port = await app.listen();
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)));
process.send?.({ url: `http://127.0.0.1:${port}`, key: ADMIN_KEY });
