// What the gallery keeps of a picture: 41 bytes. Those that never change are a column of the picture's own row, as hexadecimal,
// written with the row (`gallery`); the rest is added where records are read. Names are numbers of the table `gallery_names`.
import { ratioClass } from './gallery-index-format.ts';

export const ID_BYTES = 16;
export const RECORD_BYTES = 41;
/** Places of the parts in a record; numbers are big-endian. */
export const AT = {
  ratio: 16,
  mode: 17,
  kind: 18,
  origin: 19,
  model: 20,
  provider: 22,
  style: 24,
  createdAt: 26,
  bytes: 32,
  /** What the search knows the prompt by. */
  number: 36,
  /** 0x10 favourite, 0x01 in the trash. */
  flags: 40,
} as const;
export const IS_FAVOURITE = 0x10;
export const IS_TRASHED = 0x01;

export const MODES = ['text-to-image', 'image-to-image', 'upscale'] as const;
export const KINDS = ['final', 'hd'] as const;
export const ORIGINS_BY_CODE = ['studio', 'batch', 'story', 'api'] as const;
const UNKNOWN = 0xff;
/** Where the search number stands in the column, in hexadecimal digits from 1, as SQL's substr counts. */
export const NUMBER_DIGIT = (AT.number - ID_BYTES) * 2 + 1;

export interface GalleryFacts {
  width: number;
  height: number;
  mode: string;
  kind: string;
  origin: string;
  /** Numbers of `gallery_names`; 0 for none. */
  model: number;
  provider: number;
  style: number;
  /** Milliseconds. */
  createdAt: number;
  bytes: number;
  number: number;
}

const codeOf = (list: readonly string[], value: string) => {
  const code = list.indexOf(value);
  return code < 0 ? UNKNOWN : code;
};

/** The column `gallery` of a picture. */
export function encodeFacts(facts: GalleryFacts): string {
  const bytes = Buffer.alloc(AT.flags);
  bytes[AT.ratio] = ratioClass(facts.width, facts.height);
  bytes[AT.mode] = codeOf(MODES, facts.mode);
  bytes[AT.kind] = codeOf(KINDS, facts.kind);
  bytes[AT.origin] = codeOf(ORIGINS_BY_CODE, facts.origin);
  bytes.writeUInt16BE(facts.model, AT.model);
  bytes.writeUInt16BE(facts.provider, AT.provider);
  bytes.writeUInt16BE(facts.style, AT.style);
  bytes.writeUIntBE(facts.createdAt, AT.createdAt, 6);
  bytes.writeUInt32BE(Math.min(facts.bytes, 0xffffffff), AT.bytes);
  bytes.writeUInt32BE(facts.number, AT.number);
  return bytes.toString('hex', ID_BYTES);
}

/** The search number in a column, 0 when there is none. */
export function numberOfFacts(column: string | null): number {
  return column === null ? 0 : Number.parseInt(column.slice(NUMBER_DIGIT - 1), 16);
}
