// The settings of stories: what a story gets that does not say otherwise.
import { z } from 'zod';

const MAX_CREDITS = 1_000_000;

export const storySettings = z
  .strictObject({
    safety: z.enum(['strict', 'gentle']).default('gentle').meta({
      description:
        'Safety of a story that asks for none: gentle makes weapons, fights and the like harmless, strict refuses them.',
    }),
    ahead: z.enum(['none', 'text', 'pictures']).default('pictures').meta({
      description: 'What is made of the pages behind every choice before the reader chooses.',
    }),
    ahead_budget_credits: z.number().min(0).max(MAX_CREDITS).default(20).meta({
      description: 'What the pages ahead of a reader may cost in one story.',
    }),
  })
  .prefault({});

/** Amounts in credits. */
export function toStoryDefaults(settings: z.output<typeof storySettings>) {
  return {
    safety: settings.safety,
    ahead: settings.ahead,
    aheadBudgetCredits: settings.ahead_budget_credits,
  };
}
export type StoryDefaults = ReturnType<typeof toStoryDefaults>;
