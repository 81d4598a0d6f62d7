// Bodies of outbound requests and answers: sent in pieces so that progress can be seen, read under caps on the encoded
// and on the decoded bytes, so that neither an endless answer nor a compression bomb fills memory or disk.
import { pipeline, Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { OutboundError } from './outbound-error.ts';

const PIECE_BYTES = 64 * 1024;

/** The encodings that `decoded` undoes, as an `Accept-Encoding` value. */
export const ACCEPTED_ENCODINGS = 'gzip, deflate, br, zstd';

/** A large body in pieces, each handed over when the last one has left, so that a slow upload shows progress. */
export async function* inPieces(body: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < body.byteLength; offset += PIECE_BYTES) {
    yield body.subarray(offset, offset + PIECE_BYTES);
  }
}

/** Whether a body is worth sending in pieces. */
export function isLarge(body: Uint8Array): boolean {
  return body.byteLength > PIECE_BYTES;
}

function tooLarge(about: string, maxBytes: number): OutboundError {
  return new OutboundError('too_large', 'sent', `${about}: the answer is larger than ${maxBytes} bytes`);
}

async function* capped(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
  about: string,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLarge(about, maxBytes);
    yield chunk;
  }
}

/** What zlib says of bytes that are not what the answer declared. */
async function* explained(source: AsyncIterable<Uint8Array>, about: string): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    if (error instanceof OutboundError) throw error;
    const kind = (error as { code?: unknown }).code === 'Z_BUF_ERROR' ? 'truncated' : 'bad_answer';
    throw new OutboundError(kind, 'sent', `${about}: the answer cannot be decoded`, error);
  }
}

function decoder(encoding: string) {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    case 'zstd':
      return createZstdDecompress();
    default:
      return undefined;
  }
}

/**
 * The decoded body of an answer. `maxBytes` bounds both what arrives and what it decodes to.
 * Throws `OutboundError`: `too_large`, `bad_answer` for an encoding nobody asked for, or what `source` throws.
 */
export function decoded(
  source: AsyncIterable<Uint8Array>,
  contentEncoding: string | undefined,
  maxBytes: number,
  about: string,
): AsyncIterable<Uint8Array> {
  const encoding = contentEncoding?.trim().toLowerCase() ?? '';
  const encoded = capped(source, maxBytes, about);
  if (encoding === '' || encoding === 'identity') return encoded;
  const transform = decoder(encoding);
  if (!transform) {
    throw new OutboundError(
      'bad_answer',
      'sent',
      `${about}: the answer has an encoding that was not asked for`,
    );
  }
  // The iteration below throws what the pipeline reports; without a callback it would be thrown a second time.
  pipeline(Readable.from(encoded), transform, () => {});
  return capped(explained(transform, about), maxBytes, about);
}

/** Throws `too_large` at once when the declared length says so. */
export function checkDeclaredLength(header: string | undefined, maxBytes: number, about: string): void {
  if (header !== undefined && Number(header) > maxBytes) throw tooLarge(about, maxBytes);
}

/** The first `maxBytes` of a body as text; one that breaks off gives what there was. Drops the rest. Never throws. */
export async function readStart(
  answer: { readonly body: AsyncIterable<Uint8Array>; discard(): void },
  maxBytes: number,
): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const piece of answer.body) {
      pieces.push(piece);
      bytes += piece.byteLength;
      if (bytes >= maxBytes) break;
    }
  } catch {
    // The status has arrived and says more than the way its body ended.
  } finally {
    answer.discard();
  }
  return new TextDecoder().decode(Buffer.concat(pieces).subarray(0, maxBytes));
}

/** A whole body as UTF-8 text without a byte order mark; throws `too_large` beyond `maxBytes`. */
export async function readAll(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  about: string,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes)
      throw new OutboundError('too_large', 'sent', `${about}: more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  // TextDecoder drops a byte order mark, which JSON.parse would stumble over.
  return new TextDecoder().decode(Buffer.concat(chunks));
}
