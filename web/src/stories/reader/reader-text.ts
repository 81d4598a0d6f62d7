// The texts of the story reader, downloaded with it.
import type { storyReaderEn } from '../../../../src/kernel/messages/story-reader-en.ts';
import { defineRoomTexts, type RoomText } from '../../ui/language.ts';

export const readerTexts = defineRoomTexts({
  en: async () => (await import('../../../../src/kernel/messages/story-reader-en.ts')).storyReaderEn,
  zh: async () => (await import('../../../../src/kernel/messages/story-reader-zh.ts')).storyReaderZh,
});

export type ReaderText = RoomText<keyof typeof storyReaderEn>;

/** An amount of credits in words. */
export function creditsIn({ t, locale }: ReaderText, credits: number): string {
  if (credits === 0) return t('reader.free');
  const amount = new Intl.NumberFormat(locale, { maximumFractionDigits: 3 }).format(credits);
  return t('reader.credits', { n: credits, amount });
}
