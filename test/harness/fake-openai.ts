// A server in the style of OpenAI's Images API over real HTTP. Each call takes the next step of the script, or is
// answered with pictures; everything submitted is kept, with the credential that came with it.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeOpenAiJob {
  path: string;
  authorization: string | null;
  headers: IncomingMessage['headers'];
  /** JSON members, or text fields of a form. */
  fields: Record<string, unknown>;
  files: { field: string; name: string; type: string; bytes: Buffer }[];
}

export type FakeOpenAiStep = (response: ServerResponse, job: FakeOpenAiJob) => void | Promise<void>;

/** Answers with a status and a JSON body, or with text as it is. */
export function answer(status: number, body: unknown, headers: Record<string, string> = {}): FakeOpenAiStep {
  const isText = typeof body === 'string';
  const type = isText ? 'text/html; charset=utf-8' : 'application/json';
  return (response) => {
    response.writeHead(status, { 'content-type': type, ...headers });
    response.end(isText ? body : JSON.stringify(body));
  };
}

/** An event of a streamed answer as OpenAI writes it, with `event:` equal to the type of its data. */
export function streamEvent(type: string, data: Record<string, unknown> = {}): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}

/** Answers with a stream of these texts, then ends it, or breaks the connection off. */
export function streamed(texts: readonly string[], end: 'whole' | 'cut' = 'whole'): FakeOpenAiStep {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    const text = texts.join('');
    if (end === 'whole') return void response.end(text);
    response.write(text, () => response.socket?.destroy());
  };
}

/** OpenAI's error body. */
export function errorBody(code: string | null, message: string, type = 'invalid_request_error') {
  return { error: { message, type, param: null, code } };
}

async function parsed(
  request: IncomingMessage,
  body: Buffer<ArrayBuffer>,
): Promise<Pick<FakeOpenAiJob, 'fields' | 'files'>> {
  const type = request.headers['content-type'] ?? '';
  if (type.startsWith('application/json')) return { fields: JSON.parse(body.toString()), files: [] };
  if (!type.startsWith('multipart/form-data')) return { fields: {}, files: [] };
  const form = await new Response(body, { headers: { 'content-type': type } }).formData();
  const fields: Record<string, unknown> = {};
  const files: FakeOpenAiJob['files'] = [];
  for (const [field, value] of form.entries()) {
    if (typeof value === 'string') fields[field] = value;
    else {
      const bytes = Buffer.from(await value.arrayBuffer());
      files.push({ field, name: value.name, type: value.type, bytes });
    }
  }
  return { fields, files };
}

export class FakeOpenAi {
  /** Every image call that arrived whole, oldest first. */
  readonly jobs: FakeOpenAiJob[] = [];
  /** Every request of any kind, as `GET /v1/models`. */
  readonly requests: string[] = [];
  /** Consumed one an image call. */
  readonly script: FakeOpenAiStep[] = [];
  /** Answers `GET /v1/models`. */
  models: FakeOpenAiStep = answer(200, { object: 'list', data: [] });
  /** What the pictures of a default answer hold. */
  picture: Buffer = Buffer.from('a picture');
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      void this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<FakeOpenAi> {
    const fake = new FakeOpenAi();
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(`${request.method} ${request.url}`);
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const job: FakeOpenAiJob = {
      path: request.url ?? '',
      authorization: request.headers.authorization ?? null,
      headers: request.headers,
      ...(await parsed(request, Buffer.concat(pieces))),
    };
    if (request.method === 'GET') return this.models(response, job);
    this.jobs.push(job);
    const step = this.script.shift() ?? this.#pictures;
    await step(response, job);
  }

  readonly #pictures: FakeOpenAiStep = (response, job) => {
    const n = Number(job.fields.n ?? 1);
    const data = Array.from({ length: n }, () => ({ b64_json: this.picture.toString('base64') }));
    const usage = { input_tokens: 61, output_tokens: 1584, total_tokens: 1645 };
    return answer(
      200,
      { created: 1_795_320_000, data, usage },
      { 'x-request-id': 'req_fake' },
    )(response, job);
  };
}
