// What `drawbridge sync` sent from here, and why files were not sent.
import { useQuery } from '@tanstack/react-query';
import type { SyncReasons } from '../../../src/kernel/messages/sync-reasons-en.ts';
import type { SyncRunBody } from '../../../src/sync/contract.ts';
import { formatBytes } from '../ui/format.ts';
import { answerOf } from './admin-api.ts';
import { adminTexts, syncReasonTexts } from './admin-text.ts';
import { Answered, Nothing, Section, State, When } from './parts.tsx';

const TONES = { done: 'calm', partial: 'work', nothing_sent: 'alarm', failed: 'alarm' } as const;

/** Of those that were not sent, only these are worth a look: the others were left out on purpose or are there already. */
const HELD_BACK: readonly string[] = ['target_newer', 'target_different'];

function Reasons({ run }: { run: SyncRunBody }) {
  const { t } = adminTexts.useText();
  const reasons = syncReasonTexts.useText();
  // A full disk at the target and the mode "full" have the same name in a report.
  const words = (reason: string, isFailure: boolean) =>
    reasons.t((isFailure && reason === 'full' ? 'full_target' : reason) as keyof SyncReasons);
  // Where nothing was sent, every reason is the answer.
  const held = Object.entries(run.kept).filter(
    ([reason]) => run.state === 'nothing_sent' || HELD_BACK.includes(reason),
  );
  return (
    <>
      {Object.entries(run.failed).map(([reason, count]) => (
        <span key={reason} className="block text-alarm">
          {t('sync.failedFor', { count, reason: words(reason, true) })}
        </span>
      ))}
      {held.map(([reason, count]) => (
        <span key={reason} className="block text-soft">
          {t('sync.keptFor', { count, reason: words(reason, false) })}
        </span>
      ))}
      {run.error && <span className="block text-alarm">{run.error}</span>}
    </>
  );
}

export function SyncRuns() {
  const { t, locale } = adminTexts.useText();
  const query = useQuery(answerOf<{ data: SyncRunBody[] }>('v1/admin/sync/runs?limit=20'));
  return (
    <Section title={t('sync.title')}>
      <Answered query={query}>
        {({ data }) =>
          data.length === 0 ? (
            <Nothing>{t('sync.none')}</Nothing>
          ) : (
            <ul className="sheet overflow-hidden">
              {data.map((run) => (
                <li key={run.id} className="admin-row text-sm">
                  <State tone={TONES[run.state]}>{t(`sync.${run.state}`)}</State>
                  <span className="min-w-0">
                    <span className="font-medium">{run.target}</span>{' '}
                    <span className="text-soft">
                      {t(`sync.what.${run.what}`)}
                      {run.dry_run && ` · ${t('sync.dryRun')}`}
                    </span>
                    <Reasons run={run} />
                  </span>
                  <span className="figures text-right text-soft">
                    <When at={run.ended_at} />
                    <span className="block">
                      {t('store.files', { count: run.sent, size: formatBytes(run.sent_bytes, locale) })}
                    </span>
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
    </Section>
  );
}
