// Binds route contracts to the server: who may call, which limit counts, what the handler gets, and its answer as JSON.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from './clock.ts';
import { AppError } from './errors.ts';
import type { AnswerMismatch, HttpOptions } from './http.ts';
import { baseUrlOf } from './http-error.ts';
import { languageOf } from './problem.ts';
import type { BoundRoute, HandlerRequest, RateLimitClass, RouteContract } from './route.ts';
import { isOnThisMachine } from './same-machine.ts';
import { countedAddress, TryCounter } from './try-counter.ts';

const MINUTE_MS = 60_000;
/** A gallery shows hundreds of thumbnails at once; this only stops a flood. */
const MEDIA_REQUESTS_PER_MINUTE = 6_000;
/** What a provider's servers may call back from one address; polling goes on without. */
const CALLBACKS_PER_SECOND = 100;
const SECOND_MS = 1_000;
/** Wrong passwords, keys and links of one network; each login has its own, smaller number. */
const MAX_FAILED_SIGN_INS = 30;
const SIGN_UPS = 10;
const SIGN_IN_WINDOW_MS = 15 * 60_000;

/** Registers contracts on the server. Every route declares who may call it and which limit counts it. */
export function bindRoutes(app: FastifyInstance, options: HttpOptions, routes: readonly BoundRoute[]): void {
  const limits = createLimits(app, options);
  const signIn = failedSignInLimit(options.clock);
  for (const { contract, handler } of routes) {
    const limit = limits[contract.limit];
    inScopeOf(app, contract, (scope) =>
      scope.route({
        method: contract.method,
        url: contract.path,
        // A stream has no end, so that the HEAD of one would never be answered.
        exposeHeadRoute: contract.method === 'GET' && !isEventStream(contract),
        ...(contract.maxBodyBytes ? { bodyLimit: contract.maxBodyBytes } : {}),
        ...(contract.hasSecretPath ? { config: { shownPath: contract.path } } : {}),
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
          ...(contract.limit === 'sign_in' ? [signIn.onRequest] : []),
        ],
        ...(contract.limit === 'sign_in' ? { onResponse: signIn.onResponse } : {}),
        preValidation: async (request) => {
          if (contract.body && request.isMultipart())
            throw new AppError('unsupported_media_type', { detail: 'This call takes JSON, not a form.' });
        },
        handler: (request, reply) => answer(contract, handler, request, reply, options),
      }),
    );
  }
}

/** Only failures count: a sign-in that was right, or that broke on our side, is given back. */
function failedSignInLimit(clock: Clock) {
  const failed = new TryCounter(clock, SIGN_IN_WINDOW_MS);
  const counted = new WeakSet<FastifyRequest>();
  return {
    /** Counted before it is made, so that many at once are no way around the limit. Throws `rate_limited`. */
    async onRequest(request: FastifyRequest): Promise<void> {
      const waitMs = failed.take(countedAddress(request.ip), MAX_FAILED_SIGN_INS);
      if (waitMs > 0)
        throw new AppError('rate_limited', {
          detail: 'There were too many wrong tries to sign in from your network; wait a while.',
          retryAfterS: Math.ceil(waitMs / 1000),
        });
      counted.add(request);
    },
    async onResponse(request: FastifyRequest, { statusCode }: FastifyReply): Promise<void> {
      const isFailure = statusCode >= 400 && statusCode < 500;
      if (counted.delete(request) && !isFailure) failed.giveBack(countedAddress(request.ip));
    },
  };
}

/** A route that takes bytes gets a scope of its own, in which every body is only that. */
function inScopeOf(
  app: FastifyInstance,
  { rawBody }: RouteContract,
  bind: (scope: FastifyInstance) => unknown,
): void {
  if (!rawBody) return void bind(app);
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer' },
      async (_request: FastifyRequest, body: Buffer) => body,
    );
    bind(scope);
  });
}

function createLimits(app: FastifyInstance, options: HttpOptions) {
  const { requestsPerMinute, anonymousRequestsPerMinute } = options;
  const byAddress = (request: FastifyRequest) => request.ip;
  // Callers without a key share an account, but one of them must not use up what the others have.
  const accountOf = ({ access }: FastifyRequest) =>
    access?.isAnonymous === true ? undefined : access?.accountId;
  const api = app.rateLimit({
    max: (request: FastifyRequest) => (accountOf(request) ? requestsPerMinute : anonymousRequestsPerMinute),
    timeWindow: MINUTE_MS,
    keyGenerator: (request: FastifyRequest) => accountOf(request) ?? request.ip,
  });
  const media = app.rateLimit({
    max: MEDIA_REQUESTS_PER_MINUTE,
    timeWindow: MINUTE_MS,
    keyGenerator: byAddress,
  });
  const signUp = app.rateLimit({
    max: SIGN_UPS,
    timeWindow: SIGN_IN_WINDOW_MS,
    keyGenerator: byAddress,
  });
  const callback = app.rateLimit({
    max: CALLBACKS_PER_SECOND,
    timeWindow: SECOND_MS,
    keyGenerator: byAddress,
  });
  // Sign-ins cost a password's hash each, so that they are counted like other calls as well.
  return { api, media, sign_in: api, sign_up: signUp, callback, none: null } satisfies Record<
    RateLimitClass,
    unknown
  >;
}

function isEventStream({ responses }: RouteContract): boolean {
  return responses[200]?.contentType === 'text/event-stream';
}

/** Refuses a caller without what the route asks for. */
function requireAccess(request: FastifyRequest, { access: rule }: RouteContract): void {
  if (rule.kind === 'public') return;
  const { access } = request;
  if (rule.kind === 'operator' && !access && isOnThisMachine(request)) return;
  if (!access) throw new AppError('authentication_required');
  const needed = rule.kind === 'operator' ? 'admin' : rule.scope;
  if (!access.scopes.has(needed) && !access.scopes.has('admin')) {
    throw new AppError('permission_denied', { detail: `This call needs the scope "${needed}".` });
  }
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
