// Runs a call for a card's button; the failure stays beside the button until the next try.
import { useState } from 'react';
import { type Problem, problemOf } from '../api/problem.ts';

export interface Action {
  problem: Problem | null;
  isBusy: boolean;
  /** Does nothing while the one before is under way, so that a double click acts once. */
  run(action: () => Promise<void>): void;
}

export function useAction(): Action {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  return {
    problem,
    isBusy,
    run(action) {
      if (isBusy) return;
      setBusy(true);
      setProblem(null);
      action()
        .catch((error: unknown) => setProblem(problemOf(error)))
        .finally(() => setBusy(false));
    },
  };
}
