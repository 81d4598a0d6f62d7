// Where the pictures lie: stores with their state, moves between them, backups, and the collection of what nobody needs.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../api/client.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { formatBytes } from '../ui/format.ts';
import { answerOf, type Backups, pagesOf, type Storage, type StoreMove } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { Answered, Ask, FailedNote, Heading, MorePages, Nothing, Section, State, When } from './parts.tsx';
import { SyncRuns } from './SyncRuns.tsx';
import { useAdminAction } from './use-action.ts';

const REFRESH_MS = 10_000;
const STORE_TONES = { ok: 'calm', resting: 'alarm', unknown: 'off', missing: 'alarm' } as const;
const BACKUP_TONES = { running: 'work', done: 'calm', failed: 'alarm' } as const;

function Stores({ stores }: { stores: Storage['stores'] }) {
  const { t, locale } = adminTexts.useText();
  return (
    <ul className="grid gap-3 sm:grid-cols-2">
      {stores.map((store) => (
        <li key={store.name} className="sheet flex flex-col gap-1.5 p-4">
          <div className="flex items-center gap-3">
            <span className="grow font-semibold">{store.name}</span>
            <State tone={STORE_TONES[store.state]}>{t(`store.${store.state}`)}</State>
          </div>
          <p className="figures text-sm text-soft">
            {t('store.files', { count: store.files, size: formatBytes(store.bytes, locale) })}
            {store.free_bytes !== null &&
              ` · ${t('store.free', { size: formatBytes(store.free_bytes, locale) })}`}
            {store.is_first && ` · ${t('store.first')}`}
          </p>
          {store.damaged > 0 && (
            <p className="text-sm text-alarm">{t('store.damaged', { count: store.damaged })}</p>
          )}
          {store.reason && <p className="text-sm text-alarm">{store.reason}</p>}
          {store.is_public && <p className="text-sm text-soft">{t('store.public')}</p>}
        </li>
      ))}
    </ul>
  );
}

function Moves({ moves }: { moves: Storage['moves'] }) {
  const { t, locale } = adminTexts.useText();
  const query = useInfiniteQuery(pagesOf<StoreMove>('v1/admin/storage/moves'));
  const action = useAdminAction();
  const rows = query.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Section
      title={t('moves.title')}
      aside={
        moves.failing > 0 && (
          <button
            type="button"
            className="button button-quiet"
            aria-disabled={action.isBusy}
            onClick={() =>
              void action.run(() => call('POST', 'v1/admin/storage/moves/retry'), t('moves.retried'))
            }
          >
            {t('moves.retry', { count: moves.failing })}
          </button>
        )
      }
    >
      {action.problem && <FailedNote problem={action.problem} />}
      {rows.length === 0 ? (
        <Nothing>{t('moves.none')}</Nothing>
      ) : (
        <>
          <p className="mb-2 text-sm text-soft">
            {t('moves.counts', {
              waiting: moves.waiting,
              size: formatBytes(moves.waiting_bytes, locale),
              done: moves.done,
            })}
          </p>
          <ul className="sheet overflow-hidden">
            {rows.map((move) => (
              <li key={move.key} className="admin-row text-sm">
                <State tone={move.last_error ? 'alarm' : move.state === 'done' ? 'calm' : 'work'}>
                  {t(`moves.${move.state}`)}
                </State>
                <span className="min-w-0">
                  <code className="block truncate font-mono text-xs">{move.key}</code>
                  <span className="text-soft">
                    {move.from} → {move.to} · {formatBytes(move.bytes, locale)}
                  </span>
                  {move.last_error && <span className="block text-alarm">{move.last_error}</span>}
                </span>
                <When at={move.ended_at ?? move.due_at} />
              </li>
            ))}
          </ul>
        </>
      )}
      <MorePages query={query} />
    </Section>
  );
}

function BackupRuns() {
  const { t, locale } = adminTexts.useText();
  const query = useQuery({ ...answerOf<Backups>('v1/admin/backups'), refetchInterval: REFRESH_MS });
  const action = useAdminAction();
  return (
    <Section
      title={t('backups.title')}
      aside={
        query.data?.folder && (
          <button
            type="button"
            className="button button-quiet"
            aria-disabled={action.isBusy}
            onClick={() => void action.run(() => call('POST', 'v1/admin/backups'), t('backups.begun'))}
          >
            {t('backups.begin')}
          </button>
        )
      }
    >
      {action.problem && <FailedNote problem={action.problem} />}
      <Answered query={query}>
        {({ folder, next_at, data }) => (
          <>
            <p className="mb-2 text-sm text-soft">
              {folder === null ? t('backups.noFolder') : t('backups.folder', { folder })}{' '}
              {next_at && (
                <>
                  {t('backups.next')} <When at={next_at} />
                </>
              )}
            </p>
            {data.length > 0 && (
              <ul className="sheet overflow-hidden">
                {data.map((run) => (
                  <li key={run.started_at} className="admin-row text-sm">
                    <State tone={BACKUP_TONES[run.state]}>{t(`backups.${run.state}`)}</State>
                    <span className="min-w-0">
                      <When at={run.started_at} /> {run.backup}
                      {run.error && <span className="block text-alarm">{run.error}</span>}
                      {(run.missing ?? 0) > 0 && (
                        <span className="block text-alarm">
                          {t('backups.missing', { count: run.missing ?? 0 })}
                        </span>
                      )}
                    </span>
                    <span className="figures text-soft">
                      {run.files !== null &&
                        run.bytes !== null &&
                        t('store.files', { count: run.files, size: formatBytes(run.bytes, locale) })}
                    </span>
                  </li>
                ))}
              </ul>
            )}
          </>
        )}
      </Answered>
    </Section>
  );
}

export function StoragePage() {
  const { t } = adminTexts.useText();
  useRoomTitle(t('nav.storage'));
  const [isCollecting, setCollecting] = useState(false);
  const query = useQuery({ ...answerOf<Storage>('v1/admin/storage'), refetchInterval: REFRESH_MS });
  return (
    <>
      <Heading title={t('nav.storage')} lead={t('storage.lead')}>
        <button type="button" className="button" onClick={() => setCollecting(true)}>
          {t('gc.run')}
        </button>
      </Heading>
      <Answered query={query}>
        {({ stores, moves }) => (
          <>
            <Stores stores={stores} />
            <Moves moves={moves} />
          </>
        )}
      </Answered>
      <BackupRuns />
      <SyncRuns />
      {isCollecting && (
        <Ask
          title={t('gc.run')}
          text={t('gc.hint')}
          label={t('gc.run')}
          done={t('gc.done')}
          action={() => call('POST', 'v1/admin/gc', { body: {} })}
          onClose={() => setCollecting(false)}
        />
      )}
    </>
  );
}
