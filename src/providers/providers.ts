// The registry of providers: which public model names exist, who serves each, within which limits, and whether the
// service behind it works. Health is what the last probe and the last calls said, not whether a port listens.
import { type Clock, type Timer, timeoutSignal } from '../kernel/clock.ts';
import { AppError, type ErrorCode } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import {
  type Mode,
  type ProviderAdapter,
  ProviderError,
  type ProviderErrorKind,
  type ProviderModel,
} from './provider.ts';

/** How often every provider is probed; probes cost nothing. */
export const PROBE_INTERVAL_MS = 60_000;
const PROBE_TIMEOUT_MS = 20_000;

/** Limits of one provider, cluster-wide. */
export interface LaneSettings {
  /** Tasks at the provider at once, waiting ones included. */
  concurrency: number;
  /** From creation; a task that is not finished by then fails and costs nothing. */
  deadlineMs: number;
}

/** A model name that callers use, with who serves it. */
export interface PublicModel {
  name: string;
  provider: string;
  providerModel: ProviderModel;
  priceMicros: number;
}

export type ProviderState = 'healthy' | 'degraded' | 'down';

export interface ProviderHealth {
  name: string;
  state: ProviderState;
  /** Why it is not healthy, in plain words. */
  reason: { code: ErrorCode; detail: string } | null;
  checkedAt: number | null;
}

export interface ProviderEntry {
  adapter: ProviderAdapter;
  lane: LaneSettings;
  /** `host:port` of the operator's own addresses: results on them may be fetched although they are not public. */
  trustedHosts?: readonly string[];
}

export interface ProvidersOptions {
  entries: readonly ProviderEntry[];
  /** The name that a task without a model gets; null picks the first real provider's first model. */
  defaultModel: string | null;
  /** Credits a picture by model name, in micro-credits; replaces the provider's own price. */
  priceMicrosByModel: ReadonlyMap<string, number>;
  clock: Clock;
  log: Logger;
}

/** The built-in provider: it does not count as a usable provider once another is configured. */
const SANDBOX_NAME = 'sandbox';

export class Providers {
  /** What a task without a model gets. */
  readonly defaultModelName: string;
  readonly #entries: Map<string, ProviderEntry>;
  readonly #models: Map<string, PublicModel>;
  readonly #health: Map<string, ProviderHealth>;
  readonly #options: ProvidersOptions;
  readonly #probes = new AbortController();
  #timer: Timer | null = null;

  constructor(options: ProvidersOptions) {
    this.#options = options;
    this.#entries = new Map(options.entries.map((entry) => [entry.adapter.name, entry]));
    this.#models = new Map();
    this.#health = new Map();
    for (const { adapter } of options.entries) {
      this.#health.set(adapter.name, { name: adapter.name, state: 'healthy', reason: null, checkedAt: null });
      for (const model of adapter.models) {
        // The first provider to serve a name keeps it; the order is the operator's.
        if (this.#models.has(model.name)) continue;
        const priceMicros = options.priceMicrosByModel.get(model.name) ?? model.priceMicros;
        this.#models.set(model.name, {
          name: model.name,
          provider: adapter.name,
          providerModel: model,
          priceMicros,
        });
      }
    }
    const firstReal = this.models.find((model) => model.provider !== SANDBOX_NAME) ?? this.models[0];
    this.defaultModelName = options.defaultModel ?? firstReal?.name ?? SANDBOX_NAME;
    if (options.defaultModel && !this.#models.has(options.defaultModel)) {
      throw new AppError('model_not_found', {
        detail: `default_model is "${options.defaultModel}", but no provider serves a model of that name.`,
      });
    }
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
    if (!model || (provider !== null && provider !== model.provider)) {
      const known = [...this.#models.keys()].slice(0, 12).join(', ');
      const by = provider ? ` at the provider "${provider.slice(0, 60)}"` : '';
      throw new AppError('model_not_found', {
        detail: `There is no model "${(name ?? this.defaultModelName).slice(0, 100)}"${by}. There are: ${known}.`,
      });
    }
    return model;
  }

  /** The model that upscales, of the same provider where it can. */
  requireUpscaler(preferredProvider: string | null): PublicModel {
    const able = this.models.filter((model) => supports(model, 'upscale'));
    const model = able.find((candidate) => candidate.provider === preferredProvider) ?? able[0];
    if (!model) throw new AppError('model_not_found', { detail: 'No configured model can upscale.' });
    return model;
  }

  adapter(name: string): ProviderAdapter | null {
    return this.#entries.get(name)?.adapter ?? null;
  }

  /** The model that a stored task names, under whatever public name it is served now. */
  modelOf(provider: string, providerModel: string): PublicModel | null {
    const isIt = (model: PublicModel) =>
      model.provider === provider && model.providerModel.name === providerModel;
    return this.models.find(isIt) ?? null;
  }

  lane(name: string): LaneSettings | null {
    return this.#entries.get(name)?.lane ?? null;
  }

  trustedHosts(name: string): readonly string[] {
    return this.#entries.get(name)?.trustedHosts ?? [];
  }

  health(name: string): ProviderHealth | null {
    return this.#health.get(name) ?? null;
  }

  /** Every provider's health, and whether business can be done at all. */
  overview(): { usable: boolean; providers: ProviderHealth[] } {
    const providers = [...this.#health.values()];
    const real = providers.filter((health) => health.name !== SANDBOX_NAME);
    const counted = real.length > 0 ? real : providers;
    return { usable: counted.some((health) => health.state !== 'down'), providers };
  }

  /** Refuses new work for a provider that cannot do it; queued tasks wait instead. */
  requireUsable(name: string): void {
    const health = this.#health.get(name);
    if (health?.state !== 'down') return;
    throw new AppError(health.reason?.code ?? 'provider_unavailable', {
      detail: `The provider "${name}" cannot be used now: ${health.reason?.detail ?? 'it does not answer'}`,
      retryAfterS: Math.ceil(PROBE_INTERVAL_MS / 1000),
    });
  }

  /** Probes all providers now and then every interval, until `close`. */
  async startProbing(): Promise<void> {
    await Promise.all(this.names.map((name) => this.probe(name)));
    const next = () => {
      this.#timer = this.#options.clock.after(PROBE_INTERVAL_MS, () => {
        void Promise.all(this.names.map((name) => this.probe(name))).finally(next);
      });
    };
    if (!this.#probes.signal.aborted) next();
  }

  /** Asks one provider whether it works, and remembers the answer. */
  async probe(name: string): Promise<ProviderHealth> {
    const { clock, log } = this.#options;
    const adapter = this.adapter(name);
    if (!adapter) throw new AppError('not_found', { detail: `There is no provider "${name}".` });
    const signal = AbortSignal.any([this.#probes.signal, timeoutSignal(clock, PROBE_TIMEOUT_MS)]);
    const before = this.#health.get(name)?.state;
    let health: ProviderHealth = { name, state: 'healthy', reason: null, checkedAt: clock.now() };
    try {
      await adapter.probe({ signal });
    } catch (error) {
      const reason = {
        code: errorCodeOf(error),
        detail: error instanceof Error ? error.message : String(error),
      };
      health = { ...health, state: 'down', reason };
    }
    this.#health.set(name, health);
    if (before !== health.state)
      log.info({ provider: name, state: health.state, ...health.reason }, 'provider state changed');
    return health;
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#probes.abort(new Error('The server stops'));
    await Promise.all([...this.#entries.values()].map(({ adapter }) => adapter.close()));
  }
}

export function supports(model: PublicModel, mode: Mode): boolean {
  return model.providerModel.capabilities.modes.includes(mode);
}

const CODES: Record<ProviderErrorKind, ErrorCode> = {
  unreachable: 'provider_unavailable',
  timeout: 'provider_timeout',
  rate_limited: 'provider_unavailable',
  credentials_missing: 'provider_credentials_missing',
  credentials_expired: 'provider_credentials_expired',
  quota_exhausted: 'provider_quota_exhausted',
  content_blocked: 'content_blocked',
  invalid_request: 'provider_rejected',
  unavailable: 'provider_unavailable',
  bad_answer: 'provider_unavailable',
};

/** Which error a caller is shown for what a provider call threw. */
export function errorCodeOf(error: unknown): ErrorCode {
  if (error instanceof ProviderError) return CODES[error.kind];
  if (error instanceof AppError) return error.code;
  return 'provider_unavailable';
}
