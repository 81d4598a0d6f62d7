// A jimeng-api server that does what a test tells it: each submit takes the next step of the script, or paints four
// pictures; what was asked, and with which session, is kept in its own log.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { type FakeAnswer, readBody, sendAnswer, serveUntilEnd } from './scripted-http.ts';

export interface FakeSubmission {
  path: string;
  /** Value of the authorization header. */
  authorization: string;
  contentType: string;
  body: Buffer;
}

export interface FakeJimeng {
  url: string;
  /** Answers for the next submits, in order. */
  script: FakeAnswer[];
  submissions: FakeSubmission[];
  /** Sessions that have expired. */
  dead: Set<string>;
  /** Whether the server can reach jimeng; without, it calls every session dead. */
  isOnline: boolean;
  /** Points of each session; 66 unless set. */
  points: Map<string, number>;
  /** Sessions asked about by `/token/check`, in order. */
  checks: string[];
  /** Every request, as `METHOD path`. */
  requests: string[];
  /** Served under `/files/`; with it, submits that are not scripted paint pictures there. */
  picture: Buffer;
  /** Answers for the next downloads, in order. */
  fileScript: FakeAnswer[];
  /** Downloads, by the credential that came with them. */
  downloads: string[];
  /** Called when a submit was read. */
  onSubmit: (submission: FakeSubmission) => void;
}

/** The answer of a submit that works: `count` pictures. */
export const fakePictures = (count: number, folder = 'https://cdn.example') => ({
  created: 1_795_320_000,
  data: Array.from({ length: count }, (_, index) => ({ url: `${folder}/${index + 1}.webp?x=1` })),
});

/** Starts one on a free port; it stops with the test. */
export async function startFakeJimeng(t: TestContext): Promise<FakeJimeng> {
  const fake: FakeJimeng = {
    url: '',
    script: [],
    submissions: [],
    dead: new Set(),
    isOnline: true,
    points: new Map(),
    checks: [],
    requests: [],
    picture: Buffer.alloc(0),
    fileScript: [],
    downloads: [],
    onSubmit: () => {},
  };
  fake.url = await serveUntilEnd(t, (request, response) => serve(fake, request, response));
  return fake;
}

async function serve(fake: FakeJimeng, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '';
  fake.requests.push(`${request.method} ${path}`);
  const body = await readBody(request);
  const authorization = request.headers.authorization ?? '';
  if (path.startsWith('/files/')) {
    fake.downloads.push(authorization);
    return sendAnswer(response, fake.fileScript.shift() ?? { body: fake.picture });
  }
  if (path === '/ping')
    return sendAnswer(response, { body: 'pong', headers: { 'content-type': 'text/plain' } });
  if (path === '/token/check') {
    const { token } = JSON.parse(body.toString()) as { token: string };
    fake.checks.push(token);
    return sendAnswer(response, { body: { live: fake.isOnline && !fake.dead.has(token) } });
  }
  if (path === '/token/points') {
    const token = authorization.replace('Bearer ', '');
    if (!fake.isOnline) {
      return sendAnswer(response, {
        body: { code: -1000, message: 'timeout of 45000ms exceeded', data: null },
      });
    }
    if (fake.dead.has(token)) {
      return sendAnswer(response, { body: { code: -2002, message: `[登录失效]: ${token}`, data: null } });
    }
    const totalCredit = fake.points.get(token) ?? 66;
    return sendAnswer(response, { body: [{ token, points: { giftCredit: totalCredit, totalCredit } }] });
  }
  if (!path.startsWith('/v1/images/')) {
    return sendAnswer(response, { body: { code: -1000, message: `[请求有误]: ${path}`, data: null } });
  }
  const submission = { path, authorization, contentType: request.headers['content-type'] ?? '', body };
  fake.submissions.push(submission);
  fake.onSubmit(submission);
  const folder = fake.picture.length > 0 ? `${fake.url}/files` : undefined;
  const pictures = fakePictures(path.endsWith('compositions') ? 1 : 4, folder);
  return sendAnswer(response, fake.script.shift() ?? { body: pictures });
}
