// Walks the container of a PNG, JPEG or WebP without decoding pixels: refuses animations and chunk floods, and cuts out the
// text in which generators keep prompts and workflows. Every other byte stays as it is (C2PA and colour profiles included).
import { AppError } from '../kernel/errors.ts';
import type { PictureFormat } from './media-store.ts';

/** Chunks other than pixel data; real pictures have a dozen. */
export const MAX_SIDE_CHUNKS = 1_000;
const PNG_SIGNATURE_BYTES = 8;
/** Length, type and checksum around the data of a PNG chunk. */
const PNG_FRAME_BYTES = 12;
const PNG_TEXT_CHUNKS = new Set(['tEXt', 'zTXt', 'iTXt']);
/** Keywords under which ComfyUI, A1111, InvokeAI, NovelAI and their kin keep the recipe of a picture. */
const RECIPE_KEYWORDS =
  /^(?:prompt|negative[_ ]prompt|workflow|parameters|postprocessing|extras|dream|sd-metadata|invokeai_\w+|generation_data|comment|description)$/i;
/** The same recipes inside EXIF or XMP, where keywords are loose text (ASCII, or UTF-16 with NUL between letters). */
const RECIPE_TEXT = /workflow|prompt|parameters|Steps: \d|class_type|sampler/i;
const WEBP_FLAGS = { exif: 0x08, xmp: 0x04, animation: 0x02 };
const RIFF_HEADER_BYTES = 12;

export interface WalkedPicture {
  /** The same picture without recipe text, or null when there was none to remove. */
  cleaned: Buffer | null;
}

/**
 * Checks the container of `bytes` and, with `removeRecipes`, cuts out prompt and workflow text.
 * Throws `image_invalid` for an animation, a flood of chunks or a container that ends too early.
 */
export function walkPicture(format: PictureFormat, bytes: Buffer, removeRecipes: boolean): WalkedPicture {
  const parts =
    format === 'png'
      ? walkPng(bytes, removeRecipes)
      : format === 'jpeg'
        ? walkJpeg(bytes, removeRecipes)
        : walkWebp(bytes, removeRecipes);
  return { cleaned: parts };
}

function invalid(detail: string): AppError {
  return new AppError('image_invalid', { detail });
}

/** Collects the byte ranges to leave out and builds the rest once. */
class Cuts {
  readonly #bytes: Buffer;
  readonly #kept: Buffer[] = [];
  #position = 0;
  #chunks = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  count(): void {
    this.#chunks += 1;
    if (this.#chunks > MAX_SIDE_CHUNKS) {
      throw invalid(`The picture has more than ${MAX_SIDE_CHUNKS} metadata blocks.`);
    }
  }

  cut(start: number, end: number): void {
    this.#kept.push(this.#bytes.subarray(this.#position, start));
    this.#position = end;
  }

  result(): Buffer | null {
    if (this.#position === 0) return null;
    return Buffer.concat([...this.#kept, this.#bytes.subarray(this.#position)]);
  }
}

function walkPng(bytes: Buffer, removeRecipes: boolean): Buffer | null {
  const cuts = new Cuts(bytes);
  let offset = PNG_SIGNATURE_BYTES;
  while (offset + PNG_FRAME_BYTES <= bytes.length) {
    const length = bytes.readUInt32BE(offset);
    const type = bytes.toString('latin1', offset + 4, offset + 8);
    const end = offset + PNG_FRAME_BYTES + length;
    if (end > bytes.length) break;
    if (type === 'IEND') return cuts.result();
    if (type !== 'IDAT') cuts.count();
    if (type === 'acTL' && length >= 4 && bytes.readUInt32BE(offset + 8) > 1) {
      throw invalid('The picture is an animation; only still pictures are accepted.');
    }
    if (removeRecipes && PNG_TEXT_CHUNKS.has(type)) {
      const keyword =
        bytes.toString('latin1', offset + 8, offset + 8 + Math.min(length, 80)).split('\0')[0] ?? '';
      if (RECIPE_KEYWORDS.test(keyword)) cuts.cut(offset, end);
    } else if (removeRecipes && type === 'eXIf' && holdsRecipe(bytes.subarray(offset + 8, end - 4))) {
      cuts.cut(offset, end);
    }
    offset = end;
  }
  throw invalid('The PNG ends too early: it was cut off on the way.');
}

function walkJpeg(bytes: Buffer, removeRecipes: boolean): Buffer | null {
  const cuts = new Cuts(bytes);
  let offset = 2;
  while (offset + 4 <= bytes.length) {
    if (bytes[offset] !== 0xff) break;
    const marker = bytes[offset + 1] ?? 0;
    if (marker === 0xff) {
      offset += 1;
      continue;
    }
    // Start of scan: from here on it is pixel data, which only a decoder can judge.
    if (marker === 0xda) return cuts.result();
    const end = offset + 2 + bytes.readUInt16BE(offset + 2);
    if (end > bytes.length) break;
    cuts.count();
    const isText = marker === 0xe1 || marker === 0xfe;
    if (removeRecipes && isText && holdsRecipe(bytes.subarray(offset + 4, end))) cuts.cut(offset, end);
    offset = end;
  }
  throw invalid('The JPEG ends before its pixels: it was cut off on the way.');
}

function walkWebp(bytes: Buffer, removeRecipes: boolean): Buffer | null {
  const cuts = new Cuts(bytes);
  const stated = bytes.length >= RIFF_HEADER_BYTES ? bytes.readUInt32LE(4) + 8 : Number.POSITIVE_INFINITY;
  if (stated > bytes.length) throw invalid('The WebP ends too early: it was cut off on the way.');
  let offset = RIFF_HEADER_BYTES;
  let flagsOffset: number | null = null;
  let removedFlags = 0;
  let removedBytes = 0;
  while (offset + 8 <= stated) {
    const type = bytes.toString('latin1', offset, offset + 4);
    const length = bytes.readUInt32LE(offset + 4);
    const end = offset + 8 + length + (length % 2);
    if (end > bytes.length) throw invalid('The WebP ends too early: it was cut off on the way.');
    cuts.count();
    if (type === 'VP8X') flagsOffset = offset + 8;
    const animated = type === 'VP8X' && ((bytes[offset + 8] ?? 0) & WEBP_FLAGS.animation) !== 0;
    if (animated || type === 'ANIM')
      throw invalid('The picture is an animation; only still pictures are accepted.');
    const isText = type === 'EXIF' || type === 'XMP ';
    if (removeRecipes && isText && holdsRecipe(bytes.subarray(offset + 8, end))) {
      cuts.cut(offset, end);
      removedFlags |= type === 'EXIF' ? WEBP_FLAGS.exif : WEBP_FLAGS.xmp;
      removedBytes += end - offset;
    }
    offset = end;
  }
  const cleaned = cuts.result();
  if (cleaned) {
    cleaned.writeUInt32LE(stated - 8 - removedBytes, 4);
    // VP8X comes first, so its place is the same in the shortened file.
    if (flagsOffset !== null) cleaned[flagsOffset] = (cleaned[flagsOffset] ?? 0) & ~removedFlags;
  }
  return cleaned;
}

/** Whether an EXIF, XMP or comment block holds the recipe of a generated picture. */
function holdsRecipe(block: Buffer): boolean {
  return RECIPE_TEXT.test(block.toString('latin1').replaceAll('\0', ''));
}
