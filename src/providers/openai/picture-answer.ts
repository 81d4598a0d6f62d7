// Reads the answer of an images call while it arrives: base64 pictures go straight to disk, URLs and the few short
// fields that matter are kept, everything else is passed over. Memory stays at a few network pieces, whatever the size.
import type { LocalFile } from '../provider.ts';
import { Base64Decoder, Base64Error } from './base64-decoder.ts';
import { type JsonEvent, JsonScanError, JsonScanner } from './json-scanner.ts';

const MAX_URL_BYTES = 8 * 1024;
const MAX_FIELD_BYTES = 2 * 1024;
const WRITE_BYTES = 32 * 1024;
const DATA_URL_START = 'data:';
/** A larger unfinished picture is not shown: previews are held in memory. */
export const MAX_PREVIEW_BYTES = 4 * 1024 * 1024;

/** Short fields that are kept: what an error says, and what the call used. */
const KEPT_FIELDS: ReadonlySet<string> = new Set([
  '/error',
  '/error/message',
  '/error/type',
  '/error/code',
  '/message',
  '/detail',
  '/code',
  '/type',
  '/partial_image_index',
  '/usage/total_tokens',
  '/usage/output_tokens',
]);

export type AnswerPicture = { url: string } | { file: LocalFile };

/** The file could not be kept on our side; the provider has done its part. */
export class SpoolFailure extends Error {}

/** The answer is JSON of another shape, or no JSON, or its pictures are not base64. */
export class AnswerShapeError extends Error {}

export interface PictureAnswer {
  /** In the order of `data`; whole ones only. */
  pictures: readonly AnswerPicture[];
  /** By path, such as `/error/code`; numbers as text. */
  fields: ReadonlyMap<string, string>;
  /** The unfinished picture of an event that holds one; null when there is none, or none of a size to show. */
  preview: Uint8Array | null;
  /** What broke the answer off, or null: `AnswerShapeError`, `SpoolFailure`, or what `body` threw. */
  problem: unknown;
}

export interface ReadOptions {
  /** Pictures beyond this number are passed over. */
  maxPictures: number;
  spool(source: AsyncIterable<Uint8Array>): Promise<LocalFile>;
  /** For the data of one event, whose picture stands at its root: whether the fields read so far make it unfinished. */
  isPreview?(fields: ReadonlyMap<string, string>): boolean;
}

/** Where a picture may stand; `''` is the root. */
const LIST_ITEM = '/data/*';
const ROOT = '';

/** Reads an answer to the end of its JSON value. Never throws: see `problem`. */
export async function readPictureAnswer(
  body: AsyncIterable<Uint8Array>,
  options: ReadOptions,
): Promise<PictureAnswer> {
  const reader = new AnswerReader(body, options);
  try {
    await reader.read();
    return { ...reader.found, problem: null };
  } catch (error) {
    return { ...reader.found, problem: asShapeError(error) };
  } finally {
    await reader.release();
  }
}

function asShapeError(error: unknown): unknown {
  if (error instanceof JsonScanError || error instanceof Base64Error) {
    return new AnswerShapeError(error.message, { cause: error });
  }
  return error;
}

class AnswerReader {
  readonly found = {
    pictures: [] as AnswerPicture[],
    fields: new Map<string, string>(),
    preview: null as Uint8Array | null,
  };
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #options: ReadOptions;
  readonly #scanner = new JsonScanner();
  #item: { file: LocalFile | null; url: string | null } = { file: null, url: null };

  constructor(body: AsyncIterable<Uint8Array>, options: ReadOptions) {
    this.#source = body[Symbol.asyncIterator]();
    this.#options = options;
  }

  async read(): Promise<void> {
    const first = await this.#next();
    if (first?.type !== 'open' || first.container !== 'object') {
      throw new AnswerShapeError('The answer is not a JSON object');
    }
    // Texts that nobody wants pass by as events that are not looked at.
    for (let event = await this.#next(); event; event = this.#scanner.next() ?? (await this.#next())) {
      if (event.type === 'text_start') {
        const path = this.#scanner.path;
        if (this.#isWanted(path)) await this.#readText(path);
      } else if (event.type === 'literal') this.#keep(this.#scanner.path, event.text);
      else if (event.type === 'close' && this.#isItem(this.#scanner.path)) this.#endItem();
    }
  }

  /** Gives the body back; what is left of it is dropped. */
  async release(): Promise<void> {
    await this.#source.return?.().catch(() => {});
  }

  /** The next event, or null after the end of the JSON value. */
  async #next(): Promise<JsonEvent | null> {
    for (;;) {
      const event = this.#scanner.next();
      if (event) return event;
      if (this.#scanner.isDone) return null;
      const { done, value } = await this.#source.next();
      if (done) this.#scanner.finish();
      else this.#scanner.push(value);
    }
  }

  #isWanted(path: string): boolean {
    if (KEPT_FIELDS.has(path)) return true;
    if (this.found.pictures.length >= this.#options.maxPictures) return false;
    if (this.#isOf(path, 'b64_json')) return this.#item.file === null;
    return this.#isOf(path, 'url') && this.#item.url === null;
  }

  #isItem(path: string): boolean {
    return path === LIST_ITEM || (path === ROOT && this.#options.isPreview !== undefined);
  }

  #isOf(path: string, key: 'b64_json' | 'url'): boolean {
    return path.endsWith(`/${key}`) && this.#isItem(path.slice(0, -key.length - 1));
  }

  async #readText(path: string): Promise<void> {
    if (this.#isOf(path, 'b64_json')) {
      if (this.#options.isPreview?.(this.found.fields)) this.found.preview = await this.#previewBytes();
      else this.#item.file = await this.#spoolPicture([]);
    } else if (this.#isOf(path, 'url')) await this.#readUrl();
    else this.#keep(path, (await this.#collect(MAX_FIELD_BYTES)).text);
  }

  #keep(path: string, text: string): void {
    if (KEPT_FIELDS.has(path) && text !== 'null' && text !== '') this.found.fields.set(path, text);
  }

  #endItem(): void {
    const { file, url } = this.#item;
    this.#item = { file: null, url: null };
    if (file) this.found.pictures.push({ file });
    else if (url) this.found.pictures.push({ url });
  }

  /** Some relays put the picture itself into `url`. */
  async #readUrl(): Promise<void> {
    const head: Uint8Array[] = [];
    for (let bytes = 0; bytes < DATA_URL_START.length; ) {
      const piece = await this.#nextText();
      if (piece === null) {
        this.#item.url = Buffer.concat(head).toString();
        return;
      }
      // The scanner's bytes are valid only until it gets its next piece.
      head.push(Uint8Array.from(piece));
      bytes += piece.byteLength;
    }
    const start = Buffer.concat(head);
    if (start.subarray(0, DATA_URL_START.length).toString() === DATA_URL_START) {
      this.#item.file = await this.#spoolPicture([start]);
      return;
    }
    const url = await this.#collect(MAX_URL_BYTES, start);
    if (url.isWhole) this.#item.url = url.text;
  }

  /** The next piece of the present string, or null at its end. */
  async #nextText(): Promise<Uint8Array | null> {
    const event = this.#scanner.next() ?? (await this.#next());
    return event?.type === 'text' ? event.bytes : null;
  }

  /** The present string to its end, of which the first `maxBytes` are kept; `start` is what was read of it already. */
  async #collect(maxBytes: number, start: Uint8Array | null = null) {
    const kept: Uint8Array[] = [];
    let room = maxBytes;
    let isWhole = true;
    for (let piece = start ?? (await this.#nextText()); piece; piece = await this.#nextText()) {
      if (piece.byteLength > room) isWhole = false;
      if (room > 0) kept.push(Uint8Array.from(piece.subarray(0, room)));
      room = Math.max(0, room - piece.byteLength);
    }
    return { text: Buffer.concat(kept).toString(), isWhole };
  }

  /** The present string as a picture in memory; null when it is empty, too large or no base64. */
  async #previewBytes(): Promise<Uint8Array | null> {
    let pieces: Uint8Array[] = [];
    let bytes = 0;
    try {
      for await (const piece of this.#decoded([])) {
        bytes += piece.byteLength;
        if (bytes <= MAX_PREVIEW_BYTES) pieces.push(piece);
        else pieces = [];
      }
    } catch (error) {
      if (error instanceof Base64Error) return null;
      throw error;
    }
    return bytes > 0 && bytes <= MAX_PREVIEW_BYTES ? Buffer.concat(pieces) : null;
  }

  /** The present string as a picture on disk, or null when it is empty. `head` is what was read of it already. */
  async #spoolPicture(head: readonly Uint8Array[]): Promise<LocalFile | null> {
    const decoded = this.#decoded(head);
    const first = await decoded.next();
    if (first.done) return null;
    let broken: { error: unknown } | null = null;
    const watched = (async function* () {
      try {
        yield first.value;
        yield* decoded;
      } catch (error) {
        broken = { error };
        throw error;
      }
    })();
    try {
      return await this.#options.spool(watched);
    } catch (error) {
      // What broke off on the provider's side is that failure, whatever the store makes of it.
      const source = broken as { error: unknown } | null;
      if (source) throw source.error;
      throw new SpoolFailure(error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  /** The picture's bytes, gathered to pieces worth writing: an answer with escaped slashes comes in crumbs. */
  async *#decoded(head: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
    const decoder = new Base64Decoder();
    let crumbs: Uint8Array[] = head.map((piece) => decoder.decode(piece));
    let bytes = 0;
    for (let piece = await this.#nextText(); piece; piece = await this.#nextText()) {
      const decoded = decoder.decode(piece);
      crumbs.push(decoded);
      bytes += decoded.byteLength;
      if (bytes >= WRITE_BYTES) {
        yield Buffer.concat(crumbs);
        crumbs = [];
        bytes = 0;
      }
    }
    const last = Buffer.concat([...crumbs, decoder.finish()]);
    if (last.byteLength > 0) yield last;
  }
}
