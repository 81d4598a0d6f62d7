// The settings of KIE AI: the section `providers.kie`, checked, with every default named.
import { fitsHeader, type RawSection, SectionReader } from '../adapter/section-reader.ts';
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

const ADDRESS = { example: DEFAULT_BASE_URL, version: /\/api\/v1$/ };

/** The key of another service must not be sent to KIE, so a server in its style takes the uploads too. */
function uploadUrlFor(baseUrl: string | null): string {
  return baseUrl === null || baseUrl === DEFAULT_BASE_URL ? DEFAULT_UPLOAD_URL : baseUrl;
}

function secretsOf(section: SectionReader, key: string): readonly string[] {
  const secrets = section.list(key);
  if (!secrets.every(fitsHeader)) section.refuse(key, 'contains a character that no key has');
  return secrets;
}

function modelsOf(section: SectionReader): readonly string[] | null {
  const names = section.list('models');
  const known = KIE_MODELS.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    section.refuse('models', `names "${unknown.slice(0, 60)}"; known are ${known.join(', ')}`);
  }
  return names.length > 0 ? names : null;
}

/**
 * Keys: `api_key` and `webhook_key` (a list or comma-separated for several accounts), `base_url`, `upload_url`, `models`
 * (likewise), `concurrency`, `deadline_s`, `price` (credits a picture); `user_id` is ignored. Throws `validation_failed`,
 * which never repeats a secret.
 */
export function parseKieSettings(raw: RawSection): { settings: KieSettings; lane: KieLane } {
  const section = new SectionReader('kie', raw);
  const baseUrl = section.address('base_url', ADDRESS);
  const deadlineS = section.number('deadline_s', { least: 30, most: LONGEST_DEADLINE_S });
  const price = section.number('price', { least: 0, most: 1_000_000 });
  const concurrency = section.number('concurrency', { least: 1, most: MOST_CONCURRENCY });
  return {
    settings: {
      baseUrl: baseUrl ?? DEFAULT_BASE_URL,
      uploadUrl: section.address('upload_url', ADDRESS) ?? uploadUrlFor(baseUrl),
      apiKeys: secretsOf(section, 'api_key'),
      webhookKeys: secretsOf(section, 'webhook_key'),
      models: modelsOf(section),
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
