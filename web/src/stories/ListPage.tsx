// All stories, newest first: covers, what each waits for, and the way into it.
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useRouter } from '@tanstack/react-router';
import { useState } from 'react';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { useAction } from '../studio/use-action.ts';
import { Bridge } from '../ui/Bridge.tsx';
import { formatTime } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { Menu } from '../ui/Menu.tsx';
import { PagedList } from '../ui/PagedList.tsx';
import { describeProblem } from '../ui/ProblemNote.tsx';
import { useShortcuts } from '../ui/shortcuts.ts';
import { Cover } from './Cover.tsx';
import { DeleteStory } from './DeleteStory.tsx';
import { LANGUAGE_NAMES } from './languages.ts';
import {
  isUnderWay,
  problemOfStep,
  proposeOutlines,
  type StoryHead,
  storiesQuery,
  takeStory,
} from './story-api.ts';
import { storyTexts } from './story-text.ts';
import './stories.css';
import { useLiveStories } from './use-live-stories.ts';

/** Where a story without proposals stands: they are being written, have to wait, or could not be written, and why. */
function Outlining({ story }: { story: StoryHead }) {
  const text = storyTexts.useText();
  const { t } = text;
  const client = useQueryClient();
  const again = useAction();
  const { outlining } = story;
  const problem = again.problem ?? problemOfStep(outlining);
  const { status } = outlining;
  const reason = problem && <p className="text-sm">{describeProblem(problem, text).title}</p>;
  if (status !== 'failed')
    return (
      <div data-outlining={status}>
        <p className="text-sm font-medium">
          {problem
            ? t('trouble.waiting')
            : t(isUnderWay(outlining) ? 'stories.state.writing' : 'stories.state.outlining')}
        </p>
        {reason}
      </div>
    );
  return (
    <div className="flex flex-col items-start gap-1" data-outlining={status}>
      <p className="flex gap-1.5 text-sm font-medium text-alarm">
        <Icon name="alert" className="size-5 shrink-0" />
        {t('trouble.failed')}
      </p>
      {reason}
      <button
        type="button"
        className="button relative z-1 my-1"
        aria-disabled={again.isBusy}
        onClick={() => again.run(async () => takeStory(client, await proposeOutlines(story.id)))}
      >
        {t('app.retry')}
      </button>
    </div>
  );
}

function State({ story }: { story: StoryHead }) {
  const { t } = storyTexts.useText();
  const { status, written_pages: n } = story;
  if (status === 'outlining') return <Outlining story={story} />;
  return status === 'telling' ? (
    <p className="text-sm text-soft">{t('stories.state.telling', { n })}</p>
  ) : (
    <p className="text-sm font-medium">{t(`stories.state.${status}`)}</p>
  );
}

interface CardProps {
  story: StoryHead;
  onDelete(): void;
}

function Card({ story, onDelete }: CardProps) {
  const { t, locale } = storyTexts.useText();
  const router = useRouter();
  const { id, language, idea } = story;
  const isTold = story.status === 'telling';
  const title = story.title || idea;
  return (
    <li className="sheet relative flex min-w-0 gap-4 overflow-hidden sm:flex-col sm:gap-0" data-story={id}>
      <Cover story={story} className="w-28 shrink-0 sm:aspect-4/3 sm:w-full" />
      <div className="flex min-w-0 grow flex-col gap-1 py-3 pr-12 sm:px-4">
        <h2 className="line-clamp-2 text-base font-semibold" lang={language}>
          {isTold ? (
            <Link to="/stories/$id/read" params={{ id }} className="card-link">
              {title}
            </Link>
          ) : (
            <Link to="/stories/$id" params={{ id }} className="card-link">
              {title}
            </Link>
          )}
        </h2>
        <State story={story} />
        <p className="figures mt-auto text-sm text-soft">
          <span lang={language}>{LANGUAGE_NAMES[language]}</span>
          {' · '}
          {formatTime(Date.parse(story.updated_at), Date.now(), locale)}
          {story.by_demo_writer && ` · ${t('demo.short')}`}
        </p>
      </div>
      <div className="absolute right-1 bottom-1 z-1">
        <Menu
          name={t('stories.more', { title })}
          label={<Icon name="more" />}
          className="button button-quiet button-icon"
          items={[
            {
              label: t('story.outline'),
              icon: 'prompt',
              run: () => void router.navigate({ to: '/stories/$id', params: { id } }),
            },
            { label: t('delete.confirm'), icon: 'trash', isDanger: true, run: onDelete },
          ]}
        />
      </div>
    </li>
  );
}

function None() {
  const { t } = storyTexts.useText();
  return (
    <div className="flex flex-col items-start gap-4 py-8">
      <Bridge progress={0.2} className="-ml-1 w-28 text-soft" />
      <h2 className="text-2xl font-semibold tracking-tight text-balance">{t('stories.none.title')}</h2>
      <p className="max-w-prose text-lg text-soft">{t('stories.none.text')}</p>
      <div className="flex flex-wrap gap-2">
        <Link to="/stories/new" className="button button-lamp">
          {t('stories.new')}
        </Link>
        <Link to="/stories/new" search={{ example: true }} className="button">
          {t('stories.none.example')}
        </Link>
      </div>
    </div>
  );
}

export function StoryListPage() {
  const { t } = storyTexts.useText();
  const router = useRouter();
  const [toDelete, setToDelete] = useState<StoryHead | null>(null);
  const query = useInfiniteQuery(storiesQuery);
  const { data } = query;
  useLiveStories();
  useRoomTitle(t('stories.title'));
  useShortcuts(t('stories.title'), [
    { keys: 'n', label: t('stories.new'), run: () => void router.navigate({ to: '/stories/new' }) },
  ]);
  const stories = data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <div className="mx-auto max-w-[76rem] px-4 py-8 sm:px-6">
      <div className="mb-5 flex flex-wrap items-center gap-3">
        <div className="min-w-0 grow">
          <h1 className="text-2xl font-semibold tracking-tight">{t('stories.title')}</h1>
          <p className="text-soft">{t('stories.lead')}</p>
        </div>
        {stories.length > 0 && (
          <Link to="/stories/new" className="button button-lamp">
            <Icon name="story" className="size-4.5" />
            {t('stories.new')}
          </Link>
        )}
      </div>
      <PagedList query={query} more={t('stories.older')}>
        {data && stories.length === 0 && <None />}
        <ul className="grid gap-3 sm:grid-cols-2 sm:gap-4 lg:grid-cols-3">
          {stories.map((story) => (
            <Card key={story.id} story={story} onDelete={() => setToDelete(story)} />
          ))}
        </ul>
      </PagedList>
      {toDelete && <DeleteStory story={toDelete} onClose={() => setToDelete(null)} />}
    </div>
  );
}
