// What the account's and the settings' pages are made of: a heading and cards with headings of their own.
import { type ReactNode, useId } from 'react';
import { problemOf } from '../api/problem.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { accountTexts } from './account-text.ts';

interface PageBodyProps {
  title: string;
  lead?: ReactNode;
  children: ReactNode;
}

export function PageBody({ title, lead, children }: PageBodyProps) {
  return (
    <div className="mx-auto flex max-w-3xl flex-col gap-6 px-4 py-8 sm:px-6">
      <div>
        <h1 className="text-2xl font-semibold">{title}</h1>
        {lead && <p className="mt-1 text-soft">{lead}</p>}
      </div>
      {children}
    </div>
  );
}

interface CardProps {
  title: string;
  lead?: ReactNode;
  /** Beside the heading. */
  action?: ReactNode;
  children: ReactNode;
}

export function Card({ title, lead, action, children }: CardProps) {
  const titleId = useId();
  return (
    <section className="sheet flex flex-col gap-4 p-5 sm:p-6" aria-labelledby={titleId}>
      <div className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
        <div className="min-w-0">
          <h2 id={titleId} className="text-lg font-semibold">
            {title}
          </h2>
          {lead && <p className="text-sm text-soft">{lead}</p>}
        </div>
        {action}
      </div>
      {children}
    </section>
  );
}

/** A part of a page that could not be read. */
export function Unread({ error, onRetry }: { error: unknown; onRetry(): void }) {
  const { t } = accountTexts.useText();
  return (
    <ProblemNote problem={problemOf(error)}>
      <button type="button" className="button" onClick={onRetry}>
        {t('app.retry')}
      </button>
    </ProblemNote>
  );
}

interface MoreButtonProps {
  hasMore: boolean;
  isBusy: boolean;
  onMore(): void;
}

export function MoreButton({ hasMore, isBusy, onMore }: MoreButtonProps) {
  const { t } = accountTexts.useText();
  if (!hasMore) return null;
  return (
    <button type="button" className="button self-start" aria-disabled={isBusy} onClick={onMore}>
      {t('account.more.entries')}
    </button>
  );
}
