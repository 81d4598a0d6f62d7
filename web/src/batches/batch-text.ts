// The Batch room's own texts, downloaded with the room.

import type { BatchesMessageKey } from '../../../src/kernel/messages/batches-en.ts';
import { defineRoomTexts, type RoomText } from '../ui/language.ts';

export const batchTexts = defineRoomTexts({
  en: async () => (await import('../../../src/kernel/messages/batches-en.ts')).batchesEn,
  zh: async () => (await import('../../../src/kernel/messages/batches-zh.ts')).batchesZh,
});

export type BatchText = RoomText<BatchesMessageKey>;
