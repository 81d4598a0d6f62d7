// A picture service as a test scripts it, in the dialect of fal (`POST /fal-ai/…`) and in OpenAI's (`POST /v1/images/…`):
// each request for pictures takes the next step of its script, or works; what was asked, and with which key, is kept.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { type FakeAnswer, readBody, sendAnswer, serveUntilEnd } from './scripted-http.ts';

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
  script: FakeAnswer[];
  /** Answers to the next downloads and checks, in order. */
  readScript: FakeAnswer[];
  /** Requests for pictures. */
  submits: FakeImageCall[];
  /** All others. */
  reads: FakeImageCall[];
  /** The picture that is served and sent. */
  picture: Buffer;
  onSubmit: (call: FakeImageCall) => void;
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
  fake.url = await serveUntilEnd(t, (request, response) => serve(fake, request, response));
  return fake;
}

async function serve(fake: FakeImageService, request: IncomingMessage, response: ServerResponse) {
  const call: FakeImageCall = {
    method: request.method ?? '',
    path: request.url ?? '',
    authorization: request.headers.authorization ?? '',
    contentType: request.headers['content-type'] ?? '',
    body: await readBody(request),
  };
  if (call.method !== 'POST') {
    fake.reads.push(call);
    const isList = call.path.endsWith('/models');
    const working = { body: isList ? { data: [] } : fake.picture };
    return sendAnswer(response, fake.readScript.shift() ?? working, 'image/png');
  }
  fake.submits.push(call);
  fake.onSubmit(call);
  return sendAnswer(response, fake.script.shift() ?? working(fake, call), 'image/png');
}

function working(fake: FakeImageService, { path }: FakeImageCall): FakeAnswer {
  if (path.startsWith('/v1/')) return { body: { data: [{ b64_json: fake.picture.toString('base64') }] } };
  const url = `${fake.url}/files/lighthouse.png`;
  const images = [{ url, width: 1024, height: 1024, content_type: 'image/png' }];
  return { body: { images, seed: 7, has_nsfw_concepts: [false], prompt: 'a paper boat' } };
}
