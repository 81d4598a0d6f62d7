// What every form here does when it is sent: one call at a time, its failure explained with cause and fix, and, when there
// were too many tries, the wait counted down on the button.
import { type ReactNode, useRef, useState } from 'react';
import type { AccountMessageKey } from '../../../src/kernel/messages/account-en.ts';
import { ThrottledError } from '../api/client.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { formatDuration } from '../ui/format.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { useNow } from '../ui/ticker.ts';
import { accountTexts } from './account-text.ts';

/** A failure that this part of the page can explain better than the server's own words: the stem of its three texts. */
export type Explanation = {
  [Key in AccountMessageKey]: Key extends `${infer Stem}.cause` ? Stem : never;
}[AccountMessageKey];

export interface Submission {
  isBusy: boolean;
  problem: Problem | null;
  explanation: Explanation | null;
  /** Wall time in ms before which another try is refused. */
  waitUntilMs: number;
  /** Runs the call unless one is under way; resolves to whether it succeeded. */
  submit(action: () => Promise<unknown>): Promise<boolean>;
  clear(): void;
}

/** `explain` names the better explanation of a problem, if there is one. */
export function useSubmission(explain: (problem: Problem) => Explanation | null = () => null): Submission {
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<{ problem: Problem; explanation: Explanation | null } | null>(null);
  const [waitUntilMs, setWaitUntilMs] = useState(0);
  const running = useRef(false);
  const submit = async (action: () => Promise<unknown>): Promise<boolean> => {
    if (running.current || Date.now() < waitUntilMs) return false;
    running.current = true;
    setBusy(true);
    setFailure(null);
    try {
      await action();
      return true;
    } catch (error) {
      const problem = problemOf(error);
      const isThrottled = error instanceof ThrottledError;
      if (isThrottled) setWaitUntilMs(Date.now() + error.retryAfterS * 1000);
      setFailure({ problem, explanation: isThrottled ? 'door.wait' : explain(problem) });
      return false;
    } finally {
      running.current = false;
      setBusy(false);
    }
  };
  return {
    isBusy,
    problem: failure?.problem ?? null,
    explanation: failure?.explanation ?? null,
    waitUntilMs,
    submit,
    clear: () => setFailure(null),
  };
}

/** A problem in the words of `explanation`. */
export function ExplainedProblem({
  problem,
  explanation,
}: {
  problem: Problem;
  explanation: Explanation | null;
}) {
  const { t } = accountTexts.useText();
  if (explanation === null) return <ProblemNote problem={problem} />;
  return (
    <ProblemNote
      problem={{
        ...problem,
        // No registered code, so that these words are shown in every language.
        code: explanation,
        title: t(`${explanation}.title`),
        detail: null,
        cause: t(`${explanation}.cause`),
        fix: t(`${explanation}.fix`),
        fields: [],
      }}
    />
  );
}

/** Why the last try failed, read out when it appears. */
export function SubmissionNote({ submission }: { submission: Submission }) {
  return (
    <div role="alert" className="empty:hidden">
      {submission.problem && (
        <ExplainedProblem problem={submission.problem} explanation={submission.explanation} />
      )}
    </div>
  );
}

function Countdown({ untilMs, children }: { untilMs: number; children: ReactNode }) {
  const { t, locale } = accountTexts.useText();
  const leftMs = untilMs - useNow();
  return leftMs > 0 ? t('door.wait', { time: formatDuration(leftMs, locale) }) : children;
}

interface SubmitButtonProps {
  submission: Submission;
  children: ReactNode;
  className?: string;
}

export function SubmitButton({ submission, children, className = 'button button-lamp' }: SubmitButtonProps) {
  const { t } = accountTexts.useText();
  const { isBusy, waitUntilMs } = submission;
  return (
    <button type="submit" className={className} aria-disabled={isBusy || Date.now() < waitUntilMs}>
      {isBusy && t('door.busy')}
      {!isBusy && waitUntilMs > 0 && <Countdown untilMs={waitUntilMs}>{children}</Countdown>}
      {!isBusy && waitUntilMs === 0 && children}
    </button>
  );
}
