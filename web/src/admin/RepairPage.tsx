// Stuck tasks: look first (a dry run), see what would be done to which task and why, then do it to exactly those. Below, what the
// watchdog did before.
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../api/client.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { pagesOf, type WatchdogFinding, type WatchdogRun } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { Answered, Ask, FailedNote, Heading, MorePages, Nothing, Section, State, When } from './parts.tsx';
import { useAdminAction } from './use-action.ts';

const RESULT_TONES = { done: 'calm', under_way: 'work', unchanged: 'off', failed: 'alarm' } as const;

function Finding({ finding }: { finding: WatchdogFinding }) {
  const { t } = adminTexts.useText();
  return (
    <li className="flex flex-col gap-1 border-t border-line p-4 text-sm first:border-t-0">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="font-semibold">{t(`repair.kind.${finding.kind}`)}</span>
        {finding.task_id && (
          <Link
            to="/admin/jobs/$id"
            params={{ id: finding.task_id }}
            className="font-mono text-xs break-all underline"
          >
            {finding.task_id}
          </Link>
        )}
        {finding.result && (
          <State tone={RESULT_TONES[finding.result]}>{t(`repair.result.${finding.result}`)}</State>
        )}
      </div>
      <p>{finding.what}</p>
      <p className="flex flex-wrap items-center gap-2">
        <span className="font-medium">{t(`repair.action.${finding.action}`)}</span>
        <del className="rounded-sm bg-mat px-1.5 no-underline">{finding.from}</del>
        <span aria-hidden="true">→</span>
        <ins className="rounded-sm bg-glow px-1.5 no-underline">{finding.to}</ins>
      </p>
      <p className="text-soft">{finding.reason}</p>
      {finding.note && <p className="text-soft">{finding.note}</p>}
      {finding.evidence.length > 0 && (
        <details>
          <summary className="w-fit text-soft underline">{t('repair.evidence')}</summary>
          <ul className="mt-1 list-disc pl-5 font-mono text-xs">
            {finding.evidence.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}

function Run({ run }: { run: WatchdogRun }) {
  const { t } = adminTexts.useText();
  const summary = t(run.dry_run ? 'repair.wouldDo' : 'repair.did', {
    found: run.found,
    repaired: run.repaired,
  });
  return (
    <li className="border-t border-line first:border-t-0">
      <details>
        <summary className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5 text-sm">
          <When at={run.started_at} />
          <span className="text-soft">{t(`repair.trigger.${run.trigger}`)}</span>
          <span className="grow">{run.error ?? summary}</span>
          {run.error && <State tone="alarm">{t('status.failed')}</State>}
        </summary>
        {run.findings.length > 0 && (
          <ul className="border-t border-line bg-well">
            {run.findings.map((finding) => (
              <Finding key={`${finding.kind}${finding.task_id}`} finding={finding} />
            ))}
          </ul>
        )}
      </details>
    </li>
  );
}

export function RepairPage() {
  const { t } = adminTexts.useText();
  useRoomTitle(t('nav.repair'));
  const look = useAdminAction();
  const [plan, setPlan] = useState<WatchdogRun | null>(null);
  const [isAsking, setAsking] = useState(false);
  const history = useInfiniteQuery(pagesOf<WatchdogRun>('v1/admin/watchdog/runs'));
  const runs = history.data?.pages.flatMap((page) => page.data) ?? [];
  const repairable = plan?.dry_run ? plan.findings.filter(({ action }) => action !== 'report') : [];
  const taskIds = [...new Set(repairable.flatMap(({ task_id }) => (task_id === null ? [] : [task_id])))];
  const examine = () =>
    look.run(async () =>
      setPlan(await call<WatchdogRun>('POST', 'v1/admin/watchdog/run', { body: { dry_run: true } })),
    );
  return (
    <>
      <Heading title={t('nav.repair')} lead={t('repair.lead')}>
        <button
          type="button"
          className="button button-lamp"
          aria-disabled={look.isBusy}
          onClick={() => void examine()}
        >
          {look.isBusy ? t('repair.looking') : t('repair.look')}
        </button>
        {taskIds.length > 0 && (
          <button type="button" className="button" onClick={() => setAsking(true)}>
            {t('repair.apply', { count: taskIds.length })}
          </button>
        )}
      </Heading>
      {look.problem && <FailedNote problem={look.problem} />}
      <div aria-live="polite">
        {plan && plan.findings.length === 0 && <Nothing>{t('repair.nothing')}</Nothing>}
        {plan && plan.findings.length > 0 && (
          <Section title={t(plan.dry_run ? 'repair.plan' : 'repair.done', { count: plan.findings.length })}>
            <ul className="sheet overflow-hidden">
              {plan.findings.map((finding) => (
                <Finding key={`${finding.kind}${finding.task_id}`} finding={finding} />
              ))}
            </ul>
          </Section>
        )}
      </div>
      {isAsking && (
        <Ask
          title={t('repair.apply', { count: taskIds.length })}
          text={t('repair.apply.hint', { count: taskIds.length })}
          label={t('repair.apply', { count: taskIds.length })}
          action={async () =>
            setPlan(
              await call<WatchdogRun>('POST', 'v1/admin/watchdog/run', {
                body: { dry_run: false, task_ids: taskIds },
              }),
            )
          }
          onClose={() => setAsking(false)}
        />
      )}
      <Section title={t('repair.history')}>
        <Answered query={history}>
          {() =>
            runs.length === 0 ? (
              <Nothing>{t('repair.history.none')}</Nothing>
            ) : (
              <ul className="sheet overflow-hidden">
                {runs.map((run) => (
                  <Run key={run.id} run={run} />
                ))}
              </ul>
            )
          }
        </Answered>
        <MorePages query={history} />
      </Section>
    </>
  );
}
