// What other slices do inside their own transactions, as writes of the tests' own. A module apart: the writer worker imports it.
import { registerWrites, type Trx } from '../kernel/db.ts';
import { insertImages, type NewImage, pinUploads } from './media.ts';

export async function insertForTest(trx: Trx, input: { now: number; images: NewImage[] }): Promise<void> {
  await insertImages(trx, input);
}

export async function pinForTest(
  trx: Trx,
  input: { ids: string[]; accountId: string; untilMs: number },
): Promise<void> {
  await pinUploads(trx, input);
}

registerWrites(import.meta.url, { insertForTest, pinForTest });
