// KIE AI (kie.ai): creating a task gives its id, which is then asked about (task-apis.ts has the two APIs). Input pictures are
// uploaded first, which makes no task. KIE has no idempotency key, no list of tasks and no cancel, so a creation whose
// outcome is not known stays unknown, and a task that KIE does not find is asked about until its deadline, never resent.
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/log.ts';
import type { Outbound, OutboundRequest } from '../../kernel/outbound.ts';
import { OutboundError } from '../../kernel/outbound-error.ts';
import {
  type JobCall,
  type LocalFile,
  type PollResult,
  type ProviderAdapter,
  ProviderError,
  type SubmitCall,
  type SubmitResult,
} from '../provider.ts';
import { type Fields, fieldsOf, pictureUrl, taskIdOf } from './answers.ts';
import { classify, type Envelope, type FailureContext, readEnvelope, taskFailure } from './classify.ts';
import type { KieSettings } from './kie-settings.ts';
import { KIE_MODELS, type KieModel, toProviderModel } from './models.ts';
import { apiOf } from './task-apis.ts';
import { uploadForm } from './upload.ts';

/** Answers repeat the whole request, but hold no pictures. */
const MAX_ANSWER_BYTES = 1024 * 1024;
const FIRST_POLL_MS = 5_000;
const POLL_MS = 3_000;
/** A task that takes this long is asked about less often. */
const SLOW_AFTER_MS = 2 * 60_000;
const SLOW_POLL_MS = 10_000;
const LONGEST_WORD = 40;
const BYTES_PER_MB = 1024 * 1024;
const NO_KEY = 'KIE AI has no API key. Set KIE_AI_API_KEY and restart.';

export interface KieOptions {
  settings: KieSettings;
  outbound: Outbound;
  clock: Clock;
  log: Logger;
}

/** The adapter; it does nothing until it is called. */
export function createKieProvider(options: KieOptions): ProviderAdapter {
  return new KieProvider(options);
}

class KieProvider implements ProviderAdapter {
  readonly name = 'kie';
  readonly models;
  readonly endpoints: readonly string[];
  readonly #options: KieOptions;
  readonly #table: readonly KieModel[];
  readonly #secrets: readonly string[];

  constructor(options: KieOptions) {
    const { models, priceMicros, apiKey, baseUrl, uploadUrl } = options.settings;
    this.endpoints = [...new Set([baseUrl, uploadUrl])];
    this.#options = options;
    this.#secrets = [apiKey];
    this.#table = models
      ? models.flatMap((name) => KIE_MODELS.filter((model) => model.name === name))
      : KIE_MODELS;
    this.models = this.#table.map((model) => toProviderModel(model, priceMicros));
  }

  async submit({ request, signal }: SubmitCall): Promise<SubmitResult> {
    const { baseUrl, callTimeoutMs } = this.#options.settings;
    const model = this.#table.find(({ name }) => name === request.model);
    if (!model) throw new ProviderError('invalid_request', 'no', 'KIE AI serves no model of this name.');
    checkInputs(model, request);
    const api = apiOf(model);
    this.#requireKey();
    const imageUrls: string[] = [];
    // One after the other: each upload is as long as the line is wide.
    for (const file of request.images) imageUrls.push(await this.#upload(file, signal));
    const envelope = await this.#call(
      {
        method: 'POST',
        url: `${baseUrl}${api.createPath}`,
        purpose: 'kie submit',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(api.toBody(model, request, imageUrls)),
        totalTimeoutMs: callTimeoutMs,
      },
      null,
      signal,
    );
    const jobId = taskIdOf(fieldsOf(envelope.data).taskId);
    if (jobId === null) {
      throw new ProviderError('bad_answer', 'unknown', 'The answer of KIE AI holds no task id.');
    }
    return { state: 'accepted', jobId, pollAfterMs: FIRST_POLL_MS };
  }

  async poll({ jobId, request, signal }: JobCall): Promise<PollResult> {
    const { baseUrl, callTimeoutMs } = this.#options.settings;
    // The whole table: a model that is not offered any more still has tasks.
    const api = apiOf(KIE_MODELS.find(({ name }) => name === request.model));
    this.#requireKey();
    const envelope = await this.#call(
      {
        method: 'GET',
        url: `${baseUrl}${api.recordPath}${encodeURIComponent(jobId)}`,
        purpose: 'kie poll',
        totalTimeoutMs: callTimeoutMs,
      },
      'yes',
      signal,
      // A failed task may come in an envelope that says so too: then the task is the answer.
      (data) => taskIdOf(fieldsOf(data).taskId) === jobId && api.tells(fieldsOf(data)),
    );
    const task = fieldsOf(envelope.data);
    if (taskIdOf(task.taskId) !== jobId) {
      throw new ProviderError('bad_answer', 'yes', 'KIE AI answered about another task, or about none.');
    }
    const result = api.read(task);
    const pollAfterMs = this.#pollAfterMs(task);
    switch (result.state) {
      case 'done':
        return result;
      case 'failed':
        return { state: 'failed', error: taskFailure(result.code, result.message, this.#secrets) };
      case 'running':
        return { ...result, pollAfterMs };
      case 'strange':
        this.#options.log.info(
          { state: result.word.slice(0, LONGEST_WORD) },
          'an unknown state of a KIE task; taken as running',
        );
        return { state: 'running', progress: null, pollAfterMs };
      case 'incomplete':
        // Not an end: the task is asked about again, and its pictures may be there then.
        throw new ProviderError('bad_answer', 'yes', 'KIE AI calls the task done but shows no pictures yet.');
    }
  }

  /** Asks for the credits that are left; costs nothing. */
  async probe({ signal }: { signal: AbortSignal }): Promise<{ note: string | null }> {
    const { baseUrl, callTimeoutMs } = this.#options.settings;
    this.#requireKey();
    const envelope = await this.#call(
      {
        method: 'GET',
        url: `${baseUrl}/api/v1/chat/credit`,
        purpose: 'kie credits',
        totalTimeoutMs: callTimeoutMs,
      },
      'no',
      signal,
    );
    const left = typeof envelope.data === 'string' ? Number(envelope.data) : envelope.data;
    if (typeof left !== 'number' || !Number.isFinite(left)) {
      throw new ProviderError('bad_answer', 'no', 'The answer of KIE AI holds no number of credits.');
    }
    if (left <= 0) {
      throw new ProviderError('quota_exhausted', 'no', 'The KIE AI account has no credits left.');
    }
    return { note: `${Math.floor(left)} KIE credits left` };
  }

  async close(): Promise<void> {}

  #requireKey(): void {
    if (this.#options.settings.apiKey === '') throw new ProviderError('credentials_missing', 'no', NO_KEY);
  }

  /** The address under which KIE fetches the picture. No task exists yet, whatever fails here. */
  async #upload(file: LocalFile, signal: AbortSignal): Promise<string> {
    const { uploadUrl, uploadTimeoutMs } = this.#options.settings;
    const form = uploadForm(file);
    const envelope = await this.#call(
      {
        method: 'POST',
        url: `${uploadUrl}/api/file-stream-upload`,
        purpose: 'kie upload',
        headers: form.headers,
        body: form.body,
        totalTimeoutMs: uploadTimeoutMs,
      },
      'no',
      signal,
      (data) => pictureUrl(fieldsOf(data).downloadUrl) !== null,
    );
    const url = pictureUrl(fieldsOf(envelope.data).downloadUrl);
    if (url === null) {
      throw new ProviderError('bad_answer', 'no', 'KIE AI gave no address for the uploaded picture.');
    }
    return url;
  }

  /**
   * One call and its envelope; throws `ProviderError` for everything but success. `created` is what is known beforehand
   * about a task; `isAnswer` accepts data although the envelope's code is no success.
   */
  async #call(
    request: Omit<OutboundRequest, 'allow'>,
    created: FailureContext['created'],
    signal: AbortSignal,
    isAnswer: (data: unknown) => boolean = () => false,
  ): Promise<Envelope> {
    const { outbound, clock, settings } = this.#options;
    const context = { created, secrets: this.#secrets };
    try {
      const response = await outbound.request({
        ...request,
        allow: 'configured',
        headers: {
          ...request.headers,
          accept: 'application/json',
          authorization: `Bearer ${settings.apiKey}`,
        },
        connectTimeoutMs: settings.connectTimeoutMs,
        idleTimeoutMs: settings.idleTimeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
        signal,
      });
      const isSuccess = response.status >= 200 && response.status < 300;
      const text = isSuccess
        ? await response.readText(MAX_ANSWER_BYTES)
        : // What a refusal says is a help, not the point: its status stands without it.
          await response.readText(MAX_ANSWER_BYTES).catch(() => null);
      const envelope = readEnvelope(text);
      if (isSuccess && (envelope.code === 200 || isAnswer(envelope.data))) return envelope;
      const header = response.headers['retry-after'];
      const retryAfter = (Array.isArray(header) ? header[0] : header) ?? null;
      throw classify({ status: response.status, text, retryAfter, now: clock.now() }, context);
    } catch (error) {
      if (error instanceof OutboundError) throw classify({ error, status: null }, context);
      throw error;
    }
  }

  /** By the age that KIE states: roughly, since its clock is not ours. */
  #pollAfterMs(task: Fields): number {
    const createdAt = task.createTime;
    const ageMs = typeof createdAt === 'number' ? this.#options.clock.now() - createdAt : 0;
    return ageMs > SLOW_AFTER_MS ? SLOW_POLL_MS : POLL_MS;
  }
}

/** What KIE would refuse anyway, said before anything is uploaded. */
function checkInputs(model: KieModel, request: SubmitCall['request']): void {
  const { most, mostBytes } = model.images;
  const refuse = (message: string) => {
    throw new ProviderError('invalid_request', 'no', message);
  };
  if (request.prompt.length > model.longestPrompt) {
    refuse(`The prompt is too long for this model: at most ${model.longestPrompt} characters.`);
  }
  if (request.images.length > most) refuse(`This model takes at most ${most} input pictures.`);
  if (request.images.some(({ bytes }) => bytes > mostBytes)) {
    refuse(`An input picture is too large for this model: at most ${mostBytes / BYTES_PER_MB} MB.`);
  }
}
