// The one way out of the page: same-origin calls with the session cookie, answers as JSON, failures as ApiError.
// Addresses are relative to <base>, so that the app works under any path prefix.
import { currentText } from '../ui/language.ts';
import { ApiError, networkProblem, parseProblem } from './problem.ts';

const signedOutListeners = new Set<() => void>();

/** The absolute address of an API path such as `v1/tasks`. */
export function apiUrl(path: string): string {
  return new URL(path, document.baseURI).href;
}

/** Calls back when any call is answered with 401; returns how to stop. */
export function onSignedOut(listener: () => void): () => void {
  signedOutListeners.add(listener);
  return () => signedOutListeners.delete(listener);
}

export interface CallOptions {
  body?: unknown;
  idempotencyKey?: string;
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
  throw new ApiError(parseProblem(status, body, requestId));
}

/** Calls the API and returns the parsed body (null for 204). Throws ApiError; an abort rejects as the browser does. */
export async function call<T>(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  options: CallOptions = {},
): Promise<T> {
  const headers: Record<string, string> = {
    accept: 'application/json',
    'accept-language': currentText().locale,
  };
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  if (options.idempotencyKey) headers['idempotency-key'] = options.idempotencyKey;
  let response: Response;
  try {
    response = await fetch(apiUrl(path), {
      method,
      headers,
      credentials: 'same-origin',
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
