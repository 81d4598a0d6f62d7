// What this process counts about its providers, for the metrics page.

export type ProviderCount = 'rerouted' | 'throttled' | 'parked' | 'probe_ok' | 'probe_failed';

export class ProviderCounters {
  readonly #counts = new Map<string, { what: ProviderCount; provider: string; count: number }>();

  add(what: ProviderCount, provider: string, by = 1): void {
    const id = `${what}\n${provider}`;
    const known = this.#counts.get(id);
    if (known) known.count += by;
    else this.#counts.set(id, { what, provider, count: by });
  }

  list(): readonly { what: ProviderCount; provider: string; count: number }[] {
    return [...this.#counts.values()];
  }
}
