// A real OpenSSH server for tests: own host keys, own user key, own folder, a free port of 127.0.0.1; and a plain TCP proxy in
// front of it that cuts connections after so many bytes.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { SftpTargetConfig } from '../../src/kernel/config-sync.ts';

const SSHD = '/usr/sbin/sshd';
/** Test files must be skipped where there is no server; CI has one. */
export const noSshd = existsSync(SSHD) ? false : 'sshd is not installed';

export interface SshServer {
  port: number;
  /** For everything that a test makes. */
  folder: string;
  keyFile: string;
  /** `SHA256:…` of its key. */
  fingerprint: string;
  /** The line that known_hosts would have for this port. */
  knownHosts(port?: number): string;
  /** A target in its folder `media`. */
  target(change?: Partial<SftpTargetConfig>): SftpTargetConfig;
  close(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** `onlySftp`: no shell, as on many rented servers. */
export async function startSshServer({ onlySftp = false } = {}): Promise<SshServer> {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-ssh-'));
  const [hostKey, keyFile] = [join(folder, 'host_key'), join(folder, 'user_key')];
  for (const file of [hostKey, keyFile])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', file]);
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const port = await freePort();
  const config = join(folder, 'sshd_config');
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${keyFile}.pub`,
    `PidFile ${join(folder, 'sshd.pid')}`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'PermitRootLogin yes',
    'MaxStartups 100',
    'Subsystem sftp internal-sftp',
    ...(onlySftp ? ['ForceCommand internal-sftp'] : []),
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const child = spawn(SSHD, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Server listening')) resolve();
    });
    child.once('exit', () => reject(new Error(`sshd ended: ${said}`)));
  });
  const publicKey = readFileSync(`${hostKey}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
  const shown = execFileSync('ssh-keygen', ['-lf', `${hostKey}.pub`], { encoding: 'utf8' });
  const fingerprint = shown.split(' ')[1] ?? '';
  return {
    port,
    folder,
    keyFile,
    fingerprint,
    knownHosts: (at = port) => `[127.0.0.1]:${at} ${publicKey}\n`,
    target: (change = {}) => ({
      kind: 'sftp',
      name: 'server',
      host: '127.0.0.1',
      port,
      user: userInfo().username,
      password: null,
      privateKeyFile: keyFile,
      passphrase: null,
      hostKey: fingerprint,
      knownHosts: null,
      proxy: null,
      path: join(folder, 'media'),
      paths: {},
      publicUrl: null,
      code: null,
      ...change,
    }),
    async close() {
      process.off('exit', kill);
      const gone = once(child, 'exit');
      child.removeAllListeners('exit');
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await Promise.race([gone, ended]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface CuttingProxy {
  port: number;
  connections: number;
  close(): Promise<void>;
}

/** Passes bytes on to `port`; the first connections are broken off after so many bytes from the client, one number each. */
export async function cuttingProxy(port: number, cutsAfterBytes: readonly number[]): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const cutAfter = cutsAfterBytes[proxy.connections] ?? Number.POSITIVE_INFINITY;
    proxy.connections += 1;
    const upstream = connect(port, '127.0.0.1');
    let passed = 0;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket
        .on('error', () => {})
        .on('close', () => {
          client.destroy();
          upstream.destroy();
        });
    }
    client.on('data', (chunk) => {
      passed += chunk.length;
      if (passed > cutAfter) client.destroy();
      else upstream.write(chunk);
    });
    upstream.on('data', (chunk) => client.write(chunk));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: CuttingProxy = {
    port: (server.address() as AddressInfo).port,
    connections: 0,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
