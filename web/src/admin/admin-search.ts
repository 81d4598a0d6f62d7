// The addresses of the admin rooms: filters as search parameters. What cannot be read is left out, never an error.

export const JOB_VIEWS = ['in_flight', 'failed', 'stuck', 'succeeded'] as const;
export type JobView = (typeof JOB_VIEWS)[number];

export interface JobsSearch {
  view?: JobView;
  q?: string;
  provider?: string;
  model?: string;
  account?: string;
  error?: string;
}

export interface TextSearch {
  q?: string;
  level?: string;
}

const MOST_CHARS = 200;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

function words(value: unknown): string | undefined {
  // The router reads a parameter that looks like a number as one.
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && text !== '' ? text.slice(0, MOST_CHARS) : undefined;
}

function known<Search extends object>(
  read: {
    [Name in keyof Search]: Search[Name] | undefined;
  },
): Search {
  return Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined)) as Search;
}

export function parseJobsSearch(search: Record<string, unknown>): JobsSearch {
  return known<Required<JobsSearch>>({
    view: JOB_VIEWS.find((view) => view === search.view),
    q: words(search.q),
    provider: words(search.provider),
    model: words(search.model),
    account: words(search.account),
    error: words(search.error),
  });
}

export function parseTextSearch(search: Record<string, unknown>): TextSearch {
  return known<Required<TextSearch>>({ q: words(search.q), level: words(search.level) });
}

/** What the server is asked for a view; the last 24 hours begin at a full minute, so that the address of a page stays the same. */
export function jobsFilter(search: JobsSearch, nowMs: number): Record<string, string | undefined> {
  const { view, ...rest } = search;
  const dayAgo = new Date(Math.floor((nowMs - DAY_MS) / MINUTE_MS) * MINUTE_MS).toISOString();
  const byView = {
    in_flight: { status: 'queued,running' },
    failed: { status: 'failed', since: dayAgo },
    stuck: { overdue: 'true' },
    succeeded: { status: 'succeeded' },
  };
  return { ...rest, ...(view ? byView[view] : {}) };
}
