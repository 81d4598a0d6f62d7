// "Why this result": the words that were really sent, model and provider, cost, where the time went, seed, and every attempt.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Task } from '../api/resources.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { cssVariables } from '../ui/css-variables.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { formatCredits, formatDuration, formatTime } from '../ui/format.ts';
import { type Text, useText } from '../ui/language.ts';
import { reasonText } from '../ui/remark.ts';
import { requestAsCurl } from './as-api-call.ts';
import { cleanSeed } from './model.ts';
import { modelsQuery } from './queries.ts';
import { useStudio } from './studio-context.ts';

function costText({ cost }: Task, { t, locale }: Text): string {
  const part = (name: 'held' | 'captured' | 'released') =>
    cost[name] === 0 ? [] : [t(`why.cost.${name}`, { amount: formatCredits(cost[name], locale) })];
  const parts = [...part('held'), ...part('captured'), ...part('released')];
  return parts.length === 0 ? t('why.cost.none') : parts.join(' · ');
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-soft">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </>
  );
}

/** Words in a well, to be copied. */
function Words({ title, text }: { title: string; text: string }) {
  const { t } = useText();
  return (
    <section>
      <div className="flex items-center justify-between">
        <h3 className="eyebrow">{title}</h3>
        <CopyButton text={text}>{t('app.copy')}</CopyButton>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard. */}
      <p tabIndex={0} className="max-h-60 overflow-y-auto rounded-control bg-well p-3 whitespace-pre-line">
        {text}
      </p>
    </section>
  );
}

const STEPS = ['queued', 'submit', 'wait', 'save'] as const;

/** Where the time went, as bars of one length together, with the figures beside them. */
function Times({ task }: { task: Task }) {
  const { t, locale } = useText();
  const { timings } = task;
  const total = Math.max(1, timings.total_ms ?? 0);
  const known = STEPS.flatMap((step) => {
    const spentMs = timings[`${step}_ms`];
    return spentMs === null ? [] : [{ step, spentMs }];
  });
  return (
    <section>
      <h3 className="eyebrow mb-1.5">{t('why.times')}</h3>
      <dl className="figures grid grid-cols-[auto_minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1.5 text-sm">
        {known.map(({ step, spentMs }) => (
          <div key={step} className="col-span-3 grid grid-cols-subgrid items-center">
            <dt className="text-soft">{t(`why.times.${step}`)}</dt>
            <dd className="col-span-2 grid grid-cols-subgrid items-center">
              <span className="bar" style={cssVariables({ '--part': Math.min(1, spentMs / total) })} />
              <span>{spentMs < 1000 ? `${spentMs} ms` : formatDuration(spentMs, locale)}</span>
            </dd>
          </div>
        ))}
      </dl>
      <p className="figures mt-2 text-sm text-soft">
        {t('why.created')} {formatTime(Date.parse(task.created_at), Date.now(), locale)}
        {timings.total_ms !== null &&
          ` · ${t('why.took', { time: formatDuration(timings.total_ms, locale) })}`}
      </p>
    </section>
  );
}

function Attempts({ task }: { task: Task }) {
  const text = useText();
  const { t, locale } = text;
  if (task.attempts.length === 0) return null;
  return (
    <section>
      <h3 className="eyebrow mb-1.5">{t('why.attempts')}</h3>
      <ol className="figures flex flex-col gap-2 text-sm">
        {task.attempts.map((attempt) => (
          <li key={attempt.n} className="border-l-2 border-line pl-3">
            <p>
              {attempt.n}. {attempt.provider}
              {attempt.provider_model &&
                attempt.provider_model !== attempt.provider &&
                ` · ${attempt.provider_model}`}
            </p>
            <p className="text-soft">
              {t(`why.outcome.${attempt.outcome}`)}
              {attempt.ended_at !== null &&
                ` · ${formatDuration(Date.parse(attempt.ended_at) - Date.parse(attempt.started_at), locale)}`}
            </p>
            {attempt.switched?.reason && (
              <p>
                {t('task.attempt.because', {
                  provider: attempt.switched.from,
                  reason: reasonText(attempt.switched.reason_code, attempt.switched.reason, text),
                })}
              </p>
            )}
            {attempt.error && (
              <p className="text-soft">{reasonText(attempt.error_code, attempt.error, text)}</p>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Facts({ task, onUseSeed }: { task: Task; onUseSeed(seed: number): void }) {
  const text = useText();
  const { t, language } = text;
  const { data: models = [] } = useQuery(modelsQuery);
  const model = models.find((known) => known.id === task.model);
  const seed = task.images[0]?.seed ?? task.params.seed;
  return (
    <dl className="figures grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1.5 text-sm">
      <Fact name={t('why.model')}>{model?.drawbridge.title[language] ?? task.model}</Fact>
      <Fact name={t('why.provider')}>
        {task.provider === task.provider_model ? task.provider : `${task.provider} · ${task.provider_model}`}
      </Fact>
      {task.style && <Fact name={t('composer.style')}>{task.style.names[language]}</Fact>}
      <Fact name={t('why.size')}>{task.params.size.replace('x', '\u00a0×\u00a0')}</Fact>
      <Fact name={t('why.seed')}>
        <span className="font-mono">{seed}</span>{' '}
        <button
          type="button"
          className="min-h-6 underline underline-offset-4"
          onClick={() => onUseSeed(seed)}
        >
          {t('task.useSeed')}
        </button>
      </Fact>
      {task.params.strength !== null && (
        <Fact name={t('composer.strength')}>{Math.round(task.params.strength * 100)} %</Fact>
      )}
      <Fact name={t('why.cost')}>{costText(task, text)}</Fact>
      <Fact name={t('why.task')}>
        <CopyButton text={task.id} className="flex min-h-6 max-w-full items-center gap-1.5">
          <span className="truncate font-mono text-xs">{task.id}</span>
        </CopyButton>
      </Fact>
    </dl>
  );
}

export function WhyDrawer({ task, onClose }: { task: Task; onClose(): void }) {
  const { t } = useText();
  const { draft, focusPrompt } = useStudio();
  return (
    <Dialog
      title={t(task.status === 'succeeded' ? 'task.why' : 'task.details')}
      onClose={onClose}
      shape="drawer"
      footer={
        <CopyButton text={requestAsCurl(task)} className="button">
          {t('why.asCurl')}
        </CopyButton>
      }
    >
      <Words title={t('why.finalPrompt')} text={task.final_prompt} />
      {task.final_negative_prompt && <Words title={t('why.negative')} text={task.final_negative_prompt} />}
      <Facts
        task={task}
        onUseSeed={(seed) => {
          onClose();
          draft.update({ seed: cleanSeed(String(seed)) });
          focusPrompt();
        }}
      />
      <Times task={task} />
      <Attempts task={task} />
    </Dialog>
  );
}
