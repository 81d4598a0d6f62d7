// Webhooks of an account (the own one unless the address names another) and their messages, which can be sent again.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { call } from '../api/client.ts';
import { problemOf } from '../api/problem.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { answerOf, type Delivery, pagesOf, type Webhook } from './admin-api.ts';
import type { TextSearch } from './admin-search.ts';
import { adminTexts } from './admin-text.ts';
import {
  Answered,
  FailedNote,
  Heading,
  MorePages,
  Nothing,
  SearchBox,
  Section,
  State,
  When,
} from './parts.tsx';
import { useAdminAction } from './use-action.ts';

const REFRESH_MS = 10_000;
const STATUSES = ['pending', 'sending', 'delivered', 'dead'] as const;
const TONES = { pending: 'work', sending: 'work', delivered: 'calm', dead: 'alarm' } as const;

function DeliveryRow({ delivery, accountId }: { delivery: Delivery; accountId: string | undefined }) {
  const { t } = adminTexts.useText();
  const action = useAdminAction();
  const last = delivery.attempts.at(-1);
  const acting = accountId === undefined ? {} : { accountId };
  return (
    <li className="admin-row text-sm">
      <State tone={TONES[delivery.status]}>{t(`delivery.${delivery.status}`)}</State>
      <span className="min-w-0">
        <span className="font-medium">{delivery.type}</span>{' '}
        <span className="text-soft">
          <When at={delivery.created_at} /> · {t('jobs.attempts', { count: delivery.attempt_count })}
          {last && ` · ${last.status_code ?? last.error ?? ''}`}
          {delivery.reason && ` · ${t(`delivery.reason.${delivery.reason}`)}`}
        </span>
        {delivery.task_id && (
          <Link
            to="/admin/jobs/$id"
            params={{ id: delivery.task_id }}
            className="block truncate font-mono text-xs underline"
          >
            {delivery.task_id}
          </Link>
        )}
        {action.problem && <FailedNote problem={action.problem} />}
      </span>
      <button
        type="button"
        className="button button-quiet"
        aria-disabled={action.isBusy}
        onClick={() =>
          void action.run(
            () => call('POST', `v1/webhooks/deliveries/${delivery.id}/redeliver`, acting),
            t('delivery.again.done'),
          )
        }
      >
        {t('delivery.again')}
      </button>
    </li>
  );
}

export function WebhooksPage() {
  const { t } = adminTexts.useText();
  useRoomTitle(t('nav.webhooks'));
  const search = useSearch({ strict: false }) as TextSearch;
  const navigate = useNavigate();
  const { q: accountId } = search;
  const status = STATUSES.find((one) => one === search.level);
  const hooks = useQuery(answerOf<{ data: Webhook[] }>('v1/webhooks', accountId));
  const deliveries = useInfiniteQuery({
    ...pagesOf<Delivery>('v1/webhooks/deliveries', { status }, accountId),
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) > 1 ? false : REFRESH_MS),
  });
  const rows = deliveries.data?.pages.flatMap((page) => page.data) ?? [];
  const change = (next: TextSearch) => {
    const set = Object.fromEntries(Object.entries(next).filter(([, value]) => value));
    void navigate({ to: '/admin/webhooks', search: set });
  };
  return (
    <>
      <Heading title={t('nav.webhooks')} lead={t('webhooks.lead')} />
      <div className="mb-3 flex flex-wrap gap-2">
        <SearchBox
          label={t('webhooks.account')}
          hint={t('webhooks.account.hint')}
          value={accountId ?? ''}
          onSearch={(q) => change({ ...search, q })}
        />
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot lie in one line with its legend */}
        <div role="group" aria-label={t('webhooks.status')} className="flex flex-wrap gap-1.5">
          {([undefined, ...STATUSES] as const).map((one) => (
            <button
              key={one ?? 'all'}
              type="button"
              className="chip"
              aria-pressed={status === one}
              onClick={() =>
                change({ ...(accountId ? { q: accountId } : {}), ...(one ? { level: one } : {}) })
              }
            >
              {t(one ? `delivery.${one}` : 'jobs.view.all')}
            </button>
          ))}
        </div>
      </div>
      <Answered query={hooks}>
        {({ data }) =>
          data.length === 0 ? (
            <Nothing>{t('webhooks.none')}</Nothing>
          ) : (
            <ul className="sheet overflow-hidden">
              {data.map((hook) => (
                <li key={hook.id} className="admin-row text-sm">
                  <State tone={hook.enabled ? (hook.failing_since ? 'alarm' : 'calm') : 'off'}>
                    {t(
                      hook.enabled
                        ? hook.failing_since
                          ? 'webhooks.failing'
                          : 'people.active'
                        : 'people.disabled',
                    )}
                  </State>
                  <span className="min-w-0">
                    <span className="block truncate font-medium">{hook.url}</span>
                    <span className="text-soft">{hook.description || hook.events.join(', ')}</span>
                  </span>
                  <When at={hook.created_at} />
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
      <Section title={t('webhooks.deliveries')}>
        {deliveries.error && <FailedNote problem={problemOf(deliveries.error)} />}
        {deliveries.data && rows.length === 0 && <Nothing>{t('webhooks.noDeliveries')}</Nothing>}
        {rows.length > 0 && (
          <ul className="sheet overflow-hidden">
            {rows.map((delivery) => (
              <DeliveryRow key={delivery.id} delivery={delivery} accountId={accountId} />
            ))}
          </ul>
        )}
        <MorePages query={deliveries} />
      </Section>
    </>
  );
}
