// The settings of a chat service: from the raw section of the configuration to what openai-chat.ts takes, with every
// default named here. A wrong value stops the start with the name of the setting, never with its value.
import { z } from 'zod';
import { AppError } from '../../kernel/errors.ts';
import { type ChatSection, SERVICES } from './chat-profiles.ts';

const DEFAULT_CONNECT_TIMEOUT_S = 10;
/** A thinking model is silent before its first word. */
const DEFAULT_IDLE_TIMEOUT_S = 120;
const DEFAULT_TOTAL_TIMEOUT_S = 300;
const DEFAULT_PRICE_CREDITS = 0;
const MICROS_PER_CREDIT = 1_000_000;
const MS_PER_S = 1000;
const MAX_SECONDS = 3600;
const MAX_PRICE_CREDITS = 1_000_000;
/** A version path that the official clients add to a bare host. */
const DEFAULT_PATH = '/v1';
const VERSION_SEGMENT = /\/(?:v\d|api\/v\d|compatible-mode|openai)/;

export interface ChatSettings {
  section: ChatSection;
  /** Empty: no key is sent, or the service says that its key is missing. */
  apiKey: string;
  /** With its version path, without a slash at the end. */
  baseUrl: string;
  /** Null: chosen from what the service lists. */
  model: string | null;
  /** A proxy's address, `direct` for none, null for the environment's. */
  proxy: string | null;
  connectTimeoutMs: number;
  /** Longest silence: before the first word, and between words. */
  idleTimeoutMs: number;
  /** Longest whole answer. */
  totalTimeoutMs: number;
  /** Micro-credits for one answer. */
  priceMicros: number;
}

const text = z.string().trim();
const header = text.regex(/^[\x21-\x7e]*$/, 'must be printable ASCII without spaces');
const seconds = z.coerce.number().positive().max(MAX_SECONDS);

const fields = z.object({
  api_key: header.default(''),
  base_url: text.default(''),
  model: text.max(200).nullish(),
  proxy: text.nullish(),
  connect_timeout_s: seconds.default(DEFAULT_CONNECT_TIMEOUT_S),
  idle_timeout_s: seconds.default(DEFAULT_IDLE_TIMEOUT_S),
  total_timeout_s: seconds.default(DEFAULT_TOTAL_TIMEOUT_S),
  price_credits: z.coerce.number().nonnegative().max(MAX_PRICE_CREDITS).default(DEFAULT_PRICE_CREDITS),
});

function invalid(section: ChatSection, field: string, detail: string): AppError {
  return new AppError('validation_failed', { detail: `providers.${section}.${field} ${detail}` });
}

/** The base URL in the form that paths are added to. */
function normalBaseUrl(section: ChatSection, value: string): string {
  const refuse = (detail: string) => invalid(section, 'base_url', detail);
  const given = value === '' ? SERVICES[section].defaultBaseUrl : value;
  if (given === null) throw refuse('is missing: it says which service writes the stories');
  const url = URL.canParse(given) ? new URL(given) : null;
  if (!url || !/^https?:$/.test(url.protocol)) throw refuse('must be an http or https address');
  if (url.username !== '' || url.password !== '') throw refuse('must not hold a user name or password');
  if (url.search !== '' || url.hash !== '') throw refuse('must not have a query or fragment');
  // People paste the whole address of the call.
  const path = url.pathname.replace(/\/+$/, '').replace(/\/(?:chat\/completions|models)$/, '');
  return `${url.origin}${path}${VERSION_SEGMENT.test(path) ? '' : DEFAULT_PATH}`;
}

function checkProxy(section: ChatSection, value: string | null): string | null {
  if (value === null || value === 'direct') return value;
  if (URL.canParse(value) && /^(?:https?|socks5h?):$/.test(new URL(value).protocol)) return value;
  throw invalid(section, 'proxy', 'must be an http, https or socks5 address, or "direct"');
}

/** Reads `providers.<section>`. Throws `validation_failed` that names the setting, never its value. */
export function parseChatSettings(
  section: ChatSection,
  raw: Readonly<Record<string, unknown>>,
): ChatSettings {
  const parsed = fields.safeParse(raw);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(section, String(issue?.path[0] ?? ''), `is wrong: ${issue?.message ?? 'not readable'}`);
  }
  const values = parsed.data;
  return {
    section,
    apiKey: values.api_key,
    baseUrl: normalBaseUrl(section, values.base_url),
    model: values.model || null,
    proxy: checkProxy(section, values.proxy || null),
    connectTimeoutMs: Math.round(values.connect_timeout_s * MS_PER_S),
    idleTimeoutMs: Math.round(values.idle_timeout_s * MS_PER_S),
    totalTimeoutMs: Math.round(values.total_timeout_s * MS_PER_S),
    priceMicros: Math.round(values.price_credits * MICROS_PER_CREDIT),
  };
}
