// One SSH connection with its SFTP channel: the host's key is checked before anything is said to it, every call ends (a lost or
// silent connection fails all that wait), and commands run only where the server has a shell for us.
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Client, ClientChannel, ConnectConfig, SFTPWrapper } from 'ssh2';
import type { Clock, Timer } from '../kernel/clock.ts';
import type { SftpTargetConfig } from '../kernel/config-sync.ts';
import { equalSecrets } from '../kernel/id.ts';
import { OutboundError } from '../kernel/outbound-error.ts';
import { openTcp } from '../kernel/outbound-tcp.ts';
import { SyncFault } from './fault.ts';
import { algorithmsFor, findKnownKeys, fingerprintOf, type KnownKey, typeOfKey } from './known-hosts.ts';

const CONNECT_TIMEOUT_MS = 15_000;
const KEEPALIVE_MS = 10_000;
const MOST_SILENT_KEEPALIVES = 3;
/** A call that moves nothing for so long means that nobody is there. */
const SILENCE_MS = 60_000;
const MOST_OUTPUT_BYTES = 1024 * 1024;

/** Status codes of SFTP version 3. */
export const SFTP_STATUS = { noSuchFile: 2, denied: 3, failure: 4, unsupported: 8 } as const;

export interface CommandAnswer {
  code: number;
  stdout: string;
  stderr: string;
}

export const statusOf = (error: unknown): number | null => {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'number' ? code : null;
};

/** `'it'` for a POSIX shell. */
export const shellWord = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** What is known of the host's keys before it is asked. */
async function knownKeys(config: SftpTargetConfig): Promise<{ keys: KnownKey[]; where: string }> {
  const where = config.knownHosts ?? join(homedir(), '.ssh', 'known_hosts');
  const text = await readFile(where, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' && config.knownHosts === null) return '';
    throw new SyncFault('host_unknown', `the file of known hosts ${where} cannot be read (${error.code})`);
  });
  return { keys: findKnownKeys(text, config.host, config.port), where };
}

/** Judges the key that the host shows; its verdict stays here for the message. */
class HostJudge {
  readonly #config: SftpTargetConfig;
  readonly #keys: readonly KnownKey[];
  readonly #where: string;
  refusal: SyncFault | null = null;

  constructor(config: SftpTargetConfig, keys: readonly KnownKey[], where: string) {
    this.#config = config;
    this.#keys = keys;
    this.#where = where;
  }

  accepts(key: Buffer): boolean {
    const { host, port, hostKey } = this.#config;
    const shown = `${typeOfKey(key)} ${fingerprintOf(key)}`;
    if (hostKey !== null) {
      if (equalSecrets(hostKey, fingerprintOf(key))) return true;
      const text = `${host}:${port} shows the key ${shown}, which is not the pinned ${hostKey}`;
      this.refusal = new SyncFault('host_key', text);
      return false;
    }
    const same = this.#keys.filter((known) => known.key.equals(key));
    if (same.some(({ isRevoked }) => isRevoked)) {
      this.refusal = new SyncFault('host_key', `${host}:${port} shows the revoked key ${shown}`);
      return false;
    }
    if (same.length > 0) return true;
    this.refusal =
      this.#keys.length > 0
        ? new SyncFault('host_key', `${host}:${port} shows the key ${shown}; ${this.#where} has another one`)
        : new SyncFault(
            'host_unknown',
            `${host}:${port} shows the key ${shown}; ${this.#where} has none for it`,
          );
    return false;
  }
}

async function readKeyFile(path: string): Promise<Buffer> {
  const full = path.startsWith('~/') ? join(homedir(), path.slice(2)) : path;
  return readFile(full).catch((error: NodeJS.ErrnoException) => {
    throw new SyncFault('sign_in', `the private key ${path} cannot be read (${error.code})`);
  });
}

async function connectOptions(
  config: SftpTargetConfig,
  judge: HostJudge,
  keys: readonly KnownKey[],
): Promise<ConnectConfig> {
  const { user: username, password, privateKeyFile, passphrase } = config;
  const algorithms = config.hostKey === null ? algorithmsFor(keys) : [];
  return {
    username,
    ...(password === null ? {} : { password, tryKeyboard: true }),
    ...(privateKeyFile === null ? {} : { privateKey: await readKeyFile(privateKeyFile) }),
    ...(passphrase === null ? {} : { passphrase }),
    hostVerifier: (key: Buffer) => judge.accepts(key),
    readyTimeout: CONNECT_TIMEOUT_MS,
    keepaliveInterval: KEEPALIVE_MS,
    keepaliveCountMax: MOST_SILENT_KEEPALIVES,
    algorithms: {
      // The processor does these by itself; ChaCha20 takes several times as long here.
      cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr'],
      ...(algorithms.length === 0 ? {} : { serverHostKey: algorithms as never }),
    },
  };
}

/** What went wrong while connecting. */
function connectFault(error: unknown, config: SftpTargetConfig, judge: HostJudge): SyncFault {
  if (judge.refusal) return judge.refusal;
  if (error instanceof SyncFault) return error;
  const where = `${config.host}:${config.port}`;
  if (error instanceof OutboundError) {
    const isForGood = error.kind === 'blocked_address';
    // A proxy's refusal names the proxy, never its password.
    const why = error.kind === 'proxy' ? error.message : error.kind;
    return new SyncFault(isForGood ? 'denied' : 'connection', `${where} cannot be reached (${why})`, error);
  }
  const { message, level } = error as { message?: string; level?: string };
  if (level === 'client-authentication' || /authentication methods failed/i.test(message ?? ''))
    return new SyncFault('sign_in', `${where} does not let ${config.user} in with what is configured`, error);
  if (/privateKey|passphrase/i.test(message ?? ''))
    return new SyncFault('sign_in', 'the private key cannot be used (format or passphrase)', error);
  if (/no matching (?:host key|server host key)/i.test(message ?? ''))
    return new SyncFault('host_key', `${where} has no longer any of its known keys`, error);
  return new SyncFault('connection', `${where}: ${message ?? 'no connection'}`, error);
}

const END_MARK = 'drawbridge-end-of-answer';
const END_LINE = new RegExp(`${END_MARK}\\n$`);

export interface RemoteShell {
  /** What a command writes; one question at a time. */
  ask(command: string): Promise<string>;
}

type Callback<Value> = (error: Error | null | undefined, value: Value) => void;

export class SftpConnection {
  readonly #client: Client;
  readonly #sftp: SFTPWrapper;
  readonly #clock: Clock;
  readonly #waiting = new Set<(fault: SyncFault) => void>();
  /** Commands may be silent for as long as they like; that the machine is there is what keepalives tell. */
  #commands = 0;
  #silence: Timer | null = null;
  #lost: SyncFault | null = null;
  #lastMoveMs = 0;

  constructor(client: Client, sftp: SFTPWrapper, clock: Clock) {
    this.#client = client;
    this.#sftp = sftp;
    this.#clock = clock;
    const onEnd = () => this.#lose(new SyncFault('connection', 'the connection broke'));
    client.on('error', onEnd).on('end', onEnd).on('close', onEnd);
    sftp.on('close', onEnd).on('error', onEnd);
  }

  /** Connects and signs in. Throws `SyncFault`: `host_key`, `host_unknown`, `sign_in`, `connection`, `denied`. */
  static async open(config: SftpTargetConfig, clock: Clock): Promise<SftpConnection> {
    const { keys, where } = config.hostKey === null ? await knownKeys(config) : { keys: [], where: '' };
    const judge = new HostJudge(config, keys, where);
    const { default: SftpClient } = await import('ssh2-sftp-client');
    const silent = { error: () => {}, end: () => {}, close: () => {} };
    const wrapper = new SftpClient('sync', silent as never);
    const client = (wrapper as unknown as { client: Client }).client;
    let raw: unknown = null;
    client.on('error', (error: unknown) => {
      raw ??= error;
    });
    client.on('keyboard-interactive', (_name, _how, _lang, prompts, finish) =>
      finish(prompts.map(() => config.password ?? '')),
    );
    try {
      const options = await connectOptions(config, judge, keys);
      const { host, port, proxy } = config;
      const sock = await openTcp({
        host,
        port,
        purpose: 'sync',
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        clock,
        proxy,
      });
      const sftp = await wrapper.connect({ ...options, sock } as never).catch((error: unknown) => {
        sock.destroy();
        throw error;
      });
      return new SftpConnection(client, sftp, clock);
    } catch (error) {
      client.end();
      throw connectFault(raw ?? error, config, judge);
    }
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  /** Makes one call of the channel; rejects with its error (with a numeric `code`) or with a `connection` fault. */
  call<Value = void>(make: (sftp: SFTPWrapper, callback: Callback<Value>) => void): Promise<Value> {
    return this.#guarded((resolve, reject) =>
      make(this.#sftp, (error, value) => {
        if (!error) resolve(value);
        // What the library says when the channel went away under a call.
        else if (statusOf(error) === null) reject(new SyncFault('connection', 'the connection broke', error));
        else reject(error);
      }),
    );
  }

  /** Runs a command in the user's shell. Throws a fault of kind `unable` when the server has none for us. */
  run(command: string, onOutput?: (text: string) => void): Promise<CommandAnswer> {
    this.#commands += 1;
    return this.#guarded<CommandAnswer>((resolve, reject) => {
      this.#client.exec(command, (error: Error | undefined, channel: ClientChannel) => {
        if (error) return reject(new SyncFault('unable', 'the server runs no commands for us', error));
        const output = { stdout: '', stderr: '' };
        const collect = (name: 'stdout' | 'stderr') => (chunk: Buffer) => {
          this.#moved();
          const text = chunk.toString('utf8');
          if (output[name].length < MOST_OUTPUT_BYTES) output[name] += text;
          onOutput?.(text);
        };
        channel.on('data', collect('stdout'));
        channel.stderr.on('data', collect('stderr'));
        // A command that a signal ended has no code of its own.
        let code = 1;
        channel.on('exit', (given: number | null) => {
          code = given ?? 1;
        });
        channel.on('close', () => resolve({ code, ...output }));
      });
    }).finally(() => {
      this.#commands -= 1;
    });
  }

  /**
   * Starts one `sh` that answers questions one after another: a session costs the server a second on a busy day, a command
   * inside one costs next to nothing. Throws a fault of kind `unable` when the server runs no commands for us.
   */
  async openShell(): Promise<RemoteShell> {
    const channel = await this.#guarded<ClientChannel>((resolve, reject) => {
      this.#client.exec('sh', (error: Error | undefined, opened: ClientChannel) => {
        if (error) reject(new SyncFault('unable', 'the server runs no commands for us', error));
        else resolve(opened);
      });
    });
    let held = '';
    let listener: ((fault: SyncFault | null) => void) | null = null;
    let isClosed = false;
    channel.on('data', (chunk: Buffer) => {
      held += chunk.toString('utf8');
      if (END_LINE.test(held)) listener?.(null);
    });
    channel.stderr.on('data', () => {});
    channel.on('close', () => {
      isClosed = true;
      listener?.(new SyncFault('unable', 'the server ended the shell'));
    });
    return {
      ask: (command) => {
        this.#commands += 1;
        return this.#guarded<string>((resolve, reject) => {
          if (isClosed) return reject(new SyncFault('unable', 'the server ended the shell'));
          listener = (fault) => {
            listener = null;
            const answer = held.replace(END_LINE, '');
            held = '';
            if (fault) reject(fault);
            else resolve(answer);
          };
          channel.write(`${command}\necho '${END_MARK}'\n`);
        }).finally(() => {
          this.#commands -= 1;
        });
      },
    };
  }

  async close(): Promise<void> {
    this.#lost ??= new SyncFault('connection', 'it was closed');
    this.#silence?.cancel();
    this.#client.end();
  }

  #guarded<Value>(
    start: (resolve: (value: Value) => void, reject: (error: unknown) => void) => void,
  ): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      if (this.#lost) return reject(this.#lost);
      const fail = (fault: SyncFault) => reject(fault);
      this.#waiting.add(fail);
      this.#watch();
      const over = () => {
        this.#waiting.delete(fail);
        this.#moved();
      };
      const onError = (error: unknown) => {
        over();
        reject(error);
      };
      try {
        start((value) => {
          over();
          resolve(value);
        }, onError);
      } catch (error) {
        // An extension that the server does not have.
        onError(error);
      }
    });
  }

  #moved(): void {
    this.#lastMoveMs = this.#clock.monotonicMs();
  }

  /** One timer for all calls: looks whether anything moved, and gives the connection up when nothing did. */
  #watch(): void {
    if (this.#silence) return;
    this.#moved();
    const look = () => {
      this.#silence = null;
      if (this.#lost || this.#waiting.size === 0) return;
      const silentMs = this.#clock.monotonicMs() - this.#lastMoveMs;
      if (silentMs >= SILENCE_MS && this.#commands === 0) {
        this.#lose(new SyncFault('connection', `the server said nothing for ${SILENCE_MS / 1000} s`));
        return;
      }
      this.#silence = this.#clock.after(Math.max(1_000, SILENCE_MS - silentMs), look);
    };
    this.#silence = this.#clock.after(SILENCE_MS, look);
  }

  #lose(fault: SyncFault): void {
    if (this.#lost) return;
    this.#lost = fault;
    this.#silence?.cancel();
    for (const fail of this.#waiting) fail(fault);
    this.#waiting.clear();
    this.#client.destroy();
  }
}
