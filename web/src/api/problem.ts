// What went wrong with a call, in one shape for every screen: from a problem+json body, an OpenAI-style body, or nothing at all.

export interface Problem {
  status: number;
  /** A registered error code, `network` when no answer came, or `unknown` for an answer of another kind. */
  code: string;
  title: string | null;
  detail: string | null;
  cause: string | null;
  fix: string | null;
  retryable: boolean;
  requestId: string | null;
  fields: readonly { pointer: string; detail: string }[];
}

export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail ?? problem.title ?? problem.code);
    this.name = 'ApiError';
    this.problem = problem;
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function fieldsOf(value: unknown): Problem['fields'] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((entry: unknown) => {
    const { pointer, detail } = (entry ?? {}) as { pointer?: unknown; detail?: unknown };
    return typeof detail === 'string' ? [{ pointer: text(pointer) ?? '', detail }] : [];
  });
}

/** A problem for a call that got no answer. */
export function networkProblem(): Problem {
  return {
    status: 0,
    code: 'network',
    title: null,
    detail: null,
    cause: null,
    fix: null,
    retryable: true,
    requestId: null,
    fields: [],
  };
}

/** Reads an error answer's body (already parsed, or null when it was no JSON). */
export function parseProblem(status: number, body: unknown, requestId: string | null): Problem {
  const outer = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const inner =
    typeof outer.error === 'object' && outer.error !== null
      ? (outer.error as Record<string, unknown>)
      : outer;
  return {
    status,
    code: text(inner.code) ?? 'unknown',
    title: text(inner.title),
    detail: text(inner.detail) ?? text(inner.message),
    cause: text(inner.cause),
    fix: text(inner.fix),
    retryable: typeof inner.retryable === 'boolean' ? inner.retryable : status >= 500 || status === 429,
    requestId: text(inner.request_id) ?? requestId,
    fields: fieldsOf(inner.errors),
  };
}

/** The problem of anything thrown by a call; a bug in the page reads as `unknown`. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  const detail = error instanceof Error ? error.message : String(error);
  return { ...networkProblem(), code: 'unknown', detail, retryable: false };
}
