// The texts of the admin rooms, downloaded with the first of them.
import { defineRoomTexts } from '../ui/language.ts';

export const adminTexts = defineRoomTexts({
  en: async () => (await import('../../../src/kernel/messages/admin-en.ts')).adminEn,
  zh: async () => (await import('../../../src/kernel/messages/admin-zh.ts')).adminZh,
});
