// The HTTP server: binds route contracts to Fastify and owns what every answer shares - request ids, two log lines a
// request, authentication, request limits, body parsing, security headers, and one handler for every error.
import { once } from 'node:events';
import { STATUS_CODES } from 'node:http';
import { Readable } from 'node:stream';
import cors from '@fastify/cors';
import multipart from '@fastify/multipart';
import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Clock } from './clock.ts';
import { controlSocketFlag } from './control-socket.ts';
import { AppError, type FieldError } from './errors.ts';
import { newId } from './id.ts';
import { parseJsonBytes } from './json-body.ts';
import type { Logger } from './log.ts';
import { fieldErrors, languageOf, type ProblemContext, problemAnswer, toAppError } from './problem.ts';
import type { Access, BoundRoute, HandlerRequest, RateLimitClass, RouteContract } from './route.ts';

/** Largest JSON body unless a route says otherwise; four pictures as base64 have their own routes. */
export const MAX_JSON_BODY_BYTES = 1024 * 1024;
/** A request that is not complete by then is answered 408: a slow line needs minutes for a 32 MB upload, an attacker more. */
const REQUEST_TIMEOUT_MS = 300_000;
const HEADERS_TIMEOUT_MS = 15_000;
/** Longer than the 60 s that common proxies keep idle connections, so that it is never we who close first. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
const MAX_PARAM_CHARS = 300;
/** How long the rest of a refused body is thrown away, so that its sender can read why before the connection closes. */
const LINGER_MS = 10_000;
/** A name or address with an optional port: whatever else a Host header holds would break every URL made from it. */
const HOST = /^(?:[a-z0-9._-]{1,255}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;
const MINUTE_MS = 60_000;
/** A gallery shows hundreds of thumbnails at once; this only stops a flood. */
const MEDIA_REQUESTS_PER_MINUTE = 6_000;
/** What numbers call a path that nobody serves. */
const UNROUTED = 'unrouted';
const SIGN_IN_ATTEMPTS = 10;
const SIGN_IN_WINDOW_MS = 15 * 60_000;

declare module 'fastify' {
  interface FastifyRequest {
    access: Access | null;
    startedAt: number;
    errorStyle: 'problem' | 'openai';
  }
}

export interface HttpOptions {
  log: Logger;
  clock: Clock;
  /** `https://host/prefix`, or null to derive it from each request. */
  publicUrl: string | null;
  trustedProxies: readonly string[];
  corsOrigins: readonly string[];
  /** Calls a minute for one account. */
  requestsPerMinute: number;
  /** Calls a minute for one address without a key. */
  anonymousRequestsPerMinute: number;
  /** Finds out who is calling; throws when a credential is given but wrong, returns null when none is. */
  authenticate(request: FastifyRequest, contract: RouteContract): Promise<Access | null>;
  /**
   * Called when an answer does not fit its own schema; it is sent all the same, since what it tells of is done. Checking
   * costs a tenth of a create, so only tests set it.
   */
  onAnswerMismatch?: ((detail: AnswerMismatch) => void) | undefined;
  /** Told of each request when it is over; `status` is null when the client went away. */
  onRequestEnded?(request: {
    method: string;
    route: string;
    status: number | null;
    durationMs: number;
  }): void;
}

export interface AnswerMismatch {
  operation: string;
  status: number;
  issues: string;
}

/** Builds the server with everything that is not a route; `bindRoutes` adds those. */
export async function createHttpServer(options: HttpOptions): Promise<FastifyInstance> {
  const prefix = options.publicUrl ? new URL(options.publicUrl).pathname.replace(/\/$/, '') : '';
  const app = Fastify({
    logger: false,
    bodyLimit: MAX_JSON_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    trustProxy: [...options.trustedProxies],
    routerOptions: { maxParamLength: MAX_PARAM_CHARS, ignoreTrailingSlash: true },
    genReqId: () => newId('req', options.clock.now()),
    // Works behind a proxy that strips the prefix and behind one that does not.
    rewriteUrl: (request) => stripPrefix(request.url ?? '/', prefix),
    frameworkErrors: (error, request, reply) => refuseUnrouted(error, request, reply, options),
    clientErrorHandler: answerBrokenRequest,
  });
  app.decorateRequest('access', null);
  app.decorateRequest('startedAt', 0);
  app.decorateRequest('errorStyle', 'problem');
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    // Many clients name the type on calls that have no body, too.
    async (_request: FastifyRequest, body: Buffer) => (body.length === 0 ? undefined : parseJsonBytes(body)),
  );
  addRequestLog(app, options);
  await app.register(multipart, { throwFileSizeLimit: true });
  if (options.corsOrigins.length > 0) {
    await app.register(cors, {
      origin: [...options.corsOrigins],
      exposedHeaders: [
        'Location',
        'Retry-After',
        'X-Request-Id',
        'X-Task-Id',
        'RateLimit-Limit',
        'RateLimit-Remaining',
      ],
      maxAge: 600,
    });
  }
  await app.register(rateLimit, {
    global: false,
    enableDraftSpec: true,
    // Otherwise the limiter answers in its own form.
    errorResponseBuilder: (_request, context) =>
      new AppError('rate_limited', {
        detail: `More than ${context.max} requests in ${context.after}.`,
        retryAfterS: Math.max(1, Math.ceil(context.ttl / 1000)),
      }) as never,
  });
  app.setValidatorCompiler(({ schema, httpPart }) => (data) => {
    // Fastify says null for "no body", which would not take a schema's default.
    const isAbsent = data === null && httpPart === 'body';
    const result = (schema as unknown as z.ZodType).safeParse(isAbsent ? undefined : data);
    if (result.success) return { value: result.data };
    if (isAbsent)
      return { error: new AppError('malformed_request', { detail: 'There is no JSON object in the body.' }) };
    return {
      error: new AppError('validation_failed', describeIssues(fieldErrors(result.error, httpPart ?? 'body'))),
    };
  });
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, options));
  return app;
}

function describeIssues(errors: FieldError[]) {
  const first = errors[0];
  return { errors, detail: first ? `${first.pointer}: ${first.detail}` : 'The request is not valid.' };
}

function stripPrefix(url: string, prefix: string): string {
  if (prefix === '' || !url.startsWith(prefix)) return url;
  const rest = url.slice(prefix.length);
  if (rest === '') return '/';
  return rest.startsWith('/') || rest.startsWith('?') ? rest : url;
}

/** What Node's parser refused never becomes a request: a plain, closed connection is the answer. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: import('node:net').Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** One line when a request arrives and one when it ends, so that a hung one shows. Paths only: queries hold tickets. */
function addRequestLog(app: FastifyInstance, { log, clock, onRequestEnded }: HttpOptions): void {
  const about = (request: FastifyRequest) => ({
    request_id: request.id,
    method: request.method,
    path: request.url.split('?', 1)[0],
  });
  app.addHook('onRequest', (request, reply, done) => {
    request.startedAt = clock.monotonicMs();
    reply.header('x-request-id', request.id);
    addSecurityHeaders(request, reply);
    log.info({ ...about(request), ip: request.ip }, 'request started');
    // Fastify's own hook is silent about a client that went away before its answer was over.
    reply.raw.once('close', () => ended(request, reply.raw.writableFinished ? reply.raw.statusCode : null));
    if (request.url.includes('%00'))
      return done(new AppError('malformed_request', { detail: 'The URL contains NUL.' }));
    if (request.host !== '' && !HOST.test(request.host))
      return done(
        new AppError('malformed_request', {
          detail: 'The Host header is no host name with an optional port.',
        }),
      );
    done();
  });
  const ended = (request: FastifyRequest, status: number | null) => {
    const durationMs = Math.round((clock.monotonicMs() - request.startedAt) * 10) / 10;
    const { method, access } = request;
    log.info(
      {
        ...about(request),
        status,
        duration_ms: durationMs,
        ...(access ? { account_id: access.accountId } : {}),
      },
      status === null ? 'request ended: the client went away' : 'request ended',
    );
    onRequestEnded?.({ method, route: request.routeOptions.url ?? UNROUTED, status, durationMs });
  };
}

/** Set before anything else happens to a request, so that streams that take the reply over have them too; a route may replace each. */
function addSecurityHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers({
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cache-control': 'no-store',
    ...(request.protocol === 'https' ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  });
}

/** A URL that the router cannot read never reaches the hooks: what those add is added here. */
function refuseUnrouted(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  options: HttpOptions,
): void {
  reply.header('x-request-id', request.id);
  addSecurityHeaders(request, reply);
  sendError(error, request, reply, options);
  const { id, method, ip } = request;
  options.log.info(
    { request_id: id, method, path: request.url.split('?', 1)[0], ip, status: reply.statusCode },
    'request refused',
  );
}

/** Registers contracts on the server. Every route declares who may call it and which limit counts it. */
export function bindRoutes(app: FastifyInstance, options: HttpOptions, routes: readonly BoundRoute[]): void {
  const limits = createLimits(app, options);
  for (const { contract, handler } of routes) {
    const limit = limits[contract.limit];
    app.route({
      method: contract.method,
      url: contract.path,
      // A stream has no end, so that the HEAD of one would never be answered.
      exposeHeadRoute: contract.method === 'GET' && !isEventStream(contract),
      ...(contract.maxBodyBytes ? { bodyLimit: contract.maxBodyBytes } : {}),
      schema: {
        ...(contract.params ? { params: contract.params } : {}),
        ...(contract.query ? { querystring: contract.query } : {}),
        ...(contract.body ? { body: contract.body } : {}),
      },
      onRequest: [
        async (request) => {
          request.errorStyle = contract.errorStyle ?? 'problem';
          request.access = await options.authenticate(request, contract);
          requireAccess(request, contract);
        },
        ...(limit ? [limit] : []),
      ],
      preValidation: async (request) => {
        if (contract.body && request.isMultipart())
          throw new AppError('unsupported_media_type', { detail: 'This call takes JSON, not a form.' });
      },
      handler: (request, reply) => answer(contract, handler, request, reply, options),
    });
  }
}

function createLimits(app: FastifyInstance, options: HttpOptions) {
  const { requestsPerMinute, anonymousRequestsPerMinute } = options;
  const byAddress = (request: FastifyRequest) => request.ip;
  const api = app.rateLimit({
    max: (request: FastifyRequest) => (request.access ? requestsPerMinute : anonymousRequestsPerMinute),
    timeWindow: MINUTE_MS,
    keyGenerator: (request: FastifyRequest) => request.access?.accountId ?? request.ip,
  });
  const media = app.rateLimit({
    max: MEDIA_REQUESTS_PER_MINUTE,
    timeWindow: MINUTE_MS,
    keyGenerator: byAddress,
  });
  const signIn = app.rateLimit({
    max: SIGN_IN_ATTEMPTS,
    timeWindow: SIGN_IN_WINDOW_MS,
    keyGenerator: byAddress,
  });
  return { api, media, sign_in: signIn, none: null } satisfies Record<RateLimitClass, unknown>;
}

function isEventStream({ responses }: RouteContract): boolean {
  return responses[200]?.contentType === 'text/event-stream';
}

/** Refuses a caller without what the route asks for. */
function requireAccess(request: FastifyRequest, { access: rule }: RouteContract): void {
  if (rule.kind === 'public') return;
  const { access } = request;
  if (rule.kind === 'operator' && !access && isDirectLoopback(request)) return;
  if (!access) throw new AppError('authentication_required');
  const needed = rule.kind === 'operator' ? 'admin' : rule.scope;
  if (!access.scopes.has(needed) && !access.scopes.has('admin')) {
    throw new AppError('permission_denied', { detail: `This call needs the scope "${needed}".` });
  }
}

/** A caller on this machine that came through no proxy; a proxy's own loopback connection does not count. */
function isDirectLoopback(request: FastifyRequest): boolean {
  const address = request.socket.remoteAddress ?? '';
  const loopback = address === '127.0.0.1' || address === '::1' || address === '::ffff:127.0.0.1';
  return (loopback && !request.headers['x-forwarded-for']) || controlSocketFlag(request.raw);
}

async function answer(
  contract: RouteContract,
  handler: BoundRoute['handler'],
  request: FastifyRequest,
  reply: FastifyReply,
  options: HttpOptions,
): Promise<FastifyReply> {
  const result = (await handler(toHandlerRequest(request, reply, options), reply)) as
    | 'handled'
    | { status: number; headers?: Record<string, string | number>; body?: unknown };
  if (result === 'handled') return reply;
  reply.code(result.status);
  if (result.headers) reply.headers(result.headers);
  if (result.body === undefined) return reply.send();
  if (options.onAnswerMismatch) checkAnswer(contract, result, options.onAnswerMismatch);
  return reply.type('application/json; charset=utf-8').serializer(JSON.stringify).send(result.body);
}

function checkAnswer(
  contract: RouteContract,
  { status, body }: { status: number; body?: unknown },
  onMismatch: (detail: AnswerMismatch) => void,
): void {
  const checked = contract.responses[status]?.schema?.safeParse(body);
  if (checked?.success) return;
  const issues = checked ? checked.error.message.slice(0, 1000) : 'no schema for this status';
  onMismatch({ operation: contract.id, status, issues });
}

function toHandlerRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  options: HttpOptions,
): HandlerRequest<RouteContract> {
  let disconnected: AbortController | null = null;
  return {
    params: request.params as never,
    query: request.query as never,
    body: request.body as never,
    headers: request.headers,
    access: request.access as never,
    requestId: request.id,
    get baseUrl() {
      return baseUrlOf(request, options.publicUrl);
    },
    get language() {
      return languageOf(request.headers['accept-language']);
    },
    log: options.log,
    get disconnected() {
      if (!disconnected) {
        const controller = new AbortController();
        disconnected = controller;
        reply.raw.once('close', () => {
          if (!reply.raw.writableFinished) controller.abort(new Error('The client went away'));
        });
        if (reply.raw.destroyed) controller.abort(new Error('The client went away'));
      }
      return disconnected.signal;
    },
    raw: request,
  };
}

/** Where the caller reaches this server; `X-Forwarded-*` count only from trusted hops (Fastify's trustProxy). */
export function baseUrlOf(request: FastifyRequest, publicUrl: string | null): string {
  if (publicUrl !== null) return publicUrl;
  const protocol = request.protocol === 'https' ? 'https' : 'http';
  return `${protocol}://${HOST.test(request.host) ? request.host : 'localhost'}`;
}

function sendError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  options: HttpOptions,
): FastifyReply {
  const { appError, unexpected } = toAppError(error, request.routeOptions?.bodyLimit);
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
