// The way of every chat request to the network: the SDK's `fetch` is given this door, which goes through the kernel's
// Outbound, so that proxies, limits and the rule of never repeating hold. The key is put on here and known to nobody
// above. Answers come out as server-sent events, whatever the service made of `stream: true`.
import type { OpenAICompatibleProviderSettings } from '@ai-sdk/openai-compatible';
import type { Outbound, OutboundRequest, OutboundResponse } from '../../kernel/outbound.ts';
import { ProviderError } from '../provider.ts';
import type { ChatSettings } from './chat-settings.ts';
import {
  type ClassifyContext,
  classifyAnswer,
  classifyStatus,
  classifyThrown,
  type ErrorFields,
  errorFieldsOf,
} from './classify.ts';

/** A thinking model streams every thought, each in an envelope of some 300 bytes. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
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

/** The first bytes of a body as text; one that breaks off or is longer gives what there was. */
export async function readStart(response: OutboundResponse): Promise<string> {
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

/** The value of a JSON text, or undefined. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    return undefined;
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

/** The signature that the SDK asks for; its URL and headers are ours to set. */
type SdkFetch = NonNullable<OpenAICompatibleProviderSettings['fetch']>;

/**
 * A `fetch` for one service. Rejects with `ChatRefusal` for a status other than 2xx and `ProviderError` for what else is
 * wrong before the first event; later failures come through the body as `OutboundError`.
 */
export function chatDoor(
  outbound: Outbound,
  settings: ChatSettings,
  context: () => ClassifyContext,
): SdkFetch {
  return async (_input, init) => {
    const target = requestTo(settings, '/chat/completions');
    try {
      const response = await outbound.request({
        ...target,
        method: 'POST',
        headers: {
          ...target.headers,
          'content-type': 'application/json',
          accept: 'text/event-stream, application/json',
        },
        body: String(init?.body ?? ''),
        purpose: `${settings.section} chat`,
        idleTimeoutMs: settings.idleTimeoutMs,
        totalTimeoutMs: settings.totalTimeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
        ...(init?.signal ? { signal: init.signal } : {}),
      });
      const { status, headers } = response;
      if (status < 200 || status >= 300) {
        const fields = errorFieldsOf(jsonOf(await readStart(response)));
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
