// One story in the making: its proposals as they arrive, the outline that was chosen, to be edited at will, and the way into the
// reader. The page follows the story live.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link, useRouter } from '@tanstack/react-router';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { problemOf } from '../api/problem.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { useAction } from '../studio/use-action.ts';
import { announce } from '../ui/announce.tsx';
import { Icon } from '../ui/Icon.tsx';
import { Menu } from '../ui/Menu.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { showToast } from '../ui/toast.tsx';
import { DeleteStory } from './DeleteStory.tsx';
import { DemoNote } from './DemoNote.tsx';
import { Folded } from './Folded.tsx';
import { LANGUAGE_NAMES } from './languages.ts';
import { OutlineEditor } from './OutlineEditor.tsx';
import { ComingProposals, OutliningTrouble, Proposals, ProposeForm } from './Proposals.tsx';
import { StartPanel } from './StartPanel.tsx';
import {
  firstPageOf,
  isUnderWay,
  proposeOutlines,
  type Story,
  setOutline,
  storyQuery,
  storyQuoteQuery,
  takeStory,
  useLiveStory,
} from './story-api.ts';
import { storyTexts } from './story-text.ts';
import './stories.css';
import { type EditedStory, useOutline } from './use-outline.ts';

const route = getRouteApi('/shell/stories/$id');

/** Says once that proposals have come. */
function useArrival(story: Story | undefined): void {
  const { t } = storyTexts.useText();
  const wasWriting = useRef(false);
  const isWriting = story !== undefined && isUnderWay(story.outlining);
  const count = story?.proposals.length ?? 0;
  useEffect(() => {
    if (wasWriting.current && !isWriting && count > 0) announce(t('proposals.arrived', { n: count }));
    wasWriting.current = isWriting;
  }, [isWriting, count, t]);
}

/** Takes a proposal for the outline; an outline that it replaces can be had back. `onChosen` is told before it is there. */
function useChoice(edit: EditedStory | null, onChosen: () => void) {
  const { t } = storyTexts.useText();
  const client = useQueryClient();
  const action = useAction();
  const take = async (id: string, choice: Parameters<typeof setOutline>[1]) => {
    const story = await setOutline(id, choice);
    if (story.outline) edit?.draft.replace(story.outline);
    takeStory(client, story);
  };
  const choose = (story: Story, at: number) =>
    action.run(async () => {
      await edit?.draft.flush();
      const before = story.outline;
      onChosen();
      await take(story.id, { proposal: at });
      if (before)
        showToast({
          text: t('outline.replaced'),
          action: {
            label: t('app.undo'),
            run: () => action.run(() => take(story.id, { outline: before })),
          },
        });
    });
  return { ...action, choose };
}

/** Takes the focus to the outline once it shows what was chosen; returns what is called before. */
function useFocusOnOutline(headingId: string, edit: EditedStory | null): () => void {
  const awaited = useRef<{ from: unknown } | null>(null);
  const shown = edit?.state.edited ?? null;
  useEffect(() => {
    const heading = document.getElementById(headingId);
    if (!heading || awaited.current === null || awaited.current.from === shown) return;
    awaited.current = null;
    heading.scrollIntoView({ block: 'nearest' });
    heading.focus({ preventScroll: true });
  }, [headingId, shown]);
  return () => {
    awaited.current = { from: shown };
  };
}

function Head({ story, onDelete }: { story: Story; onDelete(): void }) {
  const { t } = storyTexts.useText();
  const { language, idea, softened } = story;
  return (
    <header className="mb-5 flex flex-col gap-1">
      <div className="flex items-start gap-3">
        <h1 className="min-w-0 grow text-2xl font-semibold tracking-tight text-balance" lang={language}>
          {story.outline?.title || idea}
        </h1>
        <Menu
          name={t('stories.more', { title: story.title || idea })}
          label={<Icon name="more" />}
          className="button button-quiet button-icon"
          items={[{ label: t('delete.confirm'), icon: 'trash', isDanger: true, run: onDelete }]}
        />
      </div>
      <p className="text-soft">
        {story.outline && (
          <>
            {t('story.idea')} <span lang={language}>{idea}</span>
            {' · '}
          </>
        )}
        <span lang={language}>{LANGUAGE_NAMES[language]}</span>
      </p>
      {softened.length > 0 && (
        <p className="text-sm text-soft">{t('story.softened', { words: softened.join(', ') })}</p>
      )}
    </header>
  );
}

function Frame({ children }: { children: ReactNode }) {
  const { t } = storyTexts.useText();
  return (
    <div className="mx-auto max-w-[84rem] px-4 py-6 sm:px-6">
      <Link
        to="/stories"
        className="-ml-1 inline-flex min-h-11 items-center gap-1 text-sm text-soft sm:min-h-6"
      >
        <Icon name="left" className="size-4.5" />
        {t('story.back')}
      </Link>
      {children}
    </div>
  );
}

interface BeginningProps {
  story: Story;
  edit: EditedStory | null;
  onChosen(): void;
}

/** Proposals and the way to new ones: the whole page until there is an outline, folded away below it after that. */
function Beginning({ story, edit, onChosen }: BeginningProps) {
  const { t } = storyTexts.useText();
  const client = useQueryClient();
  const { data: quote } = useQuery(storyQuoteQuery(story.id));
  const choice = useChoice(edit, onChosen);
  const propose = async (wanted: { idea?: string; pages?: number }) =>
    takeStory(client, await proposeOutlines(story.id, wanted));
  const isWriting = isUnderWay(story.outlining);
  const trouble = <OutliningTrouble story={story} onAgain={() => propose({})} />;
  const refusal = choice.problem && (
    <div role="alert">
      <ProblemNote problem={choice.problem} />
    </div>
  );
  const proposals = story.proposals.length > 0 && (
    <Proposals story={story} isBusy={choice.isBusy} onChoose={(at) => choice.choose(story, at)} />
  );
  const form = !isWriting && <ProposeForm story={story} quote={quote} onPropose={propose} />;
  if (story.outline)
    return (
      <div className="flex min-w-0 flex-col gap-4">
        {trouble}
        {refusal}
        {isWriting && story.outlining.error === null && <ComingProposals story={story} />}
        <Folded title={t('proposals.others')} summary="">
          {proposals}
          {form}
        </Folded>
      </div>
    );
  const isEmpty = story.proposals.length === 0;
  return (
    <div className="flex min-w-0 flex-col gap-6">
      {trouble}
      {refusal}
      {isWriting && story.outlining.error === null && <ComingProposals story={story} />}
      {!isEmpty && !isWriting && <h2 className="-mb-2 text-lg font-semibold">{t('proposals.title')}</h2>}
      {!isWriting && proposals}
      {story.by_demo_writer && !isEmpty && <DemoNote isTold />}
      {isEmpty ? (
        form && <div className="sheet p-4 sm:p-5">{form}</div>
      ) : (
        <Folded title={t('propose.title')} summary="">
          {form}
        </Folded>
      )}
    </div>
  );
}

export function StoryMakerPage() {
  const { id } = route.useParams();
  const { t } = storyTexts.useText();
  const router = useRouter();
  const headingId = useId();
  const [isDeleting, setDeleting] = useState(false);
  const { data: story, error, refetch } = useQuery(storyQuery(id));
  const { isRemoved } = useLiveStory(id);
  const edit = useOutline(story);
  useArrival(story);
  const expectOutline = useFocusOnOutline(headingId, edit);
  useRoomTitle(story?.title || t('stories.title'));
  if (isRemoved && !isDeleting)
    return (
      <Frame>
        <p className="py-6 text-lg">{t('story.removed')}</p>
      </Frame>
    );
  if (!story)
    return (
      <Frame>
        {error ? (
          <ProblemNote problem={problemOf(error)}>
            <button type="button" className="button" onClick={() => void refetch()}>
              {t('app.retry')}
            </button>
          </ProblemNote>
        ) : (
          <p className="py-6 text-soft">{t('app.loading')}</p>
        )}
      </Frame>
    );
  return (
    <Frame>
      <Head story={story} onDelete={() => setDeleting(true)} />
      {edit ? (
        <div className="story-columns">
          <div className="flex min-w-0 flex-col gap-5">
            <OutlineEditor
              edit={edit}
              language={story.language}
              isTold={firstPageOf(story) !== undefined}
              headingId={headingId}
            />
            <Beginning story={story} edit={edit} onChosen={expectOutline} />
          </div>
          <StartPanel story={story} edit={edit} />
        </div>
      ) : (
        <Beginning story={story} edit={null} onChosen={expectOutline} />
      )}
      {isDeleting && (
        <DeleteStory
          story={story}
          onClose={() => setDeleting(false)}
          onDeleted={() => void router.navigate({ to: '/stories' })}
        />
      )}
    </Frame>
  );
}
