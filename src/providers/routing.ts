// Which provider serves a public model name: an ordered list of routes. A route without a weight has its own place in the
// order; neighbours that have weights share a place, and who of them comes first is drawn by weight, always the same for the
// same task. The price belongs to the public name, whatever route does the work.
import { createHash } from 'node:crypto';
import type { Mode, ProviderAdapter, ProviderModel } from './provider.ts';

export interface Route {
  provider: string;
  providerModel: ProviderModel;
  /** Null: a place of its own. */
  weight: number | null;
}

/** A model name that callers use, with who serves it. */
export interface PublicModel {
  name: string;
  /** The first route's; in a plan the chosen one's. */
  provider: string;
  providerModel: ProviderModel;
  /** For one picture, of every route. */
  priceMicros: number;
  routes: readonly Route[];
}

/** What the operator wrote about a public name. */
export interface ModelRouting {
  routes: readonly { provider: string; model: string; weight: number | null }[];
  /** Null: the dearest route's. */
  priceMicros: number | null;
}

export interface ModelSources {
  adapters: readonly ProviderAdapter[];
  routing: ReadonlyMap<string, ModelRouting>;
  priceMicrosByModel: ReadonlyMap<string, number>;
}

/** All public names: those of the providers in the operator's order, then those that only routing names. */
export function buildModels(
  { adapters, routing, priceMicrosByModel }: ModelSources,
  onMissing: (name: string, provider: string, model: string) => void,
): Map<string, PublicModel> {
  const routes = new Map<string, Route[]>();
  for (const adapter of adapters) {
    for (const providerModel of adapter.models) {
      const own = routes.get(providerModel.name) ?? [];
      own.push({ provider: adapter.name, providerModel, weight: null });
      routes.set(providerModel.name, own);
    }
  }
  for (const [name, wanted] of routing) {
    const found: Route[] = [];
    for (const { provider, model, weight } of wanted.routes) {
      const adapter = adapters.find((candidate) => candidate.name === provider);
      const providerModel = adapter?.models.find((candidate) => candidate.name === model);
      if (providerModel) found.push({ provider, providerModel, weight });
      else onMissing(name, provider, model);
    }
    // A name of which nothing is configured now does not fall back to a provider that the operator did not name.
    if (found.length > 0) routes.set(name, found);
    else routes.delete(name);
  }
  return new Map(
    [...routes].flatMap(([name, list]) => {
      const [first] = list;
      if (!first) return [];
      const dearest = Math.max(...list.map((route) => route.providerModel.priceMicros));
      const priceMicros = routing.get(name)?.priceMicros ?? priceMicrosByModel.get(name) ?? dearest;
      const { provider, providerModel } = first;
      return [[name, { name, provider, providerModel, priceMicros, routes: list }] as const];
    }),
  );
}

/** The routes in the order in which a task tries them. `seed`: the task's id; null puts the heavier first. */
export function orderRoutes(routes: readonly Route[], seed: string | null): Route[] {
  const groups: Route[][] = [];
  for (const route of routes) {
    const last = groups.at(-1);
    if (route.weight !== null && last && last[0]?.weight !== null) last.push(route);
    else groups.push([route]);
  }
  return groups.flatMap((group) =>
    group.length === 1 ? group : group.toSorted((a, b) => rank(a, seed) - rank(b, seed)),
  );
}

/** Smaller comes first; over many seeds a route comes first as often as its share of the weights. */
function rank(route: Route, seed: string | null): number {
  const weight = route.weight ?? 1;
  if (seed === null) return -weight;
  const digest = createHash('sha256')
    .update(`${seed}:${route.provider}:${route.providerModel.name}`)
    .digest();
  const draw = (digest.readUInt32BE(0) + 1) / 0x1_0000_0001;
  return -Math.log(draw) / weight;
}

export function isSameRoute(a: Route, provider: string, providerModel: string): boolean {
  return a.provider === provider && a.providerModel.name === providerModel;
}

export function supports(model: Pick<PublicModel, 'providerModel'>, mode: Mode): boolean {
  return model.providerModel.capabilities.modes.includes(mode);
}
