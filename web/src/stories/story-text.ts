// The texts of the list of stories and of the maker, downloaded with the first of them.
import type { StoriesMessageKey } from '../../../src/kernel/messages/stories-en.ts';
import { defineRoomTexts, type RoomText } from '../ui/language.ts';

export const storyTexts = defineRoomTexts({
  en: async () => (await import('../../../src/kernel/messages/stories-en.ts')).storiesEn,
  zh: async () => (await import('../../../src/kernel/messages/stories-zh.ts')).storiesZh,
});

export type StoryText = RoomText<StoriesMessageKey>;
