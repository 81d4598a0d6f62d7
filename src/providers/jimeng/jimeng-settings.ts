// The settings of jimeng: the section `providers.jimeng`, checked, with every default named.
import { fitsHeader, type RawSection, SectionReader } from '../adapter/section-reader.ts';
import type { Dialect } from './models.ts';

const DEFAULT_URL = 'http://127.0.0.1:5100';
const CONNECT_TIMEOUT_MS = 10_000;
/** Checks and points; a submit is held open for the whole deadline instead. */
const QUERY_TIMEOUT_MS = 15_000;
/** Queues at jimeng can be long, and what it paints cannot be fetched later: the call waits as long as the task may. */
const DEADLINE_MS = 40 * 60_000;
const CONCURRENCY_PER_SESSION = 2;
const PRICE_MICROS = 1_000_000;
const MICROS_PER_CREDIT = 1_000_000;
const MS_PER_S = 1000;
const MOST_CONCURRENCY = 1000;
const LONGEST_DEADLINE_S = 24 * 60 * 60;

export interface JimengSettings {
  /** Without a trailing slash. */
  baseUrl: string;
  dialect: Dialect;
  /** Secrets; each `[proxy@][us-|hk-|jp-|sg-]sessionid`. */
  sessionIds: readonly string[];
  /** Replaces the built-in model table. */
  models: readonly string[] | null;
  connectTimeoutMs: number;
  queryTimeoutMs: number;
  /** Longest whole submit, silence included. */
  submitTimeoutMs: number;
  /** Micro-credits for one picture. */
  priceMicros: number;
}

export interface JimengLane {
  concurrency: number;
  deadlineMs: number;
}

/** Pasted from the browser's cookie list, the name often comes along. */
function sessionIdsOf(section: SectionReader): string[] {
  const ids = section.list('session_id').map((id) => id.replace(/^sessionid=/i, '').replace(/;$/, ''));
  if (!ids.every(fitsHeader)) section.refuse('session_id', 'contains a character that no session id has');
  return ids;
}

/**
 * Keys: `url`, `session_id` (comma-separated for several), `dialect`, `models` (comma-separated), `concurrency`,
 * `deadline_s`, `price` (credits a picture). Throws `validation_failed`, which never repeats a secret.
 */
export function parseJimengSettings(raw: RawSection): { settings: JimengSettings; lane: JimengLane } {
  const section = new SectionReader('jimeng', raw);
  const dialect = section.text('dialect') ?? 'jimeng-api';
  if (dialect !== 'jimeng-api' && dialect !== 'jimeng-free-api') {
    return section.refuse('dialect', 'must be jimeng-api or jimeng-free-api');
  }
  const sessionIds = sessionIdsOf(section);
  const models = section.list('models');
  const deadlineS = section.number('deadline_s', { least: 30, most: LONGEST_DEADLINE_S });
  const price = section.number('price', { least: 0, most: 1_000_000 });
  const concurrency = section.number('concurrency', { least: 1, most: MOST_CONCURRENCY });
  const address = { example: 'http://jimeng:5100', version: /\/v1$/ };
  const deadlineMs = deadlineS === null ? DEADLINE_MS : deadlineS * MS_PER_S;
  return {
    settings: {
      baseUrl: section.address('url', address) ?? DEFAULT_URL,
      dialect,
      sessionIds,
      models: models.length > 0 ? models : null,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      queryTimeoutMs: QUERY_TIMEOUT_MS,
      submitTimeoutMs: deadlineMs,
      priceMicros: price === null ? PRICE_MICROS : Math.round(price * MICROS_PER_CREDIT),
    },
    lane: {
      concurrency: Math.floor(concurrency ?? CONCURRENCY_PER_SESSION * Math.max(1, sessionIds.length)),
      deadlineMs,
    },
  };
}
