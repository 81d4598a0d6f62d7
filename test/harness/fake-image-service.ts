// A picture service as a test scripts it, in the dialect of fal (`POST /fal-ai/…`) and in OpenAI's (`POST /v1/images/…`):
// each request for pictures takes the next step of its script, or works; what was asked, and with which key, is kept.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** One answer. */
export interface FakeImageAnswer {
  status?: number;
  headers?: Record<string, string>;
  /** Objects are sent as JSON, texts as HTML, bytes as a picture. */
  body?: unknown;
  /** `reset`: the connection dies after the request was read. `truncate`: after half of the body. */
  cut?: 'reset' | 'truncate';
  /** The answer waits for this. */
  after?: Promise<unknown>;
}

export interface FakeImageCall {
  method: string;
  path: string;
  authorization: string;
  contentType: string;
  body: Buffer;
}

export interface FakeImageService {
  url: string;
  /** Answers to the next requests for pictures, in order. */
  script: FakeImageAnswer[];
  /** Answers to the next downloads and checks, in order. */
  readScript: FakeImageAnswer[];
  /** Requests for pictures. */
  submits: FakeImageCall[];
  /** All others. */
  reads: FakeImageCall[];
  /** The picture that is served and sent. */
  picture: Buffer;
  onSubmit: (call: FakeImageCall) => void;
}

const HALF = 0.5;

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function answer(response: ServerResponse, step: FakeImageAnswer): Promise<void> {
  await step.after;
  if (step.cut === 'reset') return void response.socket?.resetAndDestroy();
  const { body } = step;
  const type = Buffer.isBuffer(body)
    ? 'image/png'
    : typeof body === 'string'
      ? 'text/html'
      : 'application/json';
  const bytes = Buffer.isBuffer(body)
    ? body
    : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body ?? {}));
  const head = { 'content-type': type, 'content-length': bytes.length, ...step.headers };
  response.writeHead(step.status ?? 200, head);
  if (step.cut !== 'truncate') return void response.end(bytes);
  response.write(bytes.subarray(0, Math.floor(bytes.length * HALF)), () => response.socket?.destroy());
}

/** Starts one on a free port; it stops with the test. */
export async function startFakeImageService(t: TestContext): Promise<FakeImageService> {
  const fake: FakeImageService = {
    url: '',
    script: [],
    readScript: [],
    submits: [],
    reads: [],
    picture: Buffer.from('\x89PNG the bytes of a picture'),
    onSubmit: () => {},
  };
  const server = createServer((request, response) => {
    request.on('error', () => {});
    response.on('error', () => {});
    void serve(fake, request, response).catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return fake;
}

async function serve(fake: FakeImageService, request: IncomingMessage, response: ServerResponse) {
  const call: FakeImageCall = {
    method: request.method ?? '',
    path: request.url ?? '',
    authorization: request.headers.authorization ?? '',
    contentType: request.headers['content-type'] ?? '',
    body: await read(request),
  };
  if (call.method !== 'POST') {
    fake.reads.push(call);
    const isList = call.path.endsWith('/models');
    const working = { body: isList ? { data: [] } : fake.picture };
    return answer(response, fake.readScript.shift() ?? working);
  }
  fake.submits.push(call);
  fake.onSubmit(call);
  return answer(response, fake.script.shift() ?? working(fake, call));
}

function working(fake: FakeImageService, { path }: FakeImageCall): FakeImageAnswer {
  if (path.startsWith('/v1/')) return { body: { data: [{ b64_json: fake.picture.toString('base64') }] } };
  const url = `${fake.url}/files/lighthouse.png`;
  const images = [{ url, width: 1024, height: 1024, content_type: 'image/png' }];
  return { body: { images, seed: 7, has_nsfw_concepts: [false], prompt: 'a paper boat' } };
}
