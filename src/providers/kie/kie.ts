// KIE AI (kie.ai), the unified jobs API: createTask gives a task id, recordInfo is asked about it. Input pictures are
// uploaded first, which makes no task. KIE has no idempotency key, no list of tasks and no cancel, so a createTask whose
// outcome is not known stays unknown, and a task that KIE does not find is asked about until its deadline, never resent.
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/log.ts';
import type { Outbound, OutboundRequest } from '../../kernel/outbound.ts';
import { OutboundError } from '../../kernel/outbound-error.ts';
import {
  type JobCall,
  type LocalFile,
  type Output,
  type PollResult,
  type ProviderAdapter,
  ProviderError,
  type SubmitCall,
  type SubmitResult,
} from '../provider.ts';
import { classify, type Envelope, type FailureContext, readEnvelope, taskFailure } from './classify.ts';
import type { KieSettings } from './kie-settings.ts';
import { KIE_MODELS, type KieModel, toProviderModel, toTaskBody } from './models.ts';
import { uploadForm } from './upload.ts';

/** Answers repeat the whole request, but hold no pictures. */
const MAX_ANSWER_BYTES = 1024 * 1024;
const FIRST_POLL_MS = 5_000;
const POLL_MS = 3_000;
/** A task that takes this long is asked about less often. */
const SLOW_AFTER_MS = 2 * 60_000;
const SLOW_POLL_MS = 10_000;
const LONGEST_URL = 8192;
const LONGEST_TASK_ID = 256;
const BYTES_PER_MB = 1024 * 1024;
const RUNNING_STATES = new Set(['waiting', 'queuing', 'generating']);
const NO_KEY = 'KIE AI has no API key. Set KIE_AI_API_KEY, or use: drawbridge providers set-secret kie';

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

type Fields = Readonly<Record<string, unknown>>;

class KieProvider implements ProviderAdapter {
  readonly name = 'kie';
  readonly models;
  readonly #options: KieOptions;
  readonly #table: readonly KieModel[];
  readonly #secrets: readonly string[];

  constructor(options: KieOptions) {
    const { models, priceMicros, apiKey } = options.settings;
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
    this.#requireKey();
    const imageUrls: string[] = [];
    // One after the other: each upload is as long as the line is wide.
    for (const file of request.images) imageUrls.push(await this.#upload(file, signal));
    const envelope = await this.#call(
      {
        method: 'POST',
        url: `${baseUrl}/api/v1/jobs/createTask`,
        purpose: 'kie submit',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(toTaskBody(model, request, imageUrls)),
        totalTimeoutMs: callTimeoutMs,
      },
      null,
      signal,
    );
    const jobId = taskIdOf(recordOf(envelope.data).taskId);
    if (jobId === null) {
      throw new ProviderError('bad_answer', 'unknown', 'The answer of KIE AI holds no task id.');
    }
    return { state: 'accepted', jobId, pollAfterMs: FIRST_POLL_MS };
  }

  async poll({ jobId, signal }: JobCall): Promise<PollResult> {
    const { baseUrl, callTimeoutMs } = this.#options.settings;
    this.#requireKey();
    const envelope = await this.#call(
      {
        method: 'GET',
        url: `${baseUrl}/api/v1/jobs/recordInfo?taskId=${encodeURIComponent(jobId)}`,
        purpose: 'kie poll',
        totalTimeoutMs: callTimeoutMs,
      },
      'yes',
      signal,
      // A failed task may come in an envelope that says so too: then the task is the answer.
      (data) => taskIdOf(recordOf(data).taskId) === jobId && typeof recordOf(data).state === 'string',
    );
    const task = recordOf(envelope.data);
    if (taskIdOf(task.taskId) !== jobId) {
      throw new ProviderError('bad_answer', 'yes', 'KIE AI answered about another task, or about none.');
    }
    const state = textOf(task.state).toLowerCase();
    if (state === 'success') return { state: 'done', outputs: outputsOf(task) };
    if (state === 'fail') {
      return {
        state: 'failed',
        error: taskFailure(textOf(task.failCode), textOf(task.failMsg), this.#secrets),
      };
    }
    if (!RUNNING_STATES.has(state)) {
      this.#options.log.warn(
        { state: state.slice(0, 40) },
        'an unknown state of a KIE task; taken as running',
      );
    }
    return { state: 'running', progress: progressOf(task.progress), pollAfterMs: this.#pollAfterMs(task) };
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
      (data) => pictureUrl(recordOf(data).downloadUrl) !== null,
    );
    const url = pictureUrl(recordOf(envelope.data).downloadUrl);
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

  /** By the age that KIE states; its clock need not be ours. */
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

function recordOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

function taskIdOf(value: unknown): string | null {
  const text = textOf(value);
  return text !== '' && text.length <= LONGEST_TASK_ID && /^[\x21-\x7e]+$/.test(text) ? text : null;
}

function pictureUrl(value: unknown): string | null {
  if (typeof value !== 'string' || value.length > LONGEST_URL) return null;
  return /^https?:\/\//i.test(value) && URL.canParse(value) ? value : null;
}

/** A fraction, or a percentage above 1; null for anything else. */
function progressOf(value: unknown): number | null {
  if (value === null || value === undefined || value === '') return null;
  const number = Number(value);
  if (!Number.isFinite(number) || number < 0 || number > 100) return null;
  return number > 1 ? number / 100 : number;
}

/** The pictures of a finished task: their addresses are JSON inside a string, which may come late. */
function outputsOf(task: Fields): Output[] {
  let result: unknown = task.resultJson;
  if (typeof result === 'string') {
    try {
      result = JSON.parse(result);
    } catch {
      result = null;
    }
  }
  const { resultUrls } = recordOf(result);
  const urls = Array.isArray(resultUrls) ? resultUrls : null;
  const outputs = (urls ?? []).flatMap((url: unknown): Output[] => {
    const checked = pictureUrl(url);
    return checked === null ? [] : [{ url: checked, seed: null }];
  });
  // Not an end: the task is asked about again, and its pictures may be there then.
  if (urls === null || (urls.length > 0 && outputs.length === 0)) {
    throw new ProviderError('bad_answer', 'yes', 'KIE AI calls the task done but shows no pictures yet.');
  }
  return outputs;
}
