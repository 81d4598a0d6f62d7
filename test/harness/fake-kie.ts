// KIE AI as a test scripts it: each createTask, poll, upload, credit query and download link takes the next step of its
// script, or works; what was asked, and with which key, is kept in its own log. It signs calls back as KIE does.
import { createHmac } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { type FakeAnswer, readBody, sendAnswer, serveUntilEnd } from './scripted-http.ts';

export type FakeLeg = 'create' | 'poll' | 'upload' | 'credit' | 'link';

export interface FakeCall {
  leg: FakeLeg;
  path: string;
  authorization: string;
  contentType: string;
  body: Buffer;
}

export interface FakeKie {
  url: string;
  /** Answers for the next calls of a leg, in order. */
  script: Record<FakeLeg, FakeAnswer[]>;
  calls: FakeCall[];
  /** Tasks that were made, in order: what was asked for. */
  tasks: { taskId: string; model: string; input: Record<string, unknown> }[];
  credit: number;
  /** Served under `/files/`; with it, tasks that are not scripted end with a picture there. */
  picture: Buffer;
  /** Answers for the next downloads, in order. */
  fileScript: FakeAnswer[];
  /** Downloads, by the credential that came with them. */
  downloads: string[];
  onCall: (call: FakeCall) => void;
}

const PATHS: readonly (readonly [prefix: string, leg: FakeLeg])[] = [
  ['/api/v1/jobs/createTask', 'create'],
  ['/api/v1/jobs/recordInfo', 'poll'],
  ['/api/v1/flux/kontext/generate', 'create'],
  ['/api/v1/flux/kontext/record-info', 'poll'],
  ['/api/v1/gpt4o-image/generate', 'create'],
  ['/api/v1/gpt4o-image/record-info', 'poll'],
  ['/api/v1/gpt4o-image/download-url', 'link'],
  ['/api/v1/common/download-url', 'link'],
  ['/api/file-stream-upload', 'upload'],
  ['/api/v1/chat/credit', 'credit'],
];
const MS_PER_S = 1000;
const CREATED_AT = 1_795_320_000_000;

/** The data of a task in some state, as `recordInfo` shows it. */
export function fakeTask(taskId: string, changes: Record<string, unknown>) {
  const data = {
    taskId,
    model: 'nano-banana-2',
    state: 'waiting',
    param: '{}',
    resultJson: '',
    failCode: null,
    failMsg: null,
    costTime: null,
    createTime: CREATED_AT,
    ...changes,
  };
  return { body: { code: 200, msg: 'success', data } };
}

/** The body of a call back about a task. */
export function fakeCallback(taskId: string, data: Record<string, unknown> = { taskId, state: 'success' }) {
  return Buffer.from(JSON.stringify({ code: 200, msg: 'Playground task completed successfully.', data }));
}

/** The headers of a signed call back, as KIE documents them. */
export function fakeSignature(key: string, taskId: string, sentAtMs: number) {
  const timestamp = String(Math.floor(sentAtMs / MS_PER_S));
  const signature = createHmac('sha256', key).update(`${taskId}.${timestamp}`).digest('base64');
  return { 'x-webhook-timestamp': timestamp, 'x-webhook-signature': signature };
}

export const fakeResult = (...urls: string[]) => JSON.stringify({ resultUrls: urls });

/** Starts one on a free port; it stops with the test. */
export async function startFakeKie(t: TestContext): Promise<FakeKie> {
  const fake: FakeKie = {
    url: '',
    script: { create: [], poll: [], upload: [], credit: [], link: [] },
    calls: [],
    tasks: [],
    credit: 2510,
    picture: Buffer.alloc(0),
    fileScript: [],
    downloads: [],
    onCall: () => {},
  };
  fake.url = await serveUntilEnd(t, (request, response) => serve(fake, request, response));
  return fake;
}

async function serve(fake: FakeKie, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '';
  const leg = PATHS.find(([prefix]) => path.startsWith(prefix))?.[1];
  const body = await readBody(request);
  if (path.startsWith('/files/')) {
    fake.downloads.push(request.headers.authorization ?? '');
    const scripted = fake.fileScript.shift();
    if (scripted) return sendAnswer(response, scripted);
    response.writeHead(200, { 'content-type': 'image/png' }).end(fake.picture);
    return;
  }
  if (!leg) return sendAnswer(response, { status: 404, body: { code: 404, msg: 'no such endpoint' } });
  const call = {
    leg,
    path,
    authorization: request.headers.authorization ?? '',
    contentType: request.headers['content-type'] ?? '',
    body,
  };
  fake.calls.push(call);
  fake.onCall(call);
  return sendAnswer(response, fake.script[leg].shift() ?? working(fake, call));
}

function working(fake: FakeKie, { leg, path, body }: FakeCall): FakeAnswer {
  const success = (data: unknown) => ({ body: { code: 200, msg: 'success', data } });
  if (leg === 'credit') return success(fake.credit);
  if (leg === 'link') {
    const { url } = JSON.parse(body.toString()) as { url: string };
    return success(`${url}?fresh=${fake.calls.filter((call) => call.leg === 'link').length}`);
  }
  if (leg === 'upload') {
    const uploads = fake.calls.filter((call) => call.leg === 'upload').length;
    const downloadUrl = `https://tempfile.example/in-${uploads}.png`;
    return { body: { success: true, code: 200, msg: 'File uploaded successfully', data: { downloadUrl } } };
  }
  if (leg === 'poll') {
    const taskId = new URL(path, 'http://x').searchParams.get('taskId') ?? '';
    const url = fake.picture.length > 0 ? `${fake.url}/files/a.png` : 'https://file.example/a.png';
    return fakeTask(taskId, { state: 'success', resultJson: fakeResult(url) });
  }
  const taskId = `task_${fake.tasks.length + 1}`;
  fake.tasks.push({
    taskId,
    ...(JSON.parse(body.toString()) as { model: string; input: Record<string, unknown> }),
  });
  return success({ taskId });
}
