// Who holds a TCP port, as far as this user may see it, and which port near it is free.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';

const LISTENING = '0A';
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
const COMMAND_LONGEST_CHARS = 120;
const PORTS_TRIED = 50;
const HIGHEST_PORT = 65_535;

export interface PortOwner {
  /** Null when the process belongs to another user and cannot be seen. */
  pid: number | null;
  /** The command up to its first option: what follows an option may be a secret. */
  command: string | null;
  uid: number;
}

/** The process that listens on `port`; null where the system does not tell. */
export function findPortOwner(port: number): PortOwner | null {
  const socket = TABLES.flatMap(listeningSockets).find((one) => one.port === port);
  if (!socket) return null;
  const pid = pidOfSocket(socket.inode);
  return { pid, command: pid === null ? null : commandOf(pid), uid: socket.uid };
}

/** Whether the owner runs the program at `path`, as far as this user may see it. */
export function ownerRuns({ pid }: PortOwner, path: string): boolean {
  return pid !== null && readText(`/proc/${pid}/cmdline`).split('\0').includes(path);
}

/** One owner in words: `process 4711 (node server.js)`. */
export function describePortOwner({ pid, command, uid }: PortOwner): string {
  if (pid === null) return `a process of user ${uid}`;
  return command ? `process ${pid} (${command})` : `process ${pid}`;
}

/** The first free port after `port` on `host`; null when none was found. */
export async function findFreePort(host: string, port: number): Promise<number | null> {
  const last = Math.min(HIGHEST_PORT, port + PORTS_TRIED);
  for (let candidate = port + 1; candidate <= last; candidate += 1) {
    if (await isPortFree(host, candidate)) return candidate;
  }
  return null;
}

/** Whether this process could listen there now. */
export function isPortFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function listeningSockets(table: string): { port: number; uid: number; inode: string }[] {
  const [, ...lines] = readText(table).split('\n');
  return lines.flatMap((line) => {
    const [, local, , state, , , , uid, , inode] = line.trim().split(/\s+/);
    const port = Number.parseInt(local?.split(':').at(-1) ?? '', 16);
    if (state !== LISTENING || inode === undefined || Number.isNaN(port)) return [];
    return [{ port, uid: Number(uid), inode }];
  });
}

function pidOfSocket(inode: string): number | null {
  for (const name of list('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    for (const descriptor of list(`/proc/${name}/fd`)) {
      if (readLink(`/proc/${name}/fd/${descriptor}`) === `socket:[${inode}]`) return Number(name);
    }
  }
  return null;
}

function commandOf(pid: number): string | null {
  const words = readText(`/proc/${pid}/cmdline`).split('\0').filter(Boolean);
  const firstOption = words.findIndex((word, index) => index > 0 && word.startsWith('-'));
  const command = words.slice(0, firstOption === -1 ? undefined : firstOption).join(' ');
  return command === '' ? null : command.slice(0, COMMAND_LONGEST_CHARS);
}

/** Processes come and go, and other users' are closed: what cannot be read is not there. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
