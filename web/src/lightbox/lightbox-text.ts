// The texts of the large view, downloaded with it.
import { defineRoomTexts } from '../ui/language.ts';

export const lightboxTexts = defineRoomTexts({
  en: async () => (await import('../../../src/kernel/messages/lightbox-en.ts')).lightboxEn,
  zh: async () => (await import('../../../src/kernel/messages/lightbox-zh.ts')).lightboxZh,
});
