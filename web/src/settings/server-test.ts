// Tests another server from this very page, step by step, so that the first thing that fails can be named: each step needs
// the one before, and a browser tells a page little about why a request failed.
import type { AccountMessageKey } from '../../../src/kernel/messages/account-en.ts';
import { ApiError, networkProblem, parseProblem } from '../api/problem.ts';
import type { OtherServer } from './api-address.ts';
import { parseServerAddress } from './typed-address.ts';

export const SERVER_STEPS = ['address', 'reach', 'origin', 'drawbridge', 'key', 'live'] as const;
export type ServerStep = (typeof SERVER_STEPS)[number];

export interface StepFailure {
  step: ServerStep;
  reason: AccountMessageKey;
  values: Record<string, string>;
}

export interface ServerTestOptions {
  /** As it was typed. */
  address: string;
  /** Null where none was given yet. */
  key: string | null;
  signal: AbortSignal;
  /** Told before each step. */
  onStep(step: ServerStep): void;
}

export type ServerTestOutcome = { server: OtherServer } | { failure: StepFailure };

/** A server in reach answers its health at once; a stream opens within this, too. */
const STEP_TIMEOUT_MS = 8_000;

class StepFailed extends Error {
  readonly reason: AccountMessageKey;
  readonly values: Record<string, string>;

  constructor(reason: AccountMessageKey, values: Record<string, string> = {}) {
    super(reason);
    this.name = 'StepFailed';
    this.reason = reason;
    this.values = values;
  }
}

const own = () => location.origin;

function request(url: string, signal: AbortSignal, init: RequestInit = {}): Promise<Response> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(STEP_TIMEOUT_MS)]);
  return fetch(url, { cache: 'no-store', credentials: 'omit', ...init, signal: limited });
}

/** Throws for an answer that says that the server cannot answer now. */
function requireReady({ status }: Response): void {
  if (status === 429 || status >= 500) throw new StepFailed('server.fail.busy', { status: String(status) });
}

const withKey = (key: string): RequestInit => ({
  headers: { accept: 'application/json', authorization: `Bearer ${key}` },
});

async function reach(url: string, signal: AbortSignal): Promise<void> {
  let isForbiddenHere = false;
  const onViolation = ({ blockedURI }: SecurityPolicyViolationEvent) => {
    if (url.startsWith(blockedURI) || blockedURI.startsWith(url)) isForbiddenHere = true;
  };
  document.addEventListener('securitypolicyviolation', onViolation);
  try {
    // Without reading the answer this needs nobody's permission.
    await request(`${url}healthz`, signal, { mode: 'no-cors' });
  } catch {
    // The event of the page's policy comes as a task of its own, after the refusal.
    await new Promise((resolve) => setTimeout(resolve));
    if (isForbiddenHere)
      throw new StepFailed('server.fail.policy', { address: new URL(url).origin, own: own() });
    throw new StepFailed('server.fail.reach');
  } finally {
    document.removeEventListener('securitypolicyviolation', onViolation);
  }
}

/** Reads an answer of the server; a page that may not is told the same as one without a network. */
async function read(url: string, signal: AbortSignal, init?: RequestInit): Promise<Response> {
  try {
    return await request(url, signal, init);
  } catch {
    throw new StepFailed('server.fail.origin', { own: own() });
  }
}

async function recognise(answer: Response): Promise<void> {
  requireReady(answer);
  const body = (await answer.json().catch(() => null)) as { password_min_chars?: unknown } | null;
  if (!answer.ok || typeof body?.password_min_chars !== 'number')
    throw new StepFailed('server.fail.drawbridge', { status: String(answer.status) });
}

async function follow(url: string, key: string, signal: AbortSignal): Promise<void> {
  const answer = await read(`${url}v1/stream-tickets`, signal, { method: 'POST', ...withKey(key) });
  if (!answer.ok) throw new StepFailed('server.fail.live', { status: String(answer.status) });
  const { ticket } = (await answer.json()) as { ticket: string };
  const stopper = new AbortController();
  try {
    const query = new URLSearchParams({ topics: 'tasks', ticket });
    const stream = await read(`${url}v1/events?${query}`, AbortSignal.any([signal, stopper.signal]));
    if (!stream.ok) throw new StepFailed('server.fail.live', { status: String(stream.status) });
  } finally {
    stopper.abort();
  }
}

async function runSteps({ address, key, signal, onStep }: ServerTestOptions): Promise<OtherServer> {
  onStep('address');
  const url = parseServerAddress(address);
  if (url === null) throw new StepFailed('server.fail.address');
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(new URL(url).hostname);
  if (location.protocol === 'https:' && url.startsWith('http:') && !isLocal)
    throw new StepFailed('server.fail.mixed');
  onStep('reach');
  await reach(url, signal);
  onStep('origin');
  const options = await read(`${url}v1/auth/options`, signal);
  onStep('drawbridge');
  await recognise(options);
  onStep('key');
  if (key === null) throw new StepFailed('server.fail.key.none');
  const session = await read(`${url}v1/auth/session`, signal, withKey(key));
  requireReady(session);
  if (!session.ok) throw new StepFailed('server.fail.key');
  onStep('live');
  await follow(url, key, signal);
  return { url, key };
}

/** Tests until the first step that fails. Rejects only when `signal` aborts. */
export async function testServer(options: ServerTestOptions): Promise<ServerTestOutcome> {
  let step: ServerStep = 'address';
  const onStep = (next: ServerStep) => {
    step = next;
    options.onStep(next);
  };
  try {
    return { server: await runSteps({ ...options, onStep }) };
  } catch (error) {
    options.signal.throwIfAborted();
    if (!(error instanceof StepFailed)) throw error;
    return { failure: { step, reason: error.reason, values: error.values } };
  }
}

/** Throws ApiError unless the server at `url` accepts the key. */
export async function testKey(url: string, key: string): Promise<void> {
  let answer: Response;
  try {
    answer = await request(`${url}v1/auth/session`, new AbortController().signal, withKey(key));
  } catch {
    throw new ApiError(networkProblem());
  }
  const body: unknown = await answer.json().catch(() => null);
  if (!answer.ok) throw new ApiError(parseProblem(answer.status, body, answer.headers.get('x-request-id')));
}
