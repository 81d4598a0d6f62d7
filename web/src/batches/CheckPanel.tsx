// Before it starts: how many pictures, what they cost and when they would be ready; every row that cannot be used, by its
// number; and the first items as they would be made.
import type { ReactNode } from 'react';
import { formatCredits, formatDuration } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import type { BatchCheck } from './batch-api.ts';
import { batchTexts } from './batch-text.ts';
import type { Check } from './use-check.ts';

function Totals({ result }: { result: BatchCheck }) {
  const { t, locale } = batchTexts.useText();
  const cost = result.cost_credits;
  return (
    <div className="flex flex-col gap-1" data-totals="">
      <p className="figures text-2xl font-semibold tracking-tight">
        {t('new.check.pictures', { n: result.pictures })}
        <span className="text-soft"> · </span>
        {cost === 0 ? t('new.check.free') : t('new.check.cost', { amount: formatCredits(cost, locale) })}
      </p>
      <p className="figures text-soft">
        {[
          ...(result.items === result.pictures ? [] : [t('new.check.items', { n: result.items })]),
          result.eta_s === null
            ? t('new.check.eta.unknown')
            : t('new.check.eta', { time: formatDuration(result.eta_s * 1000, locale) }),
        ].join(' · ')}
      </p>
      {cost > 0 && (
        <p className="figures text-sm text-soft">
          {t('new.check.available', { amount: formatCredits(result.available_credits, locale) })}
        </p>
      )}
      {result.skipped > 0 && <p className="text-sm">{t('new.check.skipped', { n: result.skipped })}</p>}
      {result.by_model.length > 1 && (
        <ul className="figures mt-1 text-sm text-soft">
          {result.by_model.map((one) => (
            <li key={`${one.model} ${one.provider}`}>
              {t('new.check.perModel', {
                model: one.model,
                n: one.pictures,
                amount: formatCredits(one.cost_credits, locale),
              })}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

interface RowErrorsProps {
  result: BatchCheck;
  /** Leads to a row of the source; absent where there is none to lead to. */
  onRow: ((row: number) => void) | null;
  onLeaveOut: ((rows: number[]) => void) | null;
}

function RowErrors({ result, onRow, onLeaveOut }: RowErrorsProps) {
  const { t } = batchTexts.useText();
  const { errors, error_count } = result;
  if (error_count === 0) return null;
  const rows = [...new Set(errors.map(({ row }) => row))];
  return (
    <section className="flex flex-col gap-2" data-row-errors={error_count}>
      <h3 className="flex gap-2 font-semibold text-alarm">
        <Icon name="alert" className="mt-0.5 size-5" />
        {t('new.check.errors', { n: error_count })}
      </h3>
      <p className="text-sm">{t('new.check.errors.hint')}</p>
      {errors.length < error_count && (
        <p className="text-sm text-soft">{t('new.check.errors.more', { n: errors.length })}</p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard. */}
      <ul className="max-h-72 overflow-y-auto rounded-control bg-well px-3 py-2 text-sm" tabIndex={0}>
        {errors.map((error, at) => (
          <li key={`${error.row} ${at}`} className="flex gap-3 py-1">
            {onRow ? (
              <button
                type="button"
                className="figures min-h-6 shrink-0 self-start underline underline-offset-4"
                onClick={() => onRow(error.row)}
              >
                {t('new.check.row', { n: error.row })}
              </button>
            ) : (
              <span className="figures shrink-0 font-medium">{t('new.check.row', { n: error.row })}</span>
            )}
            <span>
              {error.field && <code className="font-mono text-xs">{error.field} </code>}
              {error.code === 'other' ? error.detail : t(`field.${error.code}`, error.params)}
            </span>
          </li>
        ))}
      </ul>
      {onLeaveOut && errors.length === error_count && (
        <button type="button" className="button self-start" onClick={() => onLeaveOut(rows)}>
          {t('new.check.leaveOut')}
        </button>
      )}
    </section>
  );
}

function Problems({ result }: { result: BatchCheck }) {
  const { errors } = batchTexts.useText();
  return (
    <>
      {result.problems.map(({ code, title, detail, fix }) => (
        <div key={code} className="flex flex-col gap-1 text-sm" data-problem={code}>
          <p className="flex gap-2 text-base font-semibold text-alarm">
            <Icon name="alert" className="mt-0.5 size-5" />
            {errors[code]?.title ?? title}
          </p>
          <p>{detail}</p>
          <p className="text-soft">{errors[code]?.fix ?? fix}</p>
        </div>
      ))}
    </>
  );
}

function Sample({ result }: { result: BatchCheck }) {
  const { t } = batchTexts.useText();
  if (result.sample.length === 0) return null;
  return (
    <details>
      <summary className="flex min-h-11 items-center gap-2 text-sm">
        <Icon name="down" className="size-4.5" />
        {t('new.check.sample')}
      </summary>
      <ol className="flex flex-col gap-1.5 text-sm">
        {result.sample.map((item, at) => (
          <li key={at} className="border-l-2 border-line pl-3">
            <p className="line-clamp-2">{item.prompt}</p>
            <p className="figures text-soft">
              {[
                item.model,
                item.size.replace('x', '\u00a0×\u00a0'),
                ...(item.style ? [item.style] : []),
                ...(item.n > 1 ? [`× ${item.n}`] : []),
              ].join(' · ')}
            </p>
          </li>
        ))}
      </ol>
    </details>
  );
}

interface CheckPanelProps extends Omit<RowErrorsProps, 'result'> {
  check: Check;
  isEmpty: boolean;
  children: ReactNode;
}

export function CheckPanel({ check, isEmpty, onRow, onLeaveOut, children }: CheckPanelProps) {
  const { t } = batchTexts.useText();
  const { result, problem, isCurrent } = check;
  return (
    <section
      aria-labelledby="check-title"
      aria-busy={!isEmpty && !isCurrent}
      className="sheet flex flex-col gap-4 p-5"
    >
      <h2 id="check-title" className="eyebrow">
        {t('new.check')}
      </h2>
      {isEmpty && <p className="text-soft">{t('new.check.empty')}</p>}
      {!isEmpty && !isCurrent && !result && <p className="text-soft">{t('new.check.busy')}</p>}
      {!isEmpty && problem && <ProblemNote problem={problem} />}
      {!isEmpty && result && (
        <div className={`flex flex-col gap-4 ${isCurrent ? '' : 'opacity-60'}`}>
          <Totals result={result} />
          <Problems result={result} />
          <RowErrors result={result} onRow={onRow} onLeaveOut={onLeaveOut} />
          {result.valid && (
            <p className="flex items-center gap-1.5 text-sm text-soft">
              <Icon name="check" className="size-4.5" />
              {t('new.check.good')}
            </p>
          )}
          <Sample result={result} />
        </div>
      )}
      {children}
    </section>
  );
}
