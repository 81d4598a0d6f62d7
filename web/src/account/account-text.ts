// The texts of signing in, the account and the settings, downloaded with the first of them.
import { defineRoomTexts } from '../ui/language.ts';

export const accountTexts = defineRoomTexts({
  en: async () => (await import('../../../src/kernel/messages/account-en.ts')).accountEn,
  zh: async () => (await import('../../../src/kernel/messages/account-zh.ts')).accountZh,
});
