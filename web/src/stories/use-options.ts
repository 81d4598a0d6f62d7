// How the story that is shown goes on, as it is changed here: saved by itself a moment after the last change.
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { type Problem, problemOf } from '../api/problem.ts';
import { creditsOf, type StoryOptions } from './new-story.ts';
import { type Story, type StoryChange, takeStory, updateStory } from './story-api.ts';

const SAVE_PAUSE_MS = 600;

function optionsOf(story: Story): StoryOptions {
  return {
    style: story.style,
    styleText: story.style_text ?? '',
    model: story.model,
    ratio: story.aspect_ratio,
    ahead: story.ahead,
    aheadBudget: String(story.ahead_budget_credits),
  };
}

/** The members as the server names them; an amount that is none is left out. */
function toChange(changed: Partial<StoryOptions>): StoryChange {
  const { style, styleText, model, ratio, ahead, aheadBudget } = changed;
  const budget = aheadBudget === undefined ? null : creditsOf(aheadBudget);
  return {
    ...(style === undefined ? {} : { style }),
    ...(styleText === undefined ? {} : { style_text: styleText.trim() || null }),
    ...(model === undefined ? {} : { model }),
    ...(ratio === undefined ? {} : { aspect_ratio: ratio }),
    ...(ahead === undefined ? {} : { ahead }),
    ...(budget === null ? {} : { ahead_budget_credits: budget }),
  };
}

export interface EditedOptions {
  options: StoryOptions;
  change(part: Partial<StoryOptions>): void;
  /** Saves what waits; false when the server refused it. */
  flush(): Promise<boolean>;
  /** Why the last change was refused; it is undone then. */
  problem: Problem | null;
}

/** The options as they are shown and changed. */
export function useOptions(story: Story): EditedOptions {
  const client = useQueryClient();
  const [changed, setChanged] = useState<Partial<StoryOptions>>({});
  const [problem, setProblem] = useState<Problem | null>(null);
  const { id } = story;
  const newest = useRef(changed);
  newest.current = changed;
  const flush = useCallback(async (): Promise<boolean> => {
    const sent = newest.current;
    if (Object.keys(sent).length === 0) return true;
    const settle = (refusal: Problem | null) => {
      setProblem(refusal);
      // What was changed meanwhile waits for its own pause.
      if (newest.current === sent) setChanged({});
      return refusal === null;
    };
    try {
      takeStory(client, await updateStory(id, toChange(sent)));
      return settle(null);
    } catch (error) {
      return settle(problemOf(error));
    }
  }, [client, id]);
  useEffect(() => {
    if (Object.keys(changed).length === 0) return;
    const timer = setTimeout(() => void flush(), SAVE_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [changed, flush]);
  useEffect(() => () => void flush(), [flush]);
  return {
    options: { ...optionsOf(story), ...changed },
    change: (part) => setChanged((before) => ({ ...before, ...part })),
    flush,
    problem,
  };
}
