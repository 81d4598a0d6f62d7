// The settings of the ComfyUI provider, from the operator's section `providers.comfyui`. Everything has a default but the
// addresses; a value that cannot be used stops the start with its name.
import { AppError } from '../../kernel/errors.ts';
import {
  loadTemplate,
  TEMPLATE_NAMES,
  TemplateError,
  type TemplateName,
  type WorkflowTemplate,
} from './workflow.ts';

/** Two jobs a server: one runs while the next one waits, so that no server stands idle. */
const JOBS_PER_SERVER = 2;
const DEFAULT_DEADLINE_MS = 20 * 60_000;
const DEFAULT_TYPICAL_SECONDS = 15;
const DEFAULT_MAX_SIDE = 2048;
/** Longer than a ComfyUI takes to be restarted with its models. */
const DEFAULT_UNREACHABLE_AFTER_MS = 5 * 60_000;
const MOST_SERVERS = 64;
/** A word in place of an upscale model: no upscaling is offered. */
const NO_UPSCALER = 'none';

export interface ComfyuiServerSettings {
  /** Without a slash at the end, a query, or a user name. */
  url: string;
  /** A whole Authorization header, or null. Secret. */
  authorization: string | null;
  /** Finishes what it has and gets nothing new. */
  draining: boolean;
}

export interface ComfyuiSettings {
  servers: readonly ComfyuiServerSettings[];
  /** Checkpoints, one model each; empty means the first one that the servers have. */
  checkpoints: readonly string[];
  /** A file of models/upscale_models, or null for the first one that the server has. */
  upscaleModel: string | null;
  offersUpscale: boolean;
  /** How long a server may be silent before its jobs go to another one; null lets them wait for it. */
  unreachableAfterMs: number | null;
  /** Null leaves what the workflow has. */
  steps: number | null;
  cfg: number | null;
  sampler: string | null;
  scheduler: string | null;
  /** Longest side of a picture in pixels. */
  maxSide: number;
  priceMicros: number;
  typicalSeconds: number;
  templates: Readonly<Record<TemplateName, WorkflowTemplate>>;
}

export interface ParsedComfyuiSettings {
  settings: ComfyuiSettings;
  lane: { concurrency: number; deadlineMs: number };
}

type RawSection = Readonly<Record<string, unknown>>;

function refuse(key: string, problem: string): AppError {
  return new AppError('validation_failed', { detail: `providers.comfyui.${key}: ${problem}` });
}

function text(raw: RawSection, key: string): string | null {
  const value = raw[key];
  if (value === undefined || value === null || value === '') return null;
  if (typeof value !== 'string' && typeof value !== 'number') throw refuse(key, 'must be text');
  return String(value).trim() || null;
}

/** A list, or text with commas. */
function list(raw: RawSection, key: string): string[] {
  const value = raw[key];
  const parts = Array.isArray(value) ? value.map(String) : (text(raw, key) ?? '').split(',');
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

function number(raw: RawSection, key: string, least: number, most: number): number | null {
  const value = text(raw, key);
  if (value === null) return null;
  const parsed = Number(value);
  if (!(parsed >= least && parsed <= most)) throw refuse(key, `must be a number from ${least} to ${most}`);
  return parsed;
}

function integer(raw: RawSection, key: string, least: number, most: number): number | null {
  const value = number(raw, key, least, most);
  if (value !== null && !Number.isInteger(value)) throw refuse(key, 'must be a whole number');
  return value;
}

function unreachableAfterMs(raw: RawSection): number | null {
  const policy = text(raw, 'unreachable') ?? 'resubmit';
  if (policy !== 'resubmit' && policy !== 'wait') throw refuse('unreachable', 'must be "resubmit" or "wait"');
  const seconds = number(raw, 'unreachable_after_s', 1, 86_400);
  if (policy === 'wait') return null;
  return seconds === null ? DEFAULT_UNREACHABLE_AFTER_MS : seconds * 1000;
}

/** An address without its user name and password, which become a header of their own. */
function address(key: string, given: string): { url: string; authorization: string | null } {
  const withScheme = /^[a-z]+:\/\//i.test(given) ? given : `http://${given}`;
  // The address itself is not repeated: it may hold a password.
  const url = URL.canParse(withScheme) ? new URL(withScheme) : null;
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw refuse(key, 'must be addresses such as http://192.168.1.20:8188, separated by commas');
  }
  const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  const authorization = user === ':' ? null : `Basic ${Buffer.from(user).toString('base64')}`;
  return { url: `${url.origin}${url.pathname.replace(/\/+$/, '')}`, authorization };
}

function servers(raw: RawSection): ComfyuiServerSettings[] {
  const apiKey = text(raw, 'api_key');
  const draining = new Set(list(raw, 'drain').map((given) => address('drain', given).url));
  const found = new Map<string, ComfyuiServerSettings>();
  for (const given of list(raw, 'url')) {
    const { url, authorization } = address('url', given);
    found.set(url, {
      url,
      authorization: authorization ?? (apiKey === null ? null : `Bearer ${apiKey}`),
      draining: draining.delete(url),
    });
  }
  if (found.size === 0) throw refuse('url', 'must name at least one ComfyUI server');
  if (found.size > MOST_SERVERS) throw refuse('url', `must name at most ${MOST_SERVERS} servers`);
  if (draining.size > 0) throw refuse('drain', 'names a server that is not in url');
  return [...found.values()];
}

function templates(directory: string | null): Record<TemplateName, WorkflowTemplate> {
  try {
    const entries = TEMPLATE_NAMES.map((name) => [name, loadTemplate(name, directory)]);
    return Object.fromEntries(entries) as Record<TemplateName, WorkflowTemplate>;
  } catch (error) {
    if (error instanceof TemplateError) throw refuse('workflows', error.message);
    throw error;
  }
}

/** Settings and lane from `config.providers.comfyui`. Throws `validation_failed` with the key that is wrong. */
export function parseComfyuiSettings(raw: RawSection): ParsedComfyuiSettings {
  const allServers = servers(raw);
  const working = allServers.filter((server) => !server.draining).length;
  const upscaleModel = text(raw, 'upscale_model');
  const deadlineS = number(raw, 'deadline_s', 1, 86_400);
  return {
    settings: {
      servers: allServers,
      checkpoints: list(raw, 'checkpoint'),
      upscaleModel: upscaleModel === NO_UPSCALER ? null : upscaleModel,
      offersUpscale: upscaleModel !== NO_UPSCALER,
      unreachableAfterMs: unreachableAfterMs(raw),
      steps: integer(raw, 'steps', 1, 200),
      cfg: number(raw, 'cfg', 0, 100),
      sampler: text(raw, 'sampler'),
      scheduler: text(raw, 'scheduler'),
      maxSide: integer(raw, 'max_side', 256, 8192) ?? DEFAULT_MAX_SIDE,
      priceMicros: 0,
      typicalSeconds: number(raw, 'typical_seconds', 1, 3600) ?? DEFAULT_TYPICAL_SECONDS,
      templates: templates(text(raw, 'workflows')),
    },
    lane: {
      concurrency: integer(raw, 'concurrency', 1, 1000) ?? Math.max(1, working) * JOBS_PER_SERVER,
      deadlineMs: deadlineS === null ? DEFAULT_DEADLINE_MS : deadlineS * 1000,
    },
  };
}
