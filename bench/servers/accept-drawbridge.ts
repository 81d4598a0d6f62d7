// The whole program without its engine: what accepting costs, not what painting takes from it.
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/kernel/config.ts';
import { createLogger } from '../../src/kernel/log.ts';

const ADMIN_KEY = 'dbk_benchmark-key-of-more-than-enough-length';
const PRICE = '0.01';
const [dataDir = ''] = process.argv.slice(2);
const { config, problems } = loadConfig({
  cwd: process.cwd(),
  env: {
    DRAWBRIDGE_DATA_DIR: dataDir,
    DRAWBRIDGE_ADMIN_KEY: ADMIN_KEY,
    DRAWBRIDGE_LIMITS_REQUESTS_PER_MINUTE: '100000000',
    DRAWBRIDGE_TASKS_MAX_QUEUED_PER_ACCOUNT: '10000000',
    DRAWBRIDGE_CREDITS_STARTING_GRANT: '1000000',
    DRAWBRIDGE_CREDITS_PRICES: `sandbox=${PRICE}`,
    // The other side writes no log lines either.
    DRAWBRIDGE_LOG_LEVEL: 'error',
  },
});
if (!config) throw new Error(JSON.stringify(problems));
const app = await createApp({ config, log: await createLogger(config.log) });
const url = await app.server.listen({ host: '127.0.0.1', port: 0 });
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)));
process.send?.({ url, key: ADMIN_KEY });
