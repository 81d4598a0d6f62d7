// What the conformance suite must know of one provider: how it is configured, how its fake is started and told what to do, and
// in which words its service refuses. Faults of the transport are the same for all and stand here.
import type { ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { flatPng } from '../../src/media/test-pictures.ts';

/** One answer of a fake service. */
export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  /** Objects are sent as JSON, texts as HTML, bytes as they are. */
  body?: unknown;
  /** `reset`: the connection dies after the request was read. `truncate`: after half of the body. */
  cut?: 'reset' | 'truncate';
  /** The answer waits for this. */
  after?: Promise<unknown>;
}

/** What may be missing at a provider; the suite asserts that it is, before it leaves a row out. */
export type Lack =
  /** It is no service behind an address. */
  | 'address'
  /** Nothing is asked after the submit. */
  | 'polls'
  /** Pictures come inside an answer. */
  | 'downloads'
  /** There is nothing that could expire or run out. */
  | 'credentials';

/** How a fault is made. `error` is the code of a task that it ends, where that is not the row's own. */
export type Fault =
  | { at: 'submit' | 'poll' | 'download'; answers: readonly Answer[]; error?: string }
  | { at: 'picture'; bytes: Buffer }
  /** The sandbox is told in the prompt. */
  | { at: 'prompt'; words: string }
  | { at: 'nowhere'; lacks: Lack };

export const FAULT_NAMES = [
  'reset after body',
  'status 524',
  'status 500 page',
  'rate limit',
  'expired credential',
  'empty account',
  'refused content',
  'page instead of answer',
  'truncated answer',
  'answer without id',
  'redirect',
  'corrupt picture',
  'huge picture',
  'truncated download',
  'silent download',
  'expired address',
  'page instead of picture',
  'failed polls',
] as const;
export type FaultName = (typeof FAULT_NAMES)[number];
export type Faults = Readonly<Record<FaultName, Fault>>;

/** A running fake. */
export interface Stage {
  url: string;
  /** The program finds it under another address, also in what it says of itself. */
  moveTo(url: string): void;
  serve(picture: Buffer): void;
  /** The next calls of a kind are answered so. */
  next(at: 'submit' | 'poll' | 'download', answers: readonly Answer[]): void;
  /** Requests that would make a job. */
  submits(): number;
  /** Jobs that it has, by its own log. */
  jobs(): number;
  polls(): number;
  downloads(): number;
  /** Does what it does by itself: called all the time. */
  work?(): void;
  /** The next job waits for `step` and `finish`. */
  hold?(): void;
  /** Moves the running job on a little. */
  step?(): void;
  /** Ends the running job. */
  finish?(): void;
}

export interface Driver {
  /** As tests name it. */
  name: string;
  /** As tasks name it. */
  provider: string;
  model: string;
  /** Every secret that it is given. */
  secrets: readonly string[];
  /** As `/v1/models` must show it. */
  can: { imageToImage: boolean; cancel: boolean; progress: boolean };
  /** A submit whose outcome is unknown is looked up, so it is found or provably not there. */
  canLookUp: boolean;
  settings(url: string): { env: Record<string, string>; yaml?: string };
  start(t: TestContext): Promise<Stage>;
  faults: Faults;
}

const PAGE = '<html><head><title>Log in</title></head><body>Bad things at 10.1.2.3</body></html>';
/** Far more than any task may wait. */
const ABSURD_RETRY_AFTER = '999999999999';

/** Beyond the megapixels that are allowed. */
const HUGE_SIDE = 8_000;

/** Faults that the transport alone makes, with what only the service knows how to say. */
export function httpFaults(own: {
  expired: Fault;
  quota: Fault;
  refused: Fault;
  withoutId: Fault;
  success: unknown;
  lacks?: readonly ('polls' | 'downloads')[];
}): Faults {
  const submit = (answer: Answer): Fault => ({ at: 'submit', answers: [answer] });
  const lacking = (lack: 'polls' | 'downloads') => own.lacks?.includes(lack) ?? false;
  const poll = (...answers: Answer[]): Fault =>
    lacking('polls') ? { at: 'nowhere', lacks: 'polls' } : { at: 'poll', answers };
  const download = (...answers: Answer[]): Fault =>
    lacking('downloads') ? { at: 'nowhere', lacks: 'downloads' } : { at: 'download', answers };
  return {
    'reset after body': submit({ cut: 'reset' }),
    'status 524': submit({ status: 524, body: PAGE }),
    'status 500 page': submit({ status: 500, body: PAGE }),
    'rate limit': submit({ status: 429, headers: { 'retry-after': ABSURD_RETRY_AFTER }, body: {} }),
    'expired credential': own.expired,
    'empty account': own.quota,
    'refused content': own.refused,
    'page instead of answer': submit({ body: PAGE }),
    'truncated answer': submit({ body: own.success, cut: 'truncate' }),
    'answer without id': own.withoutId,
    redirect: submit({ status: 307, headers: { location: '{thief}' } }),
    // Its header is whole; only decoding it shows that the rest is not there.
    'corrupt picture': { at: 'picture', bytes: flatPng(512, 512).subarray(0, -40) },
    'huge picture': { at: 'picture', bytes: flatPng(HUGE_SIDE, HUGE_SIDE) },
    'truncated download': download({ body: Buffer.alloc(4096, 1), cut: 'truncate' }),
    'silent download': download({ after: new Promise(() => {}) }),
    'expired address': download({ status: 403, body: PAGE }),
    'page instead of picture': download({ body: PAGE }, { body: PAGE }, { body: PAGE }, { body: PAGE }),
    'failed polls': poll({ status: 502, body: PAGE }, { cut: 'reset' }),
  };
}

/** Writes an answer as it says. */
export async function send(response: ServerResponse, answer: Answer): Promise<void> {
  await answer.after;
  if (answer.cut === 'reset') return void response.socket?.resetAndDestroy();
  const isPage = typeof answer.body === 'string';
  const bytes = Buffer.isBuffer(answer.body)
    ? answer.body
    : Buffer.from(isPage ? String(answer.body) : JSON.stringify(answer.body ?? {}));
  response.writeHead(answer.status ?? 200, {
    'content-type': isPage ? 'text/html' : Buffer.isBuffer(answer.body) ? 'image/png' : 'application/json',
    'content-length': bytes.length,
    ...answer.headers,
  });
  if (answer.cut !== 'truncate') return void response.end(bytes);
  response.write(bytes.subarray(0, bytes.length >> 1), () => response.socket?.destroy());
}
