// The one place where a failed exchange with a ComfyUI server becomes a ProviderError. Messages name a server by its place
// in the settings, never by its address, and repeat nothing of an answer but ComfyUI's own short validation words.
import type { OutboundError, OutboundErrorKind } from '../../kernel/outbound-error.ts';
import { parseRetryAfter } from '../../kernel/retry-after.ts';
import { ProviderError, type ProviderErrorKind } from '../provider.ts';
import { describeChoice } from './workflow.ts';

/**
 * What the exchange was for, which decides whether a job exists when it fails: `prepare` and `probe` create none,
 * `submit` may, `lookup` is asked because nobody knows, and after `job` there is one.
 */
export type Step = 'prepare' | 'submit' | 'lookup' | 'job' | 'probe';

const MOST_REASONS = 3;
const LONGEST_REASON = 200;

const OUTBOUND_KINDS: Readonly<Record<OutboundErrorKind, readonly [ProviderErrorKind, string]>> = {
  dns: ['unreachable', 'cannot be found: its name does not resolve'],
  refused: ['unreachable', 'refuses the connection: it is probably not running'],
  unreachable: ['unreachable', 'cannot be reached over the network'],
  tls: ['unreachable', 'has no valid certificate'],
  proxy: ['unreachable', 'cannot be reached through the proxy'],
  connect_timeout: ['unreachable', 'does not answer'],
  headers_timeout: ['timeout', 'did not answer in time'],
  idle_timeout: ['timeout', 'stopped sending'],
  total_timeout: ['timeout', 'did not finish in time'],
  too_slow: ['timeout', 'sends too slowly'],
  reset: ['unreachable', 'broke the connection off'],
  truncated: ['bad_answer', 'sent an answer that is cut off'],
  too_large: ['bad_answer', 'sent an answer that is too large'],
  bad_answer: ['bad_answer', 'sent an answer that cannot be read'],
  bad_request: ['bad_answer', 'could not be sent this request'],
  aborted: ['timeout', 'was not waited for any longer'],
  redirect_refused: ['unavailable', 'sends elsewhere'],
  blocked_address: ['unreachable', 'has an address that is not allowed'],
  blocked_url: ['unreachable', 'has an address that is not allowed'],
};

const CREATED: Readonly<Record<Step, ProviderError['created']>> = {
  prepare: 'no',
  submit: 'unknown',
  lookup: 'unknown',
  job: 'yes',
  probe: 'no',
};

/** An answer with a status that is no success, or a success that cannot be used. */
export interface BadAnswer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  text: string;
}

export interface FailureContext {
  step: Step;
  /** Such as `ComfyUI server 2`. */
  server: string;
  hasCredential: boolean;
  /** Wall time in milliseconds, for a Retry-After that is a date. */
  now: number;
}

/** Turns every failed exchange into a ProviderError: a request that failed, or an answer that is no success. */
export function classify(failure: OutboundError | BadAnswer, context: FailureContext): ProviderError {
  if (failure instanceof Error) {
    const [kind, words] = OUTBOUND_KINDS[failure.kind];
    const created = context.step === 'submit' && failure.phase === 'not_sent' ? 'no' : CREATED[context.step];
    return new ProviderError(kind, created, `${context.server} ${words}.`, { cause: failure });
  }
  return classifyAnswer(failure, context);
}

function classifyAnswer(answer: BadAnswer, context: FailureContext): ProviderError {
  const { status } = answer;
  const { step, server } = context;
  // A definite refusal of the submit itself: no job came of it.
  const refused = step === 'submit' ? 'no' : CREATED[step];
  const error = (kind: ProviderErrorKind, created: ProviderError['created'], words: string) =>
    new ProviderError(kind, created, `${server} ${words}`);
  if (status >= 200 && status < 300) {
    return error('bad_answer', CREATED[step], 'sent an answer that is not ComfyUI’s.');
  }
  if (status >= 300 && status < 400) {
    // "See other" follows work that was done; all others ask to send the request elsewhere.
    const created = status === 303 ? CREATED[step] : refused;
    return error(
      'unavailable',
      created,
      'sends to another address: set its final address, and log in by API key.',
    );
  }
  if (status === 400) return classifyRefusal(answer, refused, server);
  if (status === 401 || status === 403) {
    const kind = context.hasCredential ? 'credentials_expired' : 'credentials_missing';
    const words = context.hasCredential ? 'refuses its API key' : 'asks for an API key, and none is set';
    return error(kind, refused, `${words} (${status}).`);
  }
  if (status === 402) return error('quota_exhausted', refused, 'says that its quota is used up (402).');
  if (status === 413) {
    return error('invalid_request', refused, 'takes no pictures of this size (its --max-upload-size).');
  }
  if (status === 429) {
    const retryAfterMs = parseRetryAfter(answer.headers, context.now);
    return new ProviderError('rate_limited', refused, `${server} asks to slow down (429).`, { retryAfterMs });
  }
  if (status === 408) return error('timeout', CREATED[step], 'did not get the request in time (408).');
  if (status < 500) {
    return error('unavailable', refused, `does not work as a ComfyUI server at its address (${status}).`);
  }
  if (status === 500 && isOwnCrash(answer)) {
    // ComfyUI queues a prompt last of all; what its own handler threw before leaves no job.
    return error('unavailable', refused, 'failed while it checked the workflow (500); its log says why.');
  }
  return error('unavailable', CREATED[step], `does not work now (${status}).`);
}

/** The page of aiohttp itself, which no proxy in front sends. */
function isOwnCrash({ headers, text }: BadAnswer): boolean {
  return String(headers.server ?? '').includes('aiohttp') && text.includes('Server got itself in trouble');
}

interface Complaint {
  words: string;
  /** Another server may have what is missing here. */
  isMissing: boolean;
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** One line of plain text without anything that looks like a path. */
function plain(value: unknown): string {
  const line = String(value ?? '').split('\n')[0] ?? '';
  return line.replace(/\S*[\\/]\S*/g, '…').slice(0, LONGEST_REASON);
}

function complaintOf(classType: string, raw: unknown): Complaint {
  const problem = asRecord(raw);
  const extra = asRecord(problem.extra_info);
  const input = String(extra.input_name ?? '');
  if (problem.type === 'value_not_in_list') {
    const value = String(extra.received_value ?? '').slice(0, LONGEST_REASON);
    return { words: `it does not have ${describeChoice(classType, input, value)}`, isMissing: true };
  }
  const about = input === '' ? `node "${classType}"` : `${input} of the node "${classType}"`;
  return { words: `${about}: ${plain(problem.message)}`, isMissing: false };
}

/** The reasons in a 400 of POST /prompt; `error.details` is often empty, they are in `node_errors`. */
export function readComplaints(body: unknown): Complaint[] {
  const { error, node_errors: nodeErrors } = asRecord(body);
  const complaints = Object.values(asRecord(nodeErrors)).flatMap((raw) => {
    const node = asRecord(raw);
    const errors = Array.isArray(node.errors) ? node.errors : [];
    return errors.map((problem) => complaintOf(plain(node.class_type), problem));
  });
  if (complaints.length > 0) return complaints;
  const problem = asRecord(error);
  const missing = asRecord(problem.extra_info).class_type;
  const quoted = /node '?([\w .+|()-]+?)'? (?:not found|does not exist)/i.exec(
    String(problem.message ?? ''),
  )?.[1];
  const node = typeof missing === 'string' ? plain(missing) : quoted;
  if (node && (problem.type === 'missing_node_type' || problem.type === 'invalid_prompt')) {
    return [{ words: `it does not have the node "${node}"`, isMissing: true }];
  }
  return problem.message ? [{ words: plain(problem.message), isMissing: false }] : [];
}

/** A workflow that this server refuses for what it lacks; another one may take it. */
export class LackingServerError extends ProviderError {}

function classifyRefusal(
  answer: BadAnswer,
  created: ProviderError['created'],
  server: string,
): ProviderError {
  const complaints = readComplaints(parsed(answer.text));
  const words = [...new Set(complaints.map((complaint) => complaint.words))]
    .slice(0, MOST_REASONS)
    .join('; ');
  const message = `${server} refuses the workflow: ${words || 'it gives no reason (400)'}.`;
  const isLacking = complaints.length > 0 && complaints.every(({ isMissing }) => isMissing);
  return isLacking
    ? new LackingServerError('invalid_request', created, message)
    : new ProviderError('invalid_request', created, message);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
