// One action of the reader at a time: whether it is under way, and why it failed.
import { useRef, useState } from 'react';
import { type Problem, problemOf } from '../../api/problem.ts';

export interface Step {
  isBusy: boolean;
  problem: Problem | null;
  /** Runs an action unless one is running; resolves to whether it worked. */
  run(action: () => Promise<void>): Promise<boolean>;
  forget(): void;
}

export function useStep(): Step {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const running = useRef(false);
  return {
    isBusy,
    problem,
    async run(action) {
      if (running.current) return false;
      running.current = true;
      setBusy(true);
      setProblem(null);
      try {
        await action();
        return true;
      } catch (error) {
        setProblem(problemOf(error));
        return false;
      } finally {
        running.current = false;
        setBusy(false);
      }
    },
    forget: () => setProblem(null),
  };
}
