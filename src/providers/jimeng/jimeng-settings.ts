// The settings of jimeng: the section `providers.jimeng`, checked, with every default named.
import { AppError } from '../../kernel/errors.ts';
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

function refuse(key: string, problem: string): never {
  throw new AppError('validation_failed', { detail: `providers.jimeng.${key} ${problem}.` });
}

function textOf(raw: Readonly<Record<string, unknown>>, key: string): string | null {
  const value = raw[key];
  if (value === undefined || value === null || value === '') return null;
  if (Array.isArray(value)) return value.map(String).join(',');
  if (typeof value === 'string' || typeof value === 'number') return String(value).trim();
  return refuse(key, 'must be text');
}

function numberOf(
  raw: Readonly<Record<string, unknown>>,
  key: string,
  { least, most }: { least: number; most: number },
): number | null {
  const text = textOf(raw, key);
  if (text === null) return null;
  const value = Number(text);
  if (!Number.isFinite(value) || value < least || value > most) {
    refuse(key, `must be a number from ${least} to ${most}`);
  }
  return value;
}

function listOf(text: string | null): string[] {
  const entries = (text ?? '').split(',').map((entry) => entry.trim());
  return [...new Set(entries.filter((entry) => entry !== ''))];
}

function baseUrlOf(text: string): string {
  if (!URL.canParse(text)) refuse('url', 'must be an address such as http://jimeng:5100');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') refuse('url', 'must begin with http or https');
  if (url.username !== '' || url.password !== '') refuse('url', 'must not contain a user name or password');
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '').replace(/\/v1$/, '');
}

/** Pasted from the browser's cookie list, the name often comes along. */
function sessionIdsOf(text: string | null): string[] {
  const ids = listOf(text).map((id) => id.replace(/^sessionid=/i, '').replace(/;$/, ''));
  // Anything else could not stand in a header; the message must not repeat it.
  if (ids.some((id) => !/^[\x21-\x7e]+$/.test(id))) {
    refuse('session_id', 'contains a character that no session id has');
  }
  return ids;
}

/**
 * Keys: `url`, `session_id` (comma-separated for several), `dialect`, `models` (comma-separated), `concurrency`,
 * `deadline_s`, `price` (credits a picture). Throws `validation_failed`, which never repeats a secret.
 */
export function parseJimengSettings(raw: Readonly<Record<string, unknown>>): {
  settings: JimengSettings;
  lane: JimengLane;
} {
  const dialect = textOf(raw, 'dialect') ?? 'jimeng-api';
  if (dialect !== 'jimeng-api' && dialect !== 'jimeng-free-api') {
    return refuse('dialect', 'must be jimeng-api or jimeng-free-api');
  }
  const sessionIds = sessionIdsOf(textOf(raw, 'session_id'));
  const models = listOf(textOf(raw, 'models'));
  const deadlineS = numberOf(raw, 'deadline_s', { least: 30, most: LONGEST_DEADLINE_S });
  const price = numberOf(raw, 'price', { least: 0, most: 1_000_000 });
  const concurrency = numberOf(raw, 'concurrency', { least: 1, most: MOST_CONCURRENCY });
  const deadlineMs = deadlineS === null ? DEADLINE_MS : deadlineS * MS_PER_S;
  return {
    settings: {
      baseUrl: baseUrlOf(textOf(raw, 'url') ?? DEFAULT_URL),
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
