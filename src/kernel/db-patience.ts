// A database server that is not up yet when the program starts: it is tried again for a stated time, with a line in the log for
// each try, so that both can be started at once in any order.
import { type Clock, sleep } from './clock.ts';
import { AppError } from './errors.ts';
import type { Logger } from './log.ts';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

/** Whether the same may succeed a moment later: the server is away, starting, full or a standby, not wrong or too old. */
function mayPass(error: unknown): boolean {
  return (
    error instanceof AppError &&
    error.code === 'database_unavailable' &&
    error.options.retryAfterS !== undefined
  );
}

/** Opens, again and again for `longestMs` where that may help. Throws the last `database_unavailable`. */
export async function openPatiently<T>(
  open: () => Promise<T>,
  { clock, log, longestMs }: { clock: Clock; log: Logger; longestMs: number },
): Promise<T> {
  const endMs = clock.monotonicMs() + longestMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await open();
    } catch (error) {
      const leftMs = endMs - clock.monotonicMs();
      if (!mayPass(error) || leftMs <= 0) throw error;
      const leftS = Math.ceil(leftMs / 1000);
      log.warn(
        { why: (error as AppError).message, leftS },
        `the database cannot be used yet; it is tried for another ${leftS} s`,
      );
      await sleep(clock, Math.min(pauseMs, leftMs));
    }
  }
}
