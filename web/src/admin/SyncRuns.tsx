// What `drawbridge sync` sent from here, and why files were not sent.
import { useQuery } from '@tanstack/react-query';
import type { SyncRunBody } from '../../../src/sync/contract.ts';
import { formatBytes } from '../ui/format.ts';
import { answerOf } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { Answered, Nothing, Section, State, When } from './parts.tsx';

const TONES = { done: 'calm', partial: 'work', nothing_sent: 'alarm', failed: 'alarm' } as const;

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
                    {Object.entries(run.failed).map(([reason, count]) => (
                      <span key={reason} className="block text-alarm">
                        {t('sync.failedFor', { count, reason })}
                      </span>
                    ))}
                    {run.error && <span className="block text-alarm">{run.error}</span>}
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
