// What the fakes of picture services have in common: a server on a free port, and answers that a test scripts, whole or cut.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** One answer. */
export interface FakeAnswer {
  status?: number;
  headers?: Record<string, string>;
  /** Objects are sent as JSON, texts as HTML, bytes as they are. */
  body?: unknown;
  /** `reset`: the connection dies after the request was read. `truncate`: after half of the body. */
  cut?: 'reset' | 'truncate';
  /** The answer waits for this. */
  after?: Promise<unknown>;
}

const HALF = 0.5;

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** `typeOfBytes` is the content type of a body of bytes. */
export async function sendAnswer(
  response: ServerResponse,
  step: FakeAnswer,
  typeOfBytes = 'application/json',
): Promise<void> {
  await step.after;
  if (step.cut === 'reset') return void response.socket?.resetAndDestroy();
  const { body } = step;
  const isText = typeof body === 'string';
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(isText ? body : JSON.stringify(body ?? {}));
  response.writeHead(step.status ?? 200, {
    'content-type': Buffer.isBuffer(body) ? typeOfBytes : isText ? 'text/html' : 'application/json',
    'content-length': bytes.length,
    ...step.headers,
  });
  if (step.cut !== 'truncate') return void response.end(bytes);
  response.write(bytes.subarray(0, Math.floor(bytes.length * HALF)), () => response.socket?.destroy());
}

/** Serves on a free port until the test ends; the server's address, without a trailing slash. */
export async function serveUntilEnd(
  t: TestContext,
  serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<string> {
  const server = createServer((request, response) => {
    request.on('error', () => {});
    response.on('error', () => {});
    void serve(request, response).catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
