// The list of tasks, newest first: what is on its way, then what the server knows, page by page.
import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { problemOf } from '../api/problem.ts';
import type { Task, TaskImage } from '../api/resources.ts';
import { useText } from '../ui/language.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { useShortcuts } from '../ui/shortcuts.ts';
import { EmptyState } from './EmptyState.tsx';
import { CARD_KEY, isEmptied, stackVariants } from './model.ts';
import { OutboxCard } from './OutboxCard.tsx';
import { allTasks, tasksQuery } from './queries.ts';
import { useOutbox } from './studio-context.ts';
import { TaskCard } from './TaskCard.tsx';

/** How far below the screen the next page is asked for. */
const AHEAD = '800px';

/** The key under which a task's card was drawn before the task existed, so that the card stays the same element. */
function cardKey(task: Task): string {
  const key = task.metadata[CARD_KEY];
  return typeof key === 'string' ? key : task.id;
}

function More({ onReach, busy }: { onReach(): void; busy: boolean }) {
  const { t } = useText();
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!end.current) return;
    const watcher = new IntersectionObserver(([entry]) => entry?.isIntersecting && onReach(), {
      rootMargin: AHEAD,
    });
    watcher.observe(end.current);
    return () => watcher.disconnect();
  }, [onReach]);
  return (
    <div ref={end} className="flex justify-center py-4">
      <button type="button" className="button" onClick={onReach}>
        {t(busy ? 'app.loading' : 'feed.more')}
      </button>
    </div>
  );
}

/** One list, so that a card keeps its element when its request becomes a task. */
function Cards({ tasks }: { tasks: readonly Task[] }) {
  const outbox = useOutbox();
  const taken = new Set<string>();
  const { cards: shown, variants } = stackVariants(tasks);
  const variantOf = (image: TaskImage) => variants.get(image.id)?.[0];
  const cards = shown.flatMap((task) => {
    if (isEmptied(task)) return [];
    // A retry copies its task's metadata: only the first task may have the key.
    const wanted = cardKey(task);
    const key = task.retry_of === null && !taken.has(wanted) ? wanted : task.id;
    taken.add(key);
    return [
      <li key={key} className="card">
        <TaskCard
          task={task}
          variants={task.images.flatMap(({ id }) => variants.get(id) ?? [])}
          variantOf={variantOf}
        />
      </li>,
    ];
  });
  const onTheirWay = outbox
    .filter((entry) => !taken.has(entry.key))
    .map((entry) => (
      <li key={entry.key} className="card card-new">
        <OutboxCard entry={entry} />
      </li>
    ));
  return <ol className="flex flex-col gap-5">{[...onTheirWay, ...cards]}</ol>;
}

export function Feed() {
  const { t } = useText();
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } =
    useInfiniteQuery(tasksQuery);
  const outbox = useOutbox();
  const tasks = allTasks(data);
  const reach = useRef(() => {});
  const loadMore = useRef(() => reach.current());
  reach.current = () => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  };
  const isEmpty = !isPending && !error && !hasNextPage && tasks.every(isEmptied) && outbox.length === 0;
  useShortcuts(t('feed.title'), [
    {
      keys: 'Shift+X',
      label: t('keys.cancel'),
      run: () => document.querySelector<HTMLElement>('[data-cancel]')?.click(),
    },
  ]);
  return (
    <section id="feed" aria-labelledby="feed-title" className="min-w-0">
      <h2 id="feed-title" className="sr-only">
        {t('feed.title')}
      </h2>
      {error && (
        <div className="sheet mb-5 p-5">
          <ProblemNote problem={problemOf(error)}>
            <button type="button" className="button" onClick={() => void refetch()}>
              {t('app.retry')}
            </button>
          </ProblemNote>
        </div>
      )}
      {isEmpty ? <EmptyState /> : <Cards tasks={tasks} />}
      {isPending && !error && <p className="sr-only">{t('feed.loading')}</p>}
      {hasNextPage && <More onReach={loadMore.current} busy={isFetchingNextPage} />}
    </section>
  );
}
