// A file's bytes as text: UTF-8, UTF-16 and GB18030 as Excel and Notepad write them, told apart by their marks and bytes. What
// is no text at all is refused by what it is.
import { AppError } from '../kernel/errors.ts';
import { MAX_SOURCE_BYTES } from './contract.ts';

export interface SourceText {
  text: string;
  encoding: 'utf-8' | 'utf-16le' | 'utf-16be' | 'gb18030';
}

/** Enough of a file to see whether every other byte is zero. */
const SNIFFED_BYTES = 4096;

export function refuseSource(detail: string): AppError {
  return new AppError('validation_failed', { detail, errors: [{ pointer: '/file', detail }] });
}

/** Throws `validation_failed` for bytes that are no text, `payload_too_large` for too many. */
export function decodeText(bytes: Uint8Array): SourceText {
  if (bytes.length > MAX_SOURCE_BYTES) {
    throw new AppError('payload_too_large', {
      detail: `The file has ${bytes.length} bytes; a batch takes ${MAX_SOURCE_BYTES}.`,
    });
  }
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) {
    throw refuseSource(
      'This is a ZIP or an Excel workbook. Save the sheet as CSV, or take manifest.jsonl out of the ZIP.',
    );
  }
  const encoding = sniff(bytes);
  const text = new TextDecoder(encoding).decode(bytes);
  if (/\0/.test(text)) throw refuseSource('The file is no text: it contains zero bytes.');
  return { text, encoding };
}

function sniff(bytes: Uint8Array): SourceText['encoding'] {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  const head = bytes.subarray(0, SNIFFED_BYTES);
  const zeros = [0, 0];
  for (const [index, byte] of head.entries()) if (byte === 0) zeros[index % 2] = (zeros[index % 2] ?? 0) + 1;
  const half = head.length / 2;
  // Without a mark, separators and line ends alone make zeros on one side.
  if ((zeros[1] ?? 0) > half / 10 && zeros[0] === 0) return 'utf-16le';
  if ((zeros[0] ?? 0) > half / 10 && zeros[1] === 0) return 'utf-16be';
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return 'utf-8';
  } catch {
    return 'gb18030';
  }
}
