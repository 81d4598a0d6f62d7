// The adapter for OpenAI's Images API and every server in its style. One held call makes the pictures: there is no job
// to ask about later, no look-up and no idempotency key, so a call whose outcome is not known is never sent again.
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/log.ts';
import type { Outbound, OutboundRequest, OutboundResponse } from '../../kernel/outbound.ts';
import { readStart } from '../../kernel/outbound-body.ts';
import { OutboundError } from '../../kernel/outbound-error.ts';
import type { ErrorFields } from '../adapter/openai-style.ts';
import { isSuccess } from '../adapter/read-answer.ts';
import {
  type GenerationRequest,
  type Output,
  type PollResult,
  type ProbeResult,
  type ProviderAdapter,
  ProviderError,
  type SubmitCall,
  type SubmitResult,
} from '../provider.ts';
import { type ClassifyContext, classify, StreamRefusedError } from './classify.ts';
import { readModelList } from './model-list.ts';
import { openAiModel } from './models.ts';
import { type FormFile, type OpenForm, openForm } from './multipart.ts';
import type { OpenAiSettings } from './openai-settings.ts';
import { type Fields, fieldsOf, partialImagesFor } from './parameters.ts';
import { type AnswerPicture, type PictureAnswer, readPictureAnswer } from './picture-answer.ts';
import { readPictureStream, recognizeStream, type StreamAnswer } from './picture-stream.ts';
import { StreamSupport } from './stream-support.ts';

const NAME = 'openai';
/** Ten pictures of 3840 x 2160 as PNG in base64; a single file has the engine's own cap. */
const MAX_ANSWER_BYTES = 512 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
/** Relays list thousands of models. */
const MAX_MODEL_LIST_BYTES = 2 * 1024 * 1024;
/** Some servers send more than was asked for; the engine keeps a few. */
const MAX_EXTRA_PICTURES = 8;
const PROBE_TIMEOUT_MS = 15_000;

export interface OpenAiOptions {
  settings: OpenAiSettings;
  outbound: Outbound;
  clock: Clock;
  log: Logger;
}

/** Builds the adapter; nothing is sent before the first call. */
export function createOpenAiProvider(options: OpenAiOptions): ProviderAdapter {
  return new OpenAiProvider(options);
}

/** One images call as it is sent; `partialImages` is null without a stream. */
interface SentCall {
  path: string;
  headers: Readonly<Record<string, string>>;
  body: NonNullable<OutboundRequest['body']>;
  partialImages: number | null;
}

class OpenAiProvider implements ProviderAdapter {
  readonly name = NAME;
  readonly models;
  readonly endpoints: readonly string[];
  readonly #options: OpenAiOptions;
  /** By path and model. */
  readonly #streams = new StreamSupport();

  constructor(options: OpenAiOptions) {
    this.#options = options;
    const { models, priceMicros, baseUrl } = options.settings;
    this.endpoints = [baseUrl];
    this.models = models.map((model) => openAiModel(model, priceMicros));
  }

  async submit(call: SubmitCall): Promise<SubmitResult> {
    this.#requireKey();
    const { request } = call;
    const { settings } = this.#options;
    const isEdit = request.images.length > 0;
    const path = isEdit ? '/images/edits' : '/images/generations';
    const kind = `${path} ${request.model}`;
    const asked = partialImagesFor(request, settings);
    const partialImages = asked !== null && this.#streams.mayAsk(kind) ? asked : null;
    let learnt: 'works' | 'refused' | 'nothing' = 'nothing';
    let form: OpenForm | null = null;
    try {
      const fields = fieldsOf(request, settings, partialImages);
      form = isEdit ? await this.#openForm(request, fields) : null;
      const headers = form?.headers ?? { 'content-type': 'application/json' };
      const body = form?.body ?? JSON.stringify(fields);
      const result = await this.#send(call, { path, headers, body, partialImages });
      learnt = 'works';
      return result;
    } catch (error) {
      // Nothing was made: the engine's next attempt goes without a stream, as all later calls of this kind do.
      if (error instanceof StreamRefusedError) learnt = 'refused';
      throw error;
    } finally {
      if (partialImages !== null) this.#streams.learn(kind, learnt);
      await form?.close();
    }
  }

  /** Never asked in practice: a submit returns pictures, not a job. */
  async poll(): Promise<PollResult> {
    const error = new ProviderError(
      'bad_answer',
      'unknown',
      'This service keeps no jobs that could be asked about.',
    );
    return { state: 'failed', error };
  }

  async probe({ signal }: { signal: AbortSignal }): Promise<ProbeResult> {
    this.#requireKey();
    const context = { ...this.#context(), isProbe: true };
    try {
      const response = await this.#options.outbound.request({
        ...this.#target('/models'),
        method: 'GET',
        purpose: 'openai probe',
        idleTimeoutMs: PROBE_TIMEOUT_MS,
        totalTimeoutMs: PROBE_TIMEOUT_MS,
        maxBytes: MAX_MODEL_LIST_BYTES,
        signal,
      });
      if (isSuccess(response.status)) {
        return readModelList(await response.readJson(MAX_MODEL_LIST_BYTES), this.#options.settings.models);
      }
      const { status, headers } = response;
      const body = await readStart(response, MAX_ERROR_BYTES);
      if (status === 404 || status === 405) {
        return {
          note: 'The service does not list its models, so the API key is first tried with a picture.',
        };
      }
      const error = classify({ at: 'status', status, headers, body }, context);
      if (error.kind === 'rate_limited') return { note: error.message };
      throw error;
    } catch (error) {
      // A list that is too long to read came from a service that accepted the key.
      if (error instanceof OutboundError && error.kind === 'too_large') return { note: null };
      throw classify({ at: 'exchange', error }, context);
    }
  }

  /** The connections are the Outbound's, which whoever made it closes. */
  async close(): Promise<void> {}

  #requireKey(): void {
    if (this.#options.settings.apiKey !== '') return;
    throw new ProviderError('credentials_missing', 'no', 'The API key of the image service is not set.');
  }

  #context(): ClassifyContext {
    return { nowMs: this.#options.clock.now(), secrets: [this.#options.settings.apiKey] };
  }

  #target(path: string): Pick<OutboundRequest, 'url' | 'headers' | 'allow' | 'connectTimeoutMs'> {
    const { settings } = this.#options;
    return {
      url: `${settings.baseUrl}${path}`,
      allow: 'configured',
      connectTimeoutMs: settings.connectTimeoutMs,
      headers: {
        authorization: `Bearer ${settings.apiKey}`,
        accept: 'application/json',
        ...(settings.organization === null ? {} : { 'openai-organization': settings.organization }),
        ...(settings.project === null ? {} : { 'openai-project': settings.project }),
      },
    };
  }

  async #openForm(request: GenerationRequest, fields: Fields): Promise<OpenForm> {
    const field = request.images.length > 1 ? 'image[]' : 'image';
    const files: FormFile[] = request.images.map((file) => ({ field, file }));
    if (request.mask) files.push({ field: 'mask', file: request.mask });
    try {
      const texts = Object.entries(fields).map(([name, value]) => [name, String(value)]);
      return await openForm(Object.fromEntries(texts), files);
    } catch (error) {
      throw new ProviderError('invalid_request', 'no', 'An input picture cannot be read any more.', {
        cause: error,
      });
    }
  }

  /** One call, held until the pictures are on disk. */
  async #send(call: SubmitCall, sent: SentCall): Promise<SubmitResult> {
    const target = this.#target(sent.path);
    const { submitTimeoutMs } = this.#options.settings;
    const isStreamed = sent.partialImages !== null;
    const context = { ...this.#context(), isStreamed };
    let response: OutboundResponse;
    try {
      response = await this.#options.outbound.request({
        ...target,
        headers: {
          ...target.headers,
          ...(isStreamed ? { accept: 'text/event-stream, application/json' } : {}),
          ...sent.headers,
          'x-client-request-id': call.clientRef,
        },
        method: 'POST',
        body: sent.body,
        purpose: 'openai submit',
        // The service is silent while it paints: only the whole call has a limit.
        idleTimeoutMs: submitTimeoutMs,
        totalTimeoutMs: submitTimeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
        signal: call.signal,
      });
    } catch (error) {
      throw classify({ at: 'exchange', error }, context);
    }
    const { status } = response;
    if (!isSuccess(status)) {
      const text = await readStart(response, MAX_ERROR_BYTES);
      throw classify({ at: 'status', status, headers: response.headers, body: text }, context);
    }
    return this.#receive(call, response, sent.partialImages ?? 0);
  }

  async #receive(call: SubmitCall, response: OutboundResponse, partialImages: number): Promise<SubmitResult> {
    const { log } = this.#options;
    const answer = await this.#readAnswer(call, response.body, partialImages);
    response.discard();
    const outputs = this.#outputs(answer.pictures);
    const seen = {
      client_ref: call.clientRef,
      request_id: response.headers['x-request-id'] ?? null,
      pictures: outputs.length,
    };
    if (outputs.length === 0 && answer.isFailed) {
      const error = classify({ at: 'stream', fields: fieldsOfError(answer) }, this.#context());
      return { state: 'failed', jobId: null, error };
    }
    if (outputs.length === 0) throw classify(failureOf(answer), this.#context());
    if (answer.problem !== null) {
      // What came whole is a picture that was paid for; the rest counts as not delivered.
      log.warn({ ...seen, err: answer.problem }, 'an answer broke off after its first pictures');
    } else {
      log.info(
        { ...seen, total_usage: answer.fields.get('/usage/total_tokens') ?? null },
        'pictures received',
      );
    }
    return { state: 'done', jobId: null, outputs };
  }

  /** A stream wherever one comes: a relay may send one unasked, or plain JSON in place of one. */
  async #readAnswer(
    call: SubmitCall,
    raw: OutboundResponse['body'],
    partialImages: number,
  ): Promise<StreamAnswer> {
    const { request, spool } = call;
    const { isStream, body } = await recognizeStream(raw);
    if (!isStream) {
      const answer = await readPictureAnswer(body, { maxPictures: request.n + MAX_EXTRA_PICTURES, spool });
      return { ...answer, isFailed: false };
    }
    return readPictureStream(body, {
      pictures: request.n,
      spool,
      onPartial(index, preview) {
        const steps = Math.max(partialImages, index + 1) + 1;
        call.onProgress((index + 1) / steps);
        if (preview) call.onPreview(preview);
      },
    });
  }

  /** URLs are made absolute; what is no http address counts as no picture. */
  #outputs(pictures: readonly AnswerPicture[]): Output[] {
    const { baseUrl } = this.#options.settings;
    return pictures.flatMap((picture): Output[] => {
      if ('file' in picture) return [{ file: picture.file, seed: null }];
      const url = URL.canParse(picture.url, baseUrl) ? new URL(picture.url, baseUrl) : null;
      return url && /^https?:$/.test(url.protocol) ? [{ url: url.href, seed: null }] : [];
    });
  }
}

function failureOf(answer: PictureAnswer) {
  if (answer.problem !== null) return { at: 'exchange', error: answer.problem } as const;
  return { at: 'answer', fields: fieldsOfError(answer) } as const;
}

function fieldsOfError({ fields }: PictureAnswer): ErrorFields {
  return {
    code: fields.get('/error/code') ?? fields.get('/code'),
    type: fields.get('/error/type'),
    message:
      fields.get('/error/message') ?? fields.get('/error') ?? fields.get('/message') ?? fields.get('/detail'),
  };
}
