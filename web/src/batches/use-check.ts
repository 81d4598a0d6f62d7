// The server's check of the form, asked for again a moment after something changed; what it says belongs to one request, and
// an answer to an older one is never shown as current.
import { useEffect, useState } from 'react';
import { type Problem, problemOf } from '../api/problem.ts';
import { type BatchCheck, type BatchRequest, checkBatch } from './batch-api.ts';

const TYPING_PAUSE_MS = 450;

export interface Check {
  /** The newest answer, perhaps of the form as it was a moment ago. */
  result: BatchCheck | null;
  problem: Problem | null;
  /** Whether `result` or `problem` is about the form as it is now. */
  isCurrent: boolean;
}

interface Answer {
  request: BatchRequest;
  result: BatchCheck | null;
  problem: Problem | null;
}

export function useCheck(request: BatchRequest | null): Check {
  const [answer, setAnswer] = useState<Answer | null>(null);
  useEffect(() => {
    if (!request) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      checkBatch(request, abort.signal).then(
        (result) => setAnswer({ request, result, problem: null }),
        (error: unknown) => {
          if (!abort.signal.aborted) setAnswer({ request, result: null, problem: problemOf(error) });
        },
      );
    }, TYPING_PAUSE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [request]);
  if (!request || !answer) return { result: null, problem: null, isCurrent: false };
  return { result: answer.result, problem: answer.problem, isCurrent: answer.request === request };
}
