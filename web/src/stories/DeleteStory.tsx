// Asks before a story is deleted, since that cannot be undone.
import { useQueryClient } from '@tanstack/react-query';
import { useAction } from '../studio/use-action.ts';
import { announce } from '../ui/announce.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { removeStory, storiesQuery } from './story-api.ts';
import { storyTexts } from './story-text.ts';

interface DeleteStoryProps {
  story: { id: string; title: string; idea: string };
  onClose(): void;
  /** The story is gone; called before the dialog closes. */
  onDeleted?(): void;
}

export function DeleteStory({ story, onClose, onDeleted }: DeleteStoryProps) {
  const { t } = storyTexts.useText();
  const client = useQueryClient();
  const { isBusy, problem, run } = useAction();
  const title = story.title || story.idea;
  const confirm = () =>
    run(async () => {
      await removeStory(story.id);
      onDeleted?.();
      onClose();
      announce(t('delete.done', { title }));
      await client.invalidateQueries({ queryKey: storiesQuery.queryKey });
    });
  return (
    <Dialog
      title={t('delete.title')}
      onClose={onClose}
      footer={
        <>
          <button type="button" className="button" onClick={onClose}>
            {t('delete.keep')}
          </button>
          <button
            type="button"
            className="button border-alarm text-alarm"
            aria-disabled={isBusy}
            onClick={confirm}
          >
            {t('delete.confirm')}
          </button>
        </>
      }
    >
      <p className="font-medium">{title}</p>
      <p>{t('delete.text')}</p>
      {problem && <ProblemNote problem={problem} />}
    </Dialog>
  );
}
