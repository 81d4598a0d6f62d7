// The `fetch` of the chat packages: address, headers and limits are ours, whatever the package asked for. The key is put on
// here and known to nobody above. Answers come out as server-sent events, whatever the service made of `stream: true`.
import type { Outbound, OutboundRequest, OutboundResponse } from '../../kernel/outbound.ts';
import { readStart } from '../../kernel/outbound-body.ts';
import { type ErrorFields, errorFieldsOf, jsonOf } from '../adapter/openai-style.ts';
import { isSuccess } from '../adapter/read-answer.ts';
import { type FetchFunction, readSdkRequest, sendSdkRequest } from '../adapter/sdk-fetch.ts';
import { ProviderError } from '../provider.ts';
import type { ChatSettings } from './chat-settings.ts';
import { type ClassifyContext, classifyAnswer, classifyStatus, classifyThrown } from './classify.ts';

/** A thinking model streams every thought, each in an envelope of some 300 bytes. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
export const MAX_ERROR_BYTES = 64 * 1024;
const EVENT_STREAM = { 'content-type': 'text/event-stream' };

/** A refusal with its words, so that the caller can see whether only the way of asking was refused. */
export class ChatRefusal extends Error {
  readonly status: number;
  readonly fields: ErrorFields | null;
  readonly error: ProviderError;

  constructor(status: number, fields: ErrorFields | null, error: ProviderError) {
    super('The writing service refused a request', { cause: error });
    this.name = 'ChatRefusal';
    this.status = status;
    this.fields = fields;
    this.error = error;
  }
}

/** What all requests to the service have in common. */
export function requestTo(
  settings: ChatSettings,
  path: string,
): Pick<OutboundRequest, 'url' | 'allow' | 'connectTimeoutMs' | 'proxy'> & {
  headers: Record<string, string>;
} {
  return {
    url: `${settings.baseUrl}${path}`,
    allow: 'configured',
    connectTimeoutMs: settings.connectTimeoutMs,
    headers: settings.apiKey === '' ? {} : { authorization: `Bearer ${settings.apiKey}` },
    ...(settings.proxy === null ? {} : { proxy: settings.proxy }),
  };
}

/** The body of a whole answer as the one event that a stream would have had. */
function asEvent(completion: Record<string, unknown>): Response {
  const choices = Array.isArray(completion.choices) ? completion.choices : [];
  const streamed = choices.map((choice: Record<string, unknown>) => ({ ...choice, delta: choice?.message }));
  return new Response(`data: ${JSON.stringify({ ...completion, choices: streamed })}\n\n`, {
    headers: EVENT_STREAM,
  });
}

async function wholeAnswer(response: OutboundResponse, context: ClassifyContext): Promise<Response> {
  const text = await response.readText(MAX_ANSWER_BYTES);
  if (/^\s*(?:data:|event:|:)/.test(text)) return new Response(text, { headers: EVENT_STREAM });
  const value = jsonOf(text);
  if (typeof value !== 'object' || value === null) {
    const page =
      'The writing service sent a web page or other text instead of an answer. Check the base URL.';
    throw new ProviderError('bad_answer', 'unknown', page);
  }
  if ('choices' in value && !('error' in value && value.error))
    return asEvent(value as Record<string, unknown>);
  throw classifyAnswer(errorFieldsOf(value) ?? {}, context);
}

/**
 * A `fetch` for one service. Rejects with `ChatRefusal` for a status other than 2xx and `ProviderError` for what else is
 * wrong before the first event; later failures come through the body as `OutboundError`.
 */
export function chatDoor(
  outbound: Outbound,
  settings: ChatSettings,
  context: () => ClassifyContext,
): FetchFunction {
  return async (input, init) => {
    const target = requestTo(settings, '/chat/completions');
    try {
      const response = await sendSdkRequest(outbound, await readSdkRequest(input, init), {
        ...target,
        headers: {
          ...target.headers,
          'content-type': 'application/json',
          accept: 'text/event-stream, application/json',
        },
        purpose: `${settings.section} chat`,
        idleTimeoutMs: settings.idleTimeoutMs,
        totalTimeoutMs: settings.totalTimeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
      });
      const { status, headers } = response;
      if (!isSuccess(status)) {
        const fields = errorFieldsOf(jsonOf(await readStart(response, MAX_ERROR_BYTES)));
        throw new ChatRefusal(status, fields, classifyStatus({ status, headers, fields }, context()));
      }
      if (!String(headers['content-type'] ?? '').includes('text/event-stream')) {
        return await wholeAnswer(response, context());
      }
      return new Response(ReadableStream.from(response.body), { headers: EVENT_STREAM });
    } catch (error) {
      throw error instanceof ChatRefusal ? error : classifyThrown(error);
    }
  };
}
