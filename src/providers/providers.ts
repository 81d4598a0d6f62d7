// The registry of providers: which public model names exist, who serves each, within which limits, and whether the
// service behind it works. Breakers, pauses and draining are the cluster's; this node sees them through its board.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import type { ChannelState } from './breaker.ts';
import { BreakerBoard } from './breaker-board.ts';
import { CallNews, type ProviderCallNews } from './call-news.ts';
import {
  accountsOf,
  describeStop,
  gateOf,
  type LaneGate,
  type ProviderView,
  type Stop,
  severalCredentials,
  stopOf,
  unreadiness,
} from './gate.ts';
import type { LaneSettings } from './lane-settings.ts';
import { PROBE_INTERVAL_MS, Prober } from './prober.ts';
import type { ProviderAdapter, ProviderError } from './provider.ts';
import { ProviderCounters } from './provider-counters.ts';
import {
  type HistoryItem,
  type ProviderDetail,
  type ProviderHealth,
  toDetail,
  toHealth,
  toHistoryItem,
} from './provider-view.ts';
import {
  buildModels,
  isSameRoute,
  type ModelRouting,
  orderRoutes,
  type PublicModel,
  type Route,
  supports,
} from './routing.ts';
import type { Account } from './store.ts';

export type { ProviderCallNews } from './call-news.ts';
export type { LaneGate } from './gate.ts';
export type { LaneSettings } from './lane-settings.ts';
export { PROBE_INTERVAL_MS } from './prober.ts';
export { errorCodeOf } from './provider-errors.ts';
export type { HistoryItem, ProviderDetail, ProviderHealth, ProviderState } from './provider-view.ts';
export { type ModelRouting, orderRoutes, type PublicModel, type Route, supports } from './routing.ts';
export {
  type Account,
  type AccountChoice,
  findTrial,
  readBucket,
  setTrial,
  type TrialKey,
  takeAccount,
  takeTokens,
} from './store.ts';

export interface ProviderEntry {
  adapter: ProviderAdapter;
  lane: LaneSettings;
  /** `host:port` of the operator's own addresses: results on them may be fetched although they are not public. */
  trustedHosts?: readonly string[];
  /** Its own proxy's address (secret), `direct`, or null for the environment's. */
  proxy?: string | null;
  /** It writes texts and makes no pictures, so it does not make the server usable. */
  isChat?: boolean;
  /** Built in for one small purpose: it is no provider that anybody waits for, and none that health speaks of. */
  isHelper?: boolean;
}

export interface ProvidersOptions {
  entries: readonly ProviderEntry[];
  /** The name that a task without a model gets; null picks the first real provider's first model. */
  defaultModel: string | null;
  /** Credits a picture by model name, in micro-credits; replaces the provider's own price. */
  priceMicrosByModel: ReadonlyMap<string, number>;
  /** Public name → its routes and price, as the operator wrote them; the rest goes by the order of the entries. */
  routing?: ReadonlyMap<string, ModelRouting>;
  probeIntervalMs?: number;
  /** Unfinished tasks by lane and status, which a slice above this one knows. */
  countTasks?(): Promise<{ lane: string; status: string; count: number }[]>;
  db: Db;
  clock: Clock;
  log: Logger;
}

/** The built-in provider: it does not count as a usable provider once another is configured. */
const SANDBOX_NAME = 'sandbox';
/** How many model names an error message lists. */
const NAMES_SHOWN = 12;
/** When to try again, where nobody knows when a provider is back. */
const RETRY_AFTER_UNKNOWN_MS = 60_000;

export class Providers {
  /** What happened here, for the metrics. */
  readonly counters = new ProviderCounters();
  readonly #entries: Map<string, ProviderEntry>;
  #models = new Map<string, PublicModel>();
  readonly #options: ProvidersOptions;
  readonly #board: BreakerBoard;
  readonly #prober: Prober;
  readonly #news: CallNews;

  constructor(options: ProvidersOptions) {
    this.#options = options;
    const { db, clock, log } = options;
    this.#entries = new Map(options.entries.map((entry) => [entry.adapter.name, entry]));
    this.#board = new BreakerBoard({
      db,
      clock,
      log,
      isServed: (name) => this.#entries.has(name),
      probeDue: (channel) => this.#prober.probeDue(channel),
    });
    this.#prober = new Prober({
      clock,
      board: this.#board,
      counters: this.counters,
      intervalMs: options.probeIntervalMs ?? PROBE_INTERVAL_MS,
      names: () => this.names,
      adapter: (name) => this.adapter(name),
    });
    this.#news = new CallNews({
      board: this.#board,
      counters: this.counters,
      isOneOfSeveral: (name) => severalCredentials(this.adapter(name)).length > 0,
      // Whether it is this model or the whole provider, a free question tells.
      onOpened: (name) => void this.#prober.probe(name),
    });
    this.#offerModels();
    if (options.defaultModel && !this.#models.has(options.defaultModel)) {
      throw new AppError('model_not_found', {
        detail: `default_model is "${options.defaultModel}", but no provider serves a model of that name.`,
      });
    }
  }

  /**
   * Puts an entry in the place of the one of that name; a new one comes before the sandbox. Calls that run go on with the
   * adapter before, which is returned for the caller to close when they are over; null if there was none.
   */
  replace(entry: ProviderEntry): ProviderAdapter | null {
    const { name } = entry.adapter;
    const before = this.#entries.get(name)?.adapter ?? null;
    this.#entries.set(name, entry);
    const sandbox = this.#entries.get(SANDBOX_NAME);
    if (before === null && sandbox && name !== SANDBOX_NAME) {
      this.#entries.delete(SANDBOX_NAME);
      this.#entries.set(SANDBOX_NAME, sandbox);
    }
    this.#prober.forget(name);
    this.#offerModels();
    return before;
  }

  /** Takes a provider out; returns its adapter, as `replace` does. */
  remove(name: string): ProviderAdapter | null {
    const before = this.#entries.get(name)?.adapter ?? null;
    this.#entries.delete(name);
    this.#prober.forget(name);
    this.#offerModels();
    return before;
  }

  /** What a task without a model gets. */
  get defaultModelName(): string {
    const { defaultModel } = this.#options;
    const isReal = ({ provider }: PublicModel) => provider !== SANDBOX_NAME && !this.#isHelper(provider);
    const firstReal = this.models.find(isReal) ?? this.models[0];
    return defaultModel ?? firstReal?.name ?? SANDBOX_NAME;
  }

  #offerModels(): void {
    const { routing = new Map(), priceMicrosByModel, log } = this.#options;
    const adapters = [...this.#entries.values()].map(({ adapter }) => adapter);
    this.#models = buildModels({ adapters, routing, priceMicrosByModel }, (name, provider, model) =>
      log.warn({ name, provider, model }, 'a route of models names what no configured provider serves'),
    );
  }

  get names(): string[] {
    return [...this.#entries.keys()];
  }

  get models(): PublicModel[] {
    return [...this.#models.values()];
  }

  /** The model for a caller's name, or the default one; throws `model_not_found` with the nearest help. */
  requireModel(name: string | null, provider: string | null): PublicModel {
    const model = this.#models.get(name ?? this.defaultModelName);
    const routes = model?.routes.filter((route) => provider === null || route.provider === provider) ?? [];
    const [first] = routes;
    if (!model || !first) {
      const known = [...this.#models.keys()].slice(0, NAMES_SHOWN).join(', ');
      const by = provider ? ` at the provider "${provider.slice(0, 60)}"` : '';
      throw new AppError('model_not_found', {
        detail: `There is no model "${(name ?? this.defaultModelName).slice(0, 100)}"${by}. There are: ${known}.`,
      });
    }
    return { ...model, routes, provider: first.provider, providerModel: first.providerModel };
  }

  /** The model that upscales: of the same provider where it can, of another, or plain enlargement before the sandbox's. */
  requireUpscaler(preferredProvider: string | null): PublicModel {
    const able = this.models.filter((model) => supports(model, 'upscale'));
    const model =
      able.find(({ provider }) => provider === preferredProvider) ??
      able.find(({ provider }) => provider !== SANDBOX_NAME && !this.#isHelper(provider)) ??
      able.find(({ provider }) => this.#isHelper(provider)) ??
      able[0];
    if (!model) throw new AppError('model_not_found', { detail: 'No configured model can upscale.' });
    return model;
  }

  adapter(name: string): ProviderAdapter | null {
    return this.#entries.get(name)?.adapter ?? null;
  }

  /** The model that a stored task names, under whatever public name it is served now. */
  modelOf(provider: string, providerModel: string): PublicModel | null {
    const named = this.#models.get(providerModel);
    for (const model of named ? [named, ...this.models] : this.models) {
      const route = model.routes.find((candidate) => isSameRoute(candidate, provider, providerModel));
      if (route) return { ...model, provider, providerModel: route.providerModel };
    }
    return null;
  }

  lane(name: string): LaneSettings | null {
    return this.#entries.get(name)?.lane ?? null;
  }

  trustedHosts(name: string): readonly string[] {
    return this.#entries.get(name)?.trustedHosts ?? [];
  }

  /** The proxy that its result pictures are fetched through, as `ProviderEntry.proxy`. */
  proxy(name: string): string | null {
    return this.#entries.get(name)?.proxy ?? null;
  }

  /** Whether it writes texts and makes no pictures. */
  isChat(name: string): boolean {
    return this.#entries.get(name)?.isChat === true;
  }

  // --- what a provider takes now ----------------------------------------------------------------------------------

  #view(name: string): ProviderView | null {
    const entry = this.#entries.get(name);
    if (!entry) return null;
    const { adapter, lane } = entry;
    return { adapter, lane, channels: this.#board.of(name), now: this.#options.clock.now() };
  }

  /** What a claim in a provider's lane may take; null where the provider is not configured. */
  gate(name: string): LaneGate | null {
    const view = this.#view(name);
    return view ? gateOf(view) : null;
  }

  /** The accounts that a new attempt may use; null where the adapter has none to choose from. */
  accounts(name: string): Account[] | null {
    const view = this.#view(name);
    return view ? accountsOf(view) : null;
  }

  /** Why a model of a provider takes nothing now; null when it does. */
  stop(name: string, model: string): Stop | null {
    const view = this.#view(name);
    if (view) return stopOf(view, model);
    const detail = 'It is not configured any more.';
    return { kind: 'open', code: 'provider_unavailable', detail, until: null };
  }

  /** Whether any provider or model takes nothing new just now: the question that is asked before any other. */
  hasStops(): boolean {
    return this.names.some((name) => {
      const view = this.#view(name);
      if (!view || view.channels.length === 0) return false;
      return view.adapter.models.some((model) => stopOf(view, model.name) !== null);
    });
  }

  /** What a task that is ready waits for at its provider, in plain words; null when only for its turn. */
  waitingReason(name: string, model: string): string | null {
    const stop = this.stop(name, model);
    return stop && describeStop(name, stop);
  }

  /** Whether a new task would be sent there now. */
  isReady(route: Route): boolean {
    const view = this.#view(route.provider);
    return view !== null && unreadiness(view, route.providerModel.name) === 0;
  }

  /**
   * The first of a model's routes, in the task's order, that takes work now, else one that will soon. `seed`: the task's id,
   * or null before there is one. Throws why the first cannot be used when none can.
   */
  chooseRoute(routes: readonly Route[], seed: string | null): Route {
    const ranked = orderRoutes(routes, seed).map((route) => {
      const view = this.#view(route.provider);
      return { route, rank: view ? unreadiness(view, route.providerModel.name) : 2 };
    });
    const chosen = ranked.find(({ rank }) => rank === 0) ?? ranked.find(({ rank }) => rank === 1);
    if (chosen) return chosen.route;
    const [first] = ranked;
    const stop = first && this.stop(first.route.provider, first.route.providerModel.name);
    const waitMs = stop?.until ? stop.until - this.#options.clock.now() : RETRY_AFTER_UNKNOWN_MS;
    const also = ranked.length > 1 ? ` None of its ${ranked.length} routes can be used.` : '';
    throw new AppError(stop?.code ?? 'provider_unavailable', {
      detail: `The provider "${first?.route.provider ?? ''}" cannot be used now: ${stop?.detail ?? 'it does not answer'}${also}`,
      retryAfterS: Math.max(1, Math.ceil(waitMs / 1000)),
    });
  }

  // --- what calls say ---------------------------------------------------------------------------------------------

  /** A provider took a request. Writes only where something was wrong before. Never throws. */
  reportSuccess(news: ProviderCallNews): Promise<void> {
    return this.#news.success(news);
  }

  /** A submit failed; what it says about the provider is known to the whole cluster when this resolves. Never throws. */
  reportFailure(news: ProviderCallNews, error: ProviderError): Promise<void> {
    return this.#news.failure(news, error);
  }

  // --- what people see and do -------------------------------------------------------------------------------------

  health(name: string): ProviderHealth | null {
    const view = this.#view(name);
    return view && toHealth(view, this.#prober.last(name));
  }

  #isHelper(name: string): boolean {
    return this.#entries.get(name)?.isHelper === true;
  }

  /** Every provider's health, and whether business can be done at all. */
  overview(): { usable: boolean; providers: ProviderHealth[] } {
    const shown = this.names.filter((name) => !this.#isHelper(name));
    const providers = shown.flatMap((name) => this.health(name) ?? []);
    const painters = providers.filter((health) => !this.isChat(health.name));
    const real = painters.filter((health) => health.name !== SANDBOX_NAME);
    const counted = real.length > 0 ? real : painters;
    return { usable: counted.some((health) => health.state !== 'down'), providers };
  }

  /** Every breaker of every configured provider; `model` is empty for the provider as a whole. */
  breakers(): { provider: string; model: string; state: ChannelState }[] {
    return this.names.flatMap((provider) => {
      const models = this.adapter(provider)?.models ?? [];
      const stateOf = (scope: 'provider' | 'model', model: string) => ({
        provider,
        model,
        state: this.#board.get({ provider, scope, name: model }).state,
      });
      return [stateOf('provider', ''), ...models.map(({ name }) => stateOf('model', name))];
    });
  }

  /** Everything an operator sees of one provider; throws `not_found`. */
  async detail(name: string): Promise<ProviderDetail> {
    const [open = []] = await Promise.all([this.#options.countTasks?.(), this.refresh()]);
    const count = (wanted: (status: string) => boolean) =>
      open
        .filter(({ lane, status }) => lane === name && wanted(status))
        .reduce((sum, row) => sum + row.count, 0);
    const running = count((status) => status === 'running');
    const queued = count((status) => status !== 'running');
    return toDetail(this.#requireView(name), this.#prober.last(name), { queued, running });
  }

  /** Changes of its breakers, newest first, of the whole cluster; throws `not_found`. */
  async history(name: string, limit: number): Promise<HistoryItem[]> {
    this.#requireView(name);
    return (await this.#board.history(name, limit)).map(toHistoryItem);
  }

  /** Lets it finish what it has and gives it nothing new, on all nodes and over restarts; throws `not_found`. */
  async drain(name: string): Promise<void> {
    this.#requireView(name);
    await this.#board.apply({ provider: name, scope: 'provider', name: '' }, { type: 'drain' });
  }

  /** Ends `drain`; throws `not_found`. */
  async undrain(name: string): Promise<void> {
    this.#requireView(name);
    await this.#board.apply({ provider: name, scope: 'provider', name: '' }, { type: 'undrain' });
  }

  #requireView(name: string): ProviderView {
    const view = this.#view(name);
    if (!view) throw new AppError('not_found', { detail: `There is no provider "${name.slice(0, 60)}".` });
    return view;
  }

  /** Follows the cluster's breakers; idempotent. */
  async start(): Promise<void> {
    await this.#board.start();
  }

  /** Reads the cluster's breakers anew; for the engine's tick and for commands that work without a server. */
  refresh(): Promise<void> {
    return this.#board.refresh();
  }

  /** Probes all providers now and then every interval, until `close`. */
  async startProbing(): Promise<void> {
    await this.start();
    await this.#prober.start();
  }

  /** Asks one provider whether it works, and tells the cluster; throws `not_found`. */
  async probe(name: string): Promise<ProviderHealth> {
    this.#requireView(name);
    // Where no server follows the breakers, such as in a command, the view may be empty.
    await this.refresh();
    await this.#prober.probe(name);
    return toHealth(this.#requireView(name), this.#prober.last(name));
  }

  async close(): Promise<void> {
    this.#board.close();
    this.#prober.close();
    await Promise.all([...this.#entries.values()].map(({ adapter }) => adapter.close()));
  }
}
