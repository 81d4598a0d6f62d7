// Loading the AI SDK's provider packages from what the operator installed. All of them have one shape,
// `createX(settings).imageModel(id)`; anything else stops the start, with what to do about it.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AppError } from '../../kernel/errors.ts';
import type { FetchFunction } from '../adapter/sdk-fetch.ts';
import type { AiSdkModelSettings } from './ai-sdk-settings.ts';
import { knownPackage } from './known-packages.ts';

/** The part of the AI SDK's ImageModelV2, V3 and V4 that is used; V2 takes neither `files` nor `mask`. */
export interface ImageModel {
  readonly specificationVersion: string;
  /** Such as `fal.image`; its first part names the provider's options. */
  readonly provider: string;
  readonly maxImagesPerCall?: unknown;
  readonly supportsFileInputs?: PromiseLike<boolean | undefined> | boolean | undefined;
  readonly supportsMaskInputs?: PromiseLike<boolean | undefined> | boolean | undefined;
  doGenerate(options: ImageModelCall): PromiseLike<{ images: readonly (string | Uint8Array)[] }>;
}

export interface ImageModelFile {
  type: 'file';
  mediaType: string;
  data: Uint8Array;
}

export interface ImageModelCall {
  prompt: string;
  n: number;
  size: `${number}x${number}` | undefined;
  aspectRatio: `${number}:${number}` | undefined;
  seed: number | undefined;
  files: ImageModelFile[] | undefined;
  mask: ImageModelFile | undefined;
  providerOptions: Record<string, Record<string, unknown>>;
  headers: Record<string, string>;
  abortSignal: AbortSignal;
}

/** Makes the model anew around a `fetch`; cheap, sends nothing. */
export type OpenModel = (fetch: FetchFunction) => ImageModel;

const VERSIONS = ['v2', 'v3', 'v4'];

type Exports = Readonly<Record<string, unknown>>;
type Factory = (settings: Record<string, unknown>) => unknown;

function refuse(detail: string): never {
  throw new AppError('validation_failed', { detail });
}

/**
 * Loads a model's package from the folder that Drawbridge is started in, or else from its own. Throws
 * `validation_failed`, with the command to run where the package is missing.
 */
export async function loadModel(settings: AiSdkModelSettings, folder: string): Promise<OpenModel> {
  const factory = factoryIn(await importPackage(settings.package, folder), settings);
  const open: OpenModel = (fetch) => {
    const { apiKey, baseUrl, model } = settings;
    const provider = factory({
      ...knownPackage(settings.package).settings,
      // Most packages call it `apiKey`, Replicate's `apiToken`.
      ...(apiKey === '' ? {} : { apiKey, apiToken: apiKey }),
      ...(baseUrl === null ? {} : { baseURL: baseUrl }),
      ...settings.factorySettings,
      fetch,
    }) as Partial<Record<'imageModel' | 'image', (id: string) => ImageModel>>;
    return (
      provider.imageModel?.(model) ?? provider.image?.(model) ?? refuse(`${settings.key} has no pictures.`)
    );
  };
  const { specificationVersion } = opened(open, settings);
  if (!VERSIONS.includes(specificationVersion)) {
    refuse(
      `${settings.key}: ${settings.package} speaks version ${String(specificationVersion)} of the AI SDK's image models; known are ${VERSIONS.join(', ')}. Install another version of the package.`,
    );
  }
  return open;
}

function opened(open: OpenModel, settings: AiSdkModelSettings): ImageModel {
  try {
    return open(() => Promise.reject(new Error('Nothing is sent at the start')));
  } catch (error) {
    if (error instanceof AppError) throw error;
    return refuse(
      `${settings.key}: ${settings.package} does not accept these settings, or serves no pictures under "${settings.model}".`,
    );
  }
}

async function importPackage(name: string, folder: string): Promise<Exports> {
  let address = name;
  try {
    const path = createRequire(join(folder, 'package.json')).resolve(name);
    address = pathToFileURL(path).href;
  } catch {
    // Not there; Drawbridge's own folder is the other place to look.
  }
  try {
    return (await import(address)) as Exports;
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code;
    const isMissing = code === 'ERR_MODULE_NOT_FOUND' && address === name;
    return refuse(
      isMissing
        ? `providers.ai_sdk uses the package "${name}", which is not installed. Run this where Drawbridge is started: npm install ${name}`
        : `The package "${name}" is installed but cannot be loaded. Run: npm install ${name}@latest`,
    );
  }
}

function factoryIn(exports: Exports, settings: AiSdkModelSettings): Factory {
  const names = Object.keys(exports).filter(
    (name) => /^create[A-Z]/.test(name) && typeof exports[name] === 'function',
  );
  const plain = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');
  const expected = `create${plain(settings.package.split('/').at(-1) ?? '')}`;
  const chosen =
    settings.factory ?? (names.length === 1 ? names[0] : names.find((name) => plain(name) === expected));
  if (chosen !== undefined && names.includes(chosen)) return exports[chosen] as Factory;
  const choices = names.length > 0 ? `set factory to one of ${names.join(', ')}` : 'it has none';
  return refuse(
    `${settings.key}: it is not clear which function of ${settings.package} makes models; ${choices}.`,
  );
}
