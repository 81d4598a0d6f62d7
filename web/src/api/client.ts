// The one way out of the page: calls with the session cookie, or to another server with its key; answers as JSON, failures as
// ApiError. Addresses are relative to <base>, so that the app works under any path prefix, or to the other server.
import { otherServer } from '../settings/api-address.ts';
import { ApiError, networkProblem, type Problem, parseProblem } from './problem.ts';

const signedOutListeners = new Set<() => void>();

/** The absolute address of an API path such as `v1/tasks`. */
export function apiUrl(path: string): string {
  return new URL(path, otherServer()?.url ?? document.baseURI).href;
}

/** The headers that prove who calls, for every request to `apiUrl`; empty where the cookie does. */
export function authorization(): Record<string, string> {
  const key = otherServer()?.key ?? null;
  return key === null ? {} : { authorization: `Bearer ${key}` };
}

/** A call that was refused because there were too many. */
export class ThrottledError extends ApiError {
  /** How long to wait. */
  readonly retryAfterS: number;

  constructor(problem: Problem, retryAfterS: number) {
    super(problem);
    this.retryAfterS = retryAfterS;
  }
}

/** Calls back when any call is answered with 401; returns how to stop. */
export function onSignedOut(listener: () => void): () => void {
  signedOutListeners.add(listener);
  return () => signedOutListeners.delete(listener);
}

export interface CallOptions {
  body?: unknown;
  idempotencyKey?: string;
  /** The account that an administrator acts for. */
  accountId?: string;
  signal?: AbortSignal;
}

async function readJson(response: { text(): Promise<string> }): Promise<unknown> {
  try {
    return JSON.parse(await response.text());
  } catch {
    return null;
  }
}

/** Throws the ApiError of an answer outside 2xx and tells the listeners about a lost session. */
export function rejectAnswer(status: number, body: unknown, requestId: string | null, path: string): never {
  if (status === 401 && path !== 'v1/auth/session') for (const listener of signedOutListeners) listener();
  const problem = parseProblem(status, body, requestId);
  const waitS = (body as { retry_after_s?: unknown } | null)?.retry_after_s;
  if (status === 429 && typeof waitS === 'number') throw new ThrottledError(problem, waitS);
  throw new ApiError(problem);
}

/** Calls the API and returns the parsed body (null for 204). Throws ApiError; an abort rejects as the browser does. */
export async function call<T>(
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  options: CallOptions = {},
): Promise<T> {
  const headers: Record<string, string> = {
    accept: 'application/json',
    // The page's language, known before its texts are there.
    'accept-language': document.documentElement.lang,
    ...authorization(),
  };
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  if (options.idempotencyKey) headers['idempotency-key'] = options.idempotencyKey;
  if (options.accountId) headers['x-account-id'] = options.accountId;
  let response: Response;
  try {
    response = await fetch(apiUrl(path), {
      method,
      headers,
      credentials: otherServer() ? 'omit' : 'same-origin',
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(networkProblem());
  }
  const body = response.status === 204 ? null : await readJson(response);
  if (!response.ok) rejectAnswer(response.status, body, response.headers.get('x-request-id'), path);
  if (body === null && response.status !== 204) throw new ApiError(parseProblem(response.status, null, null));
  return body as T;
}
