// Builds the OpenAPI 3.1 document from the route contracts alone, so that it cannot say anything the server does not do.
// The order of everything in it is stable: openapi.json is committed and compared.
import { z } from 'zod';
import { AppError, describeError, ERROR_CODES, type ErrorCode, errorText } from './errors.ts';
import { type JsonSchema, SchemaCollector } from './openapi-schemas.ts';
import { olderError, openaiError } from './problem.ts';
import type { ErrorStyle, ResponseContract, RouteContract } from './route.ts';

export interface OpenApiDocument {
  openapi: string;
  info: {
    title: string;
    version: string;
    description: string;
    license: { name: string; identifier: string };
  };
  servers?: { url: string }[];
  externalDocs: { description: string; url: string };
  tags: { name: string }[];
  paths: Record<string, Record<string, JsonSchema>>;
  components: Record<string, Record<string, JsonSchema>>;
}

export interface OpenApiOptions {
  version: string;
  /** `https://host/prefix`; without it the document describes whatever server it was fetched from. */
  serverUrl?: string;
}

const DESCRIPTION = `One HTTP interface to every picture provider this server knows.

Send \`Authorization: Bearer dbk_…\` (make a key in the studio under Account, or with \`drawbridge keys create\`). Times are RFC 3339 UTC. \
Unknown fields in a request are refused unless the route says otherwise; new fields may be added to answers at any time. \
Errors are \`application/problem+json\` with a \`code\`, a likely cause and what to do now; \`Accept-Language: zh\` gives them in Chinese.`;

const EXAMPLE_REQUEST_ID = 'req_0193a5c27b1e7c3e9d2f4b6a8c0e1d3f';
const JSON_TYPE = 'application/json';
const METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'PATCH'];

/** OpenAPI gives these headers a place of their own and ignores parameters of these names. */
const HEADERS_WITH_OWN_PLACE = new Set(['accept', 'content-type', 'authorization']);

const SECURITY_SCHEMES: Record<string, JsonSchema> = {
  api_key: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'dbk_…',
    description:
      'An API key. Each operation names the scope that the key needs; `admin` includes all others.',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: 'drawbridge_session',
    description: 'The browser session of the studio; on https the cookie is called `__Host-drawbridge`.',
  },
  ticket: {
    type: 'apiKey',
    in: 'query',
    name: 'ticket',
    description:
      'A one-minute ticket from `POST /v1/stream-tickets`, for event streams opened where no header can be set.',
  },
};

const HEADERS: Record<string, JsonSchema> = {
  RateLimitLimit: { description: 'Requests allowed in the current window.', schema: { type: 'integer' } },
  RateLimitRemaining: { description: 'Requests left in the current window.', schema: { type: 'integer' } },
  RateLimitReset: { description: 'Seconds until the window starts anew.', schema: { type: 'integer' } },
  RequestId: {
    description: 'Names this request in the log; give it when asking for help.',
    schema: { type: 'string' },
  },
  RetryAfter: { description: 'Seconds to wait before asking again.', schema: { type: 'integer' } },
};

const problemSchema = z
  .object({
    type: z.url().meta({ description: "Link to this code's entry on the page of all errors." }),
    title: z.string(),
    status: z.int(),
    code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]),
    detail: z.string().meta({ description: 'What happened this time.' }),
    cause: z.string().meta({ description: 'Why it usually happens.' }),
    fix: z.string().meta({ description: 'What to do now.' }),
    retryable: z
      .boolean()
      .meta({ description: 'Whether the same request may succeed later without a change.' }),
    retry_after_s: z.number().optional(),
    request_id: z.string(),
    errors: z
      .array(z.object({ pointer: z.string(), detail: z.string() }))
      .optional()
      .meta({
        description: 'Each wrong field: a JSON pointer into the body, or `query/…`, `path/…`, `header/…`.',
      }),
  })
  .meta({ id: 'Problem', description: 'An error as RFC 9457 describes it.' });

const openaiErrorSchema = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .meta({ id: 'OpenAIError', description: "An error in OpenAI's form." });

const olderErrorSchema = problemSchema
  .extend({ success: z.literal(false), error: z.string().meta({ description: 'The same as `detail`.' }) })
  .meta({ id: 'OlderError', description: 'A problem, with what pages of the older systems look at.' });

const ERROR_NAMES: Record<ErrorStyle, string> = { problem: '', openai: 'OpenAI', older: 'Older' };

const ERROR_SCHEMAS: Record<ErrorStyle, { name: string; schema: z.ZodType; contentType: string }> = {
  problem: { name: 'Problem', schema: problemSchema, contentType: 'application/problem+json' },
  openai: { name: 'OpenAIError', schema: openaiErrorSchema, contentType: JSON_TYPE },
  older: { name: 'OlderError', schema: olderErrorSchema, contentType: JSON_TYPE },
};

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const pascalCase = (text: string) =>
  text.replaceAll(/(?:^|_)(\w)/g, (_match, letter: string) => letter.toUpperCase());
const reference = (kind: string, name: string): JsonSchema => ({ $ref: `#/components/${kind}/${name}` });

/** Every code that a route may answer with: its own, and those that its access, limit and body bring along. */
export function errorCodesOf(contract: RouteContract): ErrorCode[] {
  const takesBody = contract.body !== undefined || contract.multipart !== undefined;
  const codes = new Set<ErrorCode>(['internal_error', ...contract.errors]);
  if (contract.access.kind !== 'public') {
    codes.add('authentication_required').add('permission_denied').add('database_unavailable');
  }
  if (contract.limit !== 'none') codes.add('rate_limited');
  if (contract.params || contract.query || takesBody) codes.add('validation_failed');
  if (takesBody) codes.add('malformed_request').add('payload_too_large').add('unsupported_media_type');
  return [...codes].sort(byText);
}

function errorExample(code: ErrorCode, style: ErrorStyle): JsonSchema {
  const error = new AppError(code);
  if (style === 'openai') {
    return openaiError(error, { language: 'en', requestId: EXAMPLE_REQUEST_ID, baseUrl: '' });
  }
  const problem = {
    type: `https://pictures.example.com/docs/errors#${code}`,
    ...describeError(error, 'en'),
    request_id: EXAMPLE_REQUEST_ID,
  };
  return style === 'older' ? olderError(problem) : problem;
}

/** The components that answers with an error refer to; each is one set of codes that share a status and a form. */
class ErrorAnswers {
  readonly components = new Map<string, JsonSchema>();

  /** The `responses` entries for these codes. */
  describe(codes: readonly ErrorCode[], style: ErrorStyle): [status: string, response: JsonSchema][] {
    const byStatus = Map.groupBy(codes, (code) => String(ERROR_CODES[code].status));
    return [...byStatus].map(([status, group]) => {
      const name = `${group.map(pascalCase).join('Or')}${ERROR_NAMES[style]}`;
      if (!this.components.has(name)) this.components.set(name, this.#component(group, style));
      return [status, reference('responses', name)];
    });
  }

  #component(codes: readonly ErrorCode[], style: ErrorStyle): JsonSchema {
    const { name, contentType } = ERROR_SCHEMAS[style];
    return {
      description: codes.map((code) => `\`${code}\`: ${errorText(code, 'en').title}.`).join('\n\n'),
      headers: {
        'X-Request-Id': reference('headers', 'RequestId'),
        ...(codes.some((code) => ERROR_CODES[code].retryable)
          ? { 'Retry-After': reference('headers', 'RetryAfter') }
          : {}),
      },
      content: {
        [contentType]: {
          schema: reference('schemas', name),
          examples: Object.fromEntries(
            codes.map((code) => [
              code,
              { summary: errorText(code, 'en').title, value: errorExample(code, style) },
            ]),
          ),
        },
      },
    };
  }
}

function security({ access }: RouteContract): JsonSchema[] {
  if (access.kind === 'public') return [];
  const scope = access.kind === 'operator' ? 'admin' : access.scope;
  return [
    { api_key: [scope] },
    { session: [scope] },
    ...(access.kind === 'scope' && access.ticket ? [{ ticket: [scope] }] : []),
  ];
}

/** `/media/:kind/:key` as OpenAPI writes it, and the names in it. */
function templatePath(path: string): { template: string; names: string[] } {
  const names: string[] = [];
  const template = path.replaceAll(/:(\w+)(?:\([^)]*\))?|\*/g, (_match, name: string | undefined) => {
    names.push(name ?? '*');
    return `{${name ?? '*'}}`;
  });
  return { template, names };
}

function parameter(where: string, name: string, schema: JsonSchema, required: boolean): JsonSchema {
  const { description, ...rest } = schema;
  return { name, in: where, required, ...(description === undefined ? {} : { description }), schema: rest };
}

function propertiesOf(schema: JsonSchema): [string, JsonSchema][] {
  return Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>);
}

function parameters(
  contract: RouteContract,
  names: readonly string[],
  schemas: SchemaCollector,
): JsonSchema[] {
  const described = new Map(contract.params ? propertiesOf(schemas.describe(contract.params, 'input')) : []);
  const list = names.map((name) => parameter('path', name, described.get(name) ?? { type: 'string' }, true));
  if (contract.query) {
    const query = schemas.describe(contract.query, 'input');
    const required = new Set((query.required ?? []) as string[]);
    for (const [name, schema] of propertiesOf(query))
      list.push(parameter('query', name, schema, required.has(name)));
  }
  for (const [name, description] of Object.entries(contract.headers ?? {})) {
    if (HEADERS_WITH_OWN_PLACE.has(name.toLowerCase())) continue;
    list.push(parameter('header', name, { type: 'string', description }, false));
  }
  return list;
}

function requestBody(
  { body, multipart, rawBody }: RouteContract,
  schemas: SchemaCollector,
): JsonSchema | null {
  if (rawBody) return { required: false, content: { '*/*': { schema: {} } } };
  if (!body && !multipart) return null;
  return {
    required: body?._zod.optin !== 'optional',
    content: {
      ...(body ? { [JSON_TYPE]: { schema: schemas.describe(body, 'input') } } : {}),
      ...(multipart ? { 'multipart/form-data': { schema: schemas.describe(multipart, 'input') } } : {}),
    },
  };
}

function answer(contract: RouteContract, response: ResponseContract, schemas: SchemaCollector): JsonSchema {
  const { description, schema, contentType } = response;
  const rawSchema = contentType?.startsWith('text/')
    ? { type: 'string' }
    : { type: 'string', format: 'binary' };
  const content = {
    ...(schema ? { [JSON_TYPE]: { schema: schemas.describe(schema, 'output') } } : {}),
    ...(contentType && contentType !== JSON_TYPE ? { [contentType]: { schema: rawSchema } } : {}),
  };
  return {
    description,
    headers: {
      'X-Request-Id': reference('headers', 'RequestId'),
      ...(contract.limit === 'none'
        ? {}
        : {
            'RateLimit-Limit': reference('headers', 'RateLimitLimit'),
            'RateLimit-Remaining': reference('headers', 'RateLimitRemaining'),
            'RateLimit-Reset': reference('headers', 'RateLimitReset'),
          }),
    },
    ...(Object.keys(content).length > 0 ? { content } : {}),
  };
}

function describeAccess({ access }: RouteContract): string | null {
  if (access.kind === 'public') return null;
  if (access.kind === 'scope') return `Needs the scope \`${access.scope}\`.`;
  return 'Needs the scope `admin`, or a caller on the server itself that comes through no proxy.';
}

function operation(
  contract: RouteContract,
  names: readonly string[],
  schemas: SchemaCollector,
  errors: ErrorAnswers,
): JsonSchema {
  const list = parameters(contract, names, schemas);
  const body = requestBody(contract, schemas);
  const description = [contract.description, describeAccess(contract)].filter(Boolean).join('\n\n');
  const responses = new Map<string, JsonSchema>(
    errors.describe(errorCodesOf(contract), contract.errorStyle ?? 'problem'),
  );
  // A status that the contract describes itself wins: a 503 with a health report is not a problem document.
  for (const [status, response] of Object.entries(contract.responses)) {
    responses.set(status, answer(contract, response, schemas));
  }
  return {
    operationId: contract.id,
    tags: [contract.tag],
    summary: contract.summary,
    ...(description ? { description } : {}),
    security: security(contract),
    ...(list.length > 0 ? { parameters: list } : {}),
    ...(body ? { requestBody: body } : {}),
    responses: Object.fromEntries([...responses].sort(([a], [b]) => byText(a, b))),
  };
}

function assertUnique(contracts: readonly RouteContract[]): void {
  const seen = new Set<string>();
  for (const { id, method, path } of contracts) {
    for (const key of [id, `${method} ${path}`]) {
      if (seen.has(key)) throw new Error(`Two route contracts declare ${key}`);
      seen.add(key);
    }
  }
}

function sortedRecord(entries: Iterable<[string, JsonSchema]>): Record<string, JsonSchema> {
  return Object.fromEntries([...entries].sort(([a], [b]) => byText(a, b)));
}

/**
 * The OpenAPI 3.1 document of these contracts. Throws when two of them share an id or a method and path,
 * or when two different schemas share a `.meta({ id })`.
 */
export function buildOpenApi(contracts: readonly RouteContract[], options: OpenApiOptions): OpenApiDocument {
  assertUnique(contracts);
  const schemas = new SchemaCollector();
  const errors = new ErrorAnswers();
  const operations: { template: string; method: string; value: JsonSchema }[] = [];
  for (const contract of contracts) {
    const { template, names } = templatePath(contract.path);
    operations.push({
      template,
      method: contract.method,
      value: operation(contract, names, schemas, errors),
    });
  }
  for (const { schema } of Object.values(ERROR_SCHEMAS)) schemas.describe(schema, 'output');
  operations.sort(
    (a, b) => byText(a.template, b.template) || METHODS.indexOf(a.method) - METHODS.indexOf(b.method),
  );
  const { components, resolve } = schemas.finish();
  const paths: OpenApiDocument['paths'] = {};
  for (const { template, method, value } of operations) {
    paths[template] = { ...paths[template], [method.toLowerCase()]: resolve(value) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Drawbridge',
      version: options.version,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    ...(options.serverUrl ? { servers: [{ url: options.serverUrl }] } : {}),
    externalDocs: {
      description: 'Every error code, its cause and its fix',
      url: `${options.serverUrl ?? ''}/docs/errors`,
    },
    tags: [...new Set(contracts.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: components,
      responses: sortedRecord(errors.components),
      headers: HEADERS,
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}
