// The settings of KIE AI: the section `providers.kie`, checked, with every default named.
import { AppError } from '../../kernel/errors.ts';
import { KIE_MODELS } from './models.ts';

const DEFAULT_BASE_URL = 'https://api.kie.ai';
const DEFAULT_UPLOAD_URL = 'https://kieai.redpandaai.co';
const CONNECT_TIMEOUT_MS = 10_000;
/** Longest silence of a call; none of them waits for a picture. */
const IDLE_TIMEOUT_MS = 60_000;
const CALL_TIMEOUT_MS = 90_000;
const UPLOAD_TIMEOUT_MS = 5 * 60_000;
const DEADLINE_MS = 30 * 60_000;
/** KIE allows about 100 running tasks and 20 new ones in 10 s. */
const CONCURRENCY = 10;
const MOST_CONCURRENCY = 100;
const PRICE_MICROS = 1_000_000;
const MICROS_PER_CREDIT = 1_000_000;
const MS_PER_S = 1000;
const LONGEST_DEADLINE_S = 24 * 60 * 60;

export interface KieSettings {
  /** Without a trailing slash. */
  baseUrl: string;
  /** Where input pictures are uploaded, with the same key. */
  uploadUrl: string;
  /** Secrets, one for each account; empty when there is none. */
  apiKeys: readonly string[];
  /** Secrets with which KIE signs its calls back; empty when it does not sign them. */
  webhookKeys: readonly string[];
  /** Names of the models offered, in this order; null offers all. */
  models: readonly string[] | null;
  connectTimeoutMs: number;
  idleTimeoutMs: number;
  callTimeoutMs: number;
  uploadTimeoutMs: number;
  /** Micro-credits for one picture. */
  priceMicros: number;
}

export interface KieLane {
  concurrency: number;
  deadlineMs: number;
}

type Raw = Readonly<Record<string, unknown>>;

function refuse(key: string, problem: string): never {
  throw new AppError('validation_failed', { detail: `providers.kie.${key} ${problem}.` });
}

function textOf(raw: Raw, key: string): string | null {
  const value = raw[key];
  if (value === undefined || value === null || value === '') return null;
  if (Array.isArray(value)) return value.map(String).join(',');
  if (typeof value === 'string' || typeof value === 'number') return String(value).trim();
  return refuse(key, 'must be text');
}

function numberOf(raw: Raw, key: string, { least, most }: { least: number; most: number }): number | null {
  const text = textOf(raw, key);
  if (text === null) return null;
  const value = Number(text);
  if (!Number.isFinite(value) || value < least || value > most) {
    refuse(key, `must be a number from ${least} to ${most}`);
  }
  return value;
}

function urlOf(raw: Raw, key: string): string | null {
  const text = textOf(raw, key);
  if (text === null) return null;
  if (!URL.canParse(text)) refuse(key, `must be an address such as ${DEFAULT_BASE_URL}`);
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') refuse(key, 'must begin with http or https');
  if (url.username !== '' || url.password !== '') refuse(key, 'must not contain a user name or password');
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '').replace(/\/api\/v1$/, '');
}

/** The key of another service must not be sent to KIE, so a server in its style takes the uploads too. */
function uploadUrlFor(baseUrl: string | null): string {
  return baseUrl === null || baseUrl === DEFAULT_BASE_URL ? DEFAULT_UPLOAD_URL : baseUrl;
}

function listOf(raw: Raw, key: string): readonly string[] {
  const entries = (textOf(raw, key) ?? '').split(',').map((entry) => entry.trim());
  return [...new Set(entries.filter((entry) => entry !== ''))];
}

/** Anything but printable ASCII could not stand in a header; the message must not repeat it. */
function secretsOf(raw: Raw, key: string): readonly string[] {
  const secrets = listOf(raw, key);
  if (secrets.some((secret) => !/^[\x21-\x7e]+$/.test(secret))) {
    refuse(key, 'contains a character that no key has');
  }
  return secrets;
}

function modelsOf(raw: Raw): readonly string[] | null {
  const names = listOf(raw, 'models');
  const known = KIE_MODELS.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    refuse('models', `names "${unknown.slice(0, 60)}"; known are ${known.join(', ')}`);
  }
  return names.length > 0 ? names : null;
}

/**
 * Keys: `api_key` and `webhook_key` (a list or comma-separated for several accounts), `base_url`, `upload_url`, `models`
 * (likewise), `concurrency`, `deadline_s`, `price` (credits a picture); `user_id` is ignored. Throws `validation_failed`,
 * which never repeats a secret.
 */
export function parseKieSettings(raw: Raw): { settings: KieSettings; lane: KieLane } {
  const baseUrl = urlOf(raw, 'base_url');
  const deadlineS = numberOf(raw, 'deadline_s', { least: 30, most: LONGEST_DEADLINE_S });
  const price = numberOf(raw, 'price', { least: 0, most: 1_000_000 });
  const concurrency = numberOf(raw, 'concurrency', { least: 1, most: MOST_CONCURRENCY });
  return {
    settings: {
      baseUrl: baseUrl ?? DEFAULT_BASE_URL,
      uploadUrl: urlOf(raw, 'upload_url') ?? uploadUrlFor(baseUrl),
      apiKeys: secretsOf(raw, 'api_key'),
      webhookKeys: secretsOf(raw, 'webhook_key'),
      models: modelsOf(raw),
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      callTimeoutMs: CALL_TIMEOUT_MS,
      uploadTimeoutMs: UPLOAD_TIMEOUT_MS,
      priceMicros: price === null ? PRICE_MICROS : Math.round(price * MICROS_PER_CREDIT),
    },
    lane: {
      concurrency: Math.floor(concurrency ?? CONCURRENCY),
      deadlineMs: deadlineS === null ? DEADLINE_MS : deadlineS * MS_PER_S,
    },
  };
}
