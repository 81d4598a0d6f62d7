// KIE AI (kie.ai): creating a task gives its id, which is then asked about (task-apis.ts has its APIs); a call back only
// makes that happen sooner. Input pictures are uploaded first, which makes no task. KIE has no idempotency key, no list of
// tasks and no cancel, so a creation whose outcome is not known stays unknown, and a task that KIE does not find is asked
// about until its deadline, never resent.
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/log.ts';
import type { Outbound } from '../../kernel/outbound.ts';
import { pictureUrl } from '../adapter/read-answer.ts';
import {
  type CallbackRequest,
  type CallbackVerdict,
  type Credential,
  type JobCall,
  type LocalFile,
  type Output,
  type PollResult,
  type ProbeResult,
  type ProviderAdapter,
  ProviderError,
  type SubmitCall,
  type SubmitResult,
} from '../provider.ts';
import { accountFor, accountsOf, type KieAccount } from './accounts.ts';
import { type Fields, fieldsOf, taskIdOf } from './answers.ts';
import { judgeCallback } from './callback.ts';
import { taskFailure } from './classify.ts';
import { KieClient } from './client.ts';
import type { KieSettings } from './kie-settings.ts';
import { KIE_MODELS, type KieModel, toProviderModel } from './models.ts';
import { apiOf, type TaskApi } from './task-apis.ts';
import { uploadForm } from './upload.ts';

const FIRST_POLL_MS = 5_000;
const POLL_MS = 3_000;
/** A task that takes this long is asked about less often. */
const SLOW_AFTER_MS = 2 * 60_000;
const SLOW_POLL_MS = 10_000;
/** The shortest life that KIE states for an address of a picture. */
const URL_LIFE_MS = 10 * 60_000;
/** Tasks remembered as shown, so that a second look gets fresh addresses. */
const MOST_SHOWN = 1000;
const LONGEST_WORD = 40;
const BYTES_PER_MB = 1024 * 1024;

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
  readonly credentials?: readonly Credential[];
  readonly #options: KieOptions;
  readonly #table: readonly KieModel[];
  readonly #accounts: readonly KieAccount[];
  readonly #client: KieClient;
  /** Ids of tasks whose pictures' addresses were given out, oldest first. */
  readonly #shown = new Set<string>();

  constructor(options: KieOptions) {
    const { models, priceMicros, apiKeys, baseUrl, uploadUrl } = options.settings;
    this.endpoints = [...new Set([baseUrl, uploadUrl])];
    this.#options = options;
    this.#client = new KieClient(options);
    this.#accounts = accountsOf(apiKeys);
    if (this.#accounts.length > 1) this.credentials = this.#accounts.map(({ id, label }) => ({ id, label }));
    this.#table = models
      ? models.flatMap((name) => KIE_MODELS.filter((model) => model.name === name))
      : KIE_MODELS.filter(({ isLegacy }) => !isLegacy);
    this.models = this.#table.map((model) => toProviderModel(model, priceMicros));
  }

  async submit({ request, signal, callbackUrl, credential }: SubmitCall): Promise<SubmitResult> {
    const model = this.#table.find(({ name }) => name === request.model);
    if (!model) throw new ProviderError('invalid_request', 'no', 'KIE AI serves no model of this name.');
    checkInputs(model, request);
    const account = accountFor(this.#accounts, credential, 'no');
    const api = apiOf(model);
    const imageUrls: string[] = [];
    // One after the other: each upload is as long as the line is wide.
    for (const file of request.images) imageUrls.push(await this.#upload(file, account, signal));
    const callback = callbackUrl === null ? {} : { callBackUrl: callbackUrl };
    const envelope = await this.#client.call({
      request: {
        method: 'POST',
        url: this.#options.settings.baseUrl + api.createPath,
        purpose: 'kie submit',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...api.toBody(model, request, imageUrls), ...callback }),
      },
      account,
      signal,
      created: null,
    });
    const jobId = taskIdOf(fieldsOf(envelope.data).taskId);
    if (jobId === null) {
      throw new ProviderError('bad_answer', 'unknown', 'The answer of KIE AI holds no task id.');
    }
    return { state: 'accepted', jobId, pollAfterMs: FIRST_POLL_MS };
  }

  async poll({ jobId, request, signal, credential }: JobCall): Promise<PollResult> {
    const { settings, log } = this.#options;
    // The whole table: a model that is not offered any more still has tasks.
    const api = apiOf(KIE_MODELS.find(({ name }) => name === request.model));
    const account = accountFor(this.#accounts, credential, 'yes');
    const envelope = await this.#client.call({
      request: {
        method: 'GET',
        url: `${settings.baseUrl}${api.recordPath}${encodeURIComponent(jobId)}`,
        purpose: 'kie poll',
      },
      account,
      signal,
      created: 'yes',
      // A failed task may come in an envelope that says so too: then the task is the answer.
      isAnswer: (data) => taskIdOf(fieldsOf(data).taskId) === jobId && api.tells(fieldsOf(data)),
    });
    const task = fieldsOf(envelope.data);
    if (taskIdOf(task.taskId) !== jobId) {
      throw new ProviderError('bad_answer', 'yes', 'KIE AI answered about another task, or about none.');
    }
    const result = api.read(task);
    const pollAfterMs = this.#pollAfterMs(task);
    switch (result.state) {
      case 'done':
        return {
          state: 'done',
          outputs: await this.#fetchable(result.outputs, { api, jobId, task, account, signal }),
        };
      case 'failed':
        return { state: 'failed', error: taskFailure(result.code, result.message, settings.apiKeys) };
      case 'running':
        return { ...result, pollAfterMs };
      case 'strange':
        log.info(
          { state: result.word.slice(0, LONGEST_WORD) },
          'an unknown state of a KIE task; taken as running',
        );
        return { state: 'running', progress: null, pollAfterMs };
      case 'incomplete':
        // Not an end: the task is asked about again, and its pictures may be there then.
        throw new ProviderError('bad_answer', 'yes', 'KIE AI calls the task done but shows no pictures yet.');
    }
  }

  /** Nothing is read from it but the task's id: the engine polls. */
  parseCallback(request: CallbackRequest): CallbackVerdict {
    return judgeCallback(request, this.#options.settings.webhookKeys);
  }

  /**
   * Asks for the credits that are left; costs nothing. Without a credential, all accounts are asked, and one that works
   * is enough.
   */
  async probe({
    signal,
    credential,
  }: {
    signal: AbortSignal;
    credential?: string | null;
  }): Promise<ProbeResult> {
    const account = accountFor(this.#accounts, credential, 'no');
    if (this.#accounts.length === 1 || typeof credential === 'string') {
      return { note: `${await this.#creditsOf(account, signal)} KIE credits left` };
    }
    const results = await Promise.allSettled(this.#accounts.map((one) => this.#creditsOf(one, signal)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed && results.every(({ status }) => status === 'rejected')) throw failed.reason;
    const credits = results.map((result, index) => {
      const label = this.#accounts[index]?.label;
      return `${label}: ${result.status === 'fulfilled' ? result.value : 'not usable'}`;
    });
    return { note: `KIE credits left: ${credits.join(', ')}` };
  }

  async close(): Promise<void> {}

  async #creditsOf(account: KieAccount, signal: AbortSignal): Promise<number> {
    const url = `${this.#options.settings.baseUrl}/api/v1/chat/credit`;
    const { data } = await this.#client.call({
      request: { method: 'GET', url, purpose: 'kie credits' },
      account,
      signal,
      created: 'no',
    });
    const left = typeof data === 'string' && data.trim() !== '' ? Number(data) : data;
    if (typeof left !== 'number' || !Number.isFinite(left)) {
      throw new ProviderError('bad_answer', 'no', 'The answer of KIE AI holds no number of credits.');
    }
    if (left <= 0) {
      throw new ProviderError('quota_exhausted', 'no', 'The KIE AI account has no credits left.');
    }
    return Math.floor(left);
  }

  /** The address under which KIE can fetch an input picture; it lives for a day, so each submit makes its own. */
  async #upload(file: LocalFile, account: KieAccount, signal: AbortSignal): Promise<string> {
    const { uploadUrl, uploadTimeoutMs } = this.#options.settings;
    const form = uploadForm(file);
    const envelope = await this.#client.call({
      request: {
        method: 'POST',
        url: `${uploadUrl}/api/file-stream-upload`,
        purpose: 'kie upload',
        headers: form.headers,
        body: form.body,
      },
      account,
      signal,
      created: 'no',
      totalTimeoutMs: uploadTimeoutMs,
      isAnswer: (data) => pictureUrl(fieldsOf(data).downloadUrl) !== null,
    });
    const url = pictureUrl(fieldsOf(envelope.data).downloadUrl);
    if (url === null) {
      throw new ProviderError('bad_answer', 'no', 'KIE AI gave no address for the uploaded picture.');
    }
    return url;
  }

  /**
   * Pictures under addresses that still work: whoever asks a second time, or late, could not use the first ones, so KIE
   * is asked for others. Where it gives none, the known address stands.
   */
  async #fetchable(outputs: readonly Output[], from: LinkSource): Promise<readonly Output[]> {
    const { completeTime } = from.task;
    const ageMs = typeof completeTime === 'number' ? this.#options.clock.now() - completeTime : 0;
    const isFirstLook = !this.#shown.has(from.jobId);
    if (outputs.length > 0) this.#remember(from.jobId);
    if (isFirstLook && ageMs < URL_LIFE_MS) return outputs;
    return Promise.all(outputs.map((output) => ('url' in output ? this.#relinked(output, from) : output)));
  }

  async #relinked<T extends { url: string }>(output: T, from: LinkSource): Promise<T> {
    const { api, jobId, account, signal } = from;
    try {
      const { data } = await this.#client.call({
        request: {
          method: 'POST',
          url: this.#options.settings.baseUrl + api.linkPath,
          purpose: 'kie download link',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(api.toLinkBody(jobId, output.url)),
        },
        account,
        signal,
        created: 'yes',
      });
      return { ...output, url: pictureUrl(data) ?? output.url };
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      return output;
    }
  }

  #remember(jobId: string): void {
    this.#shown.add(jobId);
    const [oldest] = this.#shown;
    if (this.#shown.size > MOST_SHOWN && oldest !== undefined) this.#shown.delete(oldest);
  }

  /** By the age that KIE states: roughly, since its clock is not ours. */
  #pollAfterMs(task: Fields): number {
    const createdAt = task.createTime;
    const ageMs = typeof createdAt === 'number' ? this.#options.clock.now() - createdAt : 0;
    return ageMs > SLOW_AFTER_MS ? SLOW_POLL_MS : POLL_MS;
  }
}

interface LinkSource {
  api: TaskApi;
  jobId: string;
  task: Fields;
  account: KieAccount;
  signal: AbortSignal;
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
