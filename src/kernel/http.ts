// The HTTP server: binds route contracts to Fastify and owns what every answer shares - request ids, two log lines a
// request, authentication, request limits, body parsing, security headers, and one handler for every error.
import { STATUS_CODES } from 'node:http';
import cors from '@fastify/cors';
import multipart from '@fastify/multipart';
import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Clock } from './clock.ts';
import { AppError } from './errors.ts';
import { HOST, sendError } from './http-error.ts';
import { newId } from './id.ts';
import { parseJsonBytes } from './json-body.ts';
import type { Logger } from './log.ts';
import { fieldErrors } from './problem.ts';
import type { Access, ErrorStyle, RouteContract } from './route.ts';

/** Largest JSON body unless a route says otherwise; four pictures as base64 have their own routes. */
export const MAX_JSON_BODY_BYTES = 1024 * 1024;
/** A request that is not complete by then is answered 408: a slow line needs minutes for a 32 MB upload, an attacker more. */
const REQUEST_TIMEOUT_MS = 300_000;
const HEADERS_TIMEOUT_MS = 15_000;
/** How late both limits may take effect: with Node's own 30 s, slow connections would live three times as long as allowed. */
const CONNECTION_CHECK_MS = 1_000;
/** Longer than the 60 s that common proxies keep idle connections, so that it is never we who close first. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
const MAX_PARAM_CHARS = 300;
/** Tokens of share links and callbacks are longer; names of files have a dot, and of what is served no word is as long. */
const TOKEN_SEGMENT = /\/[^/.]{20,}(?=\/|$)/g;
/** What numbers call a path that nobody serves. */
const UNROUTED = 'unrouted';

declare module 'fastify' {
  interface FastifyRequest {
    access: Access | null;
    startedAt: number;
    errorStyle: ErrorStyle;
  }
  interface FastifyContextConfig {
    /** What the log says instead of a path with a secret in it. */
    shownPath?: string;
  }
}

export interface HttpOptions {
  log: Logger;
  clock: Clock;
  /** `https://host/prefix`, or null to derive it from each request. */
  publicUrl: string | null;
  trustedProxies: readonly string[];
  /** Whether callers on the loopback interface are the operator (`isOnThisMachine`); false without it. */
  trustLoopback?: boolean;
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
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: CONNECTION_CHECK_MS },
    trustProxy: [...options.trustedProxies],
    routerOptions: { maxParamLength: MAX_PARAM_CHARS, ignoreTrailingSlash: true },
    genReqId: () => newId('req', options.clock.now()),
    // Works behind a proxy that strips the prefix and behind one that does not.
    rewriteUrl: (request) => stripPrefix(request.url ?? '/', prefix),
    frameworkErrors: (error, request, reply) => refuseUnrouted(error, request, reply, options),
    clientErrorHandler: answerBrokenRequest,
  });
  app.decorate('trustsLoopback', options.trustLoopback ?? false);
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
      // The library's own list ends at POST, and a studio elsewhere revokes and renames too.
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
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
      error: new AppError('validation_failed', { errors: fieldErrors(result.error, httpPart ?? 'body') }),
    };
  });
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, options));
  return app;
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

/** The path for the log. One that nobody serves may be a link that somebody mistyped or whose proxy changed it. */
function shownPath({ routeOptions, url }: FastifyRequest): string {
  if (routeOptions.config?.shownPath !== undefined) return routeOptions.config.shownPath;
  return routeOptions.url === undefined ? withoutTokens(url) : (url.split('?', 1)[0] ?? '');
}

/** The path of `url` without its query, and without what is long enough to be a token. */
function withoutTokens(url: string): string {
  const path = url.split('?', 1)[0] ?? '';
  return path.replace(TOKEN_SEGMENT, '/…');
}

/** One line when a request arrives and one when it ends, so that a hung one shows. Paths only: queries hold tickets. */
function addRequestLog(app: FastifyInstance, { log, clock, onRequestEnded }: HttpOptions): void {
  const about = (request: FastifyRequest) => ({
    request_id: request.id,
    method: request.method,
    path: shownPath(request),
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
    { request_id: id, method, path: withoutTokens(request.url), ip, status: reply.statusCode },
    'request refused',
  );
}
