// Why a task came out as it did: model, provider, cost, times, seed, and every attempt.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Task } from '../api/resources.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { formatCredits, formatDuration, formatTime } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { type Text, useText } from '../ui/language.ts';
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

function Times({ task }: { task: Task }) {
  const { t, locale } = useText();
  const created = Date.parse(task.created_at);
  const started = task.started_at === null ? null : Date.parse(task.started_at);
  const finished = task.finished_at === null ? null : Date.parse(task.finished_at);
  return (
    <>
      <Fact name={t('why.created')}>{formatTime(created, Date.now(), locale)}</Fact>
      {started !== null && <Fact name={t('why.waited')}>{formatDuration(started - created)}</Fact>}
      {started !== null && finished !== null && (
        <Fact name={t('why.took')}>{formatDuration(finished - started)}</Fact>
      )}
    </>
  );
}

function Attempts({ task }: { task: Task }) {
  const { t } = useText();
  return (
    <Fact name={t('why.attempts')}>
      <ol>
        {task.attempts.map((attempt) => (
          <li key={attempt.n}>
            {t('why.attempt', {
              n: attempt.n,
              provider: attempt.provider,
              outcome:
                attempt.outcome === 'open' ? t('why.attempt.running') : attempt.outcome.replaceAll('_', ' '),
            })}
            {attempt.error && <span className="block text-soft">{attempt.error}</span>}
          </li>
        ))}
      </ol>
    </Fact>
  );
}

function Facts({ task }: { task: Task }) {
  const text = useText();
  const { t, language } = text;
  const { draft, focusPrompt } = useStudio();
  const { data: models = [] } = useQuery(modelsQuery);
  const model = models.find((known) => known.id === task.model);
  const seed = task.images[0]?.seed ?? task.params.seed;
  return (
    <dl className="figures grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1.5 pt-1 text-sm">
      <Fact name={t('why.model')}>{model?.drawbridge.title[language] ?? task.model}</Fact>
      <Fact name={t('why.provider')}>{task.provider}</Fact>
      <Fact name={t('why.size')}>{task.params.size.replace('x', ' × ')}</Fact>
      <Fact name={t('why.seed')}>
        <span className="font-mono">{seed}</span>{' '}
        <button
          type="button"
          className="min-h-6 underline underline-offset-4"
          onClick={() => {
            draft.update({ seed: cleanSeed(String(seed)) });
            focusPrompt();
          }}
        >
          {t('task.useSeed')}
        </button>
      </Fact>
      {task.params.negative_prompt && <Fact name={t('why.negative')}>{task.params.negative_prompt}</Fact>}
      <Fact name={t('why.cost')}>{costText(task, text)}</Fact>
      <Times task={task} />
      {task.attempts.length > 0 && <Attempts task={task} />}
      <Fact name={t('why.task')}>
        <CopyButton text={task.id} className="flex min-h-6 max-w-full items-center gap-1.5">
          <span className="truncate font-mono text-xs">{task.id}</span>
        </CopyButton>
      </Fact>
    </dl>
  );
}

export function TaskDetails({ task }: { task: Task }) {
  const { t } = useText();
  return (
    <details className="group mt-auto">
      <summary className="flex min-h-11 items-center gap-1.5 text-sm text-soft hover:text-ink">
        <Icon name="down" className="size-4.5 -rotate-90 transition-transform group-open:rotate-0" />
        {t('task.why')}
      </summary>
      <Facts task={task} />
    </details>
  );
}
