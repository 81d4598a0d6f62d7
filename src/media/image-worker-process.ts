// The image process: takes one picture job at a time over its channel and answers with the result or the error.
// It holds no secret and no connection, and ends when its parent does.
import { type ErrorRecord, toErrorRecord } from '../kernel/errors.ts';
import { type DecodedPicture, decodePicture, type PictureJob, restrictDecoders } from './picture-decode.ts';

export interface WorkerAnswer {
  result: { ok: true; picture: DecodedPicture } | { ok: false; error: ErrorRecord };
  /** What the process still holds after the job. */
  rssBytes: number;
}

restrictDecoders();
process.on('disconnect', () => process.exit(0));
process.on('message', async (job: PictureJob) => {
  const result: WorkerAnswer['result'] = await decodePicture(job).then(
    (picture) => ({ ok: true, picture }),
    (error: unknown) => ({ ok: false, error: toErrorRecord(error) }),
  );
  const answer: WorkerAnswer = { result, rssBytes: process.memoryUsage.rss() };
  process.send?.(answer);
});
