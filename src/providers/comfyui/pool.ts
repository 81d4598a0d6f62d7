// The pool of ComfyUI servers: which may get the next job, which one has a job, and which jobs were given up because their
// server was silent for too long. Such a server bills nothing, so its job may go elsewhere; when it is back, what is left
// of the job there is taken away, and whatever it finished is asked for by nobody.
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/log.ts';
import { ProviderError } from '../provider.ts';
import type { ComfyuiServer } from './server.ts';
import type { BreakerDetail } from './server-breaker.ts';

/** Given-up jobs that are remembered for each server. */
const MOST_ABANDONED = 1_000;

/** One server as the operator is shown it; it is known by its place in the settings. */
export interface ComfyuiServerDetail extends BreakerDetail {
  /** Such as `ComfyUI server 2`. */
  label: string;
  /** Host and port, without user name, password and path. */
  host: string;
  draining: boolean;
  /** Null before it was asked. */
  version: string | null;
  /** Prompts running and waiting there when it was last asked; null before. */
  queueLength: number | null;
  /** Progress and previews come at once, and not only with the next poll. */
  live: boolean;
  /** Jobs that went elsewhere and are still to be taken out of its queue. */
  abandonedJobs: number;
}

export interface ComfyuiPoolDetail {
  servers: readonly ComfyuiServerDetail[];
  /** How long a server may be silent before its jobs go elsewhere; null when they wait for it. */
  unreachableAfterMs: number | null;
}

export interface Candidate {
  server: ComfyuiServer;
  /** Prompts running and waiting there. */
  length: number;
}

export interface PoolOptions {
  servers: readonly ComfyuiServer[];
  unreachableAfterMs: number | null;
  clock: Clock;
  log: Logger;
}

export class ServerPool {
  readonly servers: readonly ComfyuiServer[];
  readonly #options: PoolOptions;
  readonly #abandoned = new Map<ComfyuiServer, Set<string>>();
  readonly #closed = new AbortController();

  constructor(options: PoolOptions) {
    this.#options = options;
    this.servers = options.servers;
  }

  hasServer(key: string): boolean {
    return this.servers.some((candidate) => candidate.key === key);
  }

  /** The server whose key it is; throws while it is not in the settings, since it may come back with the next start. */
  requireServer(key: string): ComfyuiServer {
    const server = this.servers.find((candidate) => candidate.key === key);
    if (server) return server;
    const words = 'The ComfyUI server that has this job is not in the settings any more.';
    throw new ProviderError('unreachable', 'yes', words);
  }

  /** The servers that answer, with how much waits there; the reasons of the others go to `failures`. */
  async candidates(signal: AbortSignal, failures: ProviderError[]): Promise<Candidate[]> {
    const open = this.servers.filter((server) => !server.isDraining);
    const [only] = open;
    // Where there is no choice, a server that is slow to answer need not be asked.
    if (only && open.length === 1) return [{ server: only, length: 0 }];
    const trusted = open.filter(({ breaker }) => breaker.isTrusted);
    if (trusted.length > 0) this.#tryOthers(open);
    const first = await this.#ask(trusted, signal, failures);
    if (first.length > 0) return first;
    return this.#ask(
      open.filter((server) => !trusted.includes(server)),
      signal,
      failures,
    );
  }

  /** Whether a job may be taken from its silent server: for long enough nothing was heard, and another one works. */
  mayGiveUp(server: ComfyuiServer): boolean {
    const { unreachableAfterMs } = this.#options;
    if (unreachableAfterMs === null || server.breaker.unreachableForMs < unreachableAfterMs) return false;
    return this.servers.some((other) => other !== server && !other.isDraining && other.breaker.isTrusted);
  }

  /** Remembers a job that goes elsewhere. */
  abandon(server: ComfyuiServer, promptId: string): void {
    const prompts = this.#abandoned.get(server) ?? new Set();
    const [oldest] = prompts;
    if (prompts.size >= MOST_ABANDONED && oldest !== undefined) prompts.delete(oldest);
    if (!prompts.has(promptId)) {
      const { log } = this.#options;
      log.warn({ server: server.label, prompt_id: promptId }, 'a job was given up: its server is silent');
    }
    this.#abandoned.set(server, prompts.add(promptId));
  }

  /** Its server answered before the job went elsewhere. */
  reclaim(server: ComfyuiServer, promptId: string): void {
    this.#abandoned.get(server)?.delete(promptId);
  }

  /** Takes given-up jobs out of a server that answers again; best effort, not waited for. */
  clearAbandoned(server: ComfyuiServer): void {
    const prompts = this.#abandoned.get(server);
    if (!prompts || prompts.size === 0) return;
    this.#abandoned.delete(server);
    const stopAll = async () => {
      for (const promptId of prompts) {
        await server.stop(promptId, this.#closed.signal);
        prompts.delete(promptId);
      }
    };
    stopAll().catch((error: unknown) => {
      this.#options.log.info(
        { err: error, server: server.label },
        'given-up jobs could not be taken away yet',
      );
      for (const promptId of prompts) this.abandon(server, promptId);
    });
  }

  detail(): ComfyuiPoolDetail {
    const servers = this.servers.map((server) => ({
      label: server.label,
      host: server.host,
      draining: server.isDraining,
      version: server.versionSeen,
      queueLength: server.queueLengthSeen,
      live: server.live.isConnected,
      abandonedJobs: this.#abandoned.get(server)?.size ?? 0,
      ...server.breaker.detail(),
    }));
    return { servers, unreachableAfterMs: this.#options.unreachableAfterMs };
  }

  close(): void {
    this.#closed.abort(new Error('The provider is being closed'));
    for (const server of this.servers) server.live.close();
  }

  async #ask(
    servers: readonly ComfyuiServer[],
    signal: AbortSignal,
    failures: ProviderError[],
  ): Promise<Candidate[]> {
    const lengths = await Promise.allSettled(
      servers.map(async (server) => {
        server.breaker.beginTrial();
        const length = await server.queueLength(signal);
        this.clearAbandoned(server);
        return length;
      }),
    );
    return lengths.flatMap((length, position) => {
      const server = servers[position];
      if (length.status === 'fulfilled' && server) return [{ server, length: length.value }];
      if (length.status === 'rejected') failures.push(requireProviderError(length.reason));
      return [];
    });
  }

  /** Servers whose trial is due are asked beside the others; nobody waits for one that is probably dead. */
  #tryOthers(servers: readonly ComfyuiServer[]): void {
    const due = servers.filter(({ breaker }) => breaker.isTrialDue);
    if (due.length > 0) this.#ask(due, this.#closed.signal, []).catch(() => {});
  }
}

function requireProviderError(reason: unknown): ProviderError {
  if (reason instanceof ProviderError) return reason;
  throw reason;
}
