// A new story: an idea, who is in it, how it looks, and what the next steps cost before any is taken. What was typed stays on this
// device until the story is made.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link, useRouter } from '@tanstack/react-router';
import { type FormEvent, useEffect, useId, useMemo, useRef, useState } from 'react';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { useAction } from '../studio/use-action.ts';
import { Icon } from '../ui/Icon.tsx';
import { randomUuid } from '../ui/random-id.ts';
import { readStored, writeStored } from '../ui/stored.ts';
import { showToast } from '../ui/toast.tsx';
import { IdeaBox } from './IdeaBox.tsx';
import { LanguageFields, MoreFields } from './NewFields.tsx';
import { NewSide } from './NewSide.tsx';
import {
  creditsOf,
  EMPTY_STORY,
  type FilledDraft,
  filledDraft,
  parseStoryDraft,
  type StoryDraft,
  toStoryRequest,
} from './new-story.ts';
import { StyleFields } from './OptionFields.tsx';
import { completeCharacters } from './outline-edit.ts';
import { createStory, ideasQuery, type StoryRequest, takeStory } from './story-api.ts';
import { type StoryText, storyTexts } from './story-text.ts';
import './stories.css';

const route = getRouteApi('/shell/stories/new');
const DRAFT_STORED = 'drawbridge.story.draft';
const SAVE_PAUSE_MS = 300;

function useDraft() {
  const [draft, setDraft] = useState<StoryDraft>(() => parseStoryDraft(readStored(DRAFT_STORED)));
  const newest = useRef(draft);
  newest.current = draft;
  useEffect(() => {
    const timer = setTimeout(() => writeStored(DRAFT_STORED, JSON.stringify(draft)), SAVE_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [draft]);
  useEffect(() => {
    const save = () => writeStored(DRAFT_STORED, JSON.stringify(newest.current));
    window.addEventListener('pagehide', save);
    return () => {
      window.removeEventListener('pagehide', save);
      save();
    };
  }, []);
  return {
    draft,
    change: (part: Partial<StoryDraft>) => setDraft((before) => ({ ...before, ...part })),
    /** The story is made: the next form is empty but for how stories look here. */
    forget() {
      const { language, style, styleText, model, ratio } = newest.current;
      newest.current = { ...EMPTY_STORY, language, style, styleText, model, ratio };
      setDraft(newest.current);
    },
  };
}

/** Makes the story once, however often it is asked for: one key for one content. */
function useBeginning(request: StoryRequest | null, onMade: () => void) {
  const router = useRouter();
  const client = useQueryClient();
  const action = useAction();
  const content = JSON.stringify(request);
  const key = useRef({ content, value: randomUuid() });
  if (key.current.content !== content) key.current = { content, value: randomUuid() };
  const begin = () => {
    if (!request) return;
    action.run(async () => {
      const story = await createStory(request, key.current.value);
      takeStory(client, story);
      onMade();
      await router.navigate({ to: '/stories/$id', params: { id: story.id } });
    });
  };
  return { ...action, begin };
}

/** What lacks before the story can be asked for. */
function missingIn(draft: FilledDraft, { t }: StoryText): string | null {
  if (draft.idea.trim() === '') return t('new.missing.idea');
  if (completeCharacters(draft.characters) === null) return t('new.missing.character');
  if (draft.ahead !== 'none' && creditsOf(draft.aheadBudget) === null) return t('new.missing.budget');
  return null;
}

/** Puts an idea into an empty form that was opened to begin with an example. */
function useExample(
  isWanted: boolean,
  typed: string,
  example: string | undefined,
  change: (part: Partial<StoryDraft>) => void,
): void {
  const isOpen = useRef(isWanted && typed === '');
  useEffect(() => {
    if (!isOpen.current || example === undefined) return;
    isOpen.current = false;
    // Whoever was quicker than the answer keeps their own words.
    if (typed === '') change({ idea: example });
  });
}

export function NewStoryPage() {
  const { example } = route.useSearch();
  const text = storyTexts.useText();
  const { t } = text;
  const ideaId = useId();
  const { draft: typed, change, forget } = useDraft();
  const language = typed.language ?? text.language;
  const { data: ideas } = useQuery(ideasQuery(language));
  const draft = filledDraft(typed, ideas?.defaults);
  const request = useMemo(() => toStoryRequest(typed, text.language), [typed, text.language]);
  const beginning = useBeginning(request, forget);
  const [isChecked, setChecked] = useState(false);
  const missing = missingIn(draft, text);
  const isIdeaMissing = isChecked && draft.idea.trim() === '';
  useRoomTitle(t('new.title'));

  useExample(example === true, draft.idea, ideas?.ideas[0], change);

  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    setChecked(true);
    if (request) beginning.begin();
    else if (draft.idea.trim() === '') document.getElementById(ideaId)?.focus();
  };
  const choose = (idea: string) => {
    const before = draft.idea;
    const isOwn = before.trim() !== '' && !ideas?.ideas.includes(before);
    change({ idea });
    // A soft keyboard would hide the rest of the form.
    if (!matchMedia('(pointer: coarse)').matches) document.getElementById(ideaId)?.focus();
    if (isOwn)
      showToast({
        text: t('new.idea.replaced'),
        action: { label: t('app.undo'), run: () => change({ idea: before }) },
      });
  };
  return (
    <div className="mx-auto max-w-[76rem] px-4 py-6 sm:px-6">
      <Link
        to="/stories"
        className="-ml-1 inline-flex min-h-11 items-center gap-1 text-sm text-soft sm:min-h-6"
      >
        <Icon name="left" className="size-4.5" />
        {t('story.back')}
      </Link>
      <h1 className="mb-4 text-2xl font-semibold tracking-tight">{t('new.title')}</h1>
      <form className="story-columns" aria-label={t('new.title')} onSubmit={submit}>
        <div className="sheet flex min-w-0 flex-col gap-6 p-4 sm:p-6">
          <IdeaBox
            id={ideaId}
            idea={draft.idea}
            language={language}
            onChange={(idea) => change({ idea })}
            onChoose={choose}
            onSubmit={submit}
            isInvalid={isIdeaMissing}
          />
          <LanguageFields draft={draft} change={change} language={language} />
          <StyleFields options={draft} onChange={change} />
          <MoreFields draft={draft} change={change} language={language} />
        </div>
        <NewSide
          draft={draft}
          writer={ideas?.writer}
          beginning={beginning}
          hint={isChecked ? missing : null}
        />
      </form>
    </div>
  );
}
