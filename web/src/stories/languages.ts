// The languages that stories are told in, each by its own name.
import type { StoryLanguage } from './story-api.ts';

export const LANGUAGE_NAMES: Readonly<Record<StoryLanguage, string>> = {
  en: 'English',
  zh: '中文',
  es: 'Español',
  fr: 'Français',
  de: 'Deutsch',
  ja: '日本語',
};

export const STORY_LANGUAGES = Object.keys(LANGUAGE_NAMES) as readonly StoryLanguage[];
