// Bodies as jimeng reads them: JSON whose strings survive the service's own clean-up of the raw text, and multipart for
// input pictures, streamed from disk with its length declared.
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { LocalFile } from '../provider.ts';

export type Fields = Readonly<Record<string, string | number>>;

/**
 * The service edits the raw text before it parses it: odd spaces, zero-width characters, commas before closing brackets,
 * inside strings too. Escaped, they reach it as the user wrote them.
 */
const EDITED_CHARACTERS = /[\]}\u00a0\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f\u2060\u3000\ufeff]/g;

const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A flat object as JSON text. */
export function toJson(fields: Fields): string {
  const members = Object.entries(fields).map(([name, value]) => {
    const text = JSON.stringify(value);
    return `${JSON.stringify(name)}:${typeof value === 'string' ? text.replace(EDITED_CHARACTERS, escaped) : text}`;
  });
  return `{${members.join(',')}}`;
}

const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
};

/** A multipart form with the files under one repeated field name; nothing of a file is held in memory. */
export function toMultipart(fields: Fields, fileField: string, files: readonly LocalFile[]) {
  const boundary = `drawbridge-${randomUUID()}`;
  const head = (text: string) =>
    Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; ${text}\r\n\r\n`);
  const plain = Object.entries(fields).map(([name, value]) =>
    Buffer.concat([head(`name="${name}"`), Buffer.from(`${value}\r\n`)]),
  );
  const heads = files.map((file, index) => {
    const name = `image-${index + 1}.${EXTENSIONS[file.mime] ?? 'bin'}`;
    return head(`name="${fileField}"; filename="${name}"\r\ncontent-type: ${file.mime}`);
  });
  const end = Buffer.from(`--${boundary}--\r\n`);
  const newline = Buffer.from('\r\n');
  async function* parts(): AsyncGenerator<Uint8Array> {
    yield* plain;
    for (const [index, file] of files.entries()) {
      yield heads[index] ?? newline;
      yield* createReadStream(file.path);
      yield newline;
    }
    yield end;
  }
  const sum = (buffers: readonly Buffer[]) => buffers.reduce((bytes, buffer) => bytes + buffer.length, 0);
  const bytes =
    sum(plain) +
    sum(heads) +
    files.reduce((total, file) => total + file.bytes + newline.length, 0) +
    end.length;
  return {
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(bytes),
    },
    body: Readable.from(parts()),
  };
}
