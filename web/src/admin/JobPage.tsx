// One job: its timeline, the error where it happened, what went in and came out, its lines of the log, and what can be done.
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import type { Task } from '../api/resources.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { formatCredits } from '../ui/format.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { randomUuid } from '../ui/random-id.ts';
import { remarkText } from '../ui/remark.ts';
import { type AdminTask, answerOf, type LogLine, queryText } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { retryAsCurl } from './as-curl.ts';
import { cancelJob, retryJob } from './JobsPage.tsx';
import { JobState } from './job-words.tsx';
import { LogLines } from './LogLines.tsx';
import { MoveDialog } from './MoveDialog.tsx';
import { Answered, Facts, FailedNote, Heading, Nothing, Section, When } from './parts.tsx';
import { Timeline } from './Timeline.tsx';
import { useAdminAction } from './use-action.ts';

const REFRESH_MS = 3_000;

const isOpen = ({ status }: Task) => status === 'queued' || status === 'running';

function Actions({ job }: { job: AdminTask }) {
  const { task, account } = job;
  const { t } = adminTexts.useText();
  const navigate = useNavigate();
  const { run, isBusy, problem } = useAdminAction();
  const [key] = useState(randomUuid);
  const [isMoving, setMoving] = useState(false);
  return (
    <>
      <CopyButton text={retryAsCurl(task, account.id)} className="button">
        {t('job.curl')}
      </CopyButton>
      {isOpen(task) ? (
        <button
          type="button"
          className="button text-alarm"
          aria-disabled={isBusy || task.cancel.state !== 'none'}
          onClick={() => void run(() => cancelJob(task.id, account.id), t('job.cancelled'))}
        >
          {t('job.cancel')}
        </button>
      ) : (
        <button
          type="button"
          className="button button-lamp"
          aria-disabled={isBusy}
          onClick={() =>
            void run(async () => {
              const { id } = await retryJob(task.id, account.id, key);
              void navigate({ to: '/admin/jobs/$id', params: { id } });
            }, t('job.retried'))
          }
        >
          {t('job.retry')}
        </button>
      )}
      <button type="button" className="button" onClick={() => setMoving(true)}>
        {t('job.move')}
      </button>
      {isMoving && <MoveDialog job={job} isOpen={isOpen(task)} onClose={() => setMoving(false)} />}
      {problem && <FailedNote problem={problem} />}
    </>
  );
}

function problemOfTask({ error }: Task) {
  if (!error) return null;
  return { ...error, status: 0, requestId: null, fields: [] };
}

function Pictures({ task }: { task: Task }) {
  const { t } = adminTexts.useText();
  const pictures = [
    ...task.params.images.map(({ url }) => ({ url, alt: t('job.input') })),
    ...task.images.map((image) => ({ url: image.thumb_url ?? image.url, alt: t('job.output') })),
  ];
  if (pictures.length === 0) return null;
  return (
    <Section title={t('job.pictures')}>
      <ul className="flex flex-wrap gap-3">
        {pictures.map(({ url, alt }) => (
          <li key={url}>
            <img src={url} alt={alt} loading="lazy" className="h-32 rounded-control border border-line" />
          </li>
        ))}
      </ul>
    </Section>
  );
}

function JobLog({ id }: { id: string }) {
  const { t } = adminTexts.useText();
  const query = useQuery(
    answerOf<{ data: LogLine[] }>(`v1/admin/logs/recent${queryText({ q: id, level: 'debug', tail: '200' })}`),
  );
  return (
    <Section title={t('job.log')}>
      <Answered query={query}>
        {({ data }) => (data.length === 0 ? <Nothing>{t('job.noLog')}</Nothing> : <LogLines lines={data} />)}
      </Answered>
    </Section>
  );
}

function JobFacts({ task, account }: AdminTask) {
  const text = adminTexts.useText();
  const { t, locale } = text;
  const { size, seed, negative_prompt, deadline_s, strength } = task.params;
  return (
    <div className="sheet p-4">
      <p className="mb-3 whitespace-pre-wrap">{task.prompt}</p>
      <Facts
        facts={[
          [
            t('job.id'),
            <code key="id" className="font-mono text-xs break-all">
              {task.id}
            </code>,
          ],
          [
            t('job.account'),
            <Link key="account" to="/admin/accounts/$id" params={{ id: account.id }} className="underline">
              {account.name}
            </Link>,
          ],
          [t('job.model'), `${task.model} → ${task.provider} · ${task.provider_model}`],
          [t('job.mode'), `${task.mode} · ${size} · n ${task.n} · seed ${seed}`],
          ...(negative_prompt ? [[t('job.negative'), negative_prompt] as const] : []),
          ...(strength === null ? [] : [[t('job.strength'), String(strength)] as const]),
          [t('job.created'), <When key="created" at={task.created_at} />],
          [t('job.deadline'), t('seconds', { count: deadline_s })],
          [
            t('job.cost'),
            t('job.costs', {
              held: formatCredits(task.cost.held, locale),
              captured: formatCredits(task.cost.captured, locale),
              released: formatCredits(task.cost.released, locale),
            }),
          ],
          ...(task.waiting
            ? [[t('job.waits'), remarkText(task.waiting, task.waiting_reason ?? '', text)] as const]
            : []),
          ...(task.cancel.state === 'none'
            ? []
            : [
                [
                  t('job.cancelState'),
                  `${t(`cancel.${task.cancel.state}`)} ${task.cancel.remark ? remarkText(task.cancel.remark, task.cancel.note ?? '', text) : ''}`,
                ] as const,
              ]),
          ...(task.retry_of
            ? [
                [
                  t('job.retryOf'),
                  <Link
                    key="retry"
                    to="/admin/jobs/$id"
                    params={{ id: task.retry_of }}
                    className="underline break-all"
                  >
                    {task.retry_of}
                  </Link>,
                ] as const,
              ]
            : []),
        ]}
      />
    </div>
  );
}

export function JobPage() {
  const { t } = adminTexts.useText();
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  useRoomTitle(t('job.title'));
  const query = useQuery({
    ...answerOf<AdminTask>(`v1/admin/tasks/${id}`),
    refetchInterval: ({ state }) => (state.data && !isOpen(state.data.task) ? false : REFRESH_MS),
  });
  return (
    <>
      <p className="mb-2 text-sm">
        <Link to="/admin/jobs" className="underline">
          {t('nav.jobs')}
        </Link>
      </p>
      <Answered query={query}>
        {(job) => {
          const problem = problemOfTask(job.task);
          return (
            <>
              <Heading title={t('job.title')}>
                <Actions job={job} />
              </Heading>
              <p className="mb-3">
                <JobState job={{ status: job.task.status, overdue: job.overdue }} />
              </p>
              {problem && (
                <div className="sheet mb-4 p-4">
                  <ProblemNote problem={problem}>
                    {job.task.error && (
                      <Link
                        to="/admin/jobs"
                        search={{ error: job.task.error.code }}
                        className="button button-quiet"
                      >
                        {t('job.sameError')}
                      </Link>
                    )}
                  </ProblemNote>
                </div>
              )}
              <Timeline task={job.task} />
              <Section title={t('job.request')}>
                <JobFacts {...job} />
              </Section>
              <Pictures task={job.task} />
              <JobLog id={id} />
            </>
          );
        }}
      </Answered>
    </>
  );
}
