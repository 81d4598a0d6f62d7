// The one answer to every error, and the address that answers are written for.
import { once } from 'node:events';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from './clock.ts';
import { AppError, ERROR_CODES } from './errors.ts';
import type { HttpOptions } from './http.ts';
import { languageOf, type ProblemContext, problemAnswer, toAppError } from './problem.ts';

/** How long the rest of a refused body is thrown away, so that its sender can read why before the connection closes. */
const LINGER_MS = 10_000;
const RETRY_AFTER_UNKNOWN_S = 10;
/** A name or address with an optional port: whatever else a Host header holds would break every URL made from it. */
export const HOST = /^(?:[a-z0-9._-]{1,255}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

/** Where the caller reaches this server; `X-Forwarded-*` count only from trusted hops (Fastify's trustProxy). */
export function baseUrlOf(request: FastifyRequest, publicUrl: string | null): string {
  if (publicUrl !== null) return publicUrl;
  const protocol = request.protocol === 'https' ? 'https' : 'http';
  return `${protocol}://${HOST.test(request.host) ? request.host : 'localhost'}`;
}

/** A caller who is told that a 429 or 503 may pass is told when to try again, also where nobody knows better. */
function withRetryAfter(error: AppError): AppError {
  const { code, options, status } = error;
  const mayPass = (status === 429 || status === 503) && ERROR_CODES[code].retryable;
  if (!mayPass || options.retryAfterS !== undefined) return error;
  return new AppError(code, { ...options, retryAfterS: RETRY_AFTER_UNKNOWN_S });
}

/** Answers with the problem that an error is; what is no expected error is logged and says nothing but its request id. */
export function sendError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  options: HttpOptions,
): FastifyReply {
  const { appError: told, unexpected } = toAppError(error, request.routeOptions?.bodyLimit);
  const appError = withRetryAfter(told);
  if (unexpected) options.log.error({ request_id: request.id, err: error }, 'a request failed unexpectedly');
  const context: ProblemContext = {
    language: languageOf(request.headers['accept-language']),
    requestId: request.id,
    baseUrl: baseUrlOf(request, options.publicUrl),
  };
  const { status, body, contentType } = problemAnswer(appError, request.errorStyle, context);
  if (appError.options.retryAfterS !== undefined) reply.header('retry-after', appError.options.retryAfterS);
  if (appError.code === 'authentication_required')
    reply.header('www-authenticate', 'Bearer realm="Drawbridge"');
  reply.code(status).type(contentType).serializer(JSON.stringify);
  if (request.raw.complete) return reply.send(body);
  if (appError.code !== 'payload_too_large') {
    // A client that reads only after it has sent everything must not wait for a body that nobody takes.
    throwAway(request.raw);
    return reply.send(body);
  }
  const text = Buffer.from(JSON.stringify(body));
  reply.headers({ connection: 'close', 'content-length': text.length });
  return reply.send(Readable.from(thenLinger(text, request, options.clock), { objectMode: false }));
}

/** The whole answer at once; its end, which closes the connection, when the client has stopped sending or had its time. */
async function* thenLinger(text: Buffer, { raw }: FastifyRequest, clock: Clock): AsyncGenerator<Buffer> {
  yield text;
  if (raw.complete || raw.destroyed) return;
  const over = new AbortController();
  const timer = clock.after(LINGER_MS, () => over.abort());
  raw.once('close', () => over.abort());
  throwAway(raw);
  await once(raw, 'end', { signal: over.signal }).catch(() => {});
  timer.cancel();
}

/** Lets the rest of a body come in unread; a form's parser would hold it up as soon as nobody takes its parts. */
function throwAway(raw: FastifyRequest['raw']): void {
  raw.unpipe();
  raw.resume();
}
