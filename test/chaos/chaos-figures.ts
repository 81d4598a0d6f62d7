// What a chaos run comes to, in figures and in words.
import { DEATHS_UNTIL_PUT_ASIDE } from './chaos-checks.ts';
import type { ChaosReport } from './kill-server.ts';
import type { Kill } from './node-keeper.ts';
import type { ChangeRecord } from './node-process.ts';
import { percentile } from './seeded-random.ts';

/** Task → how long it waited for its next owner, of those that a node ran when it died. */
export function resumptions(kill: Kill, records: readonly ChangeRecord[]): Map<string, number> {
  const last = new Map<string, ChangeRecord>();
  const waits = new Map<string, number>();
  for (const record of records) {
    if (record.at <= kill.atMs) last.set(record.id, record);
    else if (record.pid !== kill.pid && !waits.has(record.id)) waits.set(record.id, record.at - kill.atMs);
  }
  const orphans = [...last.values()].filter(({ pid, status }) => pid === kill.pid && status === 'running');
  return new Map(orphans.map(({ id }) => [id, waits.get(id) ?? Number.POSITIVE_INFINITY]));
}

/** The report in words. */
export function describeReport(report: ChaosReport): string {
  const { kills, findings, resumeMs, databaseBackMs, hooks } = report;
  const times = (values: readonly number[]) =>
    values.length === 0
      ? 'none'
      : `p50 ${percentile(values, 0.5)} ms, p99 ${percentile(values, 0.99)} ms, longest ${percentile(values, 1)} ms (${values.length})`;
  const ready = kills.flatMap(({ readyMs }) => readyMs ?? []);
  const points = new Map<string, number>();
  for (const { how } of kills) {
    const name = how.replace(/:\d+/, '');
    points.set(name, (points.get(name) ?? 0) + 1);
  }
  const list = [...points].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  // 0 of n: the true share is below 3/n with 95 % confidence.
  const bound = (n: number) => `below ${(300 / n).toPrecision(2)} %`;
  return [
    `tasks ${report.tasks}: ${report.succeeded} succeeded, ${report.unknown} failed free of charge as unknown, ${report.putAside.length} put aside free of charge after ${DEATHS_UNTIL_PUT_ASIDE} deaths, ${report.lost} lost`,
    `provider's log: ${report.submits} submits, ${report.jobs} jobs, ${report.duplicateSubmits} duplicate submits`,
    `kills ${kills.length}: ${list.map(([name, count]) => `${name} ${count}`).join(', ')}`,
    `start to ready: ${times(ready)}`,
    `death to next owner of a task: ${times(resumeMs)}`,
    `database back to first progress: ${times(databaseBackMs)}`,
    `last kill to last task: ${(report.settleMs / 1000).toFixed(1)} s; whole run ${report.seconds.toFixed(0)} s`,
    `webhook messages ${hooks.messages}, sent again under the same id ${hooks.repeats}, asked for before their next try ${hooks.askedFor}; event connections ${report.eventConnections}; doctor --deep ${report.doctorRuns} times`,
    ...findings.slice(0, 40).map((finding) => `FOUND ${finding}`),
    findings.length === 0
      ? `Nothing was lost, doubled or charged wrongly: per task ${bound(report.tasks)}, per kill ${bound(kills.length)} (95 %).`
      : `${findings.length} findings`,
  ].join('\n');
}
