// The media volume of a run, in memory: files that are not synced are gone after a loss of power, a full or absent volume
// refuses, and what is stored takes its time. Stands in for the Media slice where the engine stores pictures.
import { AppError } from '../../src/kernel/errors.ts';
import type { Media, StoredPicture } from '../../src/media/media.ts';
import { sleepIn } from './pauses.ts';
import type { SimProcess, World } from './world.ts';

const LONGEST_WRITE_MS = 300;
const LONGEST_SYNC_MS = 200;
const PICTURE_SIDE = 64;
/** What a whole picture looks like; anything else does not decode. */
const WHOLE = /^picture .* end$/;

interface SimFile {
  content: string;
  isSynced: boolean;
}

type PictureSource = { path: string } | AsyncIterable<Uint8Array>;

export const pictureOf = (jobId: string, index: number) => `picture ${jobId} ${index} end`;

export class SimDisk {
  readonly files = new Map<string, SimFile>();
  isFull = false;
  readonly #world: World;
  readonly #isSynced: boolean;
  #made = 0;

  /** `isSynced` false: fsync says yes and does nothing. */
  constructor(world: World, isSynced: boolean) {
    this.#world = world;
    this.#isSynced = isSynced;
  }

  losePower(): void {
    for (const [path, { isSynced }] of this.files) if (!isSynced) this.files.delete(path);
  }

  isWhole(key: string): boolean {
    return WHOLE.test(this.files.get(`final/${key}`)?.content ?? '');
  }

  /** The volume as one process has it. */
  open(process: SimProcess): Media {
    const media: Pick<Media, 'spool' | 'shrink' | 'uploadBytes'> & {
      ingestResult(source: PictureSource): Promise<StoredPicture>;
      discard(path: string): Promise<void>;
      copySpooled(path: string): Promise<string>;
    } = {
      uploadBytes: 1,
      spool: (source) => this.#spool(process, source),
      shrink: async (bytes) => bytes,
      discard: async (path) => {
        this.files.delete(path);
      },
      copySpooled: (path) => this.#copy(process, path),
      ingestResult: (source) => this.#ingest(process, source),
    };
    // Media is a class with private parts: the engine uses no more of it than this.
    return media as unknown as Media;
  }

  async #spool(process: SimProcess, source: AsyncIterable<Uint8Array>) {
    if (this.isFull) throw full();
    this.#made += 1;
    const path = `staging/${this.#made}`;
    const file: SimFile = { content: '', isSynced: false };
    this.files.set(path, file);
    let bytes = 0;
    for await (const part of source) {
      await sleepIn(this.#world, process, LONGEST_WRITE_MS);
      file.content += Buffer.from(part).toString('utf8');
      bytes += part.length;
    }
    await this.#sync(process, file);
    return { path, bytes, mime: 'image/png' };
  }

  async #copy(process: SimProcess, path: string): Promise<string> {
    await sleepIn(this.#world, process, LONGEST_WRITE_MS);
    const spooled = this.files.get(path);
    if (!spooled) throw new AppError('image_invalid', { detail: 'It is gone.' });
    if (this.isFull) throw full();
    this.#made += 1;
    const copy = `staging/${this.#made}`;
    this.files.set(copy, { content: spooled.content, isSynced: false });
    return copy;
  }

  async #ingest(process: SimProcess, source: PictureSource): Promise<StoredPicture> {
    const path = 'path' in source ? source.path : (await this.#spool(process, source)).path;
    const staged = this.files.get(path);
    // As the real volume says it.
    if (!staged) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
    await sleepIn(this.#world, process, LONGEST_WRITE_MS);
    if (this.isFull) throw full();
    if (!WHOLE.test(staged.content)) {
      this.files.delete(path);
      throw new AppError('image_invalid', { detail: 'It does not decode.' });
    }
    await this.#sync(process, staged);
    this.#made += 1;
    const key = `${this.#made}.png`;
    this.files.delete(path);
    this.files.set(`final/${key}`, staged);
    await sleepIn(this.#world, process, LONGEST_SYNC_MS);
    this.#world.note(`${process.name} stored ${key}: ${staged.content}`);
    return {
      store: 'simulated',
      fileKind: 'final',
      fileKey: key,
      thumb: null,
      width: PICTURE_SIDE,
      height: PICTURE_SIDE,
      mime: 'image/png',
      bytes: staged.content.length,
      sha256: staged.content,
      thumbhash: null,
    };
  }

  async #sync(process: SimProcess, file: SimFile): Promise<void> {
    await sleepIn(this.#world, process, LONGEST_SYNC_MS);
    if (this.#isSynced) file.isSynced = true;
  }
}

const full = () => new AppError('storage_full', { detail: 'The volume is full.' });
