// A Redis of our own on a Unix socket that fsyncs every write.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const CONNECT_TRIES = 200;
const CONNECT_DELAY_MS = 25;

/** Starts it in `folder`; resolves once it answers. Debian: redis-server. */
export async function startRedis(folder: string): Promise<{ socket: string; redis: ChildProcess }> {
  mkdirSync(folder, { recursive: true });
  const socket = join(folder, 'redis.sock');
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
  const redis = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--dir', folder, ...durable], {
    stdio: 'ignore',
  });
  for (let tries = 0; tries < CONNECT_TRIES; tries += 1) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const probe = createConnection(socket, () => {
        probe.destroy();
        resolve(true);
      });
      probe.on('error', () => resolve(false));
    });
    if (isOpen) return { socket, redis };
    await delay(CONNECT_DELAY_MS);
  }
  throw new Error('redis-server did not start; install it (Debian: redis-server)');
}
