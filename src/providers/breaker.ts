// The circuit breaker as a function from a row and an event to the next row; the rows are in the database, so that all nodes
// have one breaker. There is a row for a provider as a whole, for each of its models and for each of several accounts.
//   closed     calls go through; failures that speak of the service are counted, a success forgets them
//   open       nothing is sent; when `next_probe_at` comes, one node asks the provider something free
//   half_open  the probe went well: one real task in the whole cluster tries, its outcome closes or opens again
// A row that a probe opened (and one that a refused credential opened) closes with a good probe, since the probe is the proof.
import { createHash } from 'node:crypto';
import type { ErrorCode } from '../kernel/errors.ts';
import type { ProviderErrorKind } from './provider.ts';

/** Failures of the service in a row after which a model's breaker opens. */
export const OPEN_AFTER_FAILURES = 5;
/** Until the first probe of an open breaker; doubled each time it fails, with jitter. */
export const FIRST_OPEN_MS = 30_000;
export const LONGEST_OPEN_MS = 10 * 60_000;
/** A provider that asks for a longer pause is asked again earlier; some send absurd values (fault row S5). */
export const LONGEST_THROTTLE_MS = 5 * 60_000;
/** The pause when a provider says "too fast" and not how long; doubled while it goes on saying so. */
export const FIRST_THROTTLE_MS = 2_000;
const LONGEST_OWN_THROTTLE_MS = 60_000;
/** How often in a row the pause that a provider asks for is taken at its word; then it is doubled like one of our own. */
export const TRUSTED_PAUSES = 4;
/** Even when a provider asks for no pause at all. */
const SHORTEST_THROTTLE_MS = 500;
/** The node that took a probe has this long; then another may. */
export const PROBE_LEASE_MS = 45_000;
/** A delay varies by this share to both sides, so that providers that failed together are not probed together. */
const JITTER_SHARE = 0.2;
const MAX_DETAIL_CHARS = 300;

export type ChannelScope = 'provider' | 'model' | 'credential';
export type ChannelState = 'closed' | 'open' | 'half_open';

/** Which breaker: `name` is the provider's own model name or the account's id, and empty for the provider as a whole. */
export interface ChannelKey {
  provider: string;
  scope: ChannelScope;
  name: string;
}

export interface Channel extends ChannelKey {
  state: ChannelState;
  /** Failures in a row while closed. */
  failures: number;
  /** How often it opened since it last closed. */
  openings: number;
  reason_code: ErrorCode | null;
  reason_detail: string | null;
  /** What closes it again: a good probe, or after that one real task. */
  proof: 'probe' | 'trial';
  next_probe_at: number | null;
  /** How often in a row the provider said "too fast". */
  throttles: number;
  throttled_until: number | null;
  /** The task that tries while it is half open. */
  trial_task: string | null;
  /** 1: an operator lets it finish what it has and gives it nothing new. */
  drained: number;
  /** When the state changed last; what was sent before that says nothing about the state after it. */
  changed_at: number;
}

export interface Reason {
  code: ErrorCode;
  detail: string;
}

export type ChannelEvent =
  | { type: 'success'; startedAt: number }
  | { type: 'failure'; reason: Reason; startedAt: number; taskId: string }
  | { type: 'park'; reason: Reason; startedAt: number; proof: 'probe' | 'trial' }
  | { type: 'throttle'; retryAfterMs: number | null }
  /** The provider refused the request itself: it works. */
  | { type: 'answered'; taskId: string }
  | { type: 'probe_ok' }
  /** `isDue`: the breaker's own probe, after which it waits longer; any other leaves its schedule. */
  | { type: 'probe_failed'; reason: Reason; isDue: boolean }
  | { type: 'drain' | 'undrain' };

/** What kind of news a failed call is. */
export function judge(kind: ProviderErrorKind): 'failure' | 'park' | 'throttle' | 'answered' {
  switch (kind) {
    case 'unreachable':
    case 'timeout':
    case 'unavailable':
    case 'bad_answer':
      return 'failure';
    case 'credentials_missing':
    case 'credentials_expired':
    case 'quota_exhausted':
      return 'park';
    case 'rate_limited':
      return 'throttle';
    case 'content_blocked':
    case 'invalid_request':
      return 'answered';
  }
}

export function freshChannel(key: ChannelKey): Channel {
  return {
    ...key,
    state: 'closed',
    failures: 0,
    openings: 0,
    reason_code: null,
    reason_detail: null,
    proof: 'trial',
    next_probe_at: null,
    throttles: 0,
    throttled_until: null,
    trial_task: null,
    drained: 0,
    changed_at: 0,
  };
}

/** Whether a success would change this row: the usual one needs no write. */
export function isTroubled(channel: Channel): boolean {
  return channel.state !== 'closed' || channel.failures > 0 || channel.throttles > 0;
}

/** Whether calls have to wait because the provider asked for it. A time further off than any pause is a clock gone wrong. */
export function isThrottled(channel: Channel, now: number): boolean {
  const until = channel.throttled_until;
  return until !== null && until > now && until <= now + 2 * LONGEST_THROTTLE_MS;
}

/** Whether an open breaker's probe is due. */
export function isProbeDue(channel: Channel, now: number): boolean {
  if (channel.state !== 'open') return false;
  const at = channel.next_probe_at ?? 0;
  return at <= now || at > now + 2 * LONGEST_OPEN_MS;
}

/** The row after the event; the very same object when nothing changes. */
export function nextChannel(channel: Channel, event: ChannelEvent, now: number): Channel {
  switch (event.type) {
    case 'success':
      return afterSuccess(channel, event.startedAt, now);
    case 'failure':
      return afterFailure(channel, event, now);
    case 'park':
      if (channel.state === 'open' || event.startedAt < channel.changed_at) return channel;
      return opened(channel, event.reason, event.proof, now);
    case 'throttle':
      return throttled(channel, event.retryAfterMs, now);
    case 'answered':
      return channel.state === 'half_open' && channel.trial_task === event.taskId
        ? closed(channel, now)
        : channel;
    case 'probe_ok':
      if (channel.state !== 'open') return channel;
      if (channel.proof === 'probe') return closed(channel, now);
      return { ...channel, state: 'half_open', next_probe_at: null, trial_task: null, changed_at: now };
    case 'probe_failed':
      return afterFailedProbe(channel, event, now);
    case 'drain':
    case 'undrain': {
      const drained = event.type === 'drain' ? 1 : 0;
      return channel.drained === drained ? channel : { ...channel, drained };
    }
  }
}

function afterSuccess(channel: Channel, startedAt: number, now: number): Channel {
  if (channel.state !== 'closed') return startedAt < channel.changed_at ? channel : closed(channel, now);
  // A call that was under way when the provider asked for a pause does not end the pause.
  if (isThrottled(channel, now)) return channel.failures === 0 ? channel : { ...channel, failures: 0 };
  return isTroubled(channel) ? closed(channel, now) : channel;
}

function afterFailure(
  channel: Channel,
  event: Extract<ChannelEvent, { type: 'failure' }>,
  now: number,
): Channel {
  if (channel.state === 'open' || event.startedAt < channel.changed_at) return channel;
  if (channel.state === 'half_open') {
    const isTrial = channel.trial_task === null || channel.trial_task === event.taskId;
    return isTrial ? opened(channel, event.reason, 'trial', now) : channel;
  }
  const failures = channel.failures + 1;
  if (failures >= OPEN_AFTER_FAILURES) return opened({ ...channel, failures }, event.reason, 'trial', now);
  return { ...channel, failures, ...reasonFields(event.reason) };
}

function afterFailedProbe(
  channel: Channel,
  event: Extract<ChannelEvent, { type: 'probe_failed' }>,
  now: number,
): Channel {
  if (channel.state === 'closed') return opened(channel, event.reason, 'probe', now);
  if (channel.state === 'half_open') return opened(channel, event.reason, channel.proof, now);
  if (!event.isDue) return { ...channel, ...reasonFields(event.reason) };
  const again = opened(channel, event.reason, channel.proof, now);
  // It stayed open: when that began is still when it began.
  return { ...again, changed_at: channel.changed_at };
}

function closed(channel: Channel, now: number): Channel {
  const changed_at = channel.state === 'closed' ? channel.changed_at : now;
  const { provider, scope, name, drained } = channel;
  const pause = isThrottled(channel, now)
    ? { throttles: channel.throttles, throttled_until: channel.throttled_until }
    : {};
  return { ...freshChannel({ provider, scope, name }), ...pause, drained, changed_at };
}

function opened(channel: Channel, reason: Reason, proof: 'probe' | 'trial', now: number): Channel {
  const openings = channel.openings + 1;
  return {
    ...channel,
    ...reasonFields(reason),
    state: 'open',
    openings,
    proof,
    next_probe_at: now + openDelayMs(channel, openings),
    trial_task: null,
    changed_at: now,
  };
}

function throttled(channel: Channel, retryAfterMs: number | null, now: number): Channel {
  // Several calls of one burst are one "too fast", not several.
  const throttles = isThrottled(channel, now) ? channel.throttles : channel.throttles + 1;
  const asked = Math.min(LONGEST_THROTTLE_MS, Math.max(0, retryAfterMs ?? 0));
  const doublings = retryAfterMs === null ? throttles - 1 : throttles - TRUSTED_PAUSES;
  const own =
    retryAfterMs !== null && doublings <= 0
      ? SHORTEST_THROTTLE_MS
      : Math.min(LONGEST_OWN_THROTTLE_MS, FIRST_THROTTLE_MS * 2 ** Math.min(doublings, 10));
  const until = now + Math.round(Math.max(own, asked));
  return { ...channel, throttles, throttled_until: Math.max(channel.throttled_until ?? 0, until) };
}

function reasonFields(reason: Reason) {
  return { reason_code: reason.code, reason_detail: reason.detail.slice(0, MAX_DETAIL_CHARS) };
}

/** Milliseconds that a breaker stays open at its opening number `openings` in a row; the same on a replay. */
export function openDelayMs(key: ChannelKey, openings: number): number {
  const delay = Math.min(LONGEST_OPEN_MS, FIRST_OPEN_MS * 2 ** Math.min(openings - 1, 10));
  const digest = createHash('sha256').update(`${key.provider}:${key.scope}:${key.name}:${openings}`).digest();
  const swing = (digest.readUInt32BE(0) / 0xffff_ffff) * 2 - 1;
  return Math.round(delay * (1 + JITTER_SHARE * swing));
}
