// What every list that is read page by page shows around its entries: why it could not be read, and a button for more.
import type { ReactNode } from 'react';
import { problemOf } from '../api/problem.ts';
import { useText } from './language.ts';
import { ProblemNote } from './ProblemNote.tsx';

/** The part of an infinite query's result that is shown. */
export interface PagedQuery {
  error: Error | null;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage(): unknown;
  refetch(): unknown;
}

export function PagedList({
  query,
  more,
  children,
}: {
  query: PagedQuery;
  /** The words of the button for the next page. */
  more: string;
  children: ReactNode;
}) {
  const { t } = useText();
  return (
    <>
      {query.error && (
        <ProblemNote problem={problemOf(query.error)}>
          <button type="button" className="button" onClick={() => void query.refetch()}>
            {t('app.retry')}
          </button>
        </ProblemNote>
      )}
      {children}
      {query.hasNextPage && (
        <button
          type="button"
          className="button mt-4"
          aria-disabled={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          {more}
        </button>
      )}
    </>
  );
}
