// Moving tasks to another of their model's routes: one whose attempt provably made nothing, at once, and those that wait
// behind an open breaker or a drained provider, in bounded steps. What a provider may have taken never moves.
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { ProviderModel } from '../providers/provider.ts';
import { orderRoutes, type Providers, type Route } from '../providers/providers.ts';
import { moveTasks, type TaskMove } from './claim-store.ts';
import { checkCapabilities } from './create.ts';
import { listMovable, listReadyRoutes } from './read-store.ts';
import { checkSize } from './size.ts';
import type { AttemptRow, TaskParams, TaskRow } from './store.ts';

/** Every so many steps it looks although everything works: for tasks of providers that are not configured any more. */
const IDLE_STEPS = 30;
/** Tasks that one step looks at, for each route that is stopped. */
const MOVE_BATCH = 100;

type Movable = Pick<TaskRow, 'id' | 'mode' | 'pictures'>;

/** Whether a route can do an accepted task as it is: its pixels are settled and its price is frozen. */
export function fitsRoute(task: Movable, params: TaskParams, providerModel: ProviderModel): boolean {
  const { capabilities } = providerModel;
  try {
    checkCapabilities(providerModel.name, capabilities, {
      mode: task.mode,
      images: params.inputs.length,
      n: task.pictures,
      hasMask: params.mask !== null,
      hasStrength: params.strength !== null,
      hasNegativePrompt: params.negativePrompt !== null,
    });
    checkSize(params, capabilities.sizes, '/size');
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

/** The routes other than its own that a task could take now, in its order. */
function otherRoutes(
  providers: Providers,
  task: Movable & Pick<TaskRow, 'model' | 'lane' | 'provider_model'>,
  params: TaskParams,
): Route[] {
  if (params.isPinned) return [];
  const model = providers.models.find(({ name }) => name === task.model);
  return orderRoutes(model?.routes ?? [], task.id).filter(
    (route) =>
      !(route.provider === task.lane && route.providerModel.name === task.provider_model) &&
      providers.isReady(route) &&
      fitsRoute(task, params, route.providerModel),
  );
}

/**
 * Where a task goes whose attempt, the last of `attempts`, provably made nothing: to the first route that failed it less
 * often, so that no two providers play ball with it; null when it had better wait.
 */
export function nextRoute(
  providers: Providers,
  task: TaskRow,
  params: TaskParams,
  attempts: readonly Pick<AttemptRow, 'provider' | 'provider_model' | 'outcome'>[],
): Route | null {
  const isProvenNone = ({ outcome }: Pick<AttemptRow, 'outcome'>) =>
    outcome === 'not_sent' || outcome === 'rejected';
  if (!attempts.every(isProvenNone)) return null;
  const failures = (lane: string, model: string) =>
    attempts.filter((attempt) => attempt.provider === lane && (attempt.provider_model ?? model) === model)
      .length;
  const own = failures(task.lane, task.provider_model);
  const better = otherRoutes(providers, task, params).find(
    (route) => failures(route.provider, route.providerModel.name) < own,
  );
  return better ?? null;
}

/** Moves ready tasks away from where they cannot start; one step at a time, going on where the last one ended. */
export class MoveSweep {
  readonly #db: Db;
  readonly #providers: Providers;
  /** Route → the last task that was looked at. */
  readonly #cursors = new Map<string, string>();
  #steps = 0;

  constructor(db: Db, providers: Providers) {
    this.#db = db;
    this.#providers = providers;
  }

  /** Returns the lanes that got tasks. */
  async step(now: number): Promise<string[]> {
    const providers = this.#providers;
    this.#steps += 1;
    if (!providers.hasStops() && this.#steps % IDLE_STEPS !== 1) return [];
    const lanes = new Set<string>();
    for (const ready of await listReadyRoutes(this.#db.slow)) {
      const stop = providers.stop(ready.lane, ready.provider_model);
      if (stop === null || stop.kind === 'pause') continue;
      for (const lane of await this.#moveSome(ready, now)) lanes.add(lane);
    }
    return [...lanes];
  }

  async #moveSome(ready: Pick<TaskRow, 'lane' | 'provider_model' | 'model'>, now: number): Promise<string[]> {
    const providers = this.#providers;
    const model = providers.models.find(({ name }) => name === ready.model);
    if (!model?.routes.some((route) => route.provider !== ready.lane || model.routes.length > 1)) return [];
    const cursorKey = `${ready.lane}\n${ready.provider_model}\n${ready.model}`;
    const afterId = this.#cursors.get(cursorKey) ?? '';
    const tasks = await listMovable(this.#db.slow, ready, afterId, MOVE_BATCH);
    const last = tasks.at(-1);
    if (last && tasks.length === MOVE_BATCH) this.#cursors.set(cursorKey, last.id);
    else this.#cursors.delete(cursorKey);
    const moves = tasks.flatMap((task): TaskMove[] => {
      const params = JSON.parse(task.params) as TaskParams;
      const [route] = otherRoutes(providers, { ...task, ...ready }, params);
      return route ? [{ id: task.id, lane: route.provider, providerModel: route.providerModel.name }] : [];
    });
    if (moves.length === 0) return [];
    const moved = await this.#db.write(moveTasks, { from: ready.lane, moves, now });
    providers.counters.add('rerouted', ready.lane, moved);
    return [...new Set(moves.map(({ lane }) => lane))];
  }
}
