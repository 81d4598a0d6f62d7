// The texts of the admin rooms, downloaded with the first of them.
import { defineRoomTexts } from '../ui/language.ts';

export const adminTexts = defineRoomTexts({
  en: async () => (await import('../../../src/kernel/messages/admin-en.ts')).adminEn,
  zh: async () => (await import('../../../src/kernel/messages/admin-zh.ts')).adminZh,
});

/** Why files were not sent by sync, in the words of the command line. */
export const syncReasonTexts = defineRoomTexts({
  en: async () => (await import('../../../src/kernel/messages/sync-reasons-en.ts')).syncReasonsEn,
  zh: async () => (await import('../../../src/kernel/messages/sync-reasons-zh.ts')).syncReasonsZh,
});
