// Alerts that are open, above the figures; nothing where there is none.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { AlertBody } from '../../../src/operations/contract.ts';
import { answerOf } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { State, When } from './parts.tsx';

const REFRESH_MS = 30_000;

export function OpenAlerts() {
  const { t } = adminTexts.useText();
  const { data } = useQuery({
    ...answerOf<{ data: AlertBody[] }>('v1/admin/alerts?state=open'),
    refetchInterval: REFRESH_MS,
  });
  if (!data || data.data.length === 0) return null;
  return (
    <section aria-label={t('overview.alerts')} className="mb-5">
      <ul className="sheet overflow-hidden">
        {data.data.map((alert) => (
          <li
            key={alert.id}
            className="flex flex-col gap-1 border-t border-line p-4 text-sm first:border-t-0"
          >
            <span className="flex flex-wrap items-center gap-x-3">
              <State tone={alert.severity === 'error' ? 'alarm' : 'work'}>{alert.title}</State>
              <span className="text-soft">
                <When at={alert.opened_at} />
              </span>
            </span>
            <span>{alert.detail}</span>
            <span className="text-soft">{alert.fix}</span>
          </li>
        ))}
      </ul>
      <p className="mt-2 text-sm">
        <Link to="/admin/alerts" className="underline">
          {t('nav.alerts')}
        </Link>
      </p>
    </section>
  );
}
