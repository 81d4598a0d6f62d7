// Saving what a provider delivered: download with retries of its own, check, store. A failed download or a full disk
// never makes a second job; the task waits for the disk until its deadline.
import { type Clock, sleep } from '../kernel/clock.ts';
import { AppError, type ErrorCode } from '../kernel/errors.ts';
import { isId, newId } from '../kernel/id.ts';
import { OutboundError, type OutboundErrorKind } from '../kernel/outbound-error.ts';
import type { Media, NewImage, StoredPicture } from '../media/media.ts';
import type { Output } from '../providers/provider.ts';
import { retryDelayMs } from './backoff.ts';
import { sayRemark } from './remarks.ts';
import type { AttemptRow, TaskParams, TaskRow } from './store.ts';

const DOWNLOAD_TRIES = 4;
const FORBIDDEN: ReadonlySet<OutboundErrorKind> = new Set([
  'blocked_address',
  'blocked_url',
  'redirect_refused',
]);
/** A picture that does not decode is fetched once more: the transfer may have been cut. */
const DECODE_TRIES = 2;
/** Pictures beyond the number asked for are kept, but not without end. */
const MAX_EXTRA_PICTURES = 8;
/** A save that takes longer is shown as a phase of its own. */
const SHOW_AFTER_MS = 300;

export interface SaveRequest {
  task: TaskRow;
  params: TaskParams;
  outputs: readonly Output[];
  signal: AbortSignal;
  /** Called when saving takes long (null) and when it has to wait, with the reason. */
  onWait(reason: string | null): Promise<void>;
}

export interface SaveResult {
  images: NewImage[];
  /** Why a picture is missing, if one is. */
  problem: { code: ErrorCode; detail: string } | null;
}

export interface PictureSaverOptions {
  clock: Clock;
  media: Media;
  /** Opens a result URL of a provider: bounded in time, size and redirects. */
  download(url: string, provider: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}

export class PictureSaver {
  readonly #options: PictureSaverOptions;

  constructor(options: PictureSaverOptions) {
    this.#options = options;
  }

  /** Stores all pictures it can, in the provider's order; each is checked and readable when this returns. */
  async save(request: SaveRequest): Promise<SaveResult> {
    const { clock } = this.#options;
    let isOver = false;
    const shown = clock.after(SHOW_AFTER_MS, () => {
      // What it could not write, the end of the task will.
      if (!isOver) void request.onWait(null).catch(() => {});
    });
    try {
      const outputs = request.outputs.slice(0, request.task.pictures + MAX_EXTRA_PICTURES);
      const saved = await Promise.all(outputs.map((output) => this.#saveOne(request, output)));
      return this.#toImages(request, outputs, saved);
    } finally {
      isOver = true;
      shown.cancel();
    }
  }

  /** Removes what came inside an answer once its pictures are committed; what is missed is swept after a day. */
  async discard(outputs: readonly Output[]): Promise<void> {
    for (const output of outputs)
      if ('file' in output) await this.#options.media.discard(output.file.path).catch(() => {});
  }

  /** Removes what a question brought along; outputs that a row names stay, since they exist nowhere else. */
  async discardCopies(
    outputs: readonly Output[],
    attempts: readonly Pick<AttemptRow, 'outputs'>[],
  ): Promise<void> {
    const kept = attempts.flatMap((attempt) => attempt.outputs ?? []).join('\n');
    await this.discard(outputs.filter((output) => 'file' in output && !kept.includes(output.file.path)));
  }

  #toImages(
    { task, params }: SaveRequest,
    outputs: readonly Output[],
    saved: readonly (StoredPicture | AppError)[],
  ): SaveResult {
    const now = this.#options.clock.now();
    const images: NewImage[] = [];
    let problem: SaveResult['problem'] = null;
    for (const [index, picture] of saved.entries()) {
      if (picture instanceof AppError) {
        problem ??= { code: picture.code, detail: picture.message };
        continue;
      }
      const position = images.length;
      const isExtra = position >= task.pictures;
      images.push({
        id: newId('img', now),
        accountId: task.account_id,
        taskId: task.id,
        position,
        kind: task.mode === 'upscale' ? 'hd' : 'final',
        picture,
        seed: outputs[index]?.seed ?? params.seed + position,
        mode: task.mode,
        model: task.model,
        provider: task.lane,
        prompt: task.prompt,
        style: params.style ? { id: params.style.id, names: params.style.names } : null,
        // What a signed-in person asks for comes from the studio.
        origin:
          params.origin ??
          (task.batch_id !== null ? 'batch' : isId('sess', task.credential_id) ? 'studio' : 'api'),
        parentId: params.parentImageId,
        extra: isExtra,
        captured: !isExtra && params.unitMicros > 0,
      });
    }
    return { images, problem };
  }

  /** One picture, or why there is none. Throws only when the run must stop. */
  async #saveOne(request: SaveRequest, output: Output): Promise<StoredPicture | AppError> {
    const { media } = this.#options;
    const kind = request.task.mode === 'upscale' ? 'hd' : 'final';
    let decodes = 0;
    // Kept while the store is full or away: fetched again, every copy would take from the room that is missing.
    let source: { path: string } | null = null;
    for (let waits = 0; ; waits += 1) {
      request.signal.throwIfAborted();
      try {
        source ??= await this.#fetch(request, output);
        return await media.ingestResult(source, kind, { isBackground: request.task.batch_id !== null });
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        if (isStoreAway(error)) {
          await this.#waitForStore(request, error, waits);
          continue;
        }
        decodes += 1;
        if (source === null || decodes >= DECODE_TRIES || !('url' in output)) return error;
        source = null;
      }
    }
  }

  async #waitForStore({ task, signal, onWait }: SaveRequest, error: AppError, waits: number): Promise<void> {
    if (waits === 0) await onWait(sayRemark('store_away', { detail: error.message }));
    await sleep(this.#options.clock, retryDelayMs(Math.min(waits, 4), null, task.id), signal);
  }

  /** The bytes on local disk; a download is tried a few times, the generation never. Throws AppError when there are none. */
  async #fetch({ task, signal }: SaveRequest, output: Output): Promise<{ path: string }> {
    if ('file' in output) return { path: await this.#options.media.copySpooled(output.file.path) };
    const { clock, media, download } = this.#options;
    for (let tries = 1; ; tries += 1) {
      try {
        return await media.spool(await download(output.url, task.lane, signal));
      } catch (error) {
        if (signal.aborted) throw error;
        if (error instanceof AppError && (error.code === 'payload_too_large' || isStoreAway(error)))
          throw error;
        if (tries >= DOWNLOAD_TRIES || isForbidden(error)) {
          const why = error instanceof Error ? error.message : String(error);
          const detail = `The picture could not be downloaded from the provider: ${why}`;
          throw new AppError('image_invalid', { detail });
        }
        await sleep(clock, retryDelayMs(tries, null, task.id), signal);
      }
    }
  }
}

/** The address itself is none that may be fetched from, which asking again does not change. */
function isForbidden(error: unknown): boolean {
  return error instanceof OutboundError && FORBIDDEN.has(error.kind);
}

/** Nothing is wrong with the picture: there is no room for it just now, or its volume is away. */
function isStoreAway(error: AppError): boolean {
  return error.code === 'storage_full' || error.code === 'storage_unavailable';
}
