// What a provider's breakers, pauses and limits allow just now: to claims, to new tasks, to the choice of an account, and in
// words to people. Pure functions of this node's view.
import type { ErrorCode } from '../kernel/errors.ts';
import { type Channel, type ChannelScope, freshChannel, isThrottled } from './breaker.ts';
import type { LaneSettings } from './lane-settings.ts';
import type { Credential, ProviderAdapter } from './provider.ts';
import type { Account, TrialKey } from './store.ts';

/** A half-open breaker whose trial has had this long is tried again by new tasks too. */
const TRIAL_PATIENCE_MS = 60_000;

/** One provider as this node sees it. */
export interface ProviderView {
  adapter: ProviderAdapter;
  lane: LaneSettings;
  /** Its breaker rows; what has none is closed. */
  channels: readonly Channel[];
  now: number;
}

/** Why nothing new is sent. */
export interface Stop {
  /** `pause`: over by itself, soon; tasks wait for it and new ones are accepted. */
  kind: 'drained' | 'open' | 'pause';
  code: ErrorCode;
  detail: string;
  /** When that may change; null when nobody knows. */
  until: number | null;
}

/** What a claim in this lane may take. */
export interface LaneGate {
  /** Tasks at the provider at once; 0: nothing is claimed. */
  concurrency: number;
  /** Only tasks of these models; null: of all. */
  models: string[] | null;
  /** Half-open breakers: one task in the whole cluster tries each. */
  trials: TrialKey[];
}

const OPEN_GATE = { models: null, trials: [] };

function channelOf(view: ProviderView, scope: ChannelScope, name: string): Channel {
  const known = view.channels.find((channel) => channel.scope === scope && channel.name === name);
  return known ?? freshChannel({ provider: view.adapter.name, scope, name });
}

/** The accounts that take turns; none where there is only one. */
export function severalCredentials(adapter: ProviderAdapter | null): readonly Credential[] {
  const credentials = adapter?.credentials ?? [];
  return credentials.length > 1 ? credentials : [];
}

/** Why one breaker lets nothing through; null when it does. */
function stopOfChannel(channel: Channel, now: number): Stop | null {
  if (channel.drained === 1) {
    const detail = 'An operator lets it finish what it has; it takes nothing new.';
    return { kind: 'drained', code: 'provider_unavailable', detail, until: null };
  }
  if (channel.state === 'open') {
    return {
      kind: 'open',
      code: channel.reason_code ?? 'provider_unavailable',
      detail: channel.reason_detail ?? 'It does not answer.',
      until: channel.next_probe_at,
    };
  }
  if (!isThrottled(channel, now)) return null;
  const detail = 'The provider asked for a pause.';
  return { kind: 'pause', code: 'provider_unavailable', detail, until: channel.throttled_until };
}

/** Why the provider as a whole gets nothing: its own breaker, or that no account is usable. */
export function providerStop(view: ProviderView): Stop | null {
  const own = stopOfChannel(channelOf(view, 'provider', ''), view.now);
  if (own) return own;
  const credentials = severalCredentials(view.adapter);
  if (credentials.length === 0) return null;
  const stops = credentials.map(({ id }) => stopOfChannel(channelOf(view, 'credential', id), view.now));
  if (stops.some((stop) => stop === null)) return null;
  const all = stops.filter((stop) => stop !== null).toSorted((a, b) => (a.until ?? 0) - (b.until ?? 0));
  // While one account only pauses, the provider does.
  return all.find((stop) => stop.kind === 'pause') ?? all[0] ?? null;
}

/** Why tasks of this model wait; null when they do not. */
export function stopOf(view: ProviderView, model: string): Stop | null {
  return providerStop(view) ?? stopOfChannel(channelOf(view, 'model', model), view.now);
}

/** 0: takes new work now; 1: will soon, or tries with another task just now; 2: does not. */
export function unreadiness(view: ProviderView, model: string): 0 | 1 | 2 {
  const stop = stopOf(view, model);
  if (stop) return stop.kind === 'pause' ? 1 : 2;
  const isTried = [channelOf(view, 'provider', ''), channelOf(view, 'model', model)].some(
    (channel) =>
      channel.state === 'half_open' &&
      channel.trial_task !== null &&
      view.now - channel.changed_at < TRIAL_PATIENCE_MS,
  );
  return isTried ? 1 : 0;
}

export function gateOf(view: ProviderView): LaneGate {
  const { adapter, lane, channels, now } = view;
  if (channels.length === 0) return { ...OPEN_GATE, concurrency: concurrencyOf(view) };
  if (providerStop(view)) return { ...OPEN_GATE, concurrency: 0 };
  if (channelOf(view, 'provider', '').state === 'half_open')
    return { concurrency: lane.concurrency, models: [], trials: [{ scope: 'provider', name: '' }] };
  const troubled = channels.filter(
    (channel) =>
      channel.scope === 'model' && (channel.state !== 'closed' || stopOfChannel(channel, now) !== null),
  );
  if (troubled.length === 0) return { ...OPEN_GATE, concurrency: concurrencyOf(view) };
  const names = new Set(troubled.map(({ name }) => name));
  return {
    concurrency: concurrencyOf(view),
    models: adapter.models.map(({ name }) => name).filter((name) => !names.has(name)),
    trials: troubled
      .filter((channel) => channel.state === 'half_open' && stopOfChannel(channel, now) === null)
      .map(({ name }) => ({ scope: 'model', name })),
  };
}

/** No more tasks at once than the accounts have places for: they would only be given back. */
function concurrencyOf(view: ProviderView): number {
  const accounts = accountsOf(view);
  if (!accounts || accounts.length === 0) return view.lane.concurrency;
  const places = accounts.reduce(
    (sum, { concurrency }) => sum + (concurrency ?? Number.POSITIVE_INFINITY),
    0,
  );
  return Math.min(view.lane.concurrency, places);
}

/** The accounts that an attempt may use now, with what each may do; null for an adapter without accounts. */
export function accountsOf(view: ProviderView): Account[] | null {
  const { adapter, lane, now } = view;
  const credentials = adapter.credentials ?? [];
  if (credentials.length === 0) return null;
  return credentials.flatMap(({ id }): Account[] => {
    const channel = channelOf(view, 'credential', id);
    if (credentials.length > 1 && stopOfChannel(channel, now)) return [];
    const own = lane.credentialConcurrency ?? null;
    return [
      {
        id,
        // One task tries an account that may work again.
        concurrency: channel.state === 'half_open' ? 1 : own,
        requestsPerMinute: lane.credentialRequestsPerMinute ?? null,
      },
    ];
  });
}

/** For people who wait: what for, and until when. */
export function describeStop(provider: string, stop: Stop): string {
  const until = stop.until === null ? '' : ` (until ${new Date(stop.until).toISOString()} at least)`;
  return `"${provider}" takes no work just now${until}: ${stop.detail}`;
}
