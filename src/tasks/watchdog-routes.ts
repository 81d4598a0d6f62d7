// Binds the watchdog's contracts.
import { toTimestamp } from '../kernel/clock.ts';
import { type BoundRoute, bindRoute } from '../kernel/route.ts';
import type { Watchdog, WatchdogRun } from './watchdog.ts';
import * as contract from './watchdog-contract.ts';

export function watchdogRoutes(watchdog: Watchdog): BoundRoute[] {
  return [
    bindRoute(contract.listWatchdogRunsRoute, async ({ query: { limit, cursor } }) => {
      const runs = await watchdog.history({ limit: limit + 1, beforeId: cursor });
      const page = runs.slice(0, limit);
      const next = runs.length > page.length ? (page.at(-1)?.id ?? null) : null;
      return { status: 200 as const, body: { data: page.map(toBody), next_cursor: next } };
    }),
    bindRoute(contract.runWatchdogRoute, async ({ body }) => {
      const { dry_run: dryRun, task_ids: only, source: trigger } = body;
      return { status: 200 as const, body: toBody(await watchdog.run({ trigger, dryRun, only })) };
    }),
  ];
}

function toBody(run: WatchdogRun): contract.WatchdogRunBody {
  return {
    id: run.id,
    trigger: run.trigger,
    dry_run: run.dryRun,
    node: run.node,
    started_at: toTimestamp(run.started_at),
    ended_at: run.ended_at === null ? null : toTimestamp(run.ended_at),
    found: run.found,
    repaired: run.repaired,
    error: run.error,
    findings: run.findings.map(({ taskId: task_id, ...finding }) => ({ task_id, ...finding })),
  };
}
