// Asks for a job again at another provider. One that is still open is cancelled first, and only when it has stopped the new one
// is made, so that no request runs at two providers.
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../api/client.ts';
import type { Model, Task } from '../api/resources.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { randomUuid } from '../ui/random-id.ts';
import { type AdminTask, answerOf } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { Answered, Field } from './parts.tsx';
import { useAdminAction } from './use-action.ts';

interface Place {
  provider: string;
  model: string;
  isDown: boolean;
}

/** Every other place that takes such a request, the same model first. */
function placesFor(task: Task, models: readonly Model[]): Place[] {
  return models
    .filter(({ drawbridge }) => drawbridge.capabilities.modes.includes(task.mode))
    .toSorted((one, other) => Number(other.id === task.model) - Number(one.id === task.model))
    .flatMap(({ id, drawbridge }) =>
      drawbridge.providers.map(({ name, state }) => ({
        provider: name,
        model: id,
        isDown: state === 'down',
      })),
    )
    .filter(({ provider, model }) => provider !== task.provider || model !== task.model);
}

interface MoveDialogProps {
  job: AdminTask;
  isOpen: boolean;
  onClose(): void;
}

export function MoveDialog({ job: { task, account }, isOpen, onClose }: MoveDialogProps) {
  const { t } = adminTexts.useText();
  const navigate = useNavigate();
  const query = useQuery(answerOf<{ data: Model[] }>('v1/models'));
  const { run, isBusy, problem } = useAdminAction();
  const [chosen, setChosen] = useState(0);
  const [isWaiting, setWaiting] = useState(false);
  const [idempotencyKey] = useState(randomUuid);
  const places = placesFor(task, query.data?.data ?? []);
  const place = places[chosen];
  const accountId = account.id;
  const move = async ({ provider, model }: Place) => {
    setWaiting(false);
    await run(async () => {
      if (isOpen) {
        const { status } = await call<Task>('POST', `v1/tasks/${task.id}/cancel`, { accountId });
        if (status === 'queued' || status === 'running') return setWaiting(true);
      }
      // The place is part of the key: another choice after a failure is another request.
      const { id } = await call<{ id: string }>('POST', `v1/tasks/${task.id}/retry`, {
        accountId,
        idempotencyKey: `${idempotencyKey}-${chosen}`,
        body: { provider, model },
      });
      onClose();
      void navigate({ to: '/admin/jobs/$id', params: { id } });
    });
  };
  return (
    <Dialog
      title={t('job.move')}
      onClose={onClose}
      footer={
        place && (
          <button
            type="button"
            className="button button-lamp"
            aria-disabled={isBusy}
            onClick={() => void move(place)}
          >
            {t('job.move')}
          </button>
        )
      }
    >
      <p className="mb-4">{t(isOpen ? 'job.move.open' : 'job.move.ended')}</p>
      <Answered query={query}>
        {() =>
          places.length === 0 ? (
            <p>{t('job.move.none')}</p>
          ) : (
            <Field label={t('job.move.to')}>
              {(id) => (
                <select
                  id={id}
                  className="field"
                  value={String(chosen)}
                  onChange={(event) => setChosen(Number(event.currentTarget.value))}
                >
                  {places.map((one, at) => (
                    <option key={`${one.provider} ${one.model}`} value={String(at)}>
                      {t(one.isDown ? 'job.move.down' : 'job.move.choice', {
                        model: one.model,
                        provider: one.provider,
                      })}
                    </option>
                  ))}
                </select>
              )}
            </Field>
          )
        }
      </Answered>
      {isWaiting && (
        <p role="alert" className="mt-3 text-alarm">
          {t('job.move.waits')}
        </p>
      )}
      {problem && <ProblemNote problem={problem} />}
    </Dialog>
  );
}
