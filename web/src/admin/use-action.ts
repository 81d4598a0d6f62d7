// Runs one action of a page at a time: its failure stays in sight until the next try, what it changed is read again.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type Problem, problemOf } from '../api/problem.ts';
import { showToast } from '../ui/toast.tsx';
import { readAgain } from './admin-api.ts';

export interface AdminAction {
  problem: Problem | null;
  isBusy: boolean;
  /** Returns whether it went well; `done` is said when it did. */
  run(action: () => Promise<unknown>, done?: string): Promise<boolean>;
}

export function useAdminAction(): AdminAction {
  const client = useQueryClient();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  return {
    problem,
    isBusy,
    async run(action, done) {
      if (isBusy) return false;
      setBusy(true);
      setProblem(null);
      try {
        await action();
        if (done !== undefined) showToast({ text: done });
        return true;
      } catch (error) {
        setProblem(problemOf(error));
        return false;
      } finally {
        setBusy(false);
        void readAgain(client);
      }
    },
  };
}
