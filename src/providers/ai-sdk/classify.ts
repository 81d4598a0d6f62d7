// What a failed call of an AI SDK package means. The packages word their errors differently and change with versions, so
// the verdict comes from the exchanges that our own door saw; the package's words are only quoted.
// Only a refusal in the service's own words, or a request that was never sent, proves that no job was made.
import { isGatewayTimeout, judgeLostCall } from '../../kernel/lost-call.ts';
import type { OutboundError } from '../../kernel/outbound-error.ts';
import { withQuote } from '../../kernel/quotable.ts';
import { parseRetryAfter } from '../../kernel/retry-after.ts';
import { isSuccess } from '../adapter/read-answer.ts';
import { type Created, ProviderError, type ProviderErrorKind } from '../provider.ts';
import type { Exchange } from './outbound-fetch.ts';

export interface FailureContext {
  exchanges: readonly Exchange[];
  /** The package, as messages name it. */
  package: string;
  /** Values that no message may repeat. */
  secrets: readonly string[];
  nowMs: number;
  /** The engine stopped the call. */
  isAborted: boolean;
}

interface Verdict {
  kind: ProviderErrorKind;
  created: Created;
  message: string;
  quote?: string;
}

const CONTENT_WORDS =
  /sensitive|content[_ ]polic|usage[_ ]polic|safety (?:system|filter|checker|reason)|prohibited|nsfw|moderat|flagged|inappropriate|敏感|违规|审核/i;
const QUOTA_WORDS =
  /insufficient[_ ](?:quota|credit|balance|funds)|exhausted balance|out of credit|no credits|quota[_ ]exceeded|billing|payment required|余额/i;
const MISSING_KEY = /^AI_Load(?:APIKey|Setting)Error$/;
const FIX =
  'Set a working key: "drawbridge providers set-secret ai_sdk", or api_key under providers.ai_sdk and a restart.';

/** What an error body says, in any of the usual shapes; null when it is not JSON, so not the service's own words. */
function saidIn(text: string | null): string | null {
  let body: unknown;
  try {
    body = JSON.parse(text ?? '');
  } catch {
    return null;
  }
  if (typeof body !== 'object' || body === null) return null;
  const words: string[] = [];
  const read = (value: unknown, depth: number) => {
    if (typeof value === 'string') words.push(value);
    else if (Array.isArray(value) && depth < 4) for (const one of value.slice(0, 8)) read(one, depth + 1);
    else if (typeof value === 'object' && value !== null && depth < 4) {
      const fields = value as Record<string, unknown>;
      for (const name of ['message', 'msg', 'detail', 'title', 'error', 'type', 'code', 'status']) {
        if (Object.hasOwn(fields, name)) read(fields[name], depth + 1);
      }
    }
  };
  read(body, 0);
  return words.join('; ');
}

/** A refusal in JSON is the service's own; it made nothing. */
function ownVerdict(status: number, said: string, who: string): Verdict | null {
  const no = 'no' as const;
  if (status < 400 || status >= 500 || [408, 409, 425, 499].includes(status)) return null;
  if (status !== 401 && QUOTA_WORDS.test(said)) {
    return { kind: 'quota_exhausted', created: no, message: `The account at ${who} has no credit left` };
  }
  if ([400, 403, 422, 451].includes(status) && CONTENT_WORDS.test(said)) {
    return {
      kind: 'content_blocked',
      created: no,
      message: `${who} refused the content of the prompt or picture`,
    };
  }
  if (status === 403) {
    return { kind: 'credentials_expired', created: no, message: `${who} refuses this API key. ${FIX}` };
  }
  const kind = status === 405 || status === 404 ? 'invalid_request' : null;
  const message = kind ? `${who} has no such model or address` : `${who} refused the request`;
  return statusOnly(status, who) ?? { kind: 'invalid_request', created: no, message, quote: said };
}

/** Statuses that say the same with and without a body. */
function statusOnly(status: number, who: string): Verdict | null {
  if (status === 401) {
    const message = `${who} does not accept the API key. ${FIX}`;
    return { kind: 'credentials_expired', created: 'no', message };
  }
  if (status === 402) {
    return { kind: 'quota_exhausted', created: 'no', message: `The account at ${who} has no credit left` };
  }
  if (status === 429) {
    return { kind: 'rate_limited', created: 'no', message: `${who} takes no more requests for the moment` };
  }
  return null;
}

function statusVerdict(status: number, text: string | null, who: string): Verdict {
  const said = saidIn(text);
  const own = said === null ? statusOnly(status, who) : ownVerdict(status, said, who);
  if (own) return own;
  const answered = `${who}, or a server in front of it, answered with HTTP ${status}`;
  // After 303 the work may be done; the others say that it is to be asked for elsewhere.
  if (status >= 300 && status < 400) {
    const message = `${who} redirects elsewhere (HTTP ${status}), which is not followed; check base_url`;
    return { kind: 'unavailable', created: status === 303 ? 'unknown' : 'no', message };
  }
  if ([403, 404, 405, 407].includes(status)) return { kind: 'unavailable', created: 'no', message: answered };
  if ([400, 413, 414, 415, 422, 431].includes(status)) {
    return { kind: 'invalid_request', created: 'no', message: answered };
  }
  const kind = isGatewayTimeout(status) ? 'timeout' : 'unavailable';
  return { kind, created: 'unknown', message: answered, ...(said ? { quote: said } : {}) };
}

function isFailed({ status, error }: Exchange): boolean {
  return error !== null || status === null || !isSuccess(status);
}

/** All requests went well, so the package itself did not like an answer, or sent nothing at all. */
function packageVerdict(error: unknown, context: FailureContext, wasSent: boolean): Verdict {
  const who = context.package;
  const said = error instanceof Error ? error.message : '';
  if (!wasSent) {
    return error instanceof Error && MISSING_KEY.test(error.name)
      ? { kind: 'credentials_missing', created: 'no', message: `${who} has no API key. ${FIX}` }
      : { kind: 'invalid_request', created: 'no', message: `${who} does not take this request`, quote: said };
  }
  if (CONTENT_WORDS.test(said)) {
    const message = `${who} refused the content of the prompt or picture`;
    return { kind: 'content_blocked', created: 'yes', message };
  }
  const message = `The answer of ${who} is not one that it gives`;
  return { kind: 'bad_answer', created: 'unknown', message, quote: said };
}

/** Every failure of a package's call, as the engine needs it. */
export function classify(error: unknown, context: FailureContext): ProviderError {
  const { exchanges, secrets, nowMs, isAborted } = context;
  const submits = exchanges.filter(({ isRead, error: broken }) => !isRead && broken?.phase !== 'not_sent');
  const wasSent = submits.length > 0;
  const last = exchanges.findLast(isFailed);
  const isStopped = isAborted && (last?.status ?? null) === null && !last?.error;
  if (isStopped || !last) {
    const message = `${context.package} was stopped before it had answered`;
    const stopped: Verdict = { kind: 'timeout', created: wasSent ? 'unknown' : 'no', message };
    return toError(isStopped ? stopped : packageVerdict(error, context, wasSent), secrets, null);
  }
  const verdict = last.error
    ? judgeLostCall(last.error, context.package)
    : statusVerdict(last.status ?? 0, last.text, context.package);
  // A refusal speaks for its own request; one that went well before it may have made the job.
  const isAlone = submits.every((submit) => submit === last);
  const created = !isAlone ? 'unknown' : wasSent ? verdict.created : 'no';
  const isBusy = verdict.kind === 'rate_limited' || last.status === 503;
  const retryAfterMs = isBusy ? parseRetryAfter(last.headers, nowMs) : null;
  return toError({ ...verdict, created }, secrets, retryAfterMs, last.error ?? undefined);
}

function toError(
  verdict: Verdict,
  secrets: readonly string[],
  retryAfterMs: number | null,
  cause?: OutboundError,
): ProviderError {
  const message = withQuote(verdict.message, verdict.quote ?? '', secrets);
  // The package's own error holds the whole request, so only the door's is kept as the cause.
  return new ProviderError(verdict.kind, verdict.created, message, { retryAfterMs, cause });
}
