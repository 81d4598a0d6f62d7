// The ledger of an account: append-only, with its running balance; a reversal is a row of its own. All of it as a CSV file.
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { call } from '../api/client.ts';
import { formatCredits } from '../ui/format.ts';
import { type Entry, type Page, pagesOf, queryText } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { Answered, FailedNote, MorePages, Nothing, Section, When } from './parts.tsx';
import { useAdminAction } from './use-action.ts';

const CSV_PAGE = '200';
const CSV_COLUMNS = [
  'seq',
  'created_at',
  'kind',
  'amount_credits',
  'debit_book',
  'credit_book',
  'available_credits_after',
  'held_credits_after',
  'task_id',
  'reason',
] as const;

/** One cell; a leading sign of a formula is made text, since spreadsheets run what looks like one. */
export function csvCell(value: string | number | null): string {
  const text = value === null ? '' : String(value);
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** All entries, newest first, as a file. */
async function downloadCsv(accountId: string): Promise<void> {
  const rows = [CSV_COLUMNS.join(',')];
  let cursor: string | undefined;
  do {
    const path = `v1/credits/entries${queryText({ limit: CSV_PAGE, cursor })}`;
    const page = await call<Page<Entry>>('GET', path, { accountId });
    for (const entry of page.data) rows.push(CSV_COLUMNS.map((column) => csvCell(entry[column])).join(','));
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  const url = URL.createObjectURL(new Blob([`\u{feff}${rows.join('\r\n')}\r\n`], { type: 'text/csv' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `ledger-${accountId}.csv`;
  link.click();
  URL.revokeObjectURL(url);
}

const SIGN: Record<Entry['kind'], string> = {
  grant: '+',
  refund: '+',
  release: '+',
  hold: '−',
  capture: '',
  correction: '',
};

export function Ledger({ accountId }: { accountId: string }) {
  const { t, locale } = adminTexts.useText();
  const csv = useAdminAction();
  const query = useInfiniteQuery(pagesOf<Entry>('v1/credits/entries', {}, accountId));
  const entries = query.data?.pages.flatMap((page) => page.data) ?? [];
  const signOf = (entry: Entry) =>
    entry.kind === 'correction' ? (entry.credit_book === 'available' ? '+' : '−') : SIGN[entry.kind];
  return (
    <Section
      title={t('ledger.title')}
      aside={
        <button
          type="button"
          className="button button-quiet"
          aria-disabled={csv.isBusy}
          onClick={() => void csv.run(() => downloadCsv(accountId))}
        >
          {t('ledger.csv')}
        </button>
      }
    >
      {csv.problem && <FailedNote problem={csv.problem} />}
      <Answered query={query}>
        {() =>
          entries.length === 0 ? (
            <Nothing>{t('ledger.none')}</Nothing>
          ) : (
            <ul className="sheet overflow-hidden">
              {entries.map((entry) => (
                <li key={entry.id} className="admin-row text-sm">
                  <span className="figures text-soft">{entry.seq}</span>
                  <span className="min-w-0">
                    <span className="font-medium">{t(`ledger.kind.${entry.kind}`)}</span>{' '}
                    <span className="text-soft">
                      <When at={entry.created_at} />
                    </span>
                    {entry.reason && (
                      <span className="block text-soft">
                        {entry.reason_code ? t(`credits.reason.${entry.reason_code}`) : entry.reason}
                      </span>
                    )}
                    {entry.task_id && (
                      <Link
                        to="/admin/jobs/$id"
                        params={{ id: entry.task_id }}
                        className="block truncate font-mono text-xs underline"
                      >
                        {entry.task_id}
                      </Link>
                    )}
                  </span>
                  <span className="figures text-right">
                    <span className="block font-medium">
                      {signOf(entry)}
                      {formatCredits(entry.amount_credits, locale)}
                    </span>
                    <span className="text-soft">
                      {t('ledger.after', { amount: formatCredits(entry.available_credits_after, locale) })}
                    </span>
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
      <MorePages query={query} />
    </Section>
  );
}
