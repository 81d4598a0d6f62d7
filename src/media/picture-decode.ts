// Decodes untrusted pictures with sharp. Runs only inside the image process: a decoder's crash ends that process, not the
// service. Only the PNG, JPEG and WebP loaders are reachable; pixels, frames, channels and profiles are bounded.
import { readFile, writeFile } from 'node:fs/promises';
import sharp, { type Metadata, type Sharp } from 'sharp';
import { rgbaToThumbHash } from 'thumbhash';
import { AppError } from '../kernel/errors.ts';
import { sourceTypeXmp } from './digital-source-type.ts';
import { readFailure, writeFailure } from './disk-files.ts';
import type { PictureFormat } from './media-store.ts';
import { walkPicture } from './picture-chunks.ts';

export const MAX_SIDE = 32_768;
export const MAX_ICC_BYTES = 4 * 1024 * 1024;
/** The container is read into memory to be walked; larger files are refused before that. */
export const MAX_PICTURE_BYTES = 128 * 1024 * 1024;
/** Larger WebP uploads are stored as PNG (with transparency) or JPEG. */
export const MAX_WEBP_PIXELS = 20_000_000;
export const THUMB_SIDE = 512;
/** The thumbhash algorithm takes at most 100 pixels a side. */
const THUMBHASH_SIDE = 100;
const THUMB_QUALITY = 80;
/** 512 px at effort 2: 12 ms against 25 ms at the default 4, for 3 % more bytes. */
const THUMB_EFFORT = 2;
const LOADERS = [
  'VipsForeignLoadJpegFile',
  'VipsForeignLoadJpegBuffer',
  'VipsForeignLoadPngFile',
  'VipsForeignLoadPngBuffer',
  'VipsForeignLoadWebpFile',
  'VipsForeignLoadWebpBuffer',
];
const COLOUR_SPACES = new Set(['srgb', 'rgb', 'b-w', 'rgb16', 'grey16', 'cmyk']);

/**
 * What to do with a picture.
 * - `upload`: turned upright, re-encoded (in its own format) without any metadata (whatever lay behind its end is gone).
 * - `result`: kept byte for byte, but for recipe text when `removeRecipes`.
 * - `enlarge`: written anew in the size `enlargeTo`, labelled as made by a machine; without a thumbnail.
 */
export interface PictureJob {
  path: string;
  format: PictureFormat;
  purpose: 'upload' | 'result' | 'enlarge';
  /** Pixels, for `enlarge`. */
  enlargeTo?: { width: number; height: number };
  removeRecipes: boolean;
  maxPixels: number;
  thumbPath: string;
  cleanPath: string;
}

export interface DecodedPicture {
  /** Of the stored picture; an upload may change its format. */
  format: PictureFormat;
  /** Pixels as shown, after the EXIF orientation. */
  width: number;
  height: number;
  /** Where the re-encoded or cleaned picture was written (`cleanPath`), or null when the file is right as it is. */
  cleanPath: string | null;
  /** Where the WebP thumbnail was written (`thumbPath`), or null when it could not be made. */
  thumbPath: string | null;
  /** Base64, 20-30 bytes; null without a thumbnail. */
  thumbhash: string | null;
}

/** Shuts every loader but ours, for the life of the process; SVG, PDF, TIFF and the rest cannot be reached at all. */
export function restrictDecoders(): void {
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: LOADERS });
}

/** Checks, decodes in full and prepares one picture. Throws `image_invalid` with what is wrong with it. */
export async function decodePicture(job: PictureJob): Promise<DecodedPicture> {
  const bytes = await readWhole(job.path);
  const metadata = await readHeader(bytes, job);
  const { cleaned } = walkPicture(job.format, bytes, job.purpose === 'result' && job.removeRecipes);
  const input = cleaned ?? bytes;
  const { width, height } = metadata.autoOrient;
  if (job.purpose === 'enlarge') return enlarge(input, job, metadata);
  if (job.purpose === 'upload') {
    const format = await reencode(input, job, metadata);
    return {
      format,
      width,
      height,
      cleanPath: job.cleanPath,
      ...(await makeThumb(await readWhole(job.cleanPath), job)),
    };
  }
  if (cleaned) {
    await writeFile(job.cleanPath, cleaned).catch((error: unknown) => {
      throw writeFailure(error);
    });
  }
  return {
    format: job.format,
    width,
    height,
    cleanPath: cleaned ? job.cleanPath : null,
    ...(await makeThumb(input, job)),
  };
}

function openPicture(input: Buffer, maxPixels: number): Sharp {
  return sharp(input, {
    failOn: 'error',
    limitInputPixels: maxPixels,
    limitInputChannels: 4,
    sequentialRead: true,
    animated: false,
  });
}

/** A file's bytes. A disk that does not give them says nothing about the picture, which may have cost money: it is tried again. */
async function readWhole(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw readFailure(error);
  }
}

/** Reads the header only and applies the limits, before a pixel is decoded. */
async function readHeader(bytes: Buffer, job: PictureJob): Promise<Metadata> {
  let metadata: Metadata;
  try {
    // Read without the pixel limit, so that a bomb is named as one; a header costs nothing whatever size it states.
    metadata = await sharp(bytes, { failOn: 'error', limitInputPixels: false }).metadata();
  } catch {
    throw new AppError('image_invalid', { detail: 'The picture cannot be read: its header is damaged.' });
  }
  const { width, height, pages, channels, space, icc, format } = metadata;
  if (format !== job.format)
    throw new AppError('image_invalid', { detail: 'The picture is not what its first bytes say.' });
  if (width * height > job.maxPixels || Math.max(width, height) > MAX_SIDE) {
    throw new AppError('image_invalid', {
      detail: `The picture has ${width} × ${height} pixels; at most ${job.maxPixels / 1e6} million and ${MAX_SIDE} a side are accepted.`,
    });
  }
  if ((pages ?? 1) > 1) {
    throw new AppError('image_invalid', {
      detail: 'The picture is an animation; only still pictures are accepted.',
    });
  }
  if (channels > 4 || !COLOUR_SPACES.has(space) || (space === 'cmyk' && job.purpose === 'result')) {
    throw new AppError('image_invalid', {
      detail: `The picture's colours (${space}, ${channels} channels) are not supported.`,
    });
  }
  if ((icc?.length ?? 0) > MAX_ICC_BYTES) {
    throw new AppError('image_invalid', { detail: 'The colour profile inside the picture is too large.' });
  }
  return metadata;
}

/** By interpolation alone; the label that the source carries goes with it. */
async function enlarge(input: Buffer, job: PictureJob, metadata: Metadata): Promise<DecodedPicture> {
  const { width, height } = job.enlargeTo ?? metadata.autoOrient;
  if (width * height > job.maxPixels || Math.max(width, height) > MAX_SIDE) {
    const detail = `A picture of ${width} × ${height} pixels is larger than this server allows.`;
    throw new AppError('image_invalid', { detail });
  }
  const larger = openPicture(input, job.maxPixels)
    .autoOrient()
    .resize({ width, height, fit: 'fill', kernel: 'lanczos3' })
    .toColourspace('srgb')
    .withXmp(sourceTypeXmp(metadata.xmp));
  const encoded =
    job.format === 'jpeg'
      ? larger.jpeg({ quality: 94, chromaSubsampling: '4:4:4', optimiseCoding: false })
      : job.format === 'webp' && width * height <= MAX_WEBP_PIXELS
        ? larger.webp({ quality: 95, effort: 2 })
        : larger.png({ compressionLevel: 3 });
  const { format } = await decoding(encoded.toFile(job.cleanPath));
  const written = format === 'jpeg' || format === 'webp' ? format : 'png';
  return { format: written, width, height, cleanPath: job.cleanPath, thumbPath: null, thumbhash: null };
}

/** Upright, in sRGB, without metadata or a tail, at a quality that shows no difference. Returns the format written. */
async function reencode(input: Buffer, job: PictureJob, metadata: Metadata): Promise<PictureFormat> {
  // The WebP encoder needs about 10 bytes of memory for each pixel, which a very large picture does not get here.
  const isTooLarge = job.format === 'webp' && metadata.width * metadata.height > MAX_WEBP_PIXELS;
  const format = isTooLarge ? (metadata.hasAlpha ? 'png' : 'jpeg') : job.format;
  const upright = openPicture(input, job.maxPixels).autoOrient().toColourspace('srgb');
  const encoded =
    format === 'png'
      ? upright.png({ compressionLevel: 6 })
      : format === 'jpeg'
        ? // Optimised coding would keep all coefficients in memory: 520 MB for 49 megapixels instead of 190 MB.
          upright.jpeg({ quality: 94, chromaSubsampling: '4:4:4', optimiseCoding: false })
        : upright.webp({ quality: 95, effort: 2 });
  await decoding(encoded.toFile(job.cleanPath));
  return format;
}

/** One full decode that proves the picture whole and gives thumbnail and thumbhash. A failed thumbnail is null. */
async function makeThumb(
  input: Buffer,
  { thumbPath, maxPixels, purpose }: PictureJob,
): Promise<{ thumbPath: string | null; thumbhash: string | null }> {
  const { data, info } = await decoding(
    openPicture(input, maxPixels)
      .autoOrient()
      .resize({ width: THUMB_SIDE, height: THUMB_SIDE, fit: 'inside', withoutEnlargement: true })
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true }),
  );
  const raw = { raw: { width: info.width, height: info.height, channels: 4 as const } };
  try {
    const thumb = sharp(data, raw).webp({ quality: THUMB_QUALITY, effort: THUMB_EFFORT });
    // Whose picture an upload is, nobody here knows; what came from a provider was made by a machine.
    await (purpose === 'result' ? thumb.withXmp(sourceTypeXmp(undefined)) : thumb).toFile(thumbPath);
    const tiny = await sharp(data, raw)
      .resize({ width: THUMBHASH_SIDE, height: THUMBHASH_SIDE, fit: 'inside', withoutEnlargement: true })
      .raw()
      .toBuffer({ resolveWithObject: true });
    const hash = rgbaToThumbHash(tiny.info.width, tiny.info.height, tiny.data);
    return { thumbPath, thumbhash: Buffer.from(hash).toString('base64') };
  } catch {
    return { thumbPath: null, thumbhash: null };
  }
}

/** A failed decode as what it means for the picture. libvips' own words name files and memory, so they stay inside. */
async function decoding<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    // A full or broken disk under the encoder is not the picture's fault.
    if (/unable to open for write|write error|No space left/i.test(String((error as Error).message))) {
      throw new AppError('storage_unavailable', { detail: 'The prepared picture could not be written.' });
    }
    throw new AppError('image_invalid', {
      detail: 'The picture is damaged or cut off: it cannot be decoded in full.',
    });
  }
}
