// The ComfyUI provider: a pool of servers behind one name. A job's id says which server has it, so that every question
// goes there; our own prompt id, made from the client reference, finds it again after an unknown submit. A server is left
// for the next one only when it provably took nothing.
import { createHash } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
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
} from '../provider.ts';
import { LackingServerError } from './classify.ts';
import type { ComfyuiSettings } from './comfyui-settings.ts';
import { type ComfyuiModel, comfyuiModels } from './models.ts';
import { type PictureFile, readOutcome } from './outcome.ts';
import { ComfyuiServer } from './server.ts';
import {
  choicesFor,
  fillTemplate,
  missingFrom,
  type NamedInput,
  type NamedValues,
  nodeClasses,
  ownValue,
  TEMPLATE_NAMES,
  type WorkflowTemplate,
} from './workflow.ts';

const RUNNING_POLL_MS = 1_000;
const WAITING_POLL_MS_PER_JOB = 1_000;
const LONGEST_POLL_MS = 10_000;
/** A server that did not answer so recently is asked only when no other one does. */
const FAILED_REST_MS = 30_000;
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

/** Opens the provider; nothing is sent before the first call. */
export function createComfyuiProvider(options: ComfyuiOptions): ProviderAdapter {
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

class ComfyuiProvider implements ProviderAdapter {
  readonly name = 'comfyui';
  readonly models: readonly ComfyuiModel[];
  readonly endpoints: readonly string[];
  readonly #options: ComfyuiOptions;
  readonly #servers: readonly ComfyuiServer[];
  readonly #classes: readonly string[];
  /** Where a submit of unknown outcome went; after a restart of ours nobody knows, and all servers are asked. */
  readonly #unknownSubmits = new Map<string, ComfyuiServer>();

  constructor(options: ComfyuiOptions) {
    const { settings, outbound, clock } = options;
    this.#options = options;
    this.models = comfyuiModels(settings);
    this.endpoints = settings.servers.map(({ url }) => url);
    this.#servers = settings.servers.map(
      (server, position) => new ComfyuiServer({ settings: server, ordinal: position + 1, outbound, clock }),
    );
    const names = settings.offersUpscale ? TEMPLATE_NAMES : TEMPLATE_NAMES.filter((n) => n !== 'upscale');
    this.#classes = [...new Set(names.flatMap((name) => nodeClasses(settings.templates[name])))];
  }

  async submit(call: SubmitCall): Promise<SubmitResult> {
    const failures: ProviderError[] = [];
    const candidates = await this.#withQueueLengths(call.signal, failures);
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
    const place = await server.find(promptId, 'job', call.signal);
    if (place.state === 'absent') return { state: 'lost' };
    if (place.state === 'running') return { state: 'running', progress: null, pollAfterMs: RUNNING_POLL_MS };
    if (place.state === 'waiting') {
      const pollAfterMs = Math.min(RUNNING_POLL_MS + place.ahead * WAITING_POLL_MS_PER_JOB, LONGEST_POLL_MS);
      return { state: 'running', progress: null, pollAfterMs };
    }
    const outcome = readOutcome(place.entry, server.label);
    if (outcome.state === 'running') return { ...outcome, progress: null, pollAfterMs: LONGEST_POLL_MS };
    if (outcome.state === 'failed') return outcome;
    return this.#fetchAll(server, outcome.files, call);
  }

  async lookup({ clientRef, signal }: ProviderCall): Promise<LookupResult> {
    const reference = promptIdOf(clientRef);
    const sentTo = this.#unknownSubmits.get(clientRef);
    const answers = await Promise.allSettled(
      (sentTo ? [sentTo] : this.#servers).map(async (server) => {
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
    await server.unqueue(promptId, signal);
    let place = await server.find(promptId, 'job', signal);
    if (place.state === 'running') {
      await server.interrupt(promptId, signal);
      place = await server.find(promptId, 'job', signal);
    }
    const note = `The job could not be taken out of the queue of ${server.label}.`;
    if (place.state === 'waiting') return { state: 'not_cancellable', note };
    if (place.state === 'finished' && readOutcome(place.entry, server.label).state === 'done') {
      return { state: 'not_cancellable', note: 'The picture was finished before it could be stopped.' };
    }
    return { state: 'cancelled' };
  }

  async probe({ signal }: { signal: AbortSignal }): Promise<{ note: string | null }> {
    const results = await Promise.allSettled(
      this.#servers.map(async (server) => {
        const version = await server.version(signal);
        await server.learnOffers(this.#classes, 'probe', signal);
        return version;
      }),
    );
    const failed = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    if (failed.length === results.length) throw failed[0];
    const notes = failed.map((error) => (error instanceof Error ? error.message : String(error)));
    const working = this.#servers.filter((_, position) => results[position]?.status === 'fulfilled');
    const problems = this.models.map((model) => this.#whyNowhere(model, working));
    const [first] = problems;
    // Models that nobody can run are named; only when there is no other one is the provider of no use.
    if (first && !problems.includes(null)) throw new ProviderError('invalid_request', 'no', first);
    notes.push(...problems.filter((problem) => problem !== null));
    if (working.every((server) => server.isDraining)) notes.push('All working servers are being drained.');
    return { note: notes.length > 0 ? notes.join(' ') : null };
  }

  async close(): Promise<void> {}

  /** The servers that answer, with how much waits there; the reasons of the others go to `failures`. */
  async #withQueueLengths(signal: AbortSignal, failures: ProviderError[]) {
    const open = this.#servers.filter((server) => !server.isDraining);
    const [only] = open;
    // Where there is no choice, a server that is slow to answer need not be asked.
    if (only && open.length === 1) return [{ server: only, length: 0 }];
    const now = this.#options.clock.monotonicMs();
    const isResting = (server: ComfyuiServer) =>
      server.failedAtMs !== null && now - server.failedAtMs < FAILED_REST_MS;
    const ask = async (servers: readonly ComfyuiServer[]) => {
      const lengths = await Promise.allSettled(servers.map((server) => server.queueLength(signal)));
      return lengths.flatMap((length, position) => {
        const server = servers[position];
        if (length.status === 'fulfilled' && server) return [{ server, length: length.value }];
        if (length.status === 'rejected') failures.push(requireProviderError(length.reason));
        return [];
      });
    };
    const first = await ask(open.filter((server) => !isResting(server)));
    return first.length > 0 ? first : ask(open.filter(isResting));
  }

  async #submitTo(server: ComfyuiServer, call: SubmitCall): Promise<SubmitResult> {
    const { request, clientRef, signal } = call;
    const reference = promptIdOf(clientRef);
    const template = this.#templateOf(request);
    const values = await this.#checkedValues(server, template, request, signal);
    const subfolder = `${FOLDER}/${reference}`;
    const [image] = request.images;
    if (image) values.image = await server.upload(image, subfolder, signal);
    if (request.mask) values.mask = await server.upload(request.mask, subfolder, signal);
    // A name of its own for each job: a result that was cached whole would name an older job's file.
    const graph = fillTemplate(template, { ...values, file_prefix: subfolder }, request.n);
    const accepted = await server.prompt(graph, reference, signal);
    const { log } = this.#options;
    if (accepted.hasDroppedOutputs)
      log.warn({ server: server.label }, 'a workflow was accepted in part only');
    return {
      state: 'accepted',
      jobId: jobIdOf(server, accepted.promptId),
      pollAfterMs: RUNNING_POLL_MS,
    };
  }

  #templateOf({ mode, mask }: GenerationRequest): WorkflowTemplate {
    const { templates } = this.#options.settings;
    return templates[mode === 'image-to-image' && mask ? 'inpaint' : mode];
  }

  /** The values for a request at a server that has all they need, or the refusal that says what is missing. */
  async #checkedValues(
    server: ComfyuiServer,
    template: WorkflowTemplate,
    request: GenerationRequest,
    signal: AbortSignal,
  ): Promise<NamedValues> {
    const model = this.models.find(({ name }) => name === request.model);
    if (server.offers !== null) {
      const { values, problem } = this.#valuesAt(server, template, model, request);
      if (problem === null) return values;
    }
    // What was learnt may be old: somebody may have added the file since.
    await server.learnOffers(this.#classes, 'prepare', signal);
    const { values, problem } = this.#valuesAt(server, template, model, request);
    if (problem !== null) throw new LackingServerError('invalid_request', 'no', problem);
    return values;
  }

  #valuesAt(
    server: ComfyuiServer,
    template: WorkflowTemplate,
    model: ComfyuiModel | undefined,
    request: GenerationRequest | null,
  ): { values: NamedValues; problem: string | null } {
    const { settings } = this.#options;
    const values: NamedValues = {
      prompt: request?.prompt ?? null,
      negative: request?.negativePrompt ?? null,
      seed: request?.seed ?? null,
      width: request?.width ?? null,
      height: request?.height ?? null,
      strength: request?.strength ?? null,
      steps: settings.steps,
      cfg: settings.cfg,
      sampler: settings.sampler,
      scheduler: settings.scheduler,
      checkpoint: model?.checkpoint ?? this.#chosen(server, template, 'checkpoint'),
      upscale_model: settings.upscaleModel ?? this.#chosen(server, template, 'upscale_model'),
    };
    const offers = server.offers ?? new Map();
    const nodes = missingFrom(fillTemplate(template, values, 1), offers);
    for (const [named, words] of EMPTY_FOLDERS) {
      const isEmpty = choicesFor(template, named, offers)?.length === 0;
      if (isEmpty) return { values, problem: `${server.label} has ${words}.` };
    }
    const about = `the workflow "${template.name}"`;
    const problem =
      nodes.length > 0 ? `${server.label} does not have ${nodes.join(', ')} for ${about}.` : null;
    return { values, problem };
  }

  /** What the template names itself, else the first file that all servers have, else the first of this one. */
  #chosen(server: ComfyuiServer, template: WorkflowTemplate, named: NamedInput): string | null {
    const own = ownValue(template, named);
    if (own !== null) return own;
    const choices = choicesFor(template, named, server.offers ?? new Map()) ?? [];
    const others = this.#servers
      .filter((other) => other !== server && !other.isDraining && other.offers !== null)
      .map((other) => choicesFor(template, named, other.offers ?? new Map()) ?? []);
    return choices.find((choice) => others.every((list) => list.includes(choice))) ?? choices[0] ?? null;
  }

  /** Why no server can run a model, or null when one can. */
  #whyNowhere(model: ComfyuiModel, servers: readonly ComfyuiServer[]): string | null {
    const { templates } = this.#options.settings;
    const problems = servers.map((server) => {
      const byMode = model.capabilities.modes.map(
        (mode) => this.#valuesAt(server, templates[mode], model, null).problem,
      );
      return byMode.find((problem) => problem !== null) ?? null;
    });
    return problems.includes(null) ? null : (problems[0] ?? null);
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
    const [key = '', ...rest] = jobId.split('.');
    const server = this.#servers.find((candidate) => candidate.key === key);
    if (server) return { server, promptId: rest.join('.') };
    // It may come back with the next start; until the deadline the job is there.
    const words = 'The ComfyUI server that has this job is not in the settings any more.';
    throw new ProviderError('unreachable', 'yes', words);
  }

  #rememberUnknown(clientRef: string, server: ComfyuiServer): void {
    const [oldest] = this.#unknownSubmits.keys();
    if (this.#unknownSubmits.size >= MOST_UNKNOWN_SUBMITS && oldest !== undefined) {
      this.#unknownSubmits.delete(oldest);
    }
    this.#unknownSubmits.set(clientRef, server);
  }
}

const EMPTY_FOLDERS: readonly (readonly [NamedInput, string])[] = [
  ['checkpoint', 'no checkpoint: put one into its folder models/checkpoints'],
  ['upscale_model', 'no upscale model: put one into its folder models/upscale_models'],
];

/** Why no server took a job, in one error; one that may work later outweighs one that will never do. */
function summaryOf(failures: readonly ProviderError[]): ProviderError {
  const main = failures.find((error) => error.kind !== 'invalid_request') ?? failures[0];
  if (!main) return new ProviderError('unavailable', 'no', 'All ComfyUI servers are being drained.');
  if (failures.length === 1) return main;
  const words = failures.map((error) => error.message).join(' ');
  const wait = main.retryAfterMs === null ? {} : { retryAfterMs: main.retryAfterMs };
  return new ProviderError(main.kind, 'no', words, { ...wait, cause: main });
}

function requireProviderError(reason: unknown): ProviderError {
  if (reason instanceof ProviderError) return reason;
  throw reason;
}
