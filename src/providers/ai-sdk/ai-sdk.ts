// Picture models of the AI SDK (fal, Replicate, Google, …): packages that others keep, behind one adapter. A call is one
// request for pictures, held open until they are there; there is no job id, so an outcome that is not known stays unknown.
// The packages' models are called directly, below the SDK's own layer, which retries and splits requests.
import { readFile } from 'node:fs/promises';
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/log.ts';
import type { Outbound } from '../../kernel/outbound.ts';
import { hostAndPort } from '../../kernel/outbound-address.ts';
import {
  type GenerationRequest,
  type LocalFile,
  type Output,
  type PollResult,
  type ProbeResult,
  type ProviderAdapter,
  ProviderError,
  type ProviderModel,
  type SubmitCall,
  type SubmitResult,
} from '../provider.ts';
import { type AiSdkModelSettings, type AiSdkSettings, secretsOf } from './ai-sdk-settings.ts';
import { classify } from './classify.ts';
import { knownPackage } from './known-packages.ts';
import { OutboundFetch } from './outbound-fetch.ts';
import { type ImageModel, type ImageModelFile, loadModel, type OpenModel } from './packages.ts';

/** Input pictures are held in memory, and most packages send them as base64. */
const MAX_INPUT_BYTES = 20 * 1024 * 1024;
const BYTES_PER_MB = 1024 * 1024;
/** Of one call that makes several pictures; more is possible, but rarely meant. */
const MOST_IMAGES = 4;
const SIDE_MULTIPLE = 8;
const MIN_SIDE = 256;
const PROBE_TIMEOUT_MS = 15_000;
/** Characters of base64 decoded at once; a multiple of four, which carry three bytes. */
const BASE64_SLICE = 1024 * 1024;

/** A configured model whose package is loaded. */
export interface AiSdkModel {
  settings: AiSdkModelSettings;
  open: OpenModel;
  model: ProviderModel;
}

export interface AiSdkOptions {
  settings: AiSdkSettings;
  models: readonly AiSdkModel[];
  outbound: Outbound;
  clock: Clock;
  log: Logger;
}

/**
 * Loads the packages from where they are installed, the folder that Drawbridge is started in; nothing is sent. Throws
 * `validation_failed`, saying what to install or set.
 */
export async function loadAiSdkModels(
  { models }: AiSdkSettings,
  folder: string,
): Promise<readonly AiSdkModel[]> {
  return Promise.all(
    models.map(async (settings) => {
      const open = await loadModel(settings, folder);
      return { settings, open, model: await toProviderModel(settings, open(sendsNothing)) };
    }),
  );
}

/** The adapter; it does nothing until it is called. */
export function createAiSdkProvider(options: AiSdkOptions): ProviderAdapter {
  return new AiSdkProvider(options);
}

const sendsNothing = () => Promise.reject(new Error('Nothing is sent at the start'));

class AiSdkProvider implements ProviderAdapter {
  readonly name = 'ai_sdk';
  readonly models: readonly ProviderModel[];
  readonly endpoints: readonly string[];
  readonly #options: AiSdkOptions;
  readonly #served: readonly AiSdkModel[];

  constructor(options: AiSdkOptions) {
    this.#options = options;
    this.#served = options.models;
    this.models = this.#served.map(({ model }) => model);
    this.endpoints = [...new Set(this.#served.flatMap(({ settings }) => baseUrlOf(settings) ?? []))];
  }

  async submit(call: SubmitCall): Promise<SubmitResult> {
    const { request, signal, spool } = call;
    const served = this.#served.find(({ model }) => model.name === request.model);
    if (!served) throw new ProviderError('invalid_request', 'no', 'The AI SDK serves no model of this name.');
    const { settings, open, model } = served;
    const [files, mask] = await inputsOf(request);
    const door = new OutboundFetch({
      outbound: this.#options.outbound,
      purpose: 'ai-sdk submit',
      serviceHosts: hostsOf(settings),
      signal,
      submitTimeoutMs: this.#options.settings.submitTimeoutMs,
      spool,
    });
    let images: readonly (string | Uint8Array)[];
    try {
      const imageModel = open(door.fetch);
      const answer = imageModel.doGenerate({
        prompt: request.prompt,
        n: request.n,
        size: settings.shape === 'size' ? `${request.width}x${request.height}` : undefined,
        aspectRatio:
          settings.shape === 'aspect_ratio' ? nearestRatio(settings.aspectRatios, request) : undefined,
        seed: settings.seed ? request.seed : undefined,
        files,
        mask,
        providerOptions: { [providerOf(imageModel)]: { ...settings.options } },
        headers: {},
        abortSignal: signal,
      });
      ({ images } = await orAborted(answer, signal));
    } catch (error) {
      return this.#failed(error, settings, door, signal.aborted);
    }
    if (images.length === 0) return madeNothing(settings);
    const seed = model.capabilities.seed ? request.seed : null;
    const outputs: Output[] = [];
    for (const image of images) {
      const picture = door.pictureFor(image) ?? { file: await spool(bytesOf(image)) };
      outputs.push({ ...picture, seed });
    }
    return { state: 'done', jobId: null, outputs };
  }

  /** There are no job ids, so the engine never has one to ask about. */
  async poll(): Promise<PollResult> {
    throw new ProviderError(
      'invalid_request',
      'unknown',
      'The AI SDK has no jobs that could be asked about.',
    );
  }

  /**
   * Asks each service whether it takes the key where there is a free way to ask, else only whether it answers. One
   * that works is enough.
   */
  async probe({ signal }: { signal: AbortSignal }): Promise<ProbeResult> {
    const checks = await Promise.allSettled(
      this.#served.map(({ settings }) => this.#check(settings, signal)),
    );
    const failed = checks.find((check) => check.status === 'rejected');
    if (failed && checks.every(({ status }) => status === 'rejected')) throw failed.reason;
    const notes = checks.map((check, index) => {
      const name = this.#served[index]?.settings.name;
      return `${name}: ${check.status === 'fulfilled' ? check.value : messageOf(check.reason)}`;
    });
    return { note: [...new Set(notes)].join('; ') };
  }

  async close(): Promise<void> {}

  #failed(
    error: unknown,
    settings: AiSdkModelSettings,
    { exchanges }: OutboundFetch,
    isAborted: boolean,
  ): SubmitResult {
    const { clock, log } = this.#options;
    const classified = classify(error, {
      exchanges,
      package: settings.package,
      secrets: secretsOf(settings),
      nowMs: clock.now(),
      isAborted,
    });
    log.debug(
      { package: settings.package, requests: exchanges.length, kind: classified.kind },
      'ai-sdk failure',
    );
    if (classified.created === 'yes') return { state: 'failed', jobId: null, error: classified };
    throw classified;
  }

  async #check(settings: AiSdkModelSettings, signal: AbortSignal): Promise<string> {
    const { outbound, clock } = this.#options;
    const baseUrl = baseUrlOf(settings);
    const hasNothing = settings.apiKey === '' && settings.baseUrl === null;
    if (hasNothing && Object.keys(settings.factorySettings).length === 0) {
      const message = `${settings.key} has no api_key. Set it: "drawbridge providers set-secret ai_sdk", or AI_SDK_API_KEY and a restart.`;
      throw new ProviderError('credentials_missing', 'no', message);
    }
    if (baseUrl === null) return 'not checked, since this package has no free way to ask';
    const { checkPath } = knownPackage(settings.package);
    const door = new OutboundFetch({
      outbound,
      purpose: 'ai-sdk probe',
      serviceHosts: hostsOf(settings),
      signal,
      submitTimeoutMs: PROBE_TIMEOUT_MS,
      spool: () => Promise.reject(new Error('A probe keeps nothing')),
    });
    const key: Record<string, string> =
      settings.apiKey === '' ? {} : { authorization: `Bearer ${settings.apiKey}` };
    const headers = checkPath === null ? {} : key;
    try {
      const answer = await door.fetch(`${baseUrl}${checkPath ?? ''}`, { headers, redirect: 'manual' });
      await answer.body?.cancel();
      const isFine = checkPath === null ? answer.status < 500 : answer.ok || answer.status === 404;
      if (isFine)
        return checkPath === null ? 'it answers; the key shows with the first picture' : 'key accepted';
    } catch (error) {
      if (door.exchanges.length === 0) throw error;
    }
    throw classify(null, {
      exchanges: door.exchanges,
      package: settings.package,
      secrets: secretsOf(settings),
      nowMs: clock.now(),
      isAborted: signal.aborted,
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof ProviderError ? error.message : 'could not be checked';
}

function madeNothing({ package: name }: AiSdkModelSettings): SubmitResult {
  const message = `${name} made no picture, and did not say why; some services do so when they refuse the content`;
  return { state: 'failed', jobId: null, error: new ProviderError('bad_answer', 'yes', message) };
}

function baseUrlOf(settings: AiSdkModelSettings): string | null {
  return settings.baseUrl ?? knownPackage(settings.package).baseUrl;
}

function hostsOf(settings: AiSdkModelSettings): string[] {
  const baseUrl = baseUrlOf(settings);
  return baseUrl === null ? [] : [hostAndPort(new URL(baseUrl))];
}

/** Under which name the package looks for its options. */
function providerOf({ provider }: ImageModel): string {
  return provider.split('.')[0] ?? provider;
}

async function toProviderModel(settings: AiSdkModelSettings, model: ImageModel): Promise<ProviderModel> {
  const takesFiles = model.specificationVersion !== 'v2';
  const inputs = settings.maxInputImages ?? ((await model.supportsFileInputs) === true ? 1 : 0);
  const maxInputImages = takesFiles ? inputs : 0;
  const mask = settings.mask ?? (await model.supportsMaskInputs) === true;
  const atOnce = typeof model.maxImagesPerCall === 'number' ? model.maxImagesPerCall : null;
  const wanted = settings.maxImages ?? Math.min(atOnce ?? 1, MOST_IMAGES);
  const { maxSide } = settings;
  return {
    name: settings.name,
    title: { en: settings.title, zh: settings.title },
    capabilities: {
      modes: maxInputImages > 0 ? ['text-to-image', 'image-to-image'] : ['text-to-image'],
      sizes: {
        minSide: Math.min(MIN_SIDE, maxSide),
        maxSide,
        maxPixels: maxSide * maxSide,
        multiple: SIDE_MULTIPLE,
      },
      aspectRatios: settings.aspectRatios,
      // More than a call makes would be several requests, of which some may fail.
      maxImages: Math.min(wanted, atOnce ?? wanted),
      maxInputImages,
      negativePrompt: false,
      seed: settings.seed,
      mask: mask && maxInputImages > 0,
      strength: false,
      cancel: false,
      progress: false,
      lookup: false,
      idempotentSubmit: false,
      callback: false,
    },
    priceMicros: settings.priceMicros,
    typicalSeconds: settings.typicalSeconds,
  };
}

type Inputs = readonly [files: ImageModelFile[] | undefined, mask: ImageModelFile | undefined];

async function inputsOf({ images, mask }: GenerationRequest): Promise<Inputs> {
  const all = mask ? [...images, mask] : images;
  if (all.reduce((sum, { bytes }) => sum + bytes, 0) > MAX_INPUT_BYTES) {
    const message = `The input pictures are too large for this model: at most ${MAX_INPUT_BYTES / BYTES_PER_MB} MB together.`;
    throw new ProviderError('invalid_request', 'no', message);
  }
  const files = await Promise.all(images.map(fileOf));
  return [files.length > 0 ? files : undefined, mask ? await fileOf(mask) : undefined];
}

async function fileOf({ path, mime }: LocalFile): Promise<ImageModelFile> {
  return { type: 'file', mediaType: mime, data: await readFile(path) };
}

/** A package may sleep between its polls without listening; the engine must not wait for that. */
async function orAborted<T>(work: PromiseLike<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    if (signal.aborted) abort();
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function* bytesOf(image: string | Uint8Array): AsyncGenerator<Uint8Array> {
  if (typeof image !== 'string') return yield image;
  const base64 = image.slice(image.startsWith('data:') ? image.indexOf(',') + 1 : 0).replace(/\s+/g, '');
  for (let at = 0; at < base64.length; at += BASE64_SLICE) {
    yield Buffer.from(base64.slice(at, at + BASE64_SLICE), 'base64');
  }
}

/** The ratio on offer that is nearest to the pixels asked for. */
function nearestRatio(
  ratios: readonly string[],
  { width, height }: GenerationRequest,
): `${number}:${number}` {
  const wanted = Math.log(width / height);
  const distance = (ratio: string) => {
    const [w = 1, h = 1] = ratio.split(':').map(Number);
    return Math.abs(Math.log(w / h) - wanted);
  };
  return ([...ratios].sort((a, b) => distance(a) - distance(b))[0] ?? '1:1') as `${number}:${number}`;
}
