// All batches, newest first, with how far each is.
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useRouter } from '@tanstack/react-router';
import { useEffect } from 'react';
import { listenLive } from '../live/live-events.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { Bridge } from '../ui/Bridge.tsx';
import { formatTime } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { PagedList } from '../ui/PagedList.tsx';
import { useShortcuts } from '../ui/shortcuts.ts';
import { type Batch, batchesQuery } from './batch-api.ts';
import { batchTexts } from './batch-text.ts';
import './batches.css';
import { STATE_NAMES } from './item-states.ts';
import { Progress } from './Progress.tsx';
import { StateSign } from './StateSign.tsx';

/** The list is read again at most this often while batches run. */
const REFRESH_PAUSE_MS = 1_000;

/** Reads the list again after events of batches. */
function useLiveList(): void {
  const client = useQueryClient();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | null = null;
    const ask = () => {
      timer ??= setTimeout(() => {
        timer = null;
        void client.invalidateQueries({ queryKey: batchesQuery.queryKey });
      }, REFRESH_PAUSE_MS);
    };
    const stop = listenLive({
      onEvent({ name }) {
        if (name.startsWith('batch.') || name === 'reset') ask();
      },
      // What happened between reading the list and the opening of the line was told to nobody.
      onOpened: ask,
      onReconnected: ask,
    });
    return () => {
      stop();
      if (timer !== null) clearTimeout(timer);
    };
  }, [client]);
}

function Card({ batch }: { batch: Batch }) {
  const { t, locale } = batchTexts.useText();
  const { counts } = batch;
  return (
    <li className="sheet relative flex flex-col gap-2.5 px-5 py-4">
      <div className="flex flex-wrap items-baseline gap-x-3">
        <h2 className="text-lg font-semibold">
          <Link to="/batches/$batchId" params={{ batchId: batch.id }} className="card-link">
            {batch.name}
          </Link>
        </h2>
        <p className="text-sm">{t(`batch.status.${batch.status}`)}</p>
        <p className="figures text-sm text-soft sm:ml-auto">
          {t('batches.card', {
            n: counts.total,
            time: formatTime(Date.parse(batch.created_at), Date.now(), locale),
          })}
        </p>
      </div>
      <Progress counts={counts} />
      <ul className="flex flex-wrap gap-x-4 gap-y-1 text-sm text-soft">
        {STATE_NAMES.filter((name) => counts[name] > 0).map((name) => (
          <li key={name} className="batch-filter">
            <StateSign state={name} />
            {t(`batch.state.${name}`)}
            <span className="figures">{new Intl.NumberFormat(locale).format(counts[name])}</span>
          </li>
        ))}
      </ul>
    </li>
  );
}

function None() {
  const { t } = batchTexts.useText();
  return (
    <div className="flex flex-col items-start gap-4 py-10">
      <Bridge progress={0.2} className="-ml-1 w-28 text-soft" />
      <h2 className="text-2xl font-semibold tracking-tight text-balance">{t('batches.none.title')}</h2>
      <p className="text-lg text-soft">{t('batches.none.text')}</p>
      <div className="flex flex-wrap gap-2">
        <Link to="/batches/new" className="button button-lamp">
          {t('batches.new')}
        </Link>
        <Link to="/batches/new" search={{ example: true }} className="button">
          {t('batches.none.example')}
        </Link>
      </div>
    </div>
  );
}

export function BatchListPage() {
  const { t } = batchTexts.useText();
  const router = useRouter();
  const query = useInfiniteQuery(batchesQuery);
  const { data } = query;
  useRoomTitle(t('batches.title'));
  useLiveList();
  useShortcuts(t('batches.keys'), [
    { keys: 'n', label: t('batches.new'), run: () => void router.navigate({ to: '/batches/new' }) },
  ]);
  const batches = data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <div className="mx-auto max-w-4xl px-4 py-8 sm:px-6">
      <div className="mb-5 flex flex-wrap items-center gap-3">
        <div className="min-w-0 grow">
          <h1 className="text-2xl font-semibold tracking-tight">{t('batches.title')}</h1>
          <p className="text-soft">{t('batches.lead')}</p>
        </div>
        {batches.length > 0 && (
          <Link to="/batches/new" className="button button-lamp">
            <Icon name="batch" className="size-4.5" />
            {t('batches.new')}
          </Link>
        )}
      </div>
      <PagedList query={query} more={t('batches.more')}>
        {data && batches.length === 0 && <None />}
        <ul className="flex flex-col gap-3">
          {batches.map((batch) => (
            <Card key={batch.id} batch={batch} />
          ))}
        </ul>
      </PagedList>
    </div>
  );
}
