// The faults of `sandbox-flaky`: which there are, how a prompt asks for one, and how one is drawn.
// Invariant: the draw depends on the client reference and the try alone, so that a run can be replayed.
import { hashFraction } from './random.ts';

export const FAULTS = {
  unreachable: 'submit cannot connect; no job exists',
  rate_limited: 'submit is answered with "too many requests" and a time to wait; no job exists',
  unavailable: 'submit is answered with "service unavailable"; no job exists',
  content_blocked: 'submit is refused for its content; no job exists',
  submit_timeout: 'submit gets no answer; whether a job exists is drawn from the client reference',
  submit_timeout_created: 'submit gets no answer, and the job exists',
  submit_timeout_absent: 'submit gets no answer, and no job exists',
  poll_error: 'the first two polls fail',
  failed: 'the job fails',
  lost: 'the job is accepted, then forgotten',
  stuck: 'the job never ends by itself',
  corrupt: 'pictures are cut off in the middle of the file',
  slow_download: 'pictures come in small pieces over 20 seconds',
  fewer: 'one picture fewer than asked for',
  extra: 'three pictures more than asked for',
} as const;

export type FaultKind = keyof typeof FAULTS;
/** Probability of each fault, 0-1; together at most 1. */
export type FaultRates = Partial<Record<FaultKind, number>>;

export interface Directives {
  delayMs: number;
  fault: FaultKind | null;
  /** The fault only hits this many submissions of the same prompt and seed; null means all. */
  times: number | null;
}

/** A directive that is not known: its message says which are. */
export class DirectiveError extends Error {}

const DIRECTIVE = /\[sandbox:([^\]]*)\]/g;
/** The longest delay that a prompt may ask for. */
const MAX_DELAY_MS = 3_600_000;

/** Reads `[sandbox:delay=3s]`, `[sandbox:fault=rate_limited times=2]` and the like. Throws `DirectiveError`. */
export function parseDirectives(prompt: string): Directives {
  const directives: Directives = { delayMs: 0, fault: null, times: null };
  for (const [, body = ''] of prompt.matchAll(DIRECTIVE)) {
    for (const part of body.split(/[\s,;]+/).filter(Boolean)) {
      const [key = '', value = ''] = part.split('=', 2);
      if (key === 'delay') directives.delayMs = parseDelay(value);
      else if (key === 'fault') directives.fault = parseFault(value);
      else if (key === 'times') directives.times = parseTimes(value);
      else throw new DirectiveError(`Unknown sandbox directive "${key}". Known are delay, fault and times`);
    }
  }
  return directives;
}

function parseDelay(value: string): number {
  const match = /^(\d{1,7}(?:\.\d{1,3})?)(ms|s|m)$/.exec(value);
  if (!match) throw new DirectiveError(`"${value}" is not a delay. Write for example 500ms, 3s or 2m`);
  const unit = { ms: 1, s: 1000, m: 60_000 }[match[2] as 'ms' | 's' | 'm'];
  return Math.min(MAX_DELAY_MS, Math.round(Number(match[1]) * unit));
}

function parseFault(value: string): FaultKind {
  const name = value.replaceAll('-', '_');
  if (!Object.hasOwn(FAULTS, name)) {
    throw new DirectiveError(`Unknown sandbox fault "${value}". Known are ${Object.keys(FAULTS).join(', ')}`);
  }
  return name as FaultKind;
}

function parseTimes(value: string): number {
  if (!/^\d{1,4}$/.test(value)) throw new DirectiveError(`"${value}" is not a number of times`);
  return Number(value);
}

/** Draws at most one fault for the `attempt`-th submission of a client reference. */
export function drawFault(rates: FaultRates, clientRef: string, attempt: number): FaultKind | null {
  let position = hashFraction(`fault/${clientRef}/${attempt}`);
  for (const kind of Object.keys(FAULTS) as FaultKind[]) {
    const rate = rates[kind] ?? 0;
    if (position < rate) return kind;
    position -= rate;
  }
  return null;
}

/** Decides the outcome of `submit_timeout`: whether the job exists. */
export function timeoutCreated(kind: FaultKind, clientRef: string): boolean {
  if (kind === 'submit_timeout') return hashFraction(`created/${clientRef}`) < 0.5;
  return kind === 'submit_timeout_created';
}
