// The log as it is written: filtered by level and text, paused at will, at most 5,000 lines kept. Lines are asked for by a call that
// waits for the next one, so that the tab needs no second stream.
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { call } from '../api/client.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { type LogLine, queryText } from './admin-api.ts';
import type { TextSearch } from './admin-search.ts';
import { adminTexts } from './admin-text.ts';
import { LogLines } from './LogLines.tsx';
import { FailedNote, Heading, Nothing, SearchBox } from './parts.tsx';

const MOST_LINES = 5_000;
const WAIT_S = '20';
const TAIL = '500';
const AFTER_FAILURE_MS = 3_000;
const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

interface LogAnswer {
  data: LogLine[];
  last_id: string;
  gap: boolean;
}

interface LiveLog {
  lines: readonly LogLine[];
  problem: Problem | null;
}

/** Follows the log while it is not paused; starts anew when the filter changes. */
function useLiveLog(level: string, q: string | undefined, isPaused: boolean): LiveLog {
  const [lines, setLines] = useState<readonly LogLine[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const after = useRef<{ filter: string; id: string | undefined }>({ filter: '', id: undefined });
  useEffect(() => {
    if (isPaused) return;
    const stop = new AbortController();
    const filter = `${level} ${q ?? ''}`;
    if (after.current.filter !== filter) {
      after.current = { filter, id: undefined };
      setLines([]);
    }
    const follow = async () => {
      while (!stop.signal.aborted) {
        const { id } = after.current;
        const wait = id === undefined ? { tail: TAIL } : { after: id, wait_s: WAIT_S, tail: TAIL };
        try {
          const path = `v1/admin/logs/recent${queryText({ level, q, ...wait })}`;
          const { data, last_id } = await call<LogAnswer>('GET', path, { signal: stop.signal });
          after.current.id = last_id;
          setProblem(null);
          if (data.length > 0) setLines((before) => [...before, ...data].slice(-MOST_LINES));
        } catch (error) {
          if (stop.signal.aborted) return;
          setProblem(problemOf(error));
          await new Promise((resolve) => setTimeout(resolve, AFTER_FAILURE_MS));
        }
      }
    };
    void follow();
    return () => stop.abort();
  }, [level, q, isPaused]);
  return { lines, problem };
}

export function LogsPage() {
  const { t } = adminTexts.useText();
  useRoomTitle(t('nav.logs'));
  const search = useSearch({ strict: false }) as TextSearch;
  const navigate = useNavigate();
  const level = LEVELS.find((one) => one === search.level) ?? 'info';
  const [isPaused, setPaused] = useState(false);
  const { lines, problem } = useLiveLog(level, search.q, isPaused);
  const end = useRef<HTMLDivElement>(null);
  const [follows, setFollows] = useState(true);
  useEffect(() => {
    if (follows && lines.length > 0) end.current?.scrollIntoView({ block: 'end' });
  }, [lines, follows]);
  const change = (next: TextSearch) => {
    const set = Object.fromEntries(Object.entries(next).filter(([, value]) => value !== ''));
    void navigate({ to: '/admin/logs', search: set, replace: true });
  };
  return (
    <>
      <Heading title={t('nav.logs')} lead={t('logs.lead')} />
      <div className="sticky top-14 z-10 mb-3 flex flex-wrap gap-2 bg-paper py-2">
        <SearchBox
          label={t('logs.search')}
          value={search.q ?? ''}
          onSearch={(q) => change({ ...search, q })}
        />
        <select
          className="field w-auto"
          aria-label={t('logs.level')}
          value={level}
          onChange={(event) => change({ ...search, level: event.currentTarget.value })}
        >
          {LEVELS.map((one) => (
            <option key={one} value={one}>
              {t(`logs.level.${one}`)}
            </option>
          ))}
        </select>
        <button type="button" className="button" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
          {t(isPaused ? 'logs.resume' : 'logs.pause')}
        </button>
        <button type="button" className="button" aria-pressed={follows} onClick={() => setFollows(!follows)}>
          {t('logs.follow')}
        </button>
      </div>
      {problem && <FailedNote problem={problem} />}
      {lines.length === 0 && !problem ? <Nothing>{t('logs.none')}</Nothing> : <LogLines lines={lines} />}
      <div ref={end} className="h-4" />
    </>
  );
}
