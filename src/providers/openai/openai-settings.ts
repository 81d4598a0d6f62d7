// The settings of an OpenAI-style provider: from the raw section of the configuration to what the adapter takes, with
// every default named here. A wrong value stops the start with the name of the setting.
import { z } from 'zod';
import { AppError } from '../../kernel/errors.ts';
import { DEFAULT_MODELS, MODEL_PROFILES, OPTION_NAMES, type OptionName } from './models.ts';

const DEFAULT_BASE_URL = 'https://api.openai.com/v1';
const DEFAULT_CONCURRENCY = 4;
/** High quality takes minutes, and a held call has no second chance. */
const DEFAULT_DEADLINE_S = 15 * 60;
const DEFAULT_CONNECT_TIMEOUT_S = 10;
const DEFAULT_PRICE_CREDITS = 1;
const MICROS_PER_CREDIT = 1_000_000;
const MS_PER_S = 1000;
const MAX_SECONDS = 24 * 3600;
const MAX_CONCURRENCY = 1000;
const MAX_PRICE_CREDITS = 1_000_000;
const MAX_COMPRESSION = 100;
const MAX_PARTIAL_IMAGES = 3;
/** One shows something halfway and breaks the silence; each costs 100 output tokens. */
const DEFAULT_PARTIAL_IMAGES = 1;
/** Ends of addresses that people paste along with the base URL. */
const CALL_PATH =
  /\/(?:images(?:\/(?:generations|edits|variations))?|models|chat\/completions|completions|responses)$/;
/** A version path that the official clients add to a bare host. */
const DEFAULT_PATH = '/v1';

export interface OpenAiSettings {
  /** Empty: the provider says that its key is missing. */
  apiKey: string;
  /** With its version path, without a slash at the end: `https://api.openai.com/v1`. */
  baseUrl: string;
  /** Headers that choose the organization and project that pays; null leaves them out. */
  organization: string | null;
  project: string | null;
  /** Model names in the order in which they are offered. */
  models: readonly string[];
  /** Sent to the models that know the value; what is missing is left to the model. */
  options: Readonly<Partial<Record<OptionName, string>>>;
  /** 0 to 100, for `output_format` jpeg and webp; null leaves it to the model. */
  outputCompression: number | null;
  /** Whether calls for one picture ask for a stream: `auto` where OpenAI itself answers and the model streams. */
  stream: 'auto' | 'on' | 'off';
  /** Unfinished pictures asked for in a stream, 0 to 3; OpenAI charges for each. */
  partialImages: number;
  /** Replaces what the model's profile says, but for models that refuse the field. */
  responseFormat: 'b64_json' | 'url' | null;
  /** Micro-credits for one picture. */
  priceMicros: number;
  connectTimeoutMs: number;
  /** A whole submit, from connecting to the last byte of the answer. */
  submitTimeoutMs: number;
}

export interface ParsedOpenAiSettings {
  settings: OpenAiSettings;
  lane: { concurrency: number; deadlineMs: number };
}

const text = z.string().trim();
const header = text.regex(/^[\x21-\x7e]*$/, 'must be printable ASCII without spaces');
const listed = z.union([z.array(text), text.transform((value) => value.split(','))]);
const seconds = z.coerce.number().positive().max(MAX_SECONDS);

const known = (option: OptionName) => {
  const values = [...new Set(MODEL_PROFILES.flatMap(({ options }) => options[option] ?? []))];
  return text.refine((value) => values.includes(value), `must be one of ${values.join(', ')}`).nullish();
};

/** YAML and people also write on and off as true and false. */
const SWITCH_WORDS = new Map<unknown, string>([
  [true, 'on'],
  ['true', 'on'],
  [false, 'off'],
  ['false', 'off'],
]);
const switched = z.preprocess((value) => SWITCH_WORDS.get(value) ?? value, z.enum(['auto', 'on', 'off']));

const section = z.object({
  api_key: header.default(''),
  base_url: text.default(DEFAULT_BASE_URL),
  organization: header.nullish(),
  project: header.nullish(),
  models: listed
    .transform((names) => [...new Set(names.map((name) => name.trim()).filter(Boolean))])
    .nullish(),
  quality: known('quality'),
  background: known('background'),
  output_format: known('output_format'),
  moderation: known('moderation'),
  input_fidelity: known('input_fidelity'),
  complexity: known('complexity'),
  output_compression: z.coerce.number().int().min(0).max(MAX_COMPRESSION).nullish(),
  stream: switched.default('auto'),
  partial_images: z.coerce.number().int().min(0).max(MAX_PARTIAL_IMAGES).default(DEFAULT_PARTIAL_IMAGES),
  response_format: z.enum(['b64_json', 'url']).nullish(),
  price_credits: z.coerce.number().nonnegative().max(MAX_PRICE_CREDITS).default(DEFAULT_PRICE_CREDITS),
  concurrency: z.coerce.number().int().min(1).max(MAX_CONCURRENCY).default(DEFAULT_CONCURRENCY),
  deadline_s: seconds.default(DEFAULT_DEADLINE_S),
  connect_timeout_s: seconds.default(DEFAULT_CONNECT_TIMEOUT_S),
  submit_timeout_s: seconds.nullish(),
});

function invalid(field: string, detail: string): AppError {
  return new AppError('validation_failed', { detail: `providers.openai.${field} ${detail}` });
}

/** The base URL in the form that paths are added to. */
function normalBaseUrl(value: string): string {
  const given = value === '' ? DEFAULT_BASE_URL : value;
  const url = URL.canParse(given) ? new URL(given) : null;
  if (!url || !/^https?:$/.test(url.protocol)) throw invalid('base_url', 'must be an http or https address');
  if (url.username !== '' || url.password !== '')
    throw invalid('base_url', 'must not hold a user name or password');
  if (url.search !== '' || url.hash !== '') throw invalid('base_url', 'must not have a query or fragment');
  const path = url.pathname
    .replace(/\/{2,}/g, '/')
    .replace(/\/$/, '')
    .replace(CALL_PATH, '');
  return `${url.origin}${path === '' ? DEFAULT_PATH : path}`;
}

function optionsOf(values: z.output<typeof section>): OpenAiSettings['options'] {
  if (values.background === 'transparent' && values.output_format === 'jpeg') {
    throw invalid('background', 'transparent needs output_format png or webp');
  }
  return Object.fromEntries(OPTION_NAMES.flatMap((name) => (values[name] ? [[name, values[name]]] : [])));
}

/** Reads the section `providers.openai`. Throws `validation_failed` that names the setting, never its value. */
export function parseOpenAiSettings(raw: Readonly<Record<string, unknown>>): ParsedOpenAiSettings {
  const parsed = section.safeParse(raw);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(String(issue?.path[0] ?? ''), `is wrong: ${issue?.message ?? 'not readable'}`);
  }
  const values = parsed.data;
  const deadlineMs = Math.round(values.deadline_s * MS_PER_S);
  return {
    settings: {
      apiKey: values.api_key,
      baseUrl: normalBaseUrl(values.base_url),
      organization: values.organization || null,
      project: values.project || null,
      models: values.models?.length ? values.models : DEFAULT_MODELS,
      options: optionsOf(values),
      outputCompression: values.output_compression ?? null,
      stream: values.stream,
      partialImages: values.partial_images,
      responseFormat: values.response_format ?? null,
      priceMicros: Math.round(values.price_credits * MICROS_PER_CREDIT),
      connectTimeoutMs: Math.round(values.connect_timeout_s * MS_PER_S),
      submitTimeoutMs: Math.round((values.submit_timeout_s ?? values.deadline_s) * MS_PER_S),
    },
    lane: { concurrency: values.concurrency, deadlineMs },
  };
}
