// An input picture on its way to a ComfyUI server: a form that is read from disk as it is sent, under a name that the
// content decides, so that the same picture is the same file and no other client's.
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { crashPoint } from '../../kernel/crash-point.ts';
import { type LocalFile, ProviderError } from '../provider.ts';

const HASH_DIGITS = 24;
const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
  'image/gif': 'gif',
  'image/avif': 'avif',
};

export interface MultipartBody {
  headers: Readonly<Record<string, string>>;
  body: Readable;
}

/** A form with text fields and one file, which is read from disk as it is sent. */
export function multipart(
  fields: Readonly<Record<string, string>>,
  { field, name, file }: { field: string; name: string; file: LocalFile },
): MultipartBody {
  const boundary = `drawbridge-${randomUUID()}`;
  const part = (disposition: string) => `--${boundary}\r\ncontent-disposition: form-data; ${disposition}\r\n`;
  const texts = Object.entries(fields).map(([key, value]) => `${part(`name="${key}"`)}\r\n${value}\r\n`);
  const fileHead = `${part(`name="${field}"; filename="${name}"`)}content-type: ${file.mime}\r\n\r\n`;
  const head = Buffer.from(texts.join('') + fileHead);
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield head;
    yield* createReadStream(file.path) as AsyncIterable<Uint8Array>;
    crashPoint('kp4');
    yield tail;
  }
  const headers = {
    'content-type': `multipart/form-data; boundary=${boundary}`,
    'content-length': String(head.length + file.bytes + tail.length),
  };
  return { headers, body: Readable.from(pieces()) };
}

/** A name made of a file's content; throws ProviderError when it cannot be read, with nothing sent yet. */
export async function uploadName(file: LocalFile): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file.path)) hash.update(chunk as Uint8Array);
  } catch (error) {
    throw new ProviderError('unavailable', 'no', 'An input picture could not be read.', { cause: error });
  }
  return `${hash.digest('hex').slice(0, HASH_DIGITS)}.${EXTENSIONS[file.mime] ?? 'png'}`;
}
