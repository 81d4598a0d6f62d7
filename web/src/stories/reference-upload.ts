// One reference picture on its way to the server: decoded first, so that what is no picture is said at once, and made smaller
// where the server would refuse its size.
import { useEffect, useRef, useState } from 'react';
import { networkProblem, type Problem, problemOf } from '../api/problem.ts';
import { uploadPicture } from '../api/upload.ts';
import { decode, withinLimit } from '../studio/input-upload.ts';
import { rememberPicture } from './known-pictures.ts';

export interface ReferenceUpload {
  /** From 0 to 1 while a picture is on its way, else null. */
  progress: number | null;
  problem: Problem | null;
  take(file: File): void;
  /** Stops the upload, or puts its failure away. */
  cancel(): void;
}

/** The browser could not open the file. */
class NotAPictureError extends Error {}

async function send(
  file: File,
  signal: AbortSignal,
  onProgress: (part: number) => void,
): Promise<{ id: string; thumb_url: string }> {
  const url = URL.createObjectURL(file);
  try {
    const image = await decode(url).catch(() => null);
    if (image === null) throw new NotAPictureError();
    const body = await withinLimit(file, image);
    return await uploadPicture(
      body,
      file.name,
      (sent, total) => onProgress(sent / Math.max(1, total)),
      signal,
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Uploads pictures one at a time; `onDone` gets the upload's id. */
export function useReferenceUpload(onDone: (id: string) => void): ReferenceUpload {
  const [progress, setProgress] = useState<number | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const running = useRef<AbortController | null>(null);
  const done = useRef(onDone);
  done.current = onDone;
  useEffect(() => () => running.current?.abort(), []);
  const cancel = () => {
    running.current?.abort();
    running.current = null;
    setProgress(null);
    setProblem(null);
  };
  return {
    progress,
    problem,
    cancel,
    take(file) {
      cancel();
      const abort = new AbortController();
      running.current = abort;
      setProgress(0);
      send(file, abort.signal, setProgress).then(
        ({ id, thumb_url: url }) => {
          if (abort.signal.aborted) return;
          rememberPicture(id, url);
          setProgress(null);
          done.current(id);
        },
        (error: unknown) => {
          if (abort.signal.aborted) return;
          setProgress(null);
          const isNone = error instanceof NotAPictureError;
          setProblem(isNone ? { ...networkProblem(), code: 'image', retryable: false } : problemOf(error));
        },
      );
    },
  };
}
