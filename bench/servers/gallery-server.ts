// The program over a seeded data folder, for bench/gallery.ts: `<data folder> [database url]`.
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/kernel/config.ts';
import { createMemoryLogger } from '../../src/kernel/log.ts';
import { SEED_ADMIN_KEY } from '../gallery-pictures.ts';

const [dataDir = '', databaseUrl] = process.argv.slice(2);
const env = {
  DRAWBRIDGE_DATA_DIR: dataDir,
  DRAWBRIDGE_PORT: '0',
  DRAWBRIDGE_ADMIN_KEY: SEED_ADMIN_KEY,
  DRAWBRIDGE_LIMITS_REQUESTS_PER_MINUTE: '1000000',
  ...(databaseUrl ? { DATABASE_URL: databaseUrl } : {}),
};
const { config } = loadConfig({ env, cwd: dataDir });
if (!config) throw new Error('The configuration is wrong');
const app = await createApp({ config, log: createMemoryLogger() });
const port = await app.listen();
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)));
process.send?.({ url: `http://127.0.0.1:${port}`, key: SEED_ADMIN_KEY });
