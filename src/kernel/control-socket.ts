// The control socket: the same HTTP server on a Unix socket in the data directory, mode 0600, so that whoever may read
// the data is admin and the CLI can work beside a running server.
import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';

const CONTROL_SOCKET_NAME = 'control.sock';
const DATA_DIR_MODE = 0o750;
const fromControlSocket = new WeakSet<Socket>();

export function controlSocketPath(dataDir: string): string {
  return join(dataDir, CONTROL_SOCKET_NAME);
}

/** Whether a request came over the control socket. */
export function controlSocketFlag(request: IncomingMessage): boolean {
  return fromControlSocket.has(request.socket);
}

export interface ControlSocketOptions {
  dataDir: string;
  /** Where the server listens, as `host:port`; null until it does. Links in answers are built from it. */
  listensAt(): string | null;
  handle(request: IncomingMessage, response: ServerResponse): void;
}

/** Serves `handle` on the control socket; a socket file left by a killed server is replaced (the data lock proves it dead). */
export async function listenOnControlSocket({
  dataDir,
  listensAt,
  handle,
}: ControlSocketOptions): Promise<Server> {
  const path = controlSocketPath(dataDir);
  // On PostgreSQL, with the pictures elsewhere, nobody else has made the directory.
  await mkdir(dataDir, { recursive: true, mode: DATA_DIR_MODE });
  await rm(path, { force: true });
  const server = createServer((request, response) => {
    // A command line that found the socket need not know the server's settings: what it sends as host may be another's.
    const host = listensAt();
    if (host !== null) request.headers.host = host;
    handle(request, response);
  });
  server.on('connection', (socket: Socket) => fromControlSocket.add(socket));
  // The umask makes the socket private from its first moment; chmod alone would leave a gap.
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } finally {
    process.umask(umask);
  }
  await chmod(path, 0o600);
  return server;
}
