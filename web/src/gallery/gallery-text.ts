// The gallery's own texts, downloaded with the room.
import { defineRoomTexts } from '../ui/language.ts';

export const galleryTexts = defineRoomTexts({
  en: async () => (await import('../../../src/kernel/messages/gallery-en.ts')).galleryEn,
  zh: async () => (await import('../../../src/kernel/messages/gallery-zh.ts')).galleryZh,
});
