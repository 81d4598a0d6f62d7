// A provider as people see it: one state with one reason, and below it every breaker, account and limit.
import { toTimestamp } from '../kernel/clock.ts';
import type { ErrorCode } from '../kernel/errors.ts';
import { type Channel, type ChannelState, freshChannel, isThrottled, type Reason } from './breaker.ts';
import { type ProviderView, providerStop, severalCredentials, stopOf } from './gate.ts';
import type { LastProbe } from './prober.ts';
import type { PoolServer } from './provider.ts';
import type { HistoryRow } from './store.ts';

/** `degraded`: something of it works. */
export type ProviderState = 'healthy' | 'degraded' | 'down';

export interface ProviderHealth {
  name: string;
  state: ProviderState;
  /** Why it is not healthy, in plain words. */
  reason: { code: ErrorCode; detail: string } | null;
  /** When this node probed it last, in milliseconds. */
  checkedAt: number | null;
  /** What the provider said then, such as credits left; null when nothing. */
  note: string | null;
}

/** A breaker as it is shown; times as text. */
export interface BreakerView {
  state: ChannelState;
  reason: { code: ErrorCode; detail: string } | null;
  next_probe_at: string | null;
  /** Failures in a row while it is closed. */
  failures: number;
}

export interface ProviderDetail extends ProviderHealth {
  isDrained: boolean;
  /** Until when it asked for a pause; null when it did not. */
  pausedUntil: string | null;
  breaker: BreakerView;
  models: { name: string; breaker: BreakerView }[];
  credentials: { id: string; label: string; state: ProviderState; reason: ProviderHealth['reason'] }[];
  /** The machines behind it, as this node sees them. */
  servers: readonly PoolServer[];
  limits: {
    concurrency: number;
    requestsPerMinute: number | null;
    credentialConcurrency: number | null;
    credentialRequestsPerMinute: number | null;
    deadlineMs: number;
  };
  /** Tasks of the whole cluster. */
  queued: number;
  running: number;
}

export interface HistoryItem {
  at: string;
  /** `provider`, or which model or account. */
  scope: HistoryRow['scope'];
  name: string;
  from: string;
  to: string;
  reason: { code: ErrorCode; detail: string } | null;
}

const reasonOfChannel = (channel: Channel): Reason | null =>
  channel.reason_code === null
    ? null
    : { code: channel.reason_code, detail: channel.reason_detail ?? 'It did not say why.' };

function find(view: ProviderView, scope: Channel['scope'], name: string): Channel {
  const known = view.channels.find((channel) => channel.scope === scope && channel.name === name);
  return known ?? freshChannel({ provider: view.adapter.name, scope, name });
}

export function toHealth(view: ProviderView, last: LastProbe | null): ProviderHealth {
  const common = {
    name: view.adapter.name,
    checkedAt: last?.checkedAt ?? null,
    note: last?.note ?? null,
  };
  const { state, reason } = judgeAll(view, last);
  return { ...common, state, reason };
}

function judgeAll(view: ProviderView, last: LastProbe | null): Pick<ProviderHealth, 'state' | 'reason'> {
  const stop = providerStop(view);
  if (stop && stop.kind !== 'pause')
    return { state: 'down', reason: { code: stop.code, detail: stop.detail } };
  // The board tells it to all nodes; where the database is away, this node still knows.
  if (last?.reason && !stop) return { state: 'down', reason: last.reason };
  if (stop) return { state: 'degraded', reason: { code: stop.code, detail: stop.detail } };
  const stops = view.adapter.models.map(({ name }) => stopOf(view, name));
  const stopped = stops.filter((each) => each !== null);
  const [first] = stopped;
  if (first) {
    const isAll = stopped.length === stops.length && stopped.every(({ kind }) => kind !== 'pause');
    return { state: isAll ? 'down' : 'degraded', reason: { code: first.code, detail: first.detail } };
  }
  const troubled = view.channels.find(
    (channel) => isCurrent(view, channel) && (channel.state !== 'closed' || isThrottled(channel, view.now)),
  );
  if (!troubled) return { state: 'healthy', reason: null };
  const known = reasonOfChannel(troubled);
  const detail = known?.detail ?? 'The provider asked for a pause.';
  const text = troubled.state === 'half_open' ? `Tried with one task after: ${detail}` : detail;
  return { state: 'degraded', reason: { code: known?.code ?? 'provider_unavailable', detail: text } };
}

/** Rows of models and accounts that it does not have any more say nothing. */
function isCurrent({ adapter }: ProviderView, { scope, name }: Channel): boolean {
  if (scope === 'model') return adapter.models.some((model) => model.name === name);
  if (scope === 'credential') return severalCredentials(adapter).some(({ id }) => id === name);
  return true;
}

function breakerView(channel: Channel): BreakerView {
  return {
    state: channel.state,
    reason: reasonOfChannel(channel),
    next_probe_at: channel.next_probe_at === null ? null : toTimestamp(channel.next_probe_at),
    failures: channel.failures,
  };
}

export function toDetail(
  view: ProviderView,
  last: LastProbe | null,
  counts: { queued: number; running: number },
): ProviderDetail {
  const { adapter, lane, now } = view;
  const own = find(view, 'provider', '');
  return {
    ...toHealth(view, last),
    isDrained: own.drained === 1,
    pausedUntil: isThrottled(own, now) && own.throttled_until ? toTimestamp(own.throttled_until) : null,
    breaker: breakerView(own),
    models: adapter.models.map(({ name }) => ({ name, breaker: breakerView(find(view, 'model', name)) })),
    credentials: (adapter.credentials ?? []).map(({ id, label }) => {
      const channel = find(view, 'credential', id);
      const isPaused = channel.state === 'half_open' || isThrottled(channel, now);
      const state = channel.state === 'open' ? 'down' : isPaused ? 'degraded' : 'healthy';
      return { id, label, state, reason: state === 'healthy' ? null : reasonOfChannel(channel) };
    }),
    servers: adapter.servers?.() ?? [],
    limits: {
      concurrency: lane.concurrency,
      requestsPerMinute: lane.requestsPerMinute ?? null,
      credentialConcurrency: lane.credentialConcurrency ?? null,
      credentialRequestsPerMinute: lane.credentialRequestsPerMinute ?? null,
      deadlineMs: lane.deadlineMs,
    },
    ...counts,
  };
}

export function toHistoryItem(row: HistoryRow): HistoryItem {
  const { scope, name, from_state, to_state, reason_code, detail, at } = row;
  return {
    at: toTimestamp(at),
    scope,
    name,
    from: from_state,
    to: to_state,
    reason: reason_code === null ? null : { code: reason_code, detail: detail ?? '' },
  };
}
