// The searchable list of earlier prompts: use one, pin it, forget it, or forget all.
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type Problem, problemOf } from '../api/problem.ts';
import type { Prompt } from '../api/resources.ts';
import { formatTime } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { useText } from '../ui/language.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { clearPrompts, pinPrompt, promptsQuery, removePrompt } from './prompt-history.ts';

interface RowProps {
  entry: Prompt;
  onUse(prompt: string): void;
  onChange(change: Promise<void>): void;
}

function Row({ entry, onUse, onChange }: RowProps) {
  const { t, locale } = useText();
  const client = useQueryClient();
  const { id, prompt, pinned } = entry;
  return (
    <li className="flex items-start gap-0.5 border-b border-line py-1">
      <button
        type="button"
        className="min-h-11 min-w-0 grow rounded-control px-2 py-1.5 text-left hover:bg-well"
        onClick={() => onUse(prompt)}
      >
        <span className="line-clamp-3">{prompt}</span>
        <span className="figures text-xs text-soft">
          {formatTime(Date.parse(entry.last_used_at), Date.now(), locale)}
        </span>
      </button>
      <button
        type="button"
        className={`button button-quiet button-icon ${pinned ? '' : 'text-soft'}`}
        aria-pressed={pinned}
        aria-label={t('history.pin')}
        onClick={() => onChange(pinPrompt(client, id, !pinned))}
      >
        <Icon name="pin" className={pinned ? 'size-5 fill-lamp' : 'size-5'} />
      </button>
      <button
        type="button"
        className="button button-quiet button-icon text-soft"
        aria-label={t('history.forget')}
        onClick={() => onChange(removePrompt(client, id))}
      >
        <Icon name="close" className="size-4.5" />
      </button>
    </li>
  );
}

/** Asks once more before everything is forgotten, in place. */
function Clear({ onChange }: Pick<RowProps, 'onChange'>) {
  const { t } = useText();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  if (!asking)
    return (
      <button type="button" className="button button-quiet self-start" onClick={() => setAsking(true)}>
        <Icon name="trash" className="size-4.5" />
        {t('history.clear')}
      </button>
    );
  return (
    <div className="flex flex-wrap items-center gap-2">
      <span className="text-sm">{t('history.clear.sure')}</span>
      <button
        type="button"
        className="button"
        onClick={() => {
          setAsking(false);
          onChange(clearPrompts(client));
        }}
      >
        {t('history.clear')}
      </button>
      <button type="button" className="button button-quiet" onClick={() => setAsking(false)}>
        {t('app.cancel')}
      </button>
    </div>
  );
}

export function PromptHistory({ onUse }: { onUse(prompt: string): void }) {
  const { t } = useText();
  const [search, setSearch] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const { data, error } = useQuery({ ...promptsQuery(search.trim()), placeholderData: keepPreviousData });
  const shown = problem ?? (error ? problemOf(error) : null);
  const onChange = (change: Promise<void>) => {
    setProblem(null);
    change.catch((failure: unknown) => setProblem(problemOf(failure)));
  };
  return (
    <div className="flex flex-col gap-2 p-3">
      <input
        type="search"
        className="field"
        aria-label={t('history.search')}
        placeholder={t('history.search')}
        value={search}
        onInput={(event) => setSearch(event.currentTarget.value)}
      />
      {shown && <ProblemNote problem={shown} />}
      {data?.length === 0 && (
        <p className="p-2 text-soft">{t(search.trim() === '' ? 'history.empty' : 'history.nothing')}</p>
      )}
      <ul>
        {data?.map((entry) => (
          <Row key={entry.id} entry={entry} onUse={onUse} onChange={onChange} />
        ))}
      </ul>
      {(data?.length ?? 0) > 0 && search.trim() === '' && <Clear onChange={onChange} />}
    </div>
  );
}
