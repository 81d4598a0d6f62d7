// What stands in a page's way: a text or picture that failed, or that waits for something, with the cause, what helps, and a
// button. What waits goes on by itself, and says so.
import type { ReactNode } from 'react';
import { ProblemNote } from '../../ui/ProblemNote.tsx';
import { problemOfStep, type StoryStep } from '../story-api.ts';
import type { ReaderText } from './reader-text.ts';
import { useStep } from './use-step.ts';

interface StepTroubleProps {
  step: Pick<StoryStep, 'status' | 'error'>;
  text: ReaderText;
  /** Names the button; null where nothing but waiting helps. */
  retry: { label: string; run(): Promise<void> } | null;
  /** Another way out. */
  children?: ReactNode;
}

export function StepTrouble({ step, text, retry, children }: StepTroubleProps) {
  const { t } = text;
  const action = useStep();
  const problem = problemOfStep(step);
  if (problem === null || (step.status !== 'failed' && step.status !== 'waiting')) return null;
  return (
    <div className="leaf-trouble" role="status" data-trouble={step.status}>
      <ProblemNote problem={problem}>
        {retry && (
          <button
            type="button"
            className={`button ${step.status === 'failed' ? 'button-lamp' : ''}`}
            aria-disabled={action.isBusy}
            onClick={() => void action.run(retry.run)}
          >
            {retry.label}
          </button>
        )}
        {children}
      </ProblemNote>
      {step.status === 'waiting' && <p className="mt-2 text-sm text-soft">{t('reader.waits')}</p>}
      {action.problem && <ProblemNote problem={action.problem} className="mt-4" />}
    </div>
  );
}
