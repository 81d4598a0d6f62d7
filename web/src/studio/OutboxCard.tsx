// The card of a request that the server has not confirmed yet: drawn at once, with the same frame as the task it becomes.
import { useText } from '../ui/language.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { CardFrame } from './CardFrame.tsx';
import type { OutboxEntry } from './outbox.ts';
import { useStudio } from './studio-context.ts';
import { WorkInProgress } from './WorkInProgress.tsx';

export function OutboxCard({ entry }: { entry: OutboxEntry }) {
  const { t } = useText();
  const { outbox } = useStudio();
  const { request, ratio, state, problem } = entry;
  const prompt = request.prompt ?? '';
  const buttons = (
    <>
      {state === 'failed' && (
        <button type="button" className="button" onClick={() => outbox.sendAgain(entry.key)}>
          {t('task.sendAgain')}
        </button>
      )}
      {state === 'failed' && (
        <button type="button" className="button button-quiet" onClick={() => outbox.discard(entry.key)}>
          {t('task.discard')}
        </button>
      )}
    </>
  );
  return (
    <CardFrame
      prompt={prompt}
      picture={
        state === 'sending' ? (
          <WorkInProgress
            ratio={ratio}
            count={request.n ?? 1}
            progress={0}
            title={t('task.sending')}
            notes={[]}
          />
        ) : null
      }
    >
      {state === 'failed' && problem ? <ProblemNote problem={problem}>{buttons}</ProblemNote> : buttons}
    </CardFrame>
  );
}
