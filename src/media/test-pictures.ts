// Pictures for the slice's tests, good and hostile, built byte by byte so that no fixture lies in the repository.
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';

const PNG_SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');

export function pngChunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

/** A one-colour RGB PNG whose pixels compress to almost nothing, with `extra` chunks before them. */
export function flatPng(width: number, height: number, extra: readonly Buffer[] = []): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([1, 0, 0, 0, 0], 8);
  // One bit a pixel, grey: 16,000 × 16,000 are 32 MB of zeros, which deflate to 31 kB.
  const rows = Buffer.alloc((1 + Math.ceil(width / 8)) * height);
  return Buffer.concat([
    PNG_SIGNATURE,
    pngChunk('IHDR', header),
    ...extra,
    pngChunk('IDAT', deflateSync(rows)),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

export function textChunk(keyword: string, text: string): Buffer {
  return pngChunk('tEXt', Buffer.from(`${keyword}\0${text}`, 'latin1'));
}

/** Compressed text that inflates to `bytes` bytes. */
export function zipTextBomb(keyword: string, bytes: number): Buffer {
  return pngChunk(
    'zTXt',
    Buffer.concat([Buffer.from(`${keyword}\0\0`, 'latin1'), deflateSync(Buffer.alloc(bytes, 65))]),
  );
}

/** An animated PNG's control chunk. */
export function animationChunk(frames: number): Buffer {
  const data = Buffer.alloc(8);
  data.writeUInt32BE(frames, 0);
  return pngChunk('acTL', data);
}

/** A picture with some detail; about `side` × `side` × 1.5 bytes as PNG. */
export async function photo(format: 'png' | 'jpeg' | 'webp', side = 256): Promise<Buffer> {
  const noise = { type: 'gaussian' as const, mean: 128, sigma: 30 };
  const background = { r: 90, g: 120, b: 200 };
  const picture = sharp({ create: { width: side, height: side, channels: 3, background, noise } }).blur(1.5);
  return picture.toFormat(format).toBuffer();
}

/** An upright 60 × 40 JPEG stored lying on its side, with GPS coordinates in its EXIF. */
export async function jpegWithPlace(): Promise<Buffer> {
  return sharp({ create: { width: 40, height: 60, channels: 3, background: '#c83' } })
    .jpeg()
    .withExif({ IFD0: { Artist: 'A name' }, IFD3: { GPSLatitude: '52/1 31/1 12/1', GPSLatitudeRef: 'N' } })
    .withMetadata({ orientation: 6 })
    .toBuffer();
}

/** Files that are no PNG, JPEG or WebP, by what they are. */
export const FOREIGN_FILES: Record<string, Buffer> = {
  svg: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
  'svg with a declaration': Buffer.from('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'),
  html: Buffer.from('<!doctype html><html><script>alert(1)</script></html>'),
  pdf: Buffer.from('%PDF-1.7\n1 0 obj\n<< /JS (app.alert(1)) >>'),
  gif: Buffer.concat([Buffer.from('GIF89a', 'latin1'), Buffer.alloc(64)]),
  json: Buffer.from('{"error":"rate limited"}'),
  empty: Buffer.alloc(0),
  text: Buffer.from('hello'),
};
