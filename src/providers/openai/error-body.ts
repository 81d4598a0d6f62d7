// Reads the body of a refusal in any of the shapes that OpenAI and servers in its style give it; judges nothing.

/** Entries of a list of wrong fields that are looked at. */
const MOST_DETAILS = 8;

/** What an error body says; every field may be missing. */
export interface ErrorFields {
  code?: string | undefined;
  type?: string | undefined;
  /** The parameter that is wrong. */
  param?: string | undefined;
  message?: string | undefined;
}

const asText = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;

/** The list of wrong fields that FastAPI servers send, as `body.stream: Extra inputs are not permitted`. */
function detailsText(detail: unknown): string | undefined {
  if (!Array.isArray(detail)) return undefined;
  const said = detail.slice(0, MOST_DETAILS).flatMap((entry) => {
    const { loc, msg } = (entry ?? {}) as { loc?: unknown; msg?: unknown };
    const where = Array.isArray(loc) ? loc.slice(0, MOST_DETAILS).map(String).join('.') : 'request';
    return typeof msg === 'string' ? [`${where}: ${msg}`] : [];
  });
  return said.length > 0 ? said.join('; ') : undefined;
}

/** The fields of an error body; null when it is no JSON object. Never throws. */
export function errorFields(body: string): ErrorFields | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null;
  const outer = parsed as Record<string, unknown>;
  const isNested = typeof outer.error === 'object' && outer.error !== null;
  const inner = isNested ? (outer.error as Record<string, unknown>) : outer;
  return {
    code: asText(inner.code),
    type: asText(inner.type),
    param: asText(inner.param),
    message:
      asText(inner.message) ?? asText(outer.error) ?? asText(outer.detail) ?? detailsText(outer.detail),
  };
}
