// Writes of the security tests of shares: prompts that no provider would take, on pictures that are there.
import { registerWrites, type Trx } from '../../src/kernel/db.ts';

export async function setPrompts(
  trx: Trx,
  input: { prompts: readonly (readonly [imageId: string, prompt: string])[] },
): Promise<void> {
  for (const [id, prompt] of input.prompts)
    await trx.updateTable('images').set({ prompt }).where('id', '=', id).execute();
}

registerWrites(import.meta.url, { setPrompts });
