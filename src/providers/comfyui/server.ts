// One ComfyUI server: its HTTP calls, each bounded in bytes and answered with a checked shape or a ProviderError, and
// what was learnt of it last. It is named by its place in the settings, so that no message shows its address.
import { createHash } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/log.ts';
import type { Outbound, OutboundResponse } from '../../kernel/outbound.ts';
import { OutboundError } from '../../kernel/outbound-error.ts';
import { type LocalFile, ProviderError, type ProviderErrorKind } from '../provider.ts';
import { type BadAnswer, classify, type Step } from './classify.ts';
import type { ComfyuiServerSettings } from './comfyui-settings.ts';
import { ServerLive } from './live.ts';
import type { PictureFile } from './outcome.ts';
import { type MultipartBody, multipart, uploadName } from './picture-upload.ts';
import { ServerBreaker } from './server-breaker.ts';
import { type Graph, type NodeOffer, parseOffer, readGraph } from './workflow.ts';

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
const PROMPT_ID = /^[\w-]{1,100}$/;
/** No answer of a ComfyUI at all: of the network, or of a proxy in front of it. */
const SILENT_KINDS: ReadonlySet<ProviderErrorKind> = new Set(['unreachable', 'timeout', 'unavailable']);
const REFERENCE_FIELD = 'drawbridge_job';

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};

/** Whether an entry of queue or history has our reference; earlier releases sent it as the client id. */
function isOfReference(tuple: readonly unknown[], reference: string): boolean {
  const extra = asRecord(tuple[3]);
  return extra[REFERENCE_FIELD] === reference || extra.client_id === reference;
}

/** Where a prompt is on its server. */
export type PromptPlace =
  | { state: 'finished'; promptId: string; entry: unknown }
  | { state: 'running'; promptId: string; graph: Graph; clientId: string | null }
  | { state: 'waiting'; promptId: string; ahead: number; graph: Graph; clientId: string | null }
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

export interface ServerOptions {
  settings: ComfyuiServerSettings;
  /** From 1, as in the settings. */
  ordinal: number;
  outbound: Outbound;
  clock: Clock;
  log: Logger;
}

export class ComfyuiServer {
  /** Stands for the address in job ids; the same as long as the address is. */
  readonly key: string;
  readonly label: string;
  /** Host and port. */
  readonly host: string;
  readonly isDraining: boolean;
  /** Jobs that are on their way there and do not show in its queue yet. */
  submitting = 0;
  /** Whether it is worth asking; every answer and every failure counts. */
  readonly breaker: ServerBreaker;
  /** What it tells of running jobs. */
  readonly live: ServerLive;
  /** What it last said about itself; null before. */
  versionSeen: string | null = null;
  queueLengthSeen: number | null = null;
  /** What it offers, as last asked; null before. */
  offers: Map<string, NodeOffer | null> | null = null;
  readonly #options: ServerOptions;

  constructor(options: ServerOptions) {
    this.#options = options;
    const { url, draining, authorization } = options.settings;
    const { outbound, clock, log } = options;
    this.key = createHash('sha256').update(url).digest('hex').slice(0, 8);
    this.label = `ComfyUI server ${options.ordinal}`;
    this.host = new URL(url).host;
    this.isDraining = draining;
    this.live = new ServerLive({ url, authorization, outbound, clock });
    this.breaker = new ServerBreaker(clock, (change) =>
      log.warn({ server: this.label, ...change }, 'a ComfyUI server changed its state'),
    );
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
    this.queueLengthSeen = remaining;
    return remaining;
  }

  /** The version it names, or null; throws when it is no ComfyUI server. */
  async version(signal: AbortSignal): Promise<string | null> {
    const answer = await this.#json({ step: 'probe', method: 'GET', path: '/system_stats', signal });
    const { system } = asRecord(answer);
    if (typeof system !== 'object' || system === null) throw this.#notComfyui('probe');
    const version = asRecord(system).comfyui_version;
    this.versionSeen = typeof version === 'string' ? version.slice(0, 40) : null;
    return this.versionSeen;
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
    const name = await uploadName(file);
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
    // Without a client id nothing is told of the run, and some versions report a prompt that was cached whole as finished
    // without outputs. Our own reference travels in a field that every version keeps.
    const json = {
      prompt: graph,
      prompt_id: promptId,
      client_id: this.live.clientId,
      extra_data: { [REFERENCE_FIELD]: promptId },
    };
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
      if (Array.isArray(tuple) && isOfReference(tuple, reference) && PROMPT_ID.test(promptId))
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

  /** Stops a prompt wherever it is; returns where it was left. */
  async stop(promptId: string, signal: AbortSignal): Promise<PromptPlace> {
    await this.unqueue(promptId, signal);
    const place = await this.find(promptId, 'job', signal);
    if (place.state !== 'running') return place;
    await this.interrupt(promptId, signal);
    return this.find(promptId, 'job', signal);
  }

  /** The bytes of a picture; null when the server does not have the file any more. */
  async view(file: PictureFile, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | null> {
    const { filename, subfolder, type } = file;
    const query = new URLSearchParams({ filename, subfolder, type });
    const exchange: Exchange = {
      step: 'job',
      method: 'GET',
      path: `/view?${query}`,
      signal,
      maxBytes: MAX_PICTURE_BYTES,
      totalTimeoutMs: TRANSFER_TIMEOUT_MS,
    };
    const response = await this.#send(exchange);
    if (response.status === 404) {
      response.discard();
      return null;
    }
    if (response.status !== 200) throw await this.#refusal(response, exchange);
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
      Array.isArray(item) && (item[1] === promptId || isOfReference(item, promptId));
    const read = (item: unknown) => {
      const [, id, graph, extra] = item as unknown[];
      const { client_id: clientId } = asRecord(extra);
      return {
        promptId: String(id),
        graph: readGraph(graph),
        clientId: typeof clientId === 'string' ? clientId : null,
      };
    };
    const runningItem = running.find(isOurs);
    if (runningItem) return { state: 'running', ...read(runningItem) };
    const waitingItem = pending.find(isOurs);
    if (!waitingItem) return null;
    // Waiting prompts are listed in heap order; their number says whose turn it is.
    const numberOf = (item: unknown) => Number(Array.isArray(item) ? item[0] : 0);
    const earlier = pending.filter((item) => numberOf(item) < numberOf(waitingItem));
    return { state: 'waiting', ...read(waitingItem), ahead: running.length + earlier.length };
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
    if (response.status < 200 || response.status > 299) throw await this.#refusal(response, exchange);
    try {
      const answer = await response.readJson(exchange.maxBytes ?? MAX_SMALL_ANSWER_BYTES);
      this.breaker.succeed();
      return answer;
    } catch (error) {
      throw this.#noted(this.#asProviderError(error, exchange.step), exchange.signal);
    }
  }

  async #done(exchange: Exchange): Promise<void> {
    const response = await this.#send(exchange);
    if (response.status < 200 || response.status > 299) throw await this.#refusal(response, exchange);
    this.breaker.succeed();
    response.discard();
  }

  async #send(exchange: Exchange): Promise<OutboundResponse> {
    const { outbound, settings } = this.#options;
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
      return response;
    } catch (error) {
      throw this.#noted(this.#asProviderError(error, exchange.step), exchange.signal);
    }
  }

  async #refusal(response: OutboundResponse, exchange: Exchange): Promise<unknown> {
    // The status decides; words that cannot be read change nothing.
    const text = await response.readText(MAX_ERROR_BYTES).catch(() => '');
    const { status, headers } = response;
    return this.#noted(this.#classify({ status, headers, text }, exchange.step), exchange.signal);
  }

  /** Counts a failure for or against the server, whatever it was asked. */
  #noted(error: unknown, signal: AbortSignal): unknown {
    if (!(error instanceof ProviderError) || signal.aborted) return error;
    // A refused workflow is an answer; a wish to slow down is no failure.
    if (error.kind === 'invalid_request') this.breaker.succeed();
    else if (error.kind !== 'rate_limited') this.breaker.fail(error.message, SILENT_KINDS.has(error.kind));
    return error;
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
