// How commands reach a server, always over its HTTP API: the one that is configured, else the one that runs on the data
// directory (through its control socket, as administrator), else the program itself inside this process.
import { randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../kernel/clock.ts';
import type { Config } from '../kernel/config.ts';
import { controlSocketPath } from '../kernel/control-socket.ts';
import { AppError } from '../kernel/errors.ts';
import { localAuthority } from '../kernel/listen-address.ts';
import type { Logger, RootLogger } from '../kernel/log.ts';
import {
  type CommandContext,
  configFailure,
  requireConfig,
  startFailure,
  tryWholeConfig,
} from './command-context.ts';
import type { InjectedRequest, ProgramParts } from './embedded.ts';
import { EXIT, exitCodeFor } from './exit-codes.ts';
import { CommandFailure, type Problem } from './failure.ts';

/** The largest answer that is read: a picture. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
/** A deep check of a large data directory says nothing for long. */
const LONGEST_CALL_MS = 6 * 3_600_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** Code of the failure of a command that was to look at data that is not there. */
export const NO_DATA = 'no_data';

export type Method = InjectedRequest['method'];

export interface CallOptions {
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  form?: FormData;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  bytes: Uint8Array;
}

export interface Client {
  readonly kind: 'remote' | 'socket' | 'embedded';
  /** Calls the API; throws a CommandFailure for every answer of 400 and above. Paths begin with a slash. */
  call(method: Method, path: string, options?: CallOptions): Promise<Answer>;
  /** As `call`, with the answer's JSON. */
  json<Body>(method: Method, path: string, options?: CallOptions): Promise<Body>;
  close(): Promise<void>;
}

export interface ClientOptions {
  /** Account to act for. */
  account?: string | undefined;
  /** Without a server, run the task engine in this process. */
  engine?: boolean;
  /** Without a server and without data, begin with an empty installation; commands that only look are refused instead. */
  mayBegin?: boolean;
  /** Without a server, remove the provider secrets that were set at run time before anything reads them. */
  forgetSecrets?: boolean;
}

type Send = (request: InjectedRequest) => Promise<Answer>;

/** Opens the way to the server that this command line means. */
export async function openClient(
  context: CommandContext,
  command: Command,
  parts: ProgramParts,
  options: ClientOptions = {},
): Promise<Client> {
  const config = requireConfig(context, command);
  if (config.client.url !== null) {
    const { url, apiKey } = config.client;
    return remoteClient(context, url, apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }, options);
  }
  const socketPath = controlSocketPath(config.dataDir);
  if (existsSync(socketPath)) {
    const client = await remoteClient(context, localUrl(config), {}, options, socketPath);
    if (await answers(client)) return client;
    await client.close();
  }
  if (!options.mayBegin) await requireData(context, command, parts, config);
  return embeddedClient(context, config, parts, options);
}

/** Opening the program makes what is missing, and an operator in the wrong folder would be told that all is well there. */
async function requireData(
  context: CommandContext,
  command: Command,
  parts: ProgramParts,
  { databaseUrl, dataDir }: Config,
): Promise<void> {
  if (databaseUrl !== null) return;
  const { DATABASE_FILE } = await import('../kernel/db-sqlite.ts');
  try {
    statSync(join(dataDir, DATABASE_FILE));
  } catch (error) {
    // Of anything but a missing file the program itself says more.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return;
    const { config, problems } = await tryWholeConfig(command, parts);
    if (!config) throw configFailure(context, problems);
    const { noDataTitle, noDataDetail, noDataFix } = context.messages.problem;
    throw new CommandFailure(
      { title: noDataTitle, detail: noDataDetail(dataDir), fix: noDataFix, code: NO_DATA },
      EXIT.notFound,
    );
  }
}

/** Where the server of this configuration would be found by a browser; without one running, answers build their URLs from it. */
function localUrl({ host, port }: Config): string {
  return port === 0 ? 'http://localhost' : `http://${localAuthority(host, port)}`;
}

/** Whether a server listens behind the socket file; a killed one leaves the file behind. */
async function answers(client: Client): Promise<boolean> {
  try {
    await client.call('GET', '/healthz');
    return true;
  } catch {
    return false;
  }
}

class ApiClient implements Client {
  readonly kind: Client['kind'];
  readonly close: () => Promise<void>;
  readonly #send: Send;
  readonly #headers: Record<string, string>;
  readonly #context: CommandContext;

  constructor(options: {
    kind: Client['kind'];
    context: CommandContext;
    headers: Record<string, string>;
    send: Send;
    close: () => Promise<void>;
  }) {
    this.kind = options.kind;
    this.close = options.close;
    this.#send = options.send;
    this.#headers = { 'accept-language': options.context.language, ...options.headers };
    this.#context = options.context;
  }

  async call(method: Method, path: string, options: CallOptions = {}): Promise<Answer> {
    const { type, payload } = await encodeBody(options);
    const answer = await this.#send({
      method,
      url: `${path}${encodeQuery(options.query)}`,
      headers: { ...this.#headers, ...(type === null ? {} : { 'content-type': type }), ...options.headers },
      ...(payload === null ? {} : { payload }),
    });
    if (answer.status >= 400) throw this.#failureOf(answer);
    return answer;
  }

  async json<Body>(method: Method, path: string, options: CallOptions = {}): Promise<Body> {
    const answer = await this.call(method, path, options);
    const body = parseJson(answer.bytes);
    if (body === undefined) throw this.#strange(answer);
    return body as Body;
  }

  #failureOf(answer: Answer): CommandFailure {
    const body = parseJson(answer.bytes) as Partial<Problem> | undefined;
    if (typeof body?.title !== 'string') return this.#strange(answer);
    return new CommandFailure(
      { ...body, title: body.title, detail: body.detail ?? '' },
      exitCodeFor(body.code ?? ''),
    );
  }

  #strange({ status }: Answer): CommandFailure {
    const { problem } = this.#context.messages;
    const detail = `HTTP ${status}`;
    return new CommandFailure({ title: problem.strangeTitle, detail, fix: problem.strangeFix }, EXIT.failure);
  }
}

async function encodeBody({
  body,
  form,
}: CallOptions): Promise<{ type: string | null; payload: Buffer | null }> {
  if (form) {
    const encoded = new Response(form);
    return { type: encoded.headers.get('content-type'), payload: Buffer.from(await encoded.arrayBuffer()) };
  }
  if (body === undefined) return { type: null, payload: null };
  return { type: 'application/json', payload: Buffer.from(JSON.stringify(body)) };
}

function encodeQuery(query: CallOptions['query'] = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

const accountHeader = ({ account }: ClientOptions): Record<string, string> =>
  account === undefined ? {} : { 'x-account-id': account };

async function remoteClient(
  context: CommandContext,
  baseUrl: string,
  headers: Record<string, string>,
  options: ClientOptions,
  socketPath?: string,
): Promise<Client> {
  const { createOutbound } = await import('../kernel/outbound.ts');
  const outbound = createOutbound({ clock: systemClock, log: silentLogger });
  const send: Send = async ({ method, url, headers: sent, payload }) => {
    try {
      const response = await outbound.request({
        method,
        url: `${baseUrl}${url}`,
        headers: sent,
        purpose: 'server',
        // The user named this server.
        allow: 'configured',
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        idleTimeoutMs: LONGEST_CALL_MS,
        totalTimeoutMs: LONGEST_CALL_MS,
        maxBytes: MAX_ANSWER_BYTES,
        ...(payload === undefined ? {} : { body: payload }),
        ...(socketPath === undefined ? {} : { socketPath }),
      });
      const chunks: Uint8Array[] = [];
      for await (const chunk of response.body) chunks.push(chunk);
      return {
        status: response.status,
        headers: flatHeaders(response.headers),
        bytes: Buffer.concat(chunks),
      };
    } catch (error) {
      throw unreachable(context, socketPath ?? baseUrl, error);
    }
  };
  return new ApiClient({
    kind: socketPath === undefined ? 'remote' : 'socket',
    context,
    headers: { ...headers, ...accountHeader(options) },
    send,
    close: () => outbound.close(),
  });
}

function unreachable({ messages }: CommandContext, address: string, error: unknown): CommandFailure {
  const { unreachableTitle, unreachableFix } = messages.problem;
  const detail = error instanceof Error ? error.message : String(error);
  return new CommandFailure(
    { title: unreachableTitle, detail, fix: unreachableFix(address), code: 'unreachable' },
    EXIT.unavailable,
  );
}

function flatHeaders(headers: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value ?? '')]));
}

/** The program in this process, with a key that only this process knows. */
async function embeddedClient(
  context: CommandContext,
  config: Config,
  parts: ProgramParts,
  options: ClientOptions,
): Promise<Client> {
  const key = `cli_${randomUUID()}`;
  const { createMemoryLogger } = await import('../kernel/log.ts');
  const log: RootLogger = createMemoryLogger({ level: 'error' });
  log.subscribe(({ message, fields }) => context.terminal.note(`${message} ${JSON.stringify(fields)}`));
  const app = await parts
    .createApp({ config: { ...config, adminKey: key }, log, forgetSecrets: options.forgetSecrets === true })
    .catch((error: unknown) => {
      if (error instanceof AppError) throw startFailure(context, error);
      throw error;
    });
  try {
    await app.server.ready();
    if (options.engine) await app.startEngine();
  } catch (error) {
    await app.close();
    throw error;
  }
  const send: Send = async (request) => {
    const { statusCode, headers, rawPayload } = await app.server.inject(request);
    return { status: statusCode, headers: flatHeaders(headers), bytes: rawPayload };
  };
  return new ApiClient({
    kind: 'embedded',
    context,
    headers: {
      authorization: `Bearer ${key}`,
      host: new URL(localUrl(config)).host,
      ...accountHeader(options),
    },
    send,
    close: () => app.close(),
  });
}

/** Failures of calls come back as errors; nothing else is worth a line. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};
