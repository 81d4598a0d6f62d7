// What every admin room is built of: headings, answers that are on their way or failed, facts, states, times and questions
// before an action.
import type { UseInfiniteQueryResult, UseQueryResult } from '@tanstack/react-query';
import { type ReactNode, useId, useState } from 'react';
import { type Problem, problemOf } from '../api/problem.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { formatDuration, formatTime } from '../ui/format.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { useNow } from '../ui/ticker.ts';
import { adminTexts } from './admin-text.ts';
import { useAdminAction } from './use-action.ts';

export function Heading({ title, lead, children }: { title: string; lead?: string; children?: ReactNode }) {
  return (
    <header className="mb-5 flex flex-wrap items-start gap-3">
      <div className="min-w-60 grow basis-0">
        <h1 className="text-2xl font-semibold">{title}</h1>
        {lead && <p className="mt-0.5 max-w-2xl text-soft">{lead}</p>}
      </div>
      {children && <div className="flex flex-wrap gap-2">{children}</div>}
    </header>
  );
}

export function Section({
  title,
  aside,
  children,
}: {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="mt-8">
      <div className="mb-2 flex flex-wrap items-center gap-x-3 gap-y-1">
        <h2 id={id} className="grow text-base font-semibold">
          {title}
        </h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

function Waiting() {
  const { t } = adminTexts.useText();
  return (
    <div role="status" className="sheet h-40 motion-safe:animate-pulse">
      <span className="sr-only">{t('app.loading')}</span>
    </div>
  );
}

export function FailedNote({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  const { t } = adminTexts.useText();
  return (
    <div className="sheet p-5" role="alert">
      <ProblemNote problem={problem}>
        {onRetry && (
          <button type="button" className="button" onClick={onRetry}>
            {t('app.retry')}
          </button>
        )}
      </ProblemNote>
    </div>
  );
}

/** What a query answered, its failure, or the place where it will be. */
export function Answered<Data>({
  query,
  children,
}: {
  query: Pick<UseQueryResult<Data>, 'data' | 'error' | 'refetch'>;
  children(data: Data): ReactNode;
}) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error)
    return <FailedNote problem={problemOf(query.error)} onRetry={() => void query.refetch()} />;
  return <Waiting />;
}

/** The next page of a list, where there is one. */
export function MorePages({
  query,
  label,
}: {
  query: Pick<UseInfiniteQueryResult, 'hasNextPage' | 'isFetchingNextPage' | 'fetchNextPage'>;
  label?: string;
}) {
  const { t } = adminTexts.useText();
  if (!query.hasNextPage) return null;
  return (
    <button
      type="button"
      className="button mt-4"
      aria-disabled={query.isFetchingNextPage}
      onClick={() => void query.fetchNextPage()}
    >
      {label ?? t('more')}
    </button>
  );
}

export function Nothing({ children }: { children: ReactNode }) {
  return <p className="sheet px-5 py-8 text-center text-soft">{children}</p>;
}

/** Names and values, side by side where there is room. */
export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="grid grid-cols-[minmax(6rem,max-content)_1fr] gap-x-5 gap-y-1.5 text-sm">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-soft">{name}</dt>
          <dd className="figures min-w-0">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export type Tone = 'calm' | 'work' | 'alarm' | 'off';
const DOT: Record<Tone, string> = {
  calm: 'bg-calm',
  work: 'bg-lamp',
  alarm: 'bg-alarm',
  off: 'border border-edge',
};

/** A state in words, with a dot for the eye. */
export function State({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className="inline-flex items-center gap-2 text-sm font-medium whitespace-nowrap">
      <span aria-hidden="true" className={`size-2.5 shrink-0 rounded-full ${DOT[tone]}`} />
      {children}
    </span>
  );
}

/** A time as people say it, with the exact one on hover. */
export function When({ at }: { at: string }) {
  const { locale } = adminTexts.useText();
  return (
    <time dateTime={at} title={at} className="whitespace-nowrap">
      {formatTime(Date.parse(at), Date.now(), locale)}
    </time>
  );
}

/** How long until a time; nothing once it is over. */
export function Countdown({ until }: { until: string }) {
  const { t, locale } = adminTexts.useText();
  const leftMs = Date.parse(until) - useNow();
  if (leftMs <= 0) return null;
  return <span className="figures">{t('in', { time: formatDuration(leftMs, locale) })}</span>;
}

interface AskProps {
  title: string;
  text: ReactNode;
  /** The button that does it: exactly what it does, and to how many. */
  label: string;
  action(): Promise<unknown>;
  done?: string;
  onClose(): void;
  isDanger?: boolean;
}

/** Asks before an action that cannot be taken back. */
export function Ask({ title, text, label, action, done, onClose, isDanger = false }: AskProps) {
  const { t } = adminTexts.useText();
  const { run, isBusy, problem } = useAdminAction();
  return (
    <Dialog
      title={title}
      onClose={onClose}
      footer={
        <>
          <button type="button" className="button" onClick={onClose}>
            {t('app.cancel')}
          </button>
          <button
            type="button"
            className={isDanger ? 'button text-alarm' : 'button button-lamp'}
            aria-disabled={isBusy}
            onClick={async () => {
              if (await run(action, done)) onClose();
            }}
          >
            {label}
          </button>
        </>
      }
    >
      <div className="flex flex-col gap-3">{text}</div>
      {problem && <ProblemNote problem={problem} />}
    </Dialog>
  );
}

interface SearchBoxProps {
  label: string;
  value: string;
  onSearch(text: string): void;
  hint?: string;
}

/** A search field that asks when Enter is pressed or the field is left. */
export function SearchBox({ label, value, onSearch, hint }: SearchBoxProps) {
  const [text, setText] = useState(value);
  const [seen, setSeen] = useState(value);
  if (seen !== value) {
    setSeen(value);
    setText(value);
  }
  return (
    <search className="min-w-0 grow basis-64">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onSearch(text.trim());
        }}
      >
        <input
          type="search"
          id="admin-search"
          className="field"
          aria-label={label}
          placeholder={hint ?? label}
          value={text}
          enterKeyHint="search"
          onInput={(event) => setText(event.currentTarget.value)}
          onBlur={() => text.trim() !== value && onSearch(text.trim())}
        />
      </form>
    </search>
  );
}

/** A labelled field of a form. */
export function Field({
  label,
  hint,
  children,
}: {
  label: string;
  hint?: string;
  children(id: string): ReactNode;
}) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="eyebrow mb-1 block">
        {label}
      </label>
      {children(id)}
      {hint && <p className="mt-1 text-sm text-soft">{hint}</p>}
    </div>
  );
}
