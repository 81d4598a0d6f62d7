// The whole program with a provider inside whose jobs never end: what waiting for them costs.
import { randomInt } from 'node:crypto';
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/kernel/config.ts';
import { createLogger } from '../../src/kernel/log.ts';
import type { ProviderAdapter } from '../../src/providers/provider.ts';
import { sandboxModels } from '../../src/providers/sandbox/models.ts';
import { PollBook } from './polls.ts';

const ADMIN_KEY = 'dbk_benchmark-key-of-more-than-enough-length';
const DEADLINE_MS = 24 * 3600_000;
const [dataDir = '', pollMs = '', tellsProgress = '', jobSeconds = ''] = process.argv.slice(2);
const POLL_MS = Number(pollMs);
const book = new PollBook();
const startedAtMs = new Map<string, number>();

function progressOf(job: string): number | null {
  if (tellsProgress !== 'progress') return null;
  const passedMs = performance.now() - (startedAtMs.get(job) ?? 0);
  return Math.min(0.99, passedMs / (Number(jobSeconds) * 1000));
}

const slow: ProviderAdapter = {
  name: 'slow',
  endpoints: [],
  models: sandboxModels(0, 0)
    .slice(0, 1)
    .map((model) => ({ ...model, name: 'slow' })),
  async submit({ clientRef }) {
    startedAtMs.set(clientRef, performance.now());
    // Spread from the start, as tasks that come one by one are.
    const firstMs = randomInt(POLL_MS);
    book.dueIn(clientRef, firstMs);
    return { state: 'accepted', jobId: clientRef, pollAfterMs: firstMs };
  },
  async poll({ jobId }) {
    book.polled(jobId);
    book.dueIn(jobId, POLL_MS);
    return { state: 'running', progress: progressOf(jobId), pollAfterMs: POLL_MS };
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
    DRAWBRIDGE_CREDITS_STARTING_GRANT: '1000000',
    DRAWBRIDGE_DEFAULT_MODEL: 'slow',
    DRAWBRIDGE_LOG_LEVEL: 'error',
  },
});
if (!config) throw new Error(JSON.stringify(problems));
const app = await createApp({
  config,
  log: await createLogger(config.log),
  providers: [{ adapter: slow, lane: { concurrency: 100_000, deadlineMs: DEADLINE_MS } }],
});
app.server.get('/bench/waiting', async () => ({ waiting: startedAtMs.size }));
app.server.get('/bench/reset', async () => book.reset());
app.server.get('/bench/window', async () => book.window());
const port = await app.listen();
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)));
process.send?.({ url: `http://127.0.0.1:${port}`, key: ADMIN_KEY });
