// Routes: their order, weights that hold over many tasks and never change for one, and one price for a name.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FleetProvider } from '../../test/harness/provider-fleet.ts';
import { toConfig } from '../kernel/config.ts';
import { settingsSchema } from '../kernel/config-settings.ts';
import { buildModels, type ModelRouting, orderRoutes } from './routing.ts';

const cheap = new FleetProvider('cheap', { priceMicros: 1_000_000 });
const dear = new FleetProvider('dear', { priceMicros: 3_000_000 });
const other = new FleetProvider('other', { model: 'elsewhere', priceMicros: 2_000_000 });
const adapters = [cheap, dear, other];
const CONTEXT = { cwd: '/', portFromPlatform: false };
const prices = new Map<string, number>();

function models(routing: Record<string, ModelRouting>, onMissing: () => void = () => {}) {
  return buildModels(
    { adapters, routing: new Map(Object.entries(routing)), priceMicrosByModel: prices },
    onMissing,
  );
}
const route = (provider: string, model: string, weight: number | null = null) => ({
  provider,
  model,
  weight,
});

test("a name that several serve goes over them in the operator's order, at the dearest one's price", () => {
  const model = models({}).get('picture');
  assert.deepEqual(
    model?.routes.map(({ provider }) => provider),
    ['cheap', 'dear'],
  );
  assert.equal(model?.priceMicros, 3_000_000);
  assert.equal(model?.provider, 'cheap');
});

test('routing names its own order, models and price, and may leave a provider out', () => {
  const routes = [route('other', 'elsewhere'), route('cheap', 'picture')];
  const found = models({
    picture: { routes, priceMicros: 500_000 },
    portrait: { routes, priceMicros: null },
  });
  assert.deepEqual(
    found.get('picture')?.routes.map(({ provider }) => provider),
    ['other', 'cheap'],
  );
  assert.equal(found.get('picture')?.priceMicros, 500_000);
  assert.equal(found.get('portrait')?.priceMicros, 2_000_000);
});

test('a route that nobody serves is told and left out; a name without any does not exist', () => {
  let missing = 0;
  const routes = [route('gone', 'picture'), route('cheap', 'nothing')];
  const found = models({ picture: { routes, priceMicros: null } }, () => {
    missing += 1;
  });
  assert.equal(missing, 2);
  assert.equal(found.has('picture'), false);
});

test('neighbours with weights take turns by weight, each task always the same way', () => {
  const routes = [route('cheap', 'picture', 3), route('dear', 'picture', 1), route('other', 'elsewhere')];
  const model = models({ picture: { routes, priceMicros: null } }).get('picture');
  assert.ok(model);
  const orderOf = (seed: string): string[] => orderRoutes(model.routes, seed).map(({ provider }) => provider);
  const firsts = new Map<string, number>();
  for (let i = 0; i < 4_000; i += 1) {
    const order = orderOf(`task_${i}`);
    assert.equal(order[2], 'other', 'a place of its own stays');
    assert.deepEqual(orderOf(`task_${i}`), order);
    firsts.set(order[0] ?? '', (firsts.get(order[0] ?? '') ?? 0) + 1);
  }
  const share = (firsts.get('cheap') ?? 0) / 4_000;
  assert.ok(Math.abs(share - 0.75) < 0.03, `${share}`);
  assert.equal(orderRoutes(model.routes, null)[0]?.provider, 'cheap');
});

test('routes are written in words or as a list, and a wrong one is refused', () => {
  const parse = (models: unknown) => toConfig(settingsSchema.parse({ models }), CONTEXT).models;
  assert.deepEqual(parse({ portrait: 'openai/gpt-image-1|kie/flux*3' }), {
    portrait: {
      routes: [route('openai', 'gpt-image-1'), route('kie', 'flux', 3)],
      priceMicros: null,
    },
  });
  const routes = [{ provider: 'kie', model: 'google/nano-banana', weight: 2 }];
  assert.deepEqual(parse({ 'nano-1.5': { routes, price: 0.5 } }), {
    'nano-1.5': { routes: [route('kie', 'google/nano-banana', 2)], priceMicros: 500_000 },
  });
  for (const wrong of ['kie', 'kie/', '/flux', 'kie/flux*', { routes: [] }, { routes, extra: 1 }])
    assert.equal(settingsSchema.safeParse({ models: { portrait: wrong } }).success, false, String(wrong));
});
