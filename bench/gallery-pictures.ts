// Fills a fresh database with very many pictures of one account, as three years of use would leave them: bursts of four, a usual mix of
// sizes, Chinese and English prompts, a few models and styles. Some hundred real files stand behind them: every row has a real
// thumbnail, the newest ones their full pictures too (as hard links).
import { existsSync, linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { createApp } from '../src/app.ts';
import { loadConfig } from '../src/kernel/config.ts';
import { uuidV7Hex } from '../src/kernel/id.ts';
import { createMemoryLogger } from '../src/kernel/log.ts';
import { encodeFacts } from '../src/media/gallery-record.ts';
import { searchTokens } from '../src/media/search-words.ts';

export const SEED_ADMIN_KEY = 'dbk_gallery-bench-key-of-more-than-enough-length';
const YEARS_MS = 3 * 365 * 86_400_000;
/** The last picture's time, so that seeds of any day are the same. */
const END_MS = Date.UTC(2026, 9, 1, 20);
const FILES_PER_SIZE = 24;
const LINKED_PICTURES = 20_000;
const PER_TASK = 4;
const KEY_CHARS = 32;
const KEY_ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const SIZES: [number, number, weight: number][] = [
  [1024, 1024, 34],
  [832, 1216, 16],
  [768, 1344, 14],
  [1216, 832, 12],
  [1344, 768, 12],
  [896, 1152, 4],
  [1152, 896, 4],
  [1536, 640, 2],
  [640, 1536, 1],
  [2048, 2048, 1],
];
const MODELS: [string, string, weight: number][] = [
  ['flux-1.1-pro', 'kie', 40],
  ['seedream-4', 'jimeng', 30],
  ['gpt-image-2', 'openai', 20],
  ['sdxl', 'comfyui', 9],
  ['old-model', 'comfyui', 1],
];
const STYLES = ['ink', 'watercolour', 'anime', 'film', 'clay', 'pixel', 'oil', 'neon'];
const SUBJECTS_ZH = [
  '一只橘色的小猫',
  '雨夜的街道',
  '雪山下的湖泊',
  '宇航员',
  '古风少女',
  '赛博朋克城市',
  '向日葵花田',
  '老火车站',
];
const PLACES_ZH = [
  '坐在窗台上',
  '在晨雾里',
  '被霓虹灯照亮',
  '电影感光线',
  '背景虚化',
  '水墨画风格',
  '细节丰富',
  '黄昏时分',
];
const SUBJECTS_EN = [
  'a red fox',
  'an old lighthouse',
  'a quiet lake',
  'an astronaut',
  'a paper dragon',
  'a city of glass',
];
const PLACES_EN = [
  'at dawn',
  'in heavy rain',
  'on the edge of a cliff',
  'under neon lights',
  'soft film grain',
  'wide angle',
];

/** A fixed sequence of numbers between 0 and 1. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export interface SeedPicture {
  id: string;
  fileKey: string;
  thumbKey: string;
  width: number;
  height: number;
  bytes: number;
  thumbhash: string;
  mode: string;
  kind: 'final' | 'hd';
  origin: string;
  model: string;
  provider: string;
  style: string | null;
  favourite: 0 | 1;
  trashedAt: number | null;
  tags: string;
  prompt: string;
  words: string;
  createdAt: number;
}

interface SeedFile {
  picture: string;
  thumb: string;
  bytes: number;
  thumbBytes: number;
  thumbhash: string;
}

export interface SeedPlace {
  accountId: string;
  mediaRoot: string;
  /** By index of SIZES. */
  files: SeedFile[][];
}

/** Makes the program's data with an administrator, and the files. `databaseUrl` null: SQLite in `dataDir`. */
export async function prepareSeed(dataDir: string, databaseUrl: string | null): Promise<SeedPlace> {
  mkdirSync(dataDir, { recursive: true });
  const env = {
    DRAWBRIDGE_DATA_DIR: dataDir,
    DRAWBRIDGE_ADMIN_KEY: SEED_ADMIN_KEY,
    ...(databaseUrl === null ? {} : { DATABASE_URL: databaseUrl }),
  };
  const { config } = loadConfig({ env, cwd: dataDir });
  if (!config) throw new Error('The configuration of the seed is wrong');
  const app = await createApp({ config, log: createMemoryLogger() });
  const accountId = app.bootstrap.adminAccountId;
  const mediaRoot = app.media.root;
  await app.close();
  const random = sequence(7);
  const files: SeedFile[][] = [];
  for (const [index, [width, height]] of SIZES.entries()) {
    const ofSize: SeedFile[] = [];
    for (let n = 0; n < FILES_PER_SIZE; n += 1)
      ofSize.push(await paint(mediaRoot, index * FILES_PER_SIZE + n, width, height, random));
    files.push(ofSize);
  }
  return { accountId, mediaRoot, files };
}

/** The shape of a real key (base32 without padding), in order of `place`. */
const keyOf = (place: number, format: string) => {
  const digits = place.toString(32).padStart(KEY_CHARS - 2, '0');
  const spread = (place % 1024).toString(32).padStart(2, '0');
  return `${[...(spread + digits)].map((digit) => KEY_ALPHABET[Number.parseInt(digit, 32)]).join('')}.${format}`;
};
const pathOf = (root: string, kind: string, key: string) => join(root, kind, key.slice(0, 2), key);

async function paint(
  root: string,
  number: number,
  width: number,
  height: number,
  random: () => number,
): Promise<SeedFile> {
  const hue = () => `hsl(${Math.floor(random() * 360)} ${30 + random() * 50}% ${25 + random() * 45}%)`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><defs><linearGradient id="a" x2="1" y2="1"><stop stop-color="${hue()}"/><stop offset="1" stop-color="${hue()}"/></linearGradient></defs><rect width="100%" height="100%" fill="url(#a)"/><circle cx="${random() * width}" cy="${random() * height}" r="${(0.15 + random() * 0.3) * Math.min(width, height)}" fill="${hue()}" opacity=".8"/></svg>`;
  const full = await sharp(Buffer.from(svg)).jpeg({ quality: 72 }).toBuffer();
  const small = await sharp(full)
    .resize({ width: 512, height: 512, fit: 'inside' })
    .webp({ quality: 75 })
    .toBuffer();
  // Beyond the numbers of rows, so that no picture has the same key.
  const picture = keyOf(0xf0000000 + number, 'jpg');
  const thumb = keyOf(0xf1000000 + number, 'webp');
  for (const [kind, key, bytes] of [
    ['final', picture, full],
    ['thumb', thumb, small],
  ] as const) {
    const path = pathOf(root, kind, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
  const thumbhash = '3OcRJYB4d3h/iIeHeEh3eIhw+j2w';
  return { picture, thumb, bytes: full.length, thumbBytes: small.length, thumbhash };
}

function weighted<Entry extends readonly unknown[]>(list: readonly Entry[], random: () => number): number {
  const weightOf = (entry: Entry) => entry.at(-1) as number;
  let left = random() * list.reduce((sum, entry) => sum + weightOf(entry), 0);
  const index = list.findIndex((entry) => {
    left -= weightOf(entry);
    return left < 0;
  });
  return Math.max(0, index);
}

const pick = <Value>(list: readonly Value[], random: () => number): Value =>
  list[Math.floor(random() * list.length)] as Value;

/** All pictures, the oldest first; full files of the newest are linked on the way. */
export function* seedPictures(place: SeedPlace, count: number): Generator<SeedPicture> {
  const random = sequence(42);
  const stepMs = YEARS_MS / count;
  let task = { size: 0, model: 0, prompt: '', words: '', style: null as string | null, mode: '', origin: '' };
  for (let index = 0; index < count; index += 1) {
    if (index % PER_TASK === 0) {
      const isChinese = random() < 0.6;
      const subject = pick(isChinese ? SUBJECTS_ZH : SUBJECTS_EN, random);
      const places = isChinese ? PLACES_ZH : PLACES_EN;
      const separator = isChinese ? '，' : ', ';
      const rare = random() < 0.001 ? `${separator}${isChinese ? '琉璃凤凰' : 'amethyst heron'}` : '';
      const prompt = `${subject}${separator}${pick(places, random)}${separator}${pick(places, random)}${rare}`;
      task = {
        size: weighted(SIZES, random),
        model: weighted(MODELS, random),
        prompt,
        words: searchTokens(prompt).join(' '),
        style: random() < 0.4 ? pick(STYLES, random) : null,
        mode: random() < 0.2 ? 'image-to-image' : 'text-to-image',
        origin: pick(['studio', 'studio', 'studio', 'batch', 'batch', 'story', 'api'], random),
      };
    }
    const createdAt = Math.floor(END_MS - YEARS_MS + index * stepMs);
    const [width, height] = SIZES[task.size] ?? [1, 1];
    const [model, provider] = MODELS[task.model] ?? ['', ''];
    const file = pick(place.files[task.size] ?? [], random);
    const fileKey = keyOf(index, 'jpg');
    const kind = random() < 0.03 ? 'hd' : 'final';
    if (count - index <= LINKED_PICTURES) link(place.mediaRoot, file.picture, kind, fileKey);
    yield {
      id: `img_${uuidV7Hex(createdAt)}`,
      fileKey,
      thumbKey: file.thumb,
      width,
      height,
      bytes: file.bytes,
      thumbhash: file.thumbhash,
      mode: task.mode,
      kind,
      origin: task.origin,
      model,
      provider,
      style: task.style,
      favourite: random() < 0.02 ? 1 : 0,
      trashedAt: random() < 0.005 ? Date.now() : null,
      tags: random() < 0.01 ? JSON.stringify([pick(['portfolio', '待修', 'print'], random)]) : '[]',
      prompt: task.prompt,
      words: task.words,
      createdAt,
    };
  }
}

function link(root: string, from: string, kind: string, key: string): void {
  const path = pathOf(root, kind, key);
  mkdirSync(dirname(path), { recursive: true });
  if (!existsSync(path)) linkSync(pathOf(root, 'final', from), path);
}

export interface SeedName {
  no: number;
  kind: 'model' | 'provider' | 'style';
  name: string;
}

export const SEED_NAMES: SeedName[] = [
  ...MODELS.map(([name]) => ({ kind: 'model' as const, name })),
  ...[...new Set(MODELS.map(([, provider]) => provider))].map((name) => ({
    kind: 'provider' as const,
    name,
  })),
  ...STYLES.map((name) => ({ kind: 'style' as const, name })),
].map((row, index) => ({ no: index + 1, ...row }));

const NUMBERS = new Map(SEED_NAMES.map(({ no, kind, name }) => [`${kind} ${name}`, no]));

/** The column `gallery` of a seeded picture. */
export function seedFacts(picture: SeedPicture, number: number): string {
  return encodeFacts({
    ...picture,
    model: NUMBERS.get(`model ${picture.model}`) ?? 0,
    provider: NUMBERS.get(`provider ${picture.provider}`) ?? 0,
    style: picture.style === null ? 0 : (NUMBERS.get(`style ${picture.style}`) ?? 0),
    number,
  });
}

/** The rows of `files` for thumbnails. */
export const seedThumbs = ({ files }: SeedPlace) => files.flat();
