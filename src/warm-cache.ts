// Starts and stops the program once in a throw-away folder, so that Node keeps its compiled code (NODE_COMPILE_CACHE, see
// bin/drawbridge) and the first real start is as small and fast as every later one. Run by `npm ci`; a failure only warns.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processEnvironment } from './kernel/config.ts';

const WARM_UP_LIMIT_MS = 30_000;
const READY_LINE = 'Drawbridge is ready';

const launcher = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'drawbridge');
const dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-warm-up-'));
const server = spawn(launcher, ['serve'], {
  cwd: dataDir,
  env: { PATH: processEnvironment().PATH, DRAWBRIDGE_DATA_DIR: dataDir, DRAWBRIDGE_PORT: '0' },
  stdio: ['ignore', 'pipe', 'pipe'],
  timeout: WARM_UP_LIMIT_MS,
});
let output = '';
let isStopping = false;
const onOutput = (chunk: Buffer) => {
  output += chunk.toString();
  if (isStopping || !output.includes(READY_LINE)) return;
  // A second signal would stop it at once, without writing its cache.
  isStopping = true;
  server.kill('SIGTERM');
};
server.stdout.on('data', onOutput);
server.stderr.on('data', onOutput);
server.on('exit', (code) => {
  rmSync(dataDir, { recursive: true, force: true });
  if (code !== 0)
    console.warn(`drawbridge: the warm-up did not end well; the first start will be slower.\n${output}`);
});
