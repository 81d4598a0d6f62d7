// The multipart form in which KIE AI takes an input picture, streamed from disk with its length declared.
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { crashPoint } from '../../kernel/crash-point.ts';
import type { LocalFile } from '../provider.ts';

/** The folder at KIE; uploads are deleted there after a day. */
const UPLOAD_PATH = 'drawbridge';
const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
};

/** One file under a name that nothing else has: the same name would overwrite, and be served from a cache. */
export function uploadForm(file: LocalFile) {
  const boundary = `drawbridge-${randomUUID()}`;
  const name = `${randomUUID()}.${EXTENSIONS[file.mime] ?? 'bin'}`;
  const field = (header: string) => `--${boundary}\r\ncontent-disposition: form-data; ${header}\r\n\r\n`;
  const head = Buffer.from(
    `${field('name="uploadPath"')}${UPLOAD_PATH}\r\n${field('name="fileName"')}${name}\r\n` +
      field(`name="file"; filename="${name}"\r\ncontent-type: ${file.mime}`),
  );
  const end = Buffer.from(`\r\n--${boundary}--\r\n`);
  async function* parts(): AsyncGenerator<Uint8Array> {
    yield head;
    yield* createReadStream(file.path);
    crashPoint('kp4');
    yield end;
  }
  return {
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(head.length + file.bytes + end.length),
    },
    body: Readable.from(parts()),
  };
}
