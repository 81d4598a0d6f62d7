// The ComfyUI provider: a pool of servers behind one name. A job's id says which server has it, so that every question
// goes there; our own prompt id, made from the client reference, finds it again after an unknown submit. A server is left
// for the next one only when it provably took nothing.
import { createHash } from 'node:crypto';
import { type Clock, timeoutSignal } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/log.ts';
import type { Outbound } from '../../kernel/outbound.ts';
import {
  type CancelResult,
  type GenerationRequest,
  type JobCall,
  type LookupResult,
  type Output,
  type PollResult,
  type ProviderAdapter,
  type ProviderCall,
  ProviderError,
  type SubmitCall,
  type SubmitResult,
  type WatchCall,
} from '../provider.ts';
import { LackingServerError } from './classify.ts';
import type { ComfyuiSettings } from './comfyui-settings.ts';
import { type ComfyuiModel, comfyuiModels } from './models.ts';
import { type PictureFile, readOutcome } from './outcome.ts';
import { type ComfyuiPoolDetail, ServerPool } from './pool.ts';
import { ComfyuiServer, type PromptPlace } from './server.ts';
import { fillTemplate, type Graph, socketOutputNodes, type WorkflowTemplate } from './workflow.ts';
import { WorkflowFit } from './workflow-fit.ts';

const RUNNING_POLL_MS = 1_000;
const WAITING_POLL_MS_PER_JOB = 1_000;
const LONGEST_POLL_MS = 10_000;
/** A workflow whose pictures come over the WebSocket waits so long for it to open. */
const LIVE_TIMEOUT_MS = 10_000;
/** Submits of unknown outcome whose server is remembered. */
const MOST_UNKNOWN_SUBMITS = 1_000;
/** The folder under the server's input and output folders that all our files go to. */
const FOLDER = 'drawbridge';

export interface ComfyuiOptions {
  settings: ComfyuiSettings;
  outbound: Outbound;
  clock: Clock;
  log: Logger;
}

/** The provider, with what an operator may see of its pool. */
export interface ComfyuiAdapter extends ProviderAdapter {
  detail(): ComfyuiPoolDetail;
}

/** Opens the provider; nothing is sent before the first call. */
export function createComfyuiProvider(options: ComfyuiOptions): ComfyuiAdapter {
  return new ComfyuiProvider(options);
}

/** The prompt id for a client reference: a UUID in the canonical form that newer servers insist on. */
export function promptIdOf(clientRef: string): string {
  const bytes = createHash('sha256').update(`drawbridge comfyui ${clientRef}`).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const jobIdOf = (server: ComfyuiServer, promptId: string) => `${server.key}.${promptId}`;

const keyOf = (jobId: string) => jobId.split('.')[0] ?? '';

class ComfyuiProvider implements ComfyuiAdapter {
  readonly name = 'comfyui';
  readonly models: readonly ComfyuiModel[];
  readonly endpoints: readonly string[];
  readonly #options: ComfyuiOptions;
  readonly #pool: ServerPool;
  readonly #fit: WorkflowFit;
  /** Where a submit of unknown outcome went; after a restart of ours nobody knows, and all servers are asked. */
  readonly #unknownSubmits = new Map<string, ComfyuiServer>();

  constructor(options: ComfyuiOptions) {
    const { settings, outbound, clock, log } = options;
    this.#options = options;
    this.models = comfyuiModels(settings);
    this.endpoints = settings.servers.map(({ url }) => url);
    const servers = settings.servers.map(
      (server, position) =>
        new ComfyuiServer({ settings: server, ordinal: position + 1, outbound, clock, log }),
    );
    this.#pool = new ServerPool({ servers, unreachableAfterMs: settings.unreachableAfterMs, clock, log });
    this.#fit = new WorkflowFit({ settings, models: this.models, servers });
  }

  async submit(call: SubmitCall): Promise<SubmitResult> {
    const failures: ProviderError[] = [];
    const candidates = await this.#pool.candidates(call.signal, failures);
    while (candidates.length > 0) {
      // Chosen and counted without a pause in between, so that a burst spreads over the pool.
      candidates.sort((a, b) => a.length + a.server.submitting - (b.length + b.server.submitting));
      const server = candidates.shift()?.server;
      if (!server) break;
      server.submitting += 1;
      try {
        return await this.#submitTo(server, call);
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        if (error.created === 'unknown') this.#rememberUnknown(call.clientRef, server);
        const isFinal = error.kind === 'invalid_request' && !(error instanceof LackingServerError);
        if (error.created !== 'no' || isFinal || call.signal.aborted) throw error;
        failures.push(error);
      } finally {
        server.submitting -= 1;
      }
    }
    throw summaryOf(failures);
  }

  async poll(call: JobCall): Promise<PollResult> {
    const { server, promptId } = this.#placeOf(call.jobId);
    const place = await this.#followed(server, promptId, call.signal);
    if (place === null) return { state: 'lost' };
    if (place.state === 'absent') return this.#absent(server, promptId);
    if (place.state === 'running' || place.state === 'waiting') {
      const { graph, clientId } = place;
      if (clientId !== null) server.live.learn(promptId, graph, clientId);
      server.live.noteQueued(promptId, place.state === 'waiting');
      const waitMs = place.state === 'waiting' ? place.ahead * WAITING_POLL_MS_PER_JOB : 0;
      const pollAfterMs = Math.min(RUNNING_POLL_MS + waitMs, LONGEST_POLL_MS);
      return { state: 'running', progress: server.live.progressOf(promptId), pollAfterMs };
    }
    server.live.noteEnd(promptId);
    const outcome = readOutcome(place.entry, server.label);
    if (outcome.state === 'running') return { ...outcome, progress: null, pollAfterMs: LONGEST_POLL_MS };
    if (outcome.state === 'failed') return outcome;
    if (outcome.state === 'sent') return this.#takeSent(server, promptId, call);
    return this.#fetchAll(server, outcome.files, call);
  }

  watch(call: WatchCall): () => void {
    if (!this.#pool.hasServer(keyOf(call.jobId))) return () => {};
    const { server, promptId } = this.#placeOf(call.jobId);
    const stop = server.live.watch(promptId, call);
    call.signal.addEventListener('abort', stop, { once: true });
    return () => {
      call.signal.removeEventListener('abort', stop);
      stop();
    };
  }

  async lookup({ clientRef, signal }: ProviderCall): Promise<LookupResult> {
    const reference = promptIdOf(clientRef);
    const sentTo = this.#unknownSubmits.get(clientRef);
    const answers = await Promise.allSettled(
      (sentTo ? [sentTo] : this.#pool.servers).map(async (server) => {
        const place = await server.findByReference(reference, signal);
        return place.state === 'absent' ? null : jobIdOf(server, place.promptId);
      }),
    );
    const jobId = answers.find((answer) => answer.status === 'fulfilled' && answer.value !== null);
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (!jobId && failed) throw failed.reason;
    this.#unknownSubmits.delete(clientRef);
    return jobId?.status === 'fulfilled' && jobId.value !== null
      ? { state: 'found', jobId: jobId.value }
      : { state: 'absent' };
  }

  async cancel({ jobId, signal }: ProviderCall & { jobId: string }): Promise<CancelResult> {
    const { server, promptId } = this.#placeOf(jobId);
    const place = await server.stop(promptId, signal);
    const note = `The job could not be taken out of the queue of ${server.label}.`;
    if (place.state === 'waiting') return { state: 'not_cancellable', note };
    const outcome = place.state === 'finished' ? readOutcome(place.entry, server.label).state : null;
    if (outcome === 'done' || outcome === 'sent') {
      return { state: 'not_cancellable', note: 'The picture was finished before it could be stopped.' };
    }
    return { state: 'cancelled' };
  }

  async probe({ signal }: { signal: AbortSignal }): Promise<{ note: string | null }> {
    const results = await Promise.allSettled(
      this.#pool.servers.map(async (server) => {
        server.breaker.beginTrial();
        await server.version(signal);
        await this.#fit.learn(server, 'probe', signal);
        this.#pool.clearAbandoned(server);
      }),
    );
    const failed = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    if (failed.length === results.length) throw failed[0];
    const notes = failed.map((error) => (error instanceof Error ? error.message : String(error)));
    const working = this.#pool.servers.filter((_, position) => results[position]?.status === 'fulfilled');
    const problems = this.models.map((model) => this.#fit.whyNowhere(model, working));
    const [first] = problems;
    // Models that nobody can run are named; only when there is no other one is the provider of no use.
    if (first && !problems.includes(null)) throw new ProviderError('invalid_request', 'no', first);
    notes.push(...problems.filter((problem) => problem !== null));
    if (working.every((server) => server.isDraining)) notes.push('All working servers are being drained.');
    return { note: notes.length > 0 ? notes.join(' ') : null };
  }

  detail(): ComfyuiPoolDetail {
    return this.#pool.detail();
  }

  servers(): ComfyuiPoolDetail['servers'] {
    return this.#pool.detail().servers;
  }

  async close(): Promise<void> {
    this.#pool.close();
  }

  /** Where a job is, or null when its server was silent for so long that the job goes elsewhere. */
  async #followed(server: ComfyuiServer, promptId: string, signal: AbortSignal): Promise<PromptPlace | null> {
    try {
      const place = await server.find(promptId, 'job', signal);
      this.#pool.reclaim(server, promptId);
      return place;
    } catch (error) {
      if (signal.aborted || !(error instanceof ProviderError) || !this.#pool.mayGiveUp(server)) throw error;
      this.#pool.abandon(server, promptId);
      return null;
    }
  }

  /** In neither queue nor history: lost with a restart, or taken out by somebody, who will not want it sent again. */
  #absent(server: ComfyuiServer, promptId: string): PollResult {
    if (!server.live.wasTakenOut(promptId)) return { state: 'lost' };
    const words = `The job was taken out of the queue of ${server.label} there.`;
    return { state: 'failed', error: new ProviderError('unavailable', 'yes', words) };
  }

  /** Pictures that came as frames; what was not heard is nowhere, so the job is as good as lost. */
  async #takeSent(server: ComfyuiServer, promptId: string, call: JobCall): Promise<PollResult> {
    const pictures = server.live.picturesOf(promptId);
    if (pictures.length === 0) {
      const { log } = this.#options;
      log.warn({ server: server.label }, 'pictures were sent over a connection that had broken');
      return { state: 'lost' };
    }
    const hasSeed = this.#templateOf(call.request).places.has('seed');
    const outputs: Output[] = [];
    for (const { bytes, index } of pictures) {
      const file = await call.spool(onePiece(bytes));
      outputs.push({ file, seed: hasSeed ? call.request.seed + index : null });
    }
    return { state: 'done', outputs };
  }

  async #submitTo(server: ComfyuiServer, call: SubmitCall): Promise<SubmitResult> {
    const { request, clientRef, signal } = call;
    const reference = promptIdOf(clientRef);
    const template = this.#templateOf(request);
    const values = await this.#fit.checkedValues(server, template, request, signal);
    const subfolder = `${FOLDER}/${reference}`;
    const [image] = request.images;
    if (image) values.image = await server.upload(image, subfolder, signal);
    if (request.mask) values.mask = await server.upload(request.mask, subfolder, signal);
    // A name of its own for each job: a result that was cached whole would name an older job's file.
    const graph = fillTemplate(template, { ...values, file_prefix: subfolder }, request.n);
    await this.#listen(server, graph, reference, signal);
    const accepted = await server.prompt(graph, reference, signal);
    if (accepted.promptId !== reference) server.live.learn(accepted.promptId, graph, server.live.clientId);
    const { log } = this.#options;
    if (accepted.hasDroppedOutputs)
      log.warn({ server: server.label }, 'a workflow was accepted in part only');
    return {
      state: 'accepted',
      jobId: jobIdOf(server, accepted.promptId),
      pollAfterMs: RUNNING_POLL_MS,
    };
  }

  /** Listens before the job begins: what is told to nobody is not told again. */
  async #listen(server: ComfyuiServer, graph: Graph, promptId: string, signal: AbortSignal): Promise<void> {
    server.live.prepare();
    server.live.learn(promptId, graph, server.live.clientId);
    if (socketOutputNodes(graph).length === 0) return;
    const limit = AbortSignal.any([signal, timeoutSignal(this.#options.clock, LIVE_TIMEOUT_MS)]);
    if (await server.live.opened(limit)) return;
    const words = `${server.label} gives no WebSocket, over which the workflow sends its pictures: let it end in a SaveImage node.`;
    throw new ProviderError('unavailable', 'no', words);
  }

  #templateOf({ mode, mask }: GenerationRequest): WorkflowTemplate {
    const { templates } = this.#options.settings;
    return templates[mode === 'image-to-image' && mask ? 'inpaint' : mode];
  }

  async #fetchAll(server: ComfyuiServer, files: readonly PictureFile[], call: JobCall): Promise<PollResult> {
    const hasSeed = this.#templateOf(call.request).places.has('seed');
    const outputs: Output[] = [];
    for (const file of files) {
      const bytes = await server.view(file, call.signal);
      if (bytes === null) continue;
      const seed = hasSeed ? call.request.seed + file.index : null;
      outputs.push({ file: await call.spool(bytes), seed });
    }
    if (outputs.length > 0) return { state: 'done', outputs };
    const words = `The finished picture is not on ${server.label} any more.`;
    return { state: 'failed', error: new ProviderError('bad_answer', 'yes', words) };
  }

  #placeOf(jobId: string): { server: ComfyuiServer; promptId: string } {
    const key = keyOf(jobId);
    return { server: this.#pool.requireServer(key), promptId: jobId.slice(key.length + 1) };
  }

  #rememberUnknown(clientRef: string, server: ComfyuiServer): void {
    const [oldest] = this.#unknownSubmits.keys();
    if (this.#unknownSubmits.size >= MOST_UNKNOWN_SUBMITS && oldest !== undefined) {
      this.#unknownSubmits.delete(oldest);
    }
    this.#unknownSubmits.set(clientRef, server);
  }
}

/** Why no server took a job, in one error; one that may work later outweighs one that will never do. */
function summaryOf(failures: readonly ProviderError[]): ProviderError {
  const main = failures.find((error) => error.kind !== 'invalid_request') ?? failures[0];
  if (!main) return new ProviderError('unavailable', 'no', 'All ComfyUI servers are being drained.');
  if (failures.length === 1) return main;
  const words = failures.map((error) => error.message).join(' ');
  const wait = main.retryAfterMs === null ? {} : { retryAfterMs: main.retryAfterMs };
  return new ProviderError(main.kind, 'no', words, { ...wait, cause: main });
}

async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
