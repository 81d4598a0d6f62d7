// The texts of the share dialog and of the list of links, downloaded with the first of them.
import { defineRoomTexts } from '../ui/language.ts';

export const shareTexts = defineRoomTexts({
  en: async () => (await import('../../../src/kernel/messages/shares-en.ts')).sharesEn,
  zh: async () => (await import('../../../src/kernel/messages/shares-zh.ts')).sharesZh,
});
