// The task behind a movement of credits: what was asked for, how it went, and its pictures, each leading to the gallery.
import { queryOptions, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { call } from '../api/client.ts';
import { ApiError, problemOf } from '../api/problem.ts';
import type { Task } from '../api/resources.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { accountTexts } from './account-text.ts';

const taskOfEntryQuery = (id: string) =>
  queryOptions({
    queryKey: ['task-of-entry', id],
    queryFn: async ({ signal }) => {
      try {
        return await call<Task>('GET', `v1/tasks/${id}`, { signal });
      } catch (error) {
        if (error instanceof ApiError && error.problem.status === 404) return null;
        throw error;
      }
    },
  });

export function TaskDialog({ taskId, onClose }: { taskId: string; onClose(): void }) {
  const { t } = accountTexts.useText();
  const { data: task, error } = useQuery(taskOfEntryQuery(taskId));
  return (
    <Dialog title={t('credits.task.title')} onClose={onClose}>
      {error && <ProblemNote problem={problemOf(error)} />}
      {task === null && <p>{t('credits.task.gone')}</p>}
      {task && (
        <>
          <p>{task.prompt}</p>
          <p className="text-sm text-soft">{t(`credits.task.${task.status}`)}</p>
          {task.images.length > 0 && (
            <ul className="flex flex-wrap gap-2">
              {task.images.map((image, index) => (
                <li key={image.id}>
                  <Link to="/gallery" search={{ view: image.id }}>
                    <img
                      src={image.thumb_url}
                      width={image.width}
                      height={image.height}
                      alt={t('credits.task.picture', { n: index + 1 })}
                      className="size-28 rounded-control bg-blank object-cover"
                    />
                  </Link>
                </li>
              ))}
            </ul>
          )}
        </>
      )}
      <code className="font-mono text-xs text-soft">{taskId}</code>
    </Dialog>
  );
}
