// A multipart form with files, sent from disk piece by piece with its length declared: some servers refuse a form
// without one. Files are opened before anything is sent, so that one that is gone fails while nothing has happened yet.
import { randomUUID } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { LocalFile } from '../provider.ts';

const LINE_END = '\r\n';
const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
};

export interface FormFile {
  field: string;
  file: LocalFile;
}

export interface OpenForm {
  headers: { 'content-type': string; 'content-length': string };
  body: Readable;
  /** Must be called, sent or not. */
  close(): Promise<void>;
}

interface OpenFile {
  head: string;
  handle: FileHandle;
  bytes: number;
}

async function* parts(fields: string, files: readonly OpenFile[], tail: string) {
  yield Buffer.from(fields);
  for (const { head, handle, bytes } of files) {
    yield Buffer.from(head);
    if (bytes > 0) yield* handle.createReadStream({ start: 0, end: bytes - 1, autoClose: false });
    yield Buffer.from(LINE_END);
  }
  yield Buffer.from(tail);
}

/** `fields` must not hold line breaks in their names. Throws what opening a file throws. */
export async function openForm(
  fields: Readonly<Record<string, string>>,
  files: readonly FormFile[],
): Promise<OpenForm> {
  const boundary = `drawbridge-${randomUUID()}`;
  const partHead = (disposition: string) =>
    `--${boundary}${LINE_END}Content-Disposition: form-data; ${disposition}${LINE_END}`;
  const opened: OpenFile[] = [];
  const close = async () => {
    await Promise.all(opened.map(({ handle }) => handle.close().catch(() => {})));
  };
  try {
    for (const [index, { field, file }] of files.entries()) {
      const handle = await open(file.path, 'r');
      const name = `picture-${index + 1}.${EXTENSIONS[file.mime] ?? 'png'}`;
      const type = `Content-Type: ${file.mime}${LINE_END}${LINE_END}`;
      const head = `${partHead(`name="${field}"; filename="${name}"`)}${type}`;
      const entry = { head, handle, bytes: 0 };
      opened.push(entry);
      entry.bytes = (await handle.stat()).size;
    }
  } catch (error) {
    await close();
    throw error;
  }
  const text = Object.entries(fields)
    .map(([name, value]) => `${partHead(`name="${name}"`)}${LINE_END}${value}${LINE_END}`)
    .join('');
  const tail = `--${boundary}--${LINE_END}`;
  const fileBytes = opened.reduce(
    (sum, { head, bytes }) => sum + Buffer.byteLength(head) + bytes + LINE_END.length,
    0,
  );
  const body = Readable.from(parts(text, opened, tail), { objectMode: false });
  // Who sends it hears of its end from the exchange; an error after that must not bring the process down.
  body.on('error', () => {});
  return {
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(Buffer.byteLength(text) + fileBytes + Buffer.byteLength(tail)),
    },
    body,
    async close() {
      body.destroy();
      await close();
    },
  };
}
