// The tasks of all accounts: views, search and filters in the address, pages by key, and actions on a selection that say how
// many tasks they touch.
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { call } from '../api/client.ts';
import { problemOf } from '../api/problem.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { formatDuration, formatTime } from '../ui/format.ts';
import { randomUuid } from '../ui/random-id.ts';
import { reasonText } from '../ui/remark.ts';
import { type AdminTaskRow, pagesOf } from './admin-api.ts';
import { JOB_VIEWS, type JobsSearch, jobsFilter } from './admin-search.ts';
import { adminTexts } from './admin-text.ts';
import { formatShort } from './amounts.ts';
import { JobState } from './job-words.tsx';
import { Ask, FailedNote, Heading, MorePages, Nothing, SearchBox } from './parts.tsx';

const REFRESH_MS = 8_000;
const SEARCHED_PAGES = 30;
const FILTERS = ['provider', 'model', 'account', 'error'] as const;

const isOpen = ({ status }: AdminTaskRow) => status === 'queued' || status === 'running';
const canRetry = ({ status }: AdminTaskRow) => status === 'failed' || status === 'cancelled';

/** Cancels a job for its account. */
export const cancelJob = (id: string, accountId: string) =>
  call('POST', `v1/tasks/${id}/cancel`, { accountId });

/** Asks for the same again for its account, once however often it is called with one key. */
export const retryJob = (id: string, accountId: string, idempotencyKey: string) =>
  call<{ id: string }>('POST', `v1/tasks/${id}/retry`, { accountId, idempotencyKey });

function JobRow({ job, isChosen, onChoose }: { job: AdminTaskRow; isChosen: boolean; onChoose(): void }) {
  const text = adminTexts.useText();
  const { t, locale } = text;
  const now = Date.now();
  const endMs = job.finished_at === null ? now : Date.parse(job.finished_at);
  const tookMs = endMs - Date.parse(job.created_at);
  const name = job.prompt === '' ? job.id : job.prompt;
  return (
    <li className="admin-row">
      <label className="admin-check">
        <input
          type="checkbox"
          checked={isChosen}
          onChange={onChoose}
          aria-label={t('jobs.choose', { name })}
        />
      </label>
      <div className="min-w-0">
        <Link to="/admin/jobs/$id" params={{ id: job.id }} className="card-link block truncate font-medium">
          {name}
        </Link>
        <p className="truncate text-sm text-soft">
          {job.account.name} · {job.provider} · {job.model}
          {job.attempts > 1 && ` · ${t('jobs.attempts', { count: job.attempts })}`}
        </p>
        {job.error && (
          <p className={`truncate text-sm ${job.status === 'cancelled' ? 'text-soft' : 'text-alarm'}`}>
            <code className="font-mono text-xs">{job.error.code}</code>{' '}
            {reasonText(job.error.code, job.error.detail, text)}
          </p>
        )}
      </div>
      <div className="flex flex-col items-end text-sm">
        <JobState job={job} />
        <span className="figures text-soft">
          <time dateTime={job.created_at}>{formatTime(Date.parse(job.created_at), now, locale)}</time>
          <span className="max-sm:hidden">
            {' '}
            · {formatShort(tookMs, locale) ?? formatDuration(tookMs, locale)}
          </span>
        </span>
      </div>
    </li>
  );
}

interface BulkProps {
  chosen: readonly AdminTaskRow[];
  onDone(): void;
}

/** What can be done with the selection; every button says to how many. */
function BulkBar({ chosen, onDone }: BulkProps) {
  const { t } = adminTexts.useText();
  const [asked, setAsked] = useState<'cancel' | 'retry' | null>(null);
  const [batchKey] = useState(randomUuid);
  const open = chosen.filter(isOpen);
  const ended = chosen.filter(canRetry);
  return (
    <div className="sticky top-16 z-10 mb-2 flex flex-wrap items-center gap-2 rounded-control border border-edge bg-sheet px-3 py-1.5">
      <span className="grow text-sm font-medium">{t('jobs.chosen', { count: chosen.length })}</span>
      {ended.length > 0 && (
        <button type="button" className="button button-quiet" onClick={() => setAsked('retry')}>
          {t('jobs.retryMany', { count: ended.length })}
        </button>
      )}
      {open.length > 0 && (
        <button type="button" className="button button-quiet text-alarm" onClick={() => setAsked('cancel')}>
          {t('jobs.cancelMany', { count: open.length })}
        </button>
      )}
      <button type="button" className="button button-quiet" onClick={onDone}>
        {t('jobs.chooseNone')}
      </button>
      {asked === 'retry' && (
        <Ask
          title={t('jobs.retryMany', { count: ended.length })}
          text={t('jobs.retryMany.hint', { count: ended.length })}
          label={t('jobs.retryMany', { count: ended.length })}
          done={t('jobs.retryMany.done', { count: ended.length })}
          action={async () => {
            for (const job of ended) await retryJob(job.id, job.account.id, `${batchKey}-${job.id}`);
            onDone();
          }}
          onClose={() => setAsked(null)}
        />
      )}
      {asked === 'cancel' && (
        <Ask
          title={t('jobs.cancelMany', { count: open.length })}
          text={t('jobs.cancelMany.hint', { count: open.length })}
          label={t('jobs.cancelMany', { count: open.length })}
          done={t('jobs.cancelMany.done', { count: open.length })}
          isDanger
          action={async () => {
            for (const job of open) await cancelJob(job.id, job.account.id);
            onDone();
          }}
          onClose={() => setAsked(null)}
        />
      )}
    </div>
  );
}

function Filters({ search, change }: { search: JobsSearch; change(next: JobsSearch): void }) {
  const { t } = adminTexts.useText();
  return (
    <>
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <SearchBox
          label={t('jobs.search')}
          hint={t('jobs.search.hint')}
          value={search.q ?? ''}
          onSearch={(q) => change({ ...search, q })}
        />
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot lie in one line with its legend */}
        <div role="group" aria-label={t('jobs.views')} className="flex flex-wrap gap-1.5">
          {([undefined, ...JOB_VIEWS] as const).map((view) => (
            <button
              key={view ?? 'all'}
              type="button"
              className="chip"
              aria-pressed={search.view === view}
              onClick={() => {
                const { view: _before, ...rest } = search;
                change(view ? { ...rest, view } : rest);
              }}
            >
              {t(`jobs.view.${view ?? 'all'}`)}
            </button>
          ))}
        </div>
      </div>
      {FILTERS.some((name) => search[name]) && (
        <div className="mb-3 flex flex-wrap gap-1.5">
          {FILTERS.map((name) => {
            const value = search[name];
            if (!value) return null;
            return (
              <button
                key={name}
                type="button"
                className="chip"
                aria-label={t('jobs.removeFilter', { name: t(`jobs.filter.${name}`), value })}
                onClick={() => {
                  const { [name]: _gone, ...rest } = search;
                  change(rest);
                }}
              >
                {t(`jobs.filter.${name}`)}: {value} <span aria-hidden="true">✕</span>
              </button>
            );
          })}
        </div>
      )}
    </>
  );
}

export function JobsPage() {
  const { t, locale } = adminTexts.useText();
  useRoomTitle(t('nav.jobs'));
  const search = useSearch({ strict: false }) as JobsSearch;
  const navigate = useNavigate();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const filter = jobsFilter(search, Date.now());
  const query = useInfiniteQuery({
    ...pagesOf<AdminTaskRow, { searched_to: string | null }>('v1/admin/tasks', filter),
    refetchInterval: (state) => ((state.state.data?.pages.length ?? 0) > 1 ? false : REFRESH_MS),
    placeholderData: (before) => before,
  });
  const jobs = query.data?.pages.flatMap((page) => page.data) ?? [];
  const searchedTo = query.data?.pages.at(-1)?.searched_to ?? null;
  const isEmptySoFar = jobs.length === 0 && searchedTo !== null;
  const pages = query.data?.pages.length ?? 0;
  const { fetchNextPage } = query;
  // A search that found nothing yet goes on by itself for a while; each call looks at a bounded number of tasks.
  useEffect(() => {
    if (isEmptySoFar && pages < SEARCHED_PAGES) void fetchNextPage();
  }, [isEmptySoFar, pages, fetchNextPage]);
  const change = (next: JobsSearch) => {
    setChosen(new Set());
    const set = Object.fromEntries(Object.entries(next).filter(([, value]) => value !== '')) as JobsSearch;
    void navigate({ to: '/admin/jobs', search: set });
  };
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  return (
    <>
      <Heading title={t('nav.jobs')} lead={t('jobs.lead')} />
      <Filters search={search} change={change} />
      {chosen.size > 0 && (
        <BulkBar chosen={jobs.filter(({ id }) => chosen.has(id))} onDone={() => setChosen(new Set())} />
      )}
      {query.error && <FailedNote problem={problemOf(query.error)} onRetry={() => void query.refetch()} />}
      {jobs.length > 0 && (
        <ul className="sheet overflow-hidden" aria-label={t('nav.jobs')}>
          {jobs.map((job) => (
            <JobRow key={job.id} job={job} isChosen={chosen.has(job.id)} onChoose={() => toggle(job.id)} />
          ))}
        </ul>
      )}
      {query.data && jobs.length === 0 && (
        <Nothing>{t(search.q ? 'jobs.none.search' : `jobs.none.${search.view ?? 'all'}`)}</Nothing>
      )}
      {searchedTo !== null && (
        <p className="mt-3 text-sm text-soft">
          {t('jobs.searchedTo', { time: formatTime(Date.parse(searchedTo), Date.now(), locale) })}
        </p>
      )}
      <MorePages query={query} {...(searchedTo === null ? {} : { label: t('jobs.searchOn') })} />
    </>
  );
}
