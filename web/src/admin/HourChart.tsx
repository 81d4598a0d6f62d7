// What was finished in each of the last 24 hours, as bars of successes and failures, with the same numbers as a table.

import type { Overview } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';

const HEIGHT = 96;
const STEP = 10;
const BAR = 8;

export function HourChart({ hours }: { hours: Overview['hours'] }) {
  const { t, locale } = adminTexts.useText();
  const most = Math.max(1, ...hours.map(({ succeeded, failed }) => succeeded + failed));
  const hourOf = (at: string) =>
    new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' }).format(Date.parse(at));
  const scale = (count: number) => (count / most) * (HEIGHT - 4);
  return (
    <figure className="sheet p-4">
      <svg
        viewBox={`0 0 ${hours.length * STEP} ${HEIGHT}`}
        preserveAspectRatio="none"
        className="h-28 w-full"
        role="img"
        aria-label={t('overview.chart', { most })}
      >
        {hours.map(({ at, succeeded, failed }, index) => (
          <g key={at}>
            <title>{t('overview.chartHour', { hour: hourOf(at), succeeded, failed })}</title>
            <rect x={index * STEP} width={STEP} height={HEIGHT} className="fill-transparent" />
            <rect
              x={index * STEP + 1}
              y={HEIGHT - 1 - scale(succeeded)}
              width={BAR}
              height={scale(succeeded) + 1}
              className="fill-calm"
            />
            {failed > 0 && (
              <rect
                x={index * STEP + 1}
                y={HEIGHT - 1 - scale(succeeded) - scale(failed) - 1}
                width={BAR}
                height={scale(failed) + 1}
                className="fill-alarm"
              />
            )}
          </g>
        ))}
      </svg>
      <figcaption className="mt-2 flex flex-wrap items-center justify-between gap-2 text-sm text-soft">
        <span>{hourOf(hours[0]?.at ?? '')}</span>
        <span className="flex gap-4">
          <span className="text-calm">■ {t('status.succeeded')}</span>
          <span className="text-alarm">■ {t('status.failed')}</span>
        </span>
        <span>{t('now')}</span>
      </figcaption>
      <details className="mt-2 text-sm">
        <summary className="button button-quiet w-fit">{t('asTable')}</summary>
        <table className="figures w-full text-right">
          <caption className="sr-only">{t('overview.hours')}</caption>
          <thead className="text-soft">
            <tr>
              {(['hour', 'status.succeeded', 'status.failed', 'status.cancelled', 'credits'] as const).map(
                (name) => (
                  <th key={name} scope="col" className="px-2 py-1 font-medium first:text-left">
                    {t(name)}
                  </th>
                ),
              )}
            </tr>
          </thead>
          <tbody>
            {hours.map(({ at, succeeded, failed, cancelled, credits }) => (
              <tr key={at} className="border-t border-line">
                <th scope="row" className="px-2 py-1 text-left font-normal">
                  {hourOf(at)}
                </th>
                {[succeeded, failed, cancelled, credits].map((value, index) => (
                  <td key={index} className="px-2 py-1">
                    {new Intl.NumberFormat(locale).format(value)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}
