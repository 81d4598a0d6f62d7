// A route contract is one value that gives request validation, the handler's types, the OpenAPI description and the
// web client's types. Slices declare contracts in contract.ts and bind them to verbs in routes.ts.
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { ErrorCode, Language } from './errors.ts';
import type { Logger } from './log.ts';

/** What a caller may do. `admin` includes all others. */
export const SCOPES = [
  'tasks:read',
  'tasks:write',
  'images:read',
  'images:write',
  'credits:read',
  'accounts:act',
  'admin',
] as const;
export type Scope = (typeof SCOPES)[number];

/** Who is calling, as the accounts slice found it. */
export interface Access {
  /** The account that is acted for. */
  accountId: string;
  scopes: ReadonlySet<Scope>;
  via: 'key' | 'session' | 'socket' | 'ticket' | 'loopback';
  /** The API key's or session's id; a retried OpenAI-style request is matched within it. */
  credentialId: string;
  /** Nobody showed a credential: an account that the operator named stands in, and limits count by address. */
  isAnonymous?: boolean;
}

/**
 * Who may call a route.
 * - `public`: anybody; `access` is null.
 * - a scope: a key or session with it; `ticket: true` also takes `?ticket=` (event streams).
 * - `operator`: the admin scope, or a caller on the loopback interface that came through no proxy.
 */
export type RouteAccess =
  | { kind: 'public' }
  | { kind: 'scope'; scope: Scope; ticket?: boolean }
  | { kind: 'operator' };

/**
 * Which request limit counts a call: per account for callers with a key, per address for others. Of `sign_in` only what fails
 * counts beyond that; `sign_up` makes accounts, so that successes count too.
 */
export type RateLimitClass = 'api' | 'sign_in' | 'sign_up' | 'media' | 'callback' | 'none';

export interface ResponseContract {
  description: string;
  /** JSON body; absent for an empty or a non-JSON answer. */
  schema?: z.ZodType;
  /** Content type of a non-JSON answer. */
  contentType?: string;
}

export type ErrorStyle = 'problem' | 'openai' | 'older';

export interface RouteContract {
  /** OpenAPI operation id, `noun.verb`. */
  id: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `:name` parameters. */
  path: string;
  tag: string;
  summary: string;
  description?: string;
  access: RouteAccess;
  limit: RateLimitClass;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** Multipart fields for the description only: the handler reads and checks the parts itself. */
  multipart?: z.ZodObject;
  /** The body comes as bytes in `raw.body`, whatever type its sender says it has. */
  rawBody?: boolean;
  /** Its path holds a secret: the log names the route instead. */
  hasSecretPath?: boolean;
  /** Request headers worth documenting; handlers read them from `headers`. */
  headers?: Record<string, string>;
  maxBodyBytes?: number;
  responses: Record<number, ResponseContract>;
  /** Codes that this route itself answers with, beyond those every route may give. */
  errors: readonly ErrorCode[];
  /** `openai` answers errors as `{error:{message,type,param,code}}`, `older` as a problem with `success: false` and `error` as text. */
  errorStyle?: ErrorStyle;
  /** Taken without a credential where `compat.allow_anonymous` is set. */
  anonymous?: boolean;
}

/** Declares a contract and keeps its exact type. */
export function defineRoute<const Contract extends RouteContract>(contract: Contract): Contract {
  return contract;
}

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

/** What a handler gets: validated parts, the caller, and what it needs to answer well. */
export interface HandlerRequest<Contract extends RouteContract> {
  params: Parsed<Contract['params']>;
  query: Parsed<Contract['query']>;
  body: Parsed<Contract['body']>;
  headers: IncomingHttpHeaders;
  access: Contract['access'] extends { kind: 'public' } ? Access | null : Access;
  requestId: string;
  /** `https://host/prefix`, without a trailing slash: what every URL in an answer starts with. */
  baseUrl: string;
  language: Language;
  log: Logger;
  /** Aborted when the client's connection goes away. */
  disconnected: AbortSignal;
  raw: FastifyRequest;
}

type BodyOf<Response> = Response extends { schema: infer Schema extends z.ZodType }
  ? z.input<Schema>
  : undefined;

type JsonAnswer<Contract extends RouteContract> = {
  [Status in keyof Contract['responses'] & number]: {
    status: Status;
    headers?: Record<string, string | number>;
  } & (BodyOf<Contract['responses'][Status]> extends undefined
    ? { body?: undefined }
    : { body: BodyOf<Contract['responses'][Status]> });
}[keyof Contract['responses'] & number];

/** A handler either returns an answer, or has taken the reply over (files and streams) and returns `handled`. */
export type HandlerAnswer<Contract extends RouteContract> = JsonAnswer<Contract> | 'handled';

export type Handler<Contract extends RouteContract> = (
  request: HandlerRequest<Contract>,
  reply: FastifyReply,
) => Promise<HandlerAnswer<Contract>>;

/** A contract with its handler, as `routes.ts` of a slice returns them. */
export interface BoundRoute {
  contract: RouteContract;
  handler: (request: HandlerRequest<RouteContract>, reply: FastifyReply) => Promise<unknown>;
}

/** Binds a contract to the verb that serves it. */
export function bindRoute<Contract extends RouteContract>(
  contract: Contract,
  handler: Handler<Contract>,
): BoundRoute {
  return { contract, handler: handler as unknown as BoundRoute['handler'] };
}

/** The JSON body that a route answers with at a status, for clients. */
export type ResponseBody<
  Contract extends RouteContract,
  Status extends keyof Contract['responses'],
> = Contract['responses'][Status] extends { schema: infer Schema extends z.ZodType }
  ? z.output<Schema>
  : undefined;

/** The JSON body that a route takes, before defaults are filled in. */
export type RequestBody<Contract extends RouteContract> = Contract['body'] extends z.ZodType
  ? z.input<Contract['body']>
  : undefined;
