// Moving through a story: which page the address shows, turning to others, and the ways on that have to be asked for first. A page
// that is there is shown at once; that it was opened is told to the server meanwhile.
import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { problemOf } from '../../api/problem.ts';
import { announce } from '../../ui/announce.tsx';
import { describeProblem } from '../../ui/ProblemNote.tsx';
import { showToast } from '../../ui/toast.tsx';
import { goOn, type Story, type StoryPage, takeStory } from '../story-api.ts';
import type { ReaderText } from './reader-text.ts';
import { rememberPlace } from './reading-place.ts';
import { pageAfter, type Way } from './story-tree.ts';
import { type Step, useStep } from './use-step.ts';

export interface Reader {
  /** The step that makes a new page, and why it failed. */
  step: Step;
  turnTo(page: StoryPage): void;
  choose(way: Way): void;
  /** Goes on in own words; resolves to whether that worked. */
  goOwnWay(words: string): Promise<boolean>;
  back(): void;
  forward(): void;
}

const FIRST_WAY = '.ways button';

/** Remembers where reading is, and which branch was read last from each page. */
function useTrail(story: Story, page: StoryPage): ReadonlyMap<string, string> {
  const trail = useRef(new Map<string, string>());
  useEffect(() => {
    rememberPlace(story.id, page.id);
    if (page.parent_id !== null) trail.current.set(page.parent_id, page.id);
  }, [story.id, page.id, page.parent_id]);
  return trail.current;
}

export function useReader(story: Story, page: StoryPage, text: ReaderText): Reader {
  const client = useQueryClient();
  const router = useRouter();
  const step = useStep();
  const trail = useTrail(story, page);
  const show = (pageId: string) => {
    step.forget();
    void router.navigate({
      to: '/stories/$id/read',
      params: { id: story.id },
      search: { page: pageId },
    });
  };
  const parentOf = (one: StoryPage) => story.pages.find(({ id }) => id === one.parent_id);
  const turnTo = (target: StoryPage) => {
    show(target.id);
    const parent = parentOf(target);
    if (target.opened || !parent || target.choice === null) return;
    goOn(story.id, parent.id, { own: target.choice }).then(
      (answer) => takeStory(client, answer.story),
      (error: unknown) => {
        const { title, fix } = describeProblem(problemOf(error), text);
        showToast({ text: `${title}. ${fix}`, tone: 'alarm' });
      },
    );
  };
  const goBy = (way: { choice: number } | { own: string }) =>
    step.run(async () => {
      const answer = await goOn(story.id, page.id, way);
      takeStory(client, answer.story);
      show(answer.page_id);
    });
  return {
    step,
    turnTo,
    choose(way) {
      if (way.page) turnTo(way.page);
      else if (way.choice !== null) void goBy({ choice: way.choice });
    },
    goOwnWay: (words) => goBy({ own: words }),
    back() {
      const parent = parentOf(page);
      if (parent) show(parent.id);
      else announce(text.t('reader.atStart'));
    },
    forward() {
      const next = pageAfter(story.pages, page, trail);
      if (next) return show(next.id);
      const first = document.querySelector<HTMLElement>(FIRST_WAY);
      first?.focus();
      first?.scrollIntoView({ block: 'center' });
      announce(text.t(first ? 'reader.chooseFirst' : 'reader.atEnd'));
    },
  };
}
