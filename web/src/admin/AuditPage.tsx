// What administrators did, newest first: who, what, to what, and how it ended.
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { type AuditEntry, pagesOf } from './admin-api.ts';
import type { TextSearch } from './admin-search.ts';
import { adminTexts } from './admin-text.ts';
import { Answered, Heading, MorePages, Nothing, SearchBox, State, type Tone, When } from './parts.tsx';

const GOOD_BELOW = 400;
/** The key that the configuration names has no name of its own. */
const CONFIGURED_KEY = 'configured_key';

const toneOf = ({ status }: AuditEntry): Tone =>
  status === null ? 'off' : status < GOOD_BELOW ? 'calm' : 'alarm';

function Target({ target }: { target: string }) {
  if (target.startsWith('task_'))
    return (
      <Link to="/admin/jobs/$id" params={{ id: target }} className="font-mono text-xs break-all underline">
        {target}
      </Link>
    );
  if (target.startsWith('acct_'))
    return (
      <Link
        to="/admin/accounts/$id"
        params={{ id: target }}
        className="font-mono text-xs break-all underline"
      >
        {target}
      </Link>
    );
  return <span>{target}</span>;
}

export function AuditPage() {
  const { t } = adminTexts.useText();
  useRoomTitle(t('nav.audit'));
  const search = useSearch({ strict: false }) as TextSearch;
  const navigate = useNavigate();
  const query = useInfiniteQuery(pagesOf<AuditEntry>('v1/admin/audit', { q: search.q }));
  const entries = query.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <>
      <Heading title={t('nav.audit')} lead={t('audit.lead')} />
      <div className="mb-3 flex">
        <SearchBox
          label={t('audit.search')}
          value={search.q ?? ''}
          onSearch={(q) => void navigate({ to: '/admin/audit', search: q === '' ? {} : { q } })}
        />
      </div>
      <Answered query={query}>
        {() =>
          entries.length === 0 ? (
            <Nothing>{t('audit.none')}</Nothing>
          ) : (
            <ul className="sheet overflow-hidden">
              {entries.map((entry) => (
                <li key={entry.id} className="admin-row text-sm">
                  <State tone={toneOf(entry)}>{entry.status ?? t('audit.open')}</State>
                  <span className="min-w-0">
                    <span className="font-medium">{entry.action}</span>{' '}
                    {entry.target && <Target target={entry.target} />}
                    <span className="block text-soft">
                      {entry.actor === CONFIGURED_KEY ? t('audit.configuredKey') : entry.actor} · {entry.via}{' '}
                      · {entry.address}
                    </span>
                    {Object.keys(entry.detail).length > 0 && (
                      <code className="block font-mono text-xs break-words text-soft">
                        {Object.entries(entry.detail)
                          .map(([name, value]) => `${name}=${value}`)
                          .join(' ')}
                      </code>
                    )}
                  </span>
                  <When at={entry.at} />
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
      <MorePages query={query} />
    </>
  );
}
