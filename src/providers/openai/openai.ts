// The adapter for OpenAI's Images API and every server in its style. One held call makes the pictures: there is no job
// to ask about later, no look-up and no idempotency key, so a call whose outcome is not known is never sent again.
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/log.ts';
import type { Outbound, OutboundRequest, OutboundResponse } from '../../kernel/outbound.ts';
import { OutboundError } from '../../kernel/outbound-error.ts';
import {
  type GenerationRequest,
  type Output,
  type PollResult,
  type ProviderAdapter,
  ProviderError,
  type SubmitCall,
  type SubmitResult,
} from '../provider.ts';
import { type ClassifyContext, classify, type ErrorFields } from './classify.ts';
import { openAiModel, profileOf } from './models.ts';
import { type FormFile, type OpenForm, openForm } from './multipart.ts';
import type { OpenAiSettings } from './openai-settings.ts';
import { type AnswerPicture, type PictureAnswer, readPictureAnswer } from './picture-answer.ts';
import { sizeFor } from './size.ts';

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

const isSuccess = (status: number) => status >= 200 && status < 300;

/** The first bytes of a body as text; one that breaks off or is longer gives what there was. */
async function readStart(response: OutboundResponse): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const piece of response.body) {
      pieces.push(piece);
      bytes += piece.byteLength;
      if (bytes >= MAX_ERROR_BYTES) break;
    }
  } catch {
    // The status has arrived and says more than the way its body ended.
  } finally {
    response.discard();
  }
  return new TextDecoder().decode(Buffer.concat(pieces).subarray(0, MAX_ERROR_BYTES));
}

class OpenAiProvider implements ProviderAdapter {
  readonly name = NAME;
  readonly models;
  readonly endpoints: readonly string[];
  readonly #options: OpenAiOptions;

  constructor(options: OpenAiOptions) {
    this.#options = options;
    const { models, priceMicros, baseUrl } = options.settings;
    this.endpoints = [baseUrl];
    this.models = models.map((model) => openAiModel(model, priceMicros));
  }

  async submit(call: SubmitCall): Promise<SubmitResult> {
    this.#requireKey();
    const { request } = call;
    const fields = this.#fields(request);
    if (request.images.length === 0) {
      const body = JSON.stringify({ ...fields, n: request.n });
      return this.#send(call, '/images/generations', { 'content-type': 'application/json' }, body);
    }
    const form = await this.#openForm(request, { ...fields, n: String(request.n) });
    try {
      return await this.#send(call, '/images/edits', form.headers, form.body);
    } finally {
      await form.close();
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

  async probe({ signal }: { signal: AbortSignal }): Promise<{ note: string | null }> {
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
        return { note: this.#noteOf(await response.readJson(MAX_MODEL_LIST_BYTES)) };
      }
      const { status, headers } = response;
      const body = await readStart(response);
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

  /** All fields but `n`, which is a number in JSON and text in a form. */
  #fields(request: GenerationRequest): Record<string, string> {
    const { settings } = this.#options;
    const profile = profileOf(request.model);
    const { quality, background } = settings;
    const standing = profile.responseFormat === 'omit' ? null : profile.responseFormat;
    const format = profile.responseFormat === 'never' ? null : (settings.responseFormat ?? standing);
    return {
      model: request.model,
      prompt: request.prompt,
      size: sizeFor(profile, request.width, request.height, request.images.length > 0),
      ...(quality !== null && profile.qualities.includes(quality) ? { quality } : {}),
      ...(background !== null && profile.backgrounds.includes(background) ? { background } : {}),
      ...(format === null ? {} : { response_format: format }),
    };
  }

  async #openForm(request: GenerationRequest, fields: Record<string, string>): Promise<OpenForm> {
    const field = request.images.length > 1 ? 'image[]' : 'image';
    const files: FormFile[] = request.images.map((file) => ({ field, file }));
    if (request.mask) files.push({ field: 'mask', file: request.mask });
    try {
      return await openForm(fields, files);
    } catch (error) {
      throw new ProviderError('invalid_request', 'no', 'An input picture cannot be read any more.', {
        cause: error,
      });
    }
  }

  /** One call, held until the pictures are on disk. */
  async #send(
    call: SubmitCall,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: OutboundRequest['body'],
  ): Promise<SubmitResult> {
    const target = this.#target(path);
    const { submitTimeoutMs } = this.#options.settings;
    let response: OutboundResponse;
    try {
      response = await this.#options.outbound.request({
        ...target,
        headers: { ...target.headers, ...headers, 'x-client-request-id': call.clientRef },
        method: 'POST',
        body: body ?? null,
        purpose: 'openai submit',
        // The service is silent while it paints: only the whole call has a limit.
        idleTimeoutMs: submitTimeoutMs,
        totalTimeoutMs: submitTimeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
        signal: call.signal,
      });
    } catch (error) {
      throw classify({ at: 'exchange', error }, this.#context());
    }
    const { status } = response;
    if (!isSuccess(status)) {
      const text = await readStart(response);
      throw classify({ at: 'status', status, headers: response.headers, body: text }, this.#context());
    }
    return this.#receive(call, response);
  }

  async #receive(call: SubmitCall, response: OutboundResponse): Promise<SubmitResult> {
    const { log } = this.#options;
    const answer = await readPictureAnswer(response.body, {
      maxPictures: call.request.n + MAX_EXTRA_PICTURES,
      spool: call.spool,
    });
    response.discard();
    const outputs = this.#outputs(answer.pictures);
    const seen = {
      client_ref: call.clientRef,
      request_id: response.headers['x-request-id'] ?? null,
      pictures: outputs.length,
    };
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

  /** URLs are made absolute; what is no http address counts as no picture. */
  #outputs(pictures: readonly AnswerPicture[]): Output[] {
    const { baseUrl } = this.#options.settings;
    return pictures.flatMap((picture): Output[] => {
      if ('file' in picture) return [{ file: picture.file, seed: null }];
      const url = URL.canParse(picture.url, baseUrl) ? new URL(picture.url, baseUrl) : null;
      return url && /^https?:$/.test(url.protocol) ? [{ url: url.href, seed: null }] : [];
    });
  }

  /** What the list of models says about the ones configured here. */
  #noteOf(list: unknown): string | null {
    const data = (list as { data?: unknown } | null)?.data;
    if (!Array.isArray(data)) {
      throw new ProviderError(
        'bad_answer',
        'no',
        'The base URL answers, but not like an OpenAI-style service.',
      );
    }
    const entries = new Map<unknown, { shutdown_date?: unknown }>(
      data.map((entry) => [entry?.id, entry ?? {}]),
    );
    const { models } = this.#options.settings;
    const missing = models.filter((model) => !entries.has(model));
    const ending = models.flatMap((model) => {
      const date = entries.get(model)?.shutdown_date;
      return typeof date === 'string' && /^\d{4}-\d\d-\d\d$/.test(date) ? [`${model} ends on ${date}`] : [];
    });
    const notes = [
      ...(missing.length > 0 ? [`not listed by the service: ${missing.join(', ')}`] : []),
      ...ending,
    ];
    return notes.length > 0 ? notes.join('; ') : null;
  }
}

function failureOf({ problem, fields }: PictureAnswer) {
  if (problem !== null) return { at: 'exchange', error: problem } as const;
  const said: ErrorFields = {
    code: fields.get('/error/code') ?? fields.get('/code'),
    type: fields.get('/error/type'),
    message:
      fields.get('/error/message') ?? fields.get('/error') ?? fields.get('/message') ?? fields.get('/detail'),
  };
  return { at: 'answer', fields: said } as const;
}
