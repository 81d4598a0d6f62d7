// One ComfyUI server: its HTTP calls, each bounded in bytes and answered with a checked shape or a ProviderError, and
// what was learnt of it last. It is named by its place in the settings, so that no message shows its address.
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { Clock } from '../../kernel/clock.ts';
import type { Outbound, OutboundResponse } from '../../kernel/outbound.ts';
import { OutboundError } from '../../kernel/outbound-error.ts';
import { type LocalFile, ProviderError } from '../provider.ts';
import { type BadAnswer, classify, type Step } from './classify.ts';
import type { ComfyuiServerSettings } from './comfyui-settings.ts';
import type { PictureFile } from './outcome.ts';
import { type Graph, type NodeOffer, parseOffer } from './workflow.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** The question that picks a server must not wait for one that is gone. */
const LOAD_CONNECT_TIMEOUT_MS = 3_000;
const LOAD_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 60_000;
const QUESTION_TIMEOUT_MS = 60_000;
/** Validation runs before the answer, and may read large folders. */
const SUBMIT_TIMEOUT_MS = 120_000;
const TRANSFER_TIMEOUT_MS = 300_000;
const MAX_SMALL_ANSWER_BYTES = 1024 * 1024;
/** One kind of node with all its choices; a list of models can be long. */
const MAX_OFFER_BYTES = 8 * 1024 * 1024;
const MAX_HISTORY_BYTES = 16 * 1024 * 1024;
/** The queue holds every waiting graph whole. */
const MAX_QUEUE_BYTES = 64 * 1024 * 1024;
const MAX_PICTURE_BYTES = 128 * 1024 * 1024;
const MAX_ERROR_BYTES = 256 * 1024;
/** Servers that ignore our id keep our reference in their newest entries. */
const RECENT_ENTRIES = 64;
const HASH_DIGITS = 24;
const PROMPT_ID = /^[\w-]{1,100}$/;

const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
  'image/gif': 'gif',
  'image/avif': 'avif',
};

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};

/** Where a prompt is on its server. */
export type PromptPlace =
  | { state: 'finished'; promptId: string; entry: unknown }
  | { state: 'running'; promptId: string }
  | { state: 'waiting'; promptId: string; ahead: number }
  | { state: 'absent' };

interface Exchange {
  step: Step;
  method: 'GET' | 'POST';
  path: string;
  signal: AbortSignal;
  maxBytes?: number;
  json?: unknown;
  form?: MultipartBody;
  connectTimeoutMs?: number;
  totalTimeoutMs?: number;
}

interface MultipartBody {
  headers: Readonly<Record<string, string>>;
  body: Readable;
}

/** A form with text fields and one file, which is read from disk as it is sent. */
function multipart(
  fields: Readonly<Record<string, string>>,
  { field, name, file }: { field: string; name: string; file: LocalFile },
): MultipartBody {
  const boundary = `drawbridge-${randomUUID()}`;
  const part = (disposition: string) => `--${boundary}\r\ncontent-disposition: form-data; ${disposition}\r\n`;
  const texts = Object.entries(fields).map(([key, value]) => `${part(`name="${key}"`)}\r\n${value}\r\n`);
  const fileHead = `${part(`name="${field}"; filename="${name}"`)}content-type: ${file.mime}\r\n\r\n`;
  const head = Buffer.from(texts.join('') + fileHead);
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield head;
    yield* createReadStream(file.path) as AsyncIterable<Uint8Array>;
    yield tail;
  }
  const headers = {
    'content-type': `multipart/form-data; boundary=${boundary}`,
    'content-length': String(head.length + file.bytes + tail.length),
  };
  return { headers, body: Readable.from(pieces()) };
}

/** The start of the hash of a file's content; throws ProviderError when it cannot be read, with nothing sent yet. */
async function contentHash(file: LocalFile): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file.path)) hash.update(chunk as Uint8Array);
  } catch (error) {
    throw new ProviderError('unavailable', 'no', 'An input picture could not be read.', { cause: error });
  }
  return hash.digest('hex').slice(0, HASH_DIGITS);
}

export interface ServerOptions {
  settings: ComfyuiServerSettings;
  /** From 1, as in the settings. */
  ordinal: number;
  outbound: Outbound;
  clock: Clock;
}

export class ComfyuiServer {
  /** Stands for the address in job ids; the same as long as the address is. */
  readonly key: string;
  readonly label: string;
  readonly isDraining: boolean;
  /** Jobs that are on their way there and do not show in its queue yet. */
  submitting = 0;
  /** When it last failed to answer, in monotonic milliseconds; null since it answered again. */
  failedAtMs: number | null = null;
  /** What it offers, as last asked; null before. */
  offers: Map<string, NodeOffer | null> | null = null;
  readonly #options: ServerOptions;

  constructor(options: ServerOptions) {
    this.#options = options;
    const { url, draining } = options.settings;
    this.key = createHash('sha256').update(url).digest('hex').slice(0, 8);
    this.label = `ComfyUI server ${options.ordinal}`;
    this.isDraining = draining;
  }

  /** Prompts running and waiting there. */
  async queueLength(signal: AbortSignal): Promise<number> {
    const answer = await this.#json({
      step: 'prepare',
      method: 'GET',
      path: '/prompt',
      signal,
      connectTimeoutMs: LOAD_CONNECT_TIMEOUT_MS,
      totalTimeoutMs: LOAD_TIMEOUT_MS,
    });
    const remaining = asRecord(asRecord(answer).exec_info).queue_remaining;
    if (typeof remaining !== 'number') throw this.#notComfyui('prepare');
    return remaining;
  }

  /** The version it names, or null; throws when it is no ComfyUI server. */
  async version(signal: AbortSignal): Promise<string | null> {
    const answer = await this.#json({ step: 'probe', method: 'GET', path: '/system_stats', signal });
    const { system } = asRecord(answer);
    if (typeof system !== 'object' || system === null) throw this.#notComfyui('probe');
    const version = asRecord(system).comfyui_version;
    return typeof version === 'string' ? version.slice(0, 40) : null;
  }

  /** Asks for what it offers of the given kinds of node, and remembers it. */
  async learnOffers(
    classes: readonly string[],
    step: 'probe' | 'prepare',
    signal: AbortSignal,
  ): Promise<void> {
    const offers = new Map<string, NodeOffer | null>();
    for (const name of classes) {
      const path = `/object_info/${encodeURIComponent(name)}`;
      const answer = await this.#json({ step, method: 'GET', path, signal, maxBytes: MAX_OFFER_BYTES });
      offers.set(name, parseOffer(asRecord(answer)[name]));
    }
    this.offers = offers;
  }

  /** Uploads an input picture under a name made of its content; returns what LoadImage is given. */
  async upload(file: LocalFile, subfolder: string, signal: AbortSignal): Promise<string> {
    const name = `${await contentHash(file)}.${EXTENSIONS[file.mime] ?? 'png'}`;
    const form = multipart({ subfolder, type: 'input', overwrite: 'true' }, { field: 'image', name, file });
    const answer = asRecord(
      await this.#json({
        step: 'prepare',
        method: 'POST',
        path: '/upload/image',
        signal,
        form,
        totalTimeoutMs: TRANSFER_TIMEOUT_MS,
      }),
    );
    // It may have chosen another name.
    if (typeof answer.name !== 'string' || answer.name === '') throw this.#notComfyui('prepare');
    const folder = typeof answer.subfolder === 'string' ? answer.subfolder : '';
    return folder === '' ? answer.name : `${folder}/${answer.name}`;
  }

  /** Queues a graph; the id is the server's word, which old servers choose themselves. */
  async prompt(
    graph: Graph,
    promptId: string,
    signal: AbortSignal,
  ): Promise<{ promptId: string; hasDroppedOutputs: boolean }> {
    // Without a client id some versions report a prompt that was cached whole as finished without outputs.
    const json = { prompt: graph, prompt_id: promptId, client_id: promptId };
    const answer = asRecord(
      await this.#json({
        step: 'submit',
        method: 'POST',
        path: '/prompt',
        signal,
        json,
        totalTimeoutMs: SUBMIT_TIMEOUT_MS,
      }),
    );
    const { prompt_id: answeredId, node_errors: nodeErrors } = answer;
    if (typeof answeredId !== 'string' || !PROMPT_ID.test(answeredId)) throw this.#notComfyui('submit');
    const hasDroppedOutputs =
      typeof nodeErrors === 'object' && nodeErrors !== null && Object.keys(nodeErrors).length > 0;
    return { promptId: answeredId, hasDroppedOutputs };
  }

  /**
   * Finds a prompt. History is asked before the queue and once more after it, since a prompt leaves the queue for the
   * history: it is absent only when it was in neither at one moment.
   */
  async find(promptId: string, step: 'job' | 'lookup', signal: AbortSignal): Promise<PromptPlace> {
    const before = await this.#historyEntry(promptId, step, signal);
    if (before !== undefined) return { state: 'finished', promptId, entry: before };
    const queued = await this.#queuePlace(promptId, step, signal);
    if (queued) return queued;
    const after = await this.#historyEntry(promptId, step, signal);
    return after === undefined ? { state: 'absent' } : { state: 'finished', promptId, entry: after };
  }

  /** Finds a prompt by our reference alone, also at a server that gave it another id. */
  async findByReference(reference: string, signal: AbortSignal): Promise<PromptPlace> {
    const found = await this.find(reference, 'lookup', signal);
    if (found.state !== 'absent') return found;
    const recent = await this.#json({
      step: 'lookup',
      method: 'GET',
      path: `/history?max_items=${RECENT_ENTRIES}`,
      signal,
      maxBytes: MAX_QUEUE_BYTES,
    });
    for (const [promptId, entry] of Object.entries(asRecord(recent))) {
      const tuple = asRecord(entry).prompt;
      if (Array.isArray(tuple) && asRecord(tuple[3]).client_id === reference && PROMPT_ID.test(promptId))
        return { state: 'finished', promptId, entry };
    }
    return found;
  }

  /** Takes a waiting prompt out of the queue; without effect on any other. */
  async unqueue(promptId: string, signal: AbortSignal): Promise<void> {
    await this.#done({ step: 'job', method: 'POST', path: '/queue', signal, json: { delete: [promptId] } });
  }

  /** Stops this prompt, at its next step. Only for one that is running: old servers stop whatever runs. */
  async interrupt(promptId: string, signal: AbortSignal): Promise<void> {
    await this.#done({
      step: 'job',
      method: 'POST',
      path: '/interrupt',
      signal,
      json: { prompt_id: promptId },
    });
  }

  /** The bytes of a picture; null when the server does not have the file any more. */
  async view(file: PictureFile, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | null> {
    const { filename, subfolder, type } = file;
    const query = new URLSearchParams({ filename, subfolder, type });
    const response = await this.#send({
      step: 'job',
      method: 'GET',
      path: `/view?${query}`,
      signal,
      maxBytes: MAX_PICTURE_BYTES,
      totalTimeoutMs: TRANSFER_TIMEOUT_MS,
    });
    if (response.status === 404) {
      response.discard();
      return null;
    }
    if (response.status !== 200) throw await this.#refusal(response, 'job');
    return this.#classified(response.body);
  }

  async #historyEntry(promptId: string, step: Step, signal: AbortSignal): Promise<unknown> {
    const path = `/history/${encodeURIComponent(promptId)}`;
    const answer = await this.#json({ step, method: 'GET', path, signal, maxBytes: MAX_HISTORY_BYTES });
    return asRecord(answer)[promptId];
  }

  async #queuePlace(promptId: string, step: Step, signal: AbortSignal): Promise<PromptPlace | null> {
    const answer = asRecord(
      await this.#json({ step, method: 'GET', path: '/queue', signal, maxBytes: MAX_QUEUE_BYTES }),
    );
    const { queue_running: running, queue_pending: pending } = answer;
    if (!Array.isArray(running) || !Array.isArray(pending)) throw this.#notComfyui(step);
    const isOurs = (item: unknown) =>
      Array.isArray(item) && (item[1] === promptId || asRecord(item[3]).client_id === promptId);
    const at = (item: unknown) => String((item as unknown[])[1]);
    const runningItem = running.find(isOurs);
    if (runningItem) return { state: 'running', promptId: at(runningItem) };
    const waitingItem = pending.find(isOurs);
    if (!waitingItem) return null;
    // Waiting prompts are listed in heap order; their number says whose turn it is.
    const numberOf = (item: unknown) => Number(Array.isArray(item) ? item[0] : 0);
    const earlier = pending.filter((item) => numberOf(item) < numberOf(waitingItem));
    return { state: 'waiting', promptId: at(waitingItem), ahead: running.length + earlier.length };
  }

  async *#classified(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } catch (error) {
      throw this.#asProviderError(error, 'job');
    }
  }

  async #json(exchange: Exchange): Promise<unknown> {
    const response = await this.#send(exchange);
    if (response.status < 200 || response.status > 299) throw await this.#refusal(response, exchange.step);
    try {
      return await response.readJson(exchange.maxBytes ?? MAX_SMALL_ANSWER_BYTES);
    } catch (error) {
      throw this.#asProviderError(error, exchange.step);
    }
  }

  async #done(exchange: Exchange): Promise<void> {
    const response = await this.#send(exchange);
    if (response.status < 200 || response.status > 299) throw await this.#refusal(response, exchange.step);
    response.discard();
  }

  async #send(exchange: Exchange): Promise<OutboundResponse> {
    const { outbound, settings, clock } = this.#options;
    const headers: Record<string, string> = { accept: '*/*' };
    if (settings.authorization !== null) headers.authorization = settings.authorization;
    if (exchange.json !== undefined) headers['content-type'] = 'application/json';
    Object.assign(headers, exchange.form?.headers);
    try {
      const response = await outbound.request({
        method: exchange.method,
        url: `${settings.url}${exchange.path}`,
        headers,
        body: exchange.form?.body ?? (exchange.json === undefined ? null : JSON.stringify(exchange.json)),
        purpose: `comfyui ${exchange.step}`,
        allow: 'configured',
        connectTimeoutMs: exchange.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
        idleTimeoutMs: IDLE_TIMEOUT_MS,
        totalTimeoutMs: exchange.totalTimeoutMs ?? QUESTION_TIMEOUT_MS,
        maxBytes: exchange.maxBytes ?? MAX_SMALL_ANSWER_BYTES,
        signal: exchange.signal,
      });
      this.failedAtMs = null;
      return response;
    } catch (error) {
      if (!exchange.signal.aborted) this.failedAtMs = clock.monotonicMs();
      throw this.#asProviderError(error, exchange.step);
    }
  }

  async #refusal(response: OutboundResponse, step: Step): Promise<ProviderError> {
    // The status decides; words that cannot be read change nothing.
    const text = await response.readText(MAX_ERROR_BYTES).catch(() => '');
    return this.#classify({ status: response.status, headers: response.headers, text }, step);
  }

  #notComfyui(step: Step): ProviderError {
    return this.#classify({ status: 200, headers: {}, text: '' }, step);
  }

  #asProviderError(error: unknown, step: Step): unknown {
    return error instanceof OutboundError ? this.#classify(error, step) : error;
  }

  #classify(failure: OutboundError | BadAnswer, step: Step): ProviderError {
    const { clock, settings } = this.#options;
    const hasCredential = settings.authorization !== null;
    return classify(failure, { step, server: this.label, hasCredential, now: clock.now() });
  }
}
