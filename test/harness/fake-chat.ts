// A chat service in the style of OpenAI and Moonshot over real HTTP, streaming too. Each question takes the next step
// of the script; everything asked is kept, with the credential that came with it.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeChatQuestion {
  path: string;
  headers: IncomingHttpHeaders;
  /** The body's JSON members. */
  fields: Record<string, unknown>;
}

export type FakeChatStep = (response: ServerResponse, question: FakeChatQuestion) => void | Promise<void>;

/** Answers with a status and a JSON body, or with text as it is. */
export function chatAnswer(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): FakeChatStep {
  const isText = typeof body === 'string';
  const type = isText ? 'text/html; charset=utf-8' : 'application/json';
  return (response) => {
    response.writeHead(status, { 'content-type': type, ...headers });
    response.end(isText ? body : JSON.stringify(body));
  };
}

/** Moonshot's error body. */
export function chatError(type: string, message = 'something went wrong') {
  return { error: { message, type } };
}

const chunk = (model: unknown, delta: object, more: object = {}) => ({
  id: 'chatcmpl-fake',
  object: 'chat.completion.chunk',
  created: 1_795_320_000,
  model,
  choices: [{ index: 0, delta, finish_reason: null, ...more }],
});

/** `data:` lines for the values given; text goes out as it is. */
export function events(...values: unknown[]): string {
  return values
    .map((value) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`)
    .join('');
}

function pieces(text: string, size: number): string[] {
  const characters = Array.from(text);
  return Array.from({ length: Math.ceil(characters.length / size) }, (_, i) =>
    characters.slice(i * size, (i + 1) * size).join(''),
  );
}

const USAGE = { prompt_tokens: 41, completion_tokens: 23, total_tokens: 64 };

export interface StreamOptions {
  finish?: string | null;
  /** Arrives before the text and means nothing. */
  thoughts?: string;
  /** As arguments of this function instead of text. */
  tool?: string;
  done?: boolean;
  pieceChars?: number;
}

/** A streamed answer with this text, in pieces. */
export function streamed(text: string, options: StreamOptions = {}): FakeChatStep {
  const { finish = 'stop', thoughts, tool, done = true, pieceChars = 7 } = options;
  return (response, { fields }) => {
    const delta = (piece: string, index: number) => {
      if (tool === undefined) return { content: piece };
      const call =
        index === 0
          ? { id: 'call_1', type: 'function', function: { name: tool, arguments: piece } }
          : { function: { arguments: piece } };
      return { tool_calls: [{ index: 0, ...call }] };
    };
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.write(': keep-alive\r\n\r\n');
    response.write(events(chunk(fields.model, { role: 'assistant', content: '' })));
    if (thoughts !== undefined) response.write(events(chunk(fields.model, { reasoning_content: thoughts })));
    for (const [index, piece] of pieces(text, pieceChars).entries()) {
      response.write(events(chunk(fields.model, delta(piece, index))));
    }
    if (finish !== null)
      response.write(events(chunk(fields.model, {}, { finish_reason: finish, usage: USAGE })));
    response.end(done ? 'data: [DONE]\n\n' : '');
  };
}

/** A streamed answer that is a JSON value. */
export function streamedJson(value: unknown, options: StreamOptions = {}): FakeChatStep {
  return streamed(JSON.stringify(value), options);
}

/** A whole answer for a service that does not stream. */
export function whole(text: string): FakeChatStep {
  return (response, question) =>
    chatAnswer(200, {
      id: 'chatcmpl-fake',
      object: 'chat.completion',
      created: 1_795_320_000,
      model: question.fields.model,
      choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
      usage: USAGE,
    })(response, question);
}

export class FakeChat {
  /** Every question that arrived whole, oldest first. */
  readonly questions: FakeChatQuestion[] = [];
  /** Every request of any kind, as `GET /v1/models`. */
  readonly requests: string[] = [];
  /** Consumed one a question. */
  readonly script: FakeChatStep[] = [];
  /** Answers `GET /v1/models`. */
  models: FakeChatStep = chatAnswer(200, {
    object: 'list',
    data: ['moonshot-v1-8k', 'kimi-latest', 'kimi-k3', 'kimi-k2.6'].map((id) => ({ id, object: 'model' })),
  });
  /** Answers `GET /v1/users/me/balance`. */
  balance: FakeChatStep = chatAnswer(404, chatError('resource_not_found_error'));
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      try {
        this.requests.push(`${request.method} ${request.url}`);
        const body: Buffer[] = [];
        for await (const piece of request) body.push(piece as Buffer);
        const text = Buffer.concat(body).toString();
        const question = {
          path: request.url ?? '',
          headers: request.headers,
          fields: text ? JSON.parse(text) : {},
        };
        await this.#step(request.method ?? '', question)(response, question);
      } catch {
        response.destroy();
      }
    });
  }

  static async start(): Promise<FakeChat> {
    const fake = new FakeChat();
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #step(method: string, question: FakeChatQuestion): FakeChatStep {
    if (method === 'GET') return question.path.endsWith('/models') ? this.models : this.balance;
    this.questions.push(question);
    return this.script.shift() ?? chatAnswer(500, chatError('server_error', 'the script is over'));
  }
}
