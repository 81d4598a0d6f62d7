// Egress proxies for tests: Debian's real ones on free ports with their own logs, and a scripted one that tells what it
// was asked and can misbehave. Every name that they are asked for leads to this machine.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type RequestListener,
} from 'node:http';
import { createServer as createTlsHttpServer } from 'node:https';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

const LONGEST_START_MS = 15_000;
const BETWEEN_TRIES_MS = 20;

export interface Identity {
  key: string;
  cert: string;
}

let certificates: Promise<Identity> | null = null;

/** A key and a certificate for `target.test`, `pictures.example` and 127.0.0.1, which this process trusts from now on. */
export function trustedIdentity(): Promise<Identity> {
  certificates ??= (async () => {
    const folder = mkdtempSync(join(tmpdir(), 'identity-'));
    const names = 'subjectAltName=DNS:target.test,DNS:pictures.example,IP:127.0.0.1';
    const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const more = ['-days', '30', '-subj', '/CN=test', '-addext', names];
    execFileSync('openssl', ['req', '-x509', ...ec, ...more, ...files], { stdio: 'pipe' });
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFileSync(join(folder, name), 'utf8'));
    rmSync(folder, { recursive: true });
    if (key === undefined || cert === undefined) throw new Error('openssl wrote nothing');
    setDefaultCACertificates([...getCACertificates('default'), cert]);
    return { key, cert };
  })();
  return certificates;
}

/** Starts the server on a free port of 127.0.0.1 and stops it, with its sockets, after the test. */
async function listen(t: TestContext, server: Server): Promise<{ port: number; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

export interface Canary {
  port: number;
  /** Connections that were ever opened to it. */
  connections(): number;
  requests: { method: string; path: string; host: string; headers: IncomingHttpHeaders; sni: string }[];
}

const echo: RequestListener = (request, response) => {
  request.resume().once('end', () => response.end('reached'));
};

/** A target that notes whoever reaches it; with TLS if an identity is given. */
export async function canary(
  t: TestContext,
  options: { tls?: Identity; answer?: RequestListener } = {},
): Promise<Canary> {
  const requests: Canary['requests'] = [];
  let connections = 0;
  const listener: RequestListener = (request, response) => {
    const { method = '', url = '', headers, socket } = request;
    const sni = String((socket as { servername?: string | false }).servername || '');
    requests.push({ method, path: url, host: headers.host ?? '', headers, sni });
    (options.answer ?? echo)(request, response);
  };
  const server = options.tls ? createTlsHttpServer(options.tls, listener) : createServer(listener);
  server.on('connection', () => {
    connections += 1;
  });
  const { port } = await listen(t, server);
  return { port, requests, connections: () => connections };
}

/** A bare TCP server. */
export async function tcpServer(
  t: TestContext,
  onSocket: (socket: Socket) => void,
): Promise<{ port: number; sockets: Set<Socket> }> {
  return listen(t, createTcpServer(onSocket));
}

/** Joins two sockets until either ends. */
function join2(left: Duplex, right: Duplex): void {
  left.pipe(right);
  right.pipe(left);
  for (const [one, other] of [
    [left, right],
    [right, left],
  ] as const) {
    one.on('error', () => {});
    one.once('close', () => other.destroy());
  }
}

export interface ScriptedProxy {
  port: number;
  /** In order: `CONNECT host:port` and `GET http://host/path`. */
  log: string[];
  headers: IncomingHttpHeaders[];
  /** Sockets that are open to it now. */
  sockets: Set<Socket>;
  /** Connections that were ever opened to it. */
  connections(): number;
}

export interface ProxyScript {
  tls?: Identity;
  /** Answers CONNECT itself instead of relaying it. */
  onConnect?: (socket: Duplex, authority: string) => void;
  /** Answers an absolute-form request itself instead of relaying it. */
  onRequest?: RequestListener;
  /** The port of this machine that a tunnel to the port asked for leads to. */
  ports?: Readonly<Record<number, number>>;
}

/** An HTTP proxy that resolves every name to this machine. */
export async function scriptedProxy(t: TestContext, script: ProxyScript = {}): Promise<ScriptedProxy> {
  const log: string[] = [];
  const headers: IncomingHttpHeaders[] = [];
  let connections = 0;
  const forward: RequestListener = (request, response) => {
    log.push(`${request.method} ${request.url}`);
    headers.push(request.headers);
    if (script.onRequest) return script.onRequest(request, response);
    const target = new URL(request.url ?? '');
    const { 'proxy-authorization': _secret, ...rest } = request.headers;
    const onward = httpRequest(
      {
        host: '127.0.0.1',
        port: target.port,
        method: request.method,
        path: target.pathname + target.search,
        headers: rest,
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  };
  const server = script.tls ? createTlsHttpServer(script.tls, forward) : createServer(forward);
  server.on('connection', () => {
    connections += 1;
  });
  server.on('connect', (request, socket: Duplex) => {
    const authority = request.url ?? '';
    socket.on('error', () => {});
    log.push(`CONNECT ${authority}`);
    headers.push(request.headers);
    if (script.onConnect) return script.onConnect(socket, authority);
    const asked = Number(authority.replace(/^.*:/, ''));
    const onward = connect(script.ports?.[asked] ?? asked, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      join2(socket, onward);
    });
    onward.on('error', () => socket.destroy());
  });
  const { port, sockets } = await listen(t, server);
  return { port, log, headers, sockets, connections: () => connections };
}

/** A port on which nothing listens. */
export async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export type RealProxyName = 'tinyproxy' | 'squid' | 'microsocks';

export interface RealProxy {
  port: number;
  /** Resolves when the proxy's own log has this text. */
  logged(text: string): Promise<void>;
  logText(): string;
}

/** Why this proxy cannot be tested here, or false. */
export function proxyUnavailable(name: RealProxyName): string | false {
  try {
    execFileSync('which', [name], { env: { PATH: `${process.env.PATH}:/usr/sbin` }, stdio: 'pipe' });
    return false;
  } catch {
    return `${name} is not installed`;
  }
}

function proxyCommand(name: RealProxyName, folder: string, port: number, user: string, password: string) {
  if (name === 'microsocks') {
    return ['microsocks', '-i', '127.0.0.1', '-p', String(port), '-u', user, '-P', password];
  }
  const config = join(folder, 'config');
  if (name === 'tinyproxy') {
    const lines = [`Port ${port}`, 'Listen 127.0.0.1', 'MaxClients 20', 'Timeout 30', 'LogLevel Connect'];
    writeFileSync(config, `${[...lines, `BasicAuth ${user} ${password}`].join('\n')}\n`);
    return ['tinyproxy', '-d', '-c', config];
  }
  writeFileSync(join(folder, 'hosts'), '127.0.0.1 target.test\n');
  const lines = [
    `http_port 127.0.0.1:${port}`,
    'pid_filename none',
    `access_log stdio:${join(folder, 'access.log')}`,
    `cache_log ${join(folder, 'cache.log')}`,
    `coredump_dir ${folder}`,
    `hosts_file ${join(folder, 'hosts')}`,
    'visible_hostname proxy.test',
    'cache deny all',
    'cache_mem 8 MB',
    'pinger_enable off',
    'netdb_filename none',
    'shutdown_lifetime 0 seconds',
    'acl forbidden dstdomain forbidden.test',
    'http_access deny forbidden',
    'http_access allow all',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  return ['squid', '-N', '-f', config];
}

/** Resolves when something listens on the port: microsocks says nothing when it is ready. */
async function listening(port: number, child: ChildProcess, logText: () => string): Promise<void> {
  const giveUpAt = performance.now() + LONGEST_START_MS;
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const reached = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (reached) return;
    if (child.exitCode !== null || performance.now() > giveUpAt) throw new Error(`no proxy: ${logText()}`);
    await delay(BETWEEN_TRIES_MS);
  }
}

/** Starts one of Debian's proxies with a config of its own; tinyproxy and microsocks ask for the credentials. */
export async function realProxy(
  t: TestContext,
  name: RealProxyName,
  user: string,
  password: string,
): Promise<RealProxy> {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  // Squid leaves root's rights by itself and then writes here.
  chmodSync(folder, 0o777);
  const port = await freePort();
  const [command = name, ...args] = proxyCommand(name, folder, port, user, password);
  const child = spawn(command, args, {
    env: { PATH: `${process.env.PATH}:/usr/sbin` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const watchers = new Set<() => void>();
  const onText = (chunk: Buffer) => {
    text += chunk.toString();
    for (const look of watchers) look();
  };
  child.stdout.on('data', onText);
  child.stderr.on('data', onText);
  t.after(async () => {
    const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null;
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  await listening(port, child, () => text);
  const file = join(folder, 'access.log');
  // Squid, which has given up root's rights, may not write to our pipes.
  const logText = () => text + (existsSync(file) ? readFileSync(file, 'utf8') : '');
  const watched = watch(folder, onText.bind(null, Buffer.alloc(0)));
  t.after(() => watched.close());
  const logged = (wanted: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!logText().includes(wanted)) return;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
    });
  return { port, logged, logText };
}
