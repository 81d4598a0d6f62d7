// Debian's nginx with a site file of Drawbridge, on free ports and in a folder of its own; it ends with its test.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const NGINX = '/usr/sbin/nginx';
const LONGEST_START_MS = 15_000;
const BETWEEN_TRIES_MS = 20;

export interface Nginx {
  port: number;
  folder: string;
  stop(): Promise<void>;
}

/** The reason to skip where the program is missing, else false. */
export function missing(program: string): string | false {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { env: { PATH: `${process.env.PATH}:/usr/sbin` } });
    return false;
  } catch {
    return `${program} is not installed`;
  }
}

/** `nginx -t` on the file; throws with what nginx says. */
function checkFile(path: string, folder: string): string {
  // The site's own `default_type` and the types of files are nginx's usual ones.
  try {
    return execFileSync(NGINX, ['-t', '-c', path, '-p', folder], { stdio: 'pipe' }).toString();
  } catch (error) {
    throw new Error(`nginx -t:\n${(error as { stderr?: Buffer }).stderr}`);
  }
}

/** Starts nginx with this site, which must listen on `port`. */
export async function startNginx(site: string, port: number): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-nginx-'));
  mkdirSync(join(folder, 'logs'));
  writeFileSync(join(folder, 'site.conf'), site);
  const config = join(folder, 'nginx.conf');
  const isRoot = process.getuid?.() === 0;
  const kept = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `  ${name}_temp_path ${folder}/${name};`,
  );
  writeFileSync(
    config,
    [
      ...(isRoot ? ['user root;'] : []),
      'daemon off;',
      'worker_processes 1;',
      `pid ${folder}/nginx.pid;`,
      'error_log stderr notice;',
      'events { worker_connections 4096; }',
      'http {',
      '  include /etc/nginx/mime.types;',
      '  access_log off;',
      ...kept,
      '  include site.conf;',
      '}',
    ].join('\n'),
  );
  checkFile(config, folder);
  const child = spawn(NGINX, ['-c', config, '-p', folder], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_000);
  });
  const kill = () => child.kill('SIGTERM');
  process.once('exit', kill);
  await accepting(child, port, () => said);
  return {
    port,
    folder,
    async stop() {
      process.off('exit', kill);
      if (child.exitCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when something accepts connections on the port. */
export async function accepting(child: ChildProcess, port: number, said: () => string): Promise<void> {
  for (let waitedMs = 0; waitedMs < LONGEST_START_MS; waitedMs += BETWEEN_TRIES_MS) {
    if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}:\n${said()}`);
    const socket = connect(port, '127.0.0.1');
    const isOpen = await Promise.race([
      once(socket, 'connect').then(
        () => true,
        () => false,
      ),
      delay(1_000, false),
    ]);
    socket.destroy();
    if (isOpen) return;
    await delay(BETWEEN_TRIES_MS);
  }
  throw new Error(`Nothing listens on ${port}:\n${said()}`);
}
