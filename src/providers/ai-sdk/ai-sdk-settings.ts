// The settings of the AI SDK's image models: the section `providers.ai_sdk`, checked, with every default named.
import { z } from 'zod';
import { AppError } from '../../kernel/errors.ts';
import { knownPackage } from './known-packages.ts';

/** Most services answer within a minute or two, some only after a queue. */
const DEADLINE_S = 15 * 60;
const LONGEST_DEADLINE_S = 24 * 60 * 60;
const CONCURRENCY = 4;
const MOST_CONCURRENCY = 1000;
const PRICE = 1;
const MICROS_PER_CREDIT = 1_000_000;
const MS_PER_S = 1000;
const MAX_SIDE = 1536;
const TYPICAL_SECONDS = 20;
const ASPECT_RATIOS = ['1:1', '4:3', '3:4', '16:9', '9:16'];
const PACKAGE_NAME = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/;
const SHORTEST_SECRET = 8;

/** One model of one package. */
export interface AiSdkModelSettings {
  /** Where it stands, for messages: `providers.ai_sdk.models[0]`. */
  key: string;
  package: string;
  /** The service's own name for the model. */
  model: string;
  /** The name it is offered under. */
  name: string;
  title: string;
  /** Secret; empty when there is none. */
  apiKey: string;
  /** Without a trailing slash; null for the package's own. */
  baseUrl: string | null;
  /** The package's export that makes models; null when it is the only one of its kind. */
  factory: string | null;
  /** Further settings of the package, such as headers; may hold secrets. */
  factorySettings: Readonly<Record<string, unknown>>;
  /** Sent with every request, as the package documents its provider options. */
  options: Readonly<Record<string, unknown>>;
  shape: 'size' | 'aspect_ratio';
  aspectRatios: readonly string[];
  maxSide: number;
  /** Null: as many as the package makes in one call, if it says so. */
  maxImages: number | null;
  /** Null: none, unless the package says that its model takes them. */
  maxInputImages: number | null;
  /** Null: as the package says, and no when it does not. */
  mask: boolean | null;
  seed: boolean;
  priceMicros: number;
  typicalSeconds: number;
}

export interface AiSdkSettings {
  models: readonly AiSdkModelSettings[];
  /** Longest request for pictures. */
  submitTimeoutMs: number;
}

export interface AiSdkLane {
  concurrency: number;
  deadlineMs: number;
}

const price = z.coerce.number().min(0).max(1_000_000);
const apiKey = z.string().regex(/^[\x21-\x7e]*$/, 'contains a character that no key has');
const packageName = z.string().regex(PACKAGE_NAME, 'must be the name of an npm package such as @ai-sdk/fal');
const address = z
  .string()
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  }, 'must be an address such as https://api.example.com/v1, without user name and password')
  .transform((text) => text.replace(/\/+$/, ''));

const modelSchema = z.strictObject({
  package: packageName.optional(),
  model: z.string().trim().min(1).max(200),
  api_key: apiKey.optional(),
  name: z.string().trim().min(1).max(100).optional(),
  title: z.string().trim().min(1).max(100).optional(),
  base_url: address.optional(),
  factory: z.string().optional(),
  settings: z.record(z.string(), z.unknown()).default({}),
  options: z.record(z.string(), z.unknown()).default({}),
  shape: z.enum(['size', 'aspect_ratio']).optional(),
  aspect_ratios: z
    .array(z.string().regex(/^[1-9]\d?:[1-9]\d?$/, 'must be a ratio such as 16:9'))
    .min(1)
    .optional(),
  max_side: z.int().min(64).max(8192).default(MAX_SIDE),
  max_images: z.int().min(1).max(10).optional(),
  max_input_images: z.int().min(0).max(16).optional(),
  mask: z.boolean().optional(),
  seed: z.boolean().optional(),
  price: price.optional(),
  typical_seconds: z.number().min(1).max(3600).default(TYPICAL_SECONDS),
});

const sectionSchema = z.looseObject({
  package: packageName.optional(),
  /** Comma-separated. */
  model: z.string().optional(),
  models: z.array(modelSchema).optional(),
  api_key: apiKey.default(''),
  base_url: address.optional(),
  price: price.default(PRICE),
  concurrency: z.coerce.number().int().min(1).max(MOST_CONCURRENCY).default(CONCURRENCY),
  deadline_s: z.coerce.number().min(30).max(LONGEST_DEADLINE_S).default(DEADLINE_S),
});

type Section = z.output<typeof sectionSchema>;

function refuse(key: string, problem: string): never {
  throw new AppError('validation_failed', { detail: `${key} ${problem}.` });
}

function sectionOf(raw: Readonly<Record<string, unknown>>): Section {
  // An empty value is one that was not set, as everywhere in the configuration.
  const set = Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== '' && value !== null));
  const parsed = sectionSchema.safeParse(set);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = (issue?.path ?? []).map((part) =>
    typeof part === 'number' ? `[${part}]` : `.${String(part)}`,
  );
  const unknown = issue?.code === 'unrecognized_keys' ? `.${issue.keys[0]}` : '';
  const problem = unknown === '' ? (issue?.message ?? 'is not usable') : 'is not a setting of a model';
  return refuse(`providers.ai_sdk${path.join('')}${unknown}`, problem.replace(/\.$/, ''));
}

/**
 * Keys: `models`, a list of `{package, model, api_key, name, title, base_url, factory, settings, options, shape,
 * aspect_ratios, max_side, max_images, max_input_images, mask, seed, price, typical_seconds}`, or for the simplest case
 * `package`, `model` (comma-separated), `api_key`, `base_url`, which are also what an entry falls back on; `price`,
 * `concurrency`, `deadline_s`. Throws `validation_failed`, which never repeats a secret.
 */
export function parseAiSdkSettings(raw: Readonly<Record<string, unknown>>): {
  settings: AiSdkSettings;
  lane: AiSdkLane;
} {
  const section = sectionOf(raw);
  const names = (section.model ?? '').split(',').map((name) => name.trim());
  const plain = names.filter((name) => name !== '').map((model) => modelSchema.parse({ model }));
  const entries = section.models ?? plain;
  if (entries.length === 0) {
    refuse(
      'providers.ai_sdk.models',
      'must list at least one model, or AI_SDK_PACKAGE and AI_SDK_MODEL be set',
    );
  }
  const models = entries.map((entry, index) => modelOf(entry, section, index));
  const twice = models.find(({ name }, index) => models.findIndex((other) => other.name === name) < index);
  if (twice) refuse(twice.key, `has the name "${twice.name}", which another model has; set name`);
  const deadlineMs = section.deadline_s * MS_PER_S;
  return {
    settings: { models, submitTimeoutMs: deadlineMs },
    lane: { concurrency: section.concurrency, deadlineMs },
  };
}

function modelOf(entry: z.output<typeof modelSchema>, section: Section, index: number): AiSdkModelSettings {
  const key = section.models ? `providers.ai_sdk.models[${index}]` : 'providers.ai_sdk';
  const name = entry.package ?? section.package ?? refuse(`${key}.package`, 'is missing');
  const known = knownPackage(name);
  // A key of the section goes with the package of the section, and to no other service.
  const isOwn = entry.package === undefined || entry.package === section.package;
  const baseUrl = entry.base_url ?? (isOwn ? section.base_url : undefined) ?? null;
  if (known.needsBaseUrl && baseUrl === null) refuse(`${key}.base_url`, `is missing; ${name} needs it`);
  return {
    key,
    package: name,
    model: entry.model,
    name: entry.name ?? entry.model,
    title: entry.title ?? entry.name ?? entry.model,
    apiKey: entry.api_key ?? (isOwn ? section.api_key : ''),
    baseUrl,
    factory: entry.factory ?? null,
    factorySettings: entry.settings,
    options: entry.options,
    shape: entry.shape ?? known.shape,
    aspectRatios: entry.aspect_ratios ?? ASPECT_RATIOS,
    maxSide: entry.max_side,
    maxImages: entry.max_images ?? null,
    maxInputImages: entry.max_input_images ?? null,
    mask: entry.mask ?? null,
    seed: entry.seed ?? known.seed,
    priceMicros: Math.round((entry.price ?? section.price) * MICROS_PER_CREDIT),
    typicalSeconds: entry.typical_seconds,
  };
}

/** Every value of a model's settings that no message may repeat. */
export function secretsOf({ apiKey: key, factorySettings }: AiSdkModelSettings): string[] {
  const leaves = (value: unknown): string[] => {
    if (typeof value === 'string') return [value];
    return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [];
  };
  return [key, ...leaves(factorySettings)].filter((value) => value.length >= SHORTEST_SECRET);
}
