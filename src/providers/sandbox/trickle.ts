// A file delivered in small pieces over a long time, as a bad connection would.
import { readFile } from 'node:fs/promises';
import { type Clock, sleep } from '../../kernel/clock.ts';

const PIECES = 20;

/** Yields the file's bytes in 20 pieces spread over `overMs`; rejects with the signal's reason when it is aborted. */
export async function* trickle(
  path: string,
  options: { clock: Clock; overMs: number; signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const bytes = await readFile(path);
  const size = Math.ceil(bytes.length / PIECES);
  for (let at = 0; at < bytes.length; at += size) {
    await sleep(options.clock, options.overMs / PIECES, options.signal);
    yield bytes.subarray(at, at + size);
  }
}
