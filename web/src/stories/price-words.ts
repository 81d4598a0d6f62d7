// How prices are said in the story rooms, always before something is asked for.
import { formatCredits } from '../ui/format.ts';
import type { StoryText } from './story-text.ts';

/** An amount of credits in words; “free” for nothing. */
export function creditsText(amount: number, { t, locale }: StoryText): string {
  if (amount === 0) return t('composer.price.free');
  return t('composer.price', { n: amount, amount: formatCredits(amount, locale) });
}
