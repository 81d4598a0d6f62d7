// Reads a streamed answer: unfinished pictures are shown and dropped, the finished one goes straight to disk. An error
// event ends it; a stream that ends without its picture has said nothing about what was made.
import { rm } from 'node:fs/promises';
import type { Preview } from '../provider.ts';
import { EventReader, type SourceEvent } from './event-reader.ts';
import {
  type AnswerPicture,
  AnswerShapeError,
  type PictureAnswer,
  type ReadOptions,
  readPictureAnswer,
} from './picture-answer.ts';

export interface StreamOptions extends Pick<ReadOptions, 'spool'> {
  /** The stream is read until so many finished pictures have come. */
  pictures: number;
  /** `index` counts from 0; `preview` is null when it cannot be shown. */
  onPartial(index: number, preview: Preview | null): void;
}

export interface StreamAnswer extends PictureAnswer {
  /** The service itself ended the request with an error, which `fields` tells. */
  isFailed: boolean;
}

type Fields = ReadonlyMap<string, string>;

/** Characters of the fields that an event stream may begin with: a comment, data, event, id, retry. */
const STREAM_STARTS = new Set([...':deir'].map((character) => character.charCodeAt(0)));
const ERROR_FIELDS = ['/error', '/error/message', '/error/code', '/error/type'];
/** Bytes before the first character that say nothing: white space and a byte order mark. */
const SPACE = 0x20;
const BYTE_ORDER_MARK: ReadonlySet<number> = new Set([0xef, 0xbb, 0xbf]);

const isBlank = (byte: number) => byte <= SPACE || BYTE_ORDER_MARK.has(byte);

/**
 * Whether a body is an event stream, by its first character: servers give the wrong type either way. The body returned
 * replaces the one given, and throws what that one throws.
 */
export async function recognizeStream(
  body: AsyncIterable<Uint8Array>,
): Promise<{ isStream: boolean; body: AsyncIterable<Uint8Array> }> {
  const source = body[Symbol.asyncIterator]();
  async function* from(first: Uint8Array | null, failure: { error: unknown } | null) {
    try {
      if (failure) throw failure.error;
      if (!first) return;
      yield first;
      for (let next = await source.next(); !next.done; next = await source.next()) yield next.value;
    } finally {
      await source.return?.();
    }
  }
  try {
    for (let next = await source.next(); !next.done; next = await source.next()) {
      const start = next.value.findIndex((byte) => !isBlank(byte));
      const first = next.value[start];
      if (first === undefined) continue;
      return { isStream: STREAM_STARTS.has(first), body: from(next.value.subarray(start), null) };
    }
    return { isStream: false, body: from(null, null) };
  } catch (error) {
    return { isStream: false, body: from(null, { error }) };
  }
}

/** Reads until the pictures are there, an error event comes, or the stream ends. Never throws: see `problem`. */
export async function readPictureStream(
  body: AsyncIterable<Uint8Array>,
  options: StreamOptions,
): Promise<StreamAnswer> {
  const events = new EventReader(body);
  const pictures: AnswerPicture[] = [];
  let fields: Fields = new Map();
  let problem: unknown = null;
  const answer = (isFailed: boolean): StreamAnswer => ({
    pictures,
    fields,
    preview: null,
    // What came before does not matter once the pictures are whole, or the service says what went wrong.
    problem: isFailed || pictures.length >= options.pictures ? null : problem,
    isFailed,
  });
  try {
    for (let event = await events.next(); event; event = await events.next()) {
      const one = await readEvent(event, options);
      if (one.problem !== null && !(one.problem instanceof AnswerShapeError)) throw one.problem;
      // Data that is not JSON, such as `[DONE]` or a sign of life, is no answer; a broken one is remembered.
      problem = one.problem ?? problem;
      if (isError(event, one.fields)) {
        fields = one.fields;
        return answer(pictures.length === 0);
      }
      if (isUnfinished(event, one.fields)) await showPartial(one, options);
      else if (isFinished(one.fields)) {
        pictures.push(...one.pictures);
        if (one.pictures.length > 0) fields = one.fields;
      }
      if (pictures.length >= options.pictures) return answer(false);
    }
    problem ??= new AnswerShapeError('The stream ended before its picture');
  } catch (error) {
    problem = error;
  } finally {
    await events.release();
  }
  return answer(false);
}

function readEvent(event: SourceEvent, { spool }: StreamOptions): Promise<PictureAnswer> {
  return readPictureAnswer(event.data, {
    maxPictures: 1,
    spool,
    isPreview: (fields) => isUnfinished(event, fields),
  });
}

function isUnfinished({ name }: SourceEvent, fields: Fields): boolean {
  const type = fields.get('/type') ?? name ?? '';
  return type.includes('partial') || (type === '' && fields.has('/partial_image_index'));
}

/** Events of other kinds, such as a queue's, may have addresses in them as well. */
function isFinished(fields: Fields): boolean {
  const type = fields.get('/type') ?? '';
  return type === '' || /complet|final|done|success|result/i.test(type);
}

function isError({ name }: SourceEvent, fields: Fields): boolean {
  return (
    name === 'error' || fields.get('/type') === 'error' || ERROR_FIELDS.some((field) => fields.has(field))
  );
}

async function showPartial(one: PictureAnswer, { onPartial }: StreamOptions): Promise<void> {
  // Only an event that tells its kind after its picture gets as far as the disk.
  for (const picture of one.pictures) if ('file' in picture) await rm(picture.file.path, { force: true });
  const index = Number(one.fields.get('/partial_image_index') ?? 0);
  const mime = one.preview === null ? null : mimeOf(one.preview);
  const preview = one.preview !== null && mime !== null ? { bytes: one.preview, mime } : null;
  onPartial(Number.isSafeInteger(index) && index >= 0 ? index : 0, preview);
}

/** By the first bytes, which tell more than what the service says; null for what cannot be shown. */
function mimeOf(bytes: Uint8Array): Preview['mime'] | null {
  const start = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  if (start.startsWith('\u0089PNG')) return 'image/png';
  if (start.startsWith('\u00ff\u00d8\u00ff')) return 'image/jpeg';
  return start.startsWith('RIFF') && start.endsWith('WEBP') ? 'image/webp' : null;
}
