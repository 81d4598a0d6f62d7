// Binds the contracts of the providers slice to its verbs.
import { toTimestamp } from '../kernel/clock.ts';
import { nameOfField } from '../kernel/config-externals.ts';
import { type BoundRoute, bindRoute } from '../kernel/route.ts';
import * as contract from './contract.ts';
import type { LegTester } from './leg-test.ts';
import type { ManagedProviders } from './managed-providers.ts';
import type { PoolServer } from './provider.ts';
import { shownProxy } from './provider-proxy.ts';
import type { ProviderDetail, Providers } from './providers.ts';

const MS_PER_S = 1000;

export interface ProviderRoutesOptions {
  managed: ManagedProviders;
  providers: Providers;
  probeIntervalMs: number;
  legTester: LegTester;
}

export function providerRoutes(options: ProviderRoutesOptions): BoundRoute[] {
  return [...lookRoutes(options), ...operateRoutes(options), ...secretRoutes(options)];
}

function lookRoutes({ managed, providers, probeIntervalMs, legTester }: ProviderRoutesOptions): BoundRoute[] {
  const view = bodyOf({ managed, providers });
  return [
    bindRoute(contract.listProvidersRoute, async () => {
      await probeUnknown(providers);
      const data = await Promise.all(providers.names.map(async (name) => view(await providers.detail(name))));
      const { unconfigured } = managed;
      const body = { data, unconfigured, probe_interval_s: probeIntervalMs / MS_PER_S };
      return { status: 200 as const, body };
    }),
    bindRoute(contract.getProviderRoute, async ({ params, query }) => {
      const before = await providers.detail(params.name);
      if (before.checkedAt === null) await providers.probe(params.name);
      const detail = await providers.detail(params.name);
      const history = await providers.history(params.name, query.history);
      return { status: 200 as const, body: { ...view(detail), breaker: detail.breaker, history } };
    }),
    bindRoute(contract.testProviderRoute, async ({ params, body }) => {
      const legs = await legTester.test(params.name, body.model ?? null);
      const ok = legs.every((leg) => leg.state !== 'failed');
      return { status: 200 as const, body: { name: params.name, ok, legs } };
    }),
  ];
}

function operateRoutes({ managed, providers }: ProviderRoutesOptions): BoundRoute[] {
  const view = bodyOf({ managed, providers });
  const now = async (name: string) => ({ status: 200 as const, body: view(await providers.detail(name)) });
  return [
    bindRoute(contract.probeProviderRoute, async ({ params }) => {
      await providers.probe(params.name);
      return now(params.name);
    }),
    bindRoute(contract.drainProviderRoute, async ({ params, log }) => {
      await providers.drain(params.name);
      log.info({ provider: params.name }, 'a provider is drained');
      return now(params.name);
    }),
    bindRoute(contract.undrainProviderRoute, async ({ params, log }) => {
      await providers.undrain(params.name);
      log.info({ provider: params.name }, 'a provider is not drained any more');
      return now(params.name);
    }),
  ];
}

function secretRoutes({ managed }: ProviderRoutesOptions): BoundRoute[] {
  const change = (provider: string, field: string, note: string | null) => ({
    status: 200 as const,
    body: { provider, field, note, sources: sourcesOf(managed, provider) },
  });
  return [
    bindRoute(contract.setSecretRoute, async ({ params, body, access }) => {
      const { field, note } = await managed.setSecret({
        provider: params.name,
        field: body.field ?? null,
        value: body.value,
        by: access.credentialId,
        unchecked: body.unchecked,
      });
      return change(params.name, field, note);
    }),
    bindRoute(contract.clearSecretRoute, async ({ params, query, access }) => {
      const { field } = await managed.clearSecret(params.name, query.field ?? null, access.credentialId);
      return change(params.name, field, null);
    }),
    bindRoute(contract.rotateKeyRoute, async ({ log }) => {
      const secrets = await managed.rotateKey();
      log.info({ secrets }, 'the key of stored secrets was rotated');
      return { status: 200 as const, body: { secrets } };
    }),
  ];
}

/** Where no server probes them, nobody has asked the providers yet. */
async function probeUnknown(providers: Providers): Promise<void> {
  const unknown = providers.names.filter((name) => providers.health(name)?.checkedAt === null);
  await Promise.all(unknown.map((name) => providers.probe(name)));
}

function sourcesOf(managed: ManagedProviders, provider: string) {
  return managed.credentialSources(provider).map(({ field, source, origin, required, setAt }) => ({
    field,
    env: nameOfField(provider, field),
    source,
    origin,
    required,
    set_at: setAt === null ? null : toTimestamp(setAt),
  }));
}

function serverBody(server: PoolServer) {
  const { label, host, state, reason, draining, version, live, queueLength, nextProbeAtMs, history } = server;
  return {
    label,
    host,
    state,
    reason,
    draining,
    version,
    queue_length: queueLength,
    live,
    next_probe_at: nextProbeAtMs === null ? null : toTimestamp(nextProbeAtMs),
    history: history.map(({ atMs, from, to, reason: why }) => ({
      at: toTimestamp(atMs),
      from,
      to,
      reason: why,
    })),
  };
}

const bodyOf =
  ({ managed, providers }: Pick<ProviderRoutesOptions, 'managed' | 'providers'>) =>
  (detail: ProviderDetail) => {
    const { name, limits } = detail;
    const proxy = providers.proxy(name);
    return {
      name,
      kind: providers.isChat(name) ? ('chat' as const) : ('picture' as const),
      state: detail.state,
      reason: detail.reason,
      checked_at: detail.checkedAt === null ? null : toTimestamp(detail.checkedAt),
      note: detail.note,
      drained: detail.isDrained,
      paused_until: detail.pausedUntil,
      endpoints: [...(providers.adapter(name)?.endpoints ?? [])],
      proxy: proxy === null ? null : shownProxy(proxy),
      secrets: sourcesOf(managed, name),
      models: detail.models,
      credentials: detail.credentials,
      servers: detail.servers.map(serverBody),
      limits: {
        concurrency: limits.concurrency,
        requests_per_minute: limits.requestsPerMinute,
        credential_concurrency: limits.credentialConcurrency,
        credential_requests_per_minute: limits.credentialRequestsPerMinute,
        deadline_s: limits.deadlineMs / MS_PER_S,
      },
      queued: detail.queued,
      running: detail.running,
    };
  };
