// Hostile pictures against the real image process: what passes, what is refused, and that the service outlives its decoders.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import sharp from 'sharp';
import { until } from '../../test/harness/clock.ts';
import { type Clock, systemClock, type Timer } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { DECODE_TIMEOUT_MS, ImageProcess } from './image-process.ts';
import { MAX_SIDE_CHUNKS } from './picture-chunks.ts';
import type { DecodedPicture } from './picture-decode.ts';
import {
  animationChunk,
  FOREIGN_FILES,
  flatPng,
  jpegWithPlace,
  photo,
  pngChunk,
  textChunk,
  zipTextBomb,
} from './test-pictures.ts';

let folder: string;
let images: ImageProcess;
let files = 0;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drawbridge-images-'));
  images = new ImageProcess({ clock: systemClock });
});
after(async () => {
  await images.close();
  await rm(folder, { recursive: true, force: true });
});

async function inspect(
  bytes: Uint8Array,
  purpose: 'upload' | 'result' = 'upload',
  { by = images, removeRecipes = true } = {},
): Promise<DecodedPicture & { stored: Buffer }> {
  const path = join(folder, `picture${++files}`);
  await writeFile(path, bytes);
  const picture = await by.inspect(path, {
    purpose,
    removeRecipes,
    thumbPath: `${path}.thumb`,
    cleanPath: `${path}.clean`,
  });
  return { ...picture, stored: await readFile(picture.cleanPath ?? path) };
}

const hasCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
const refused = (bytes: Uint8Array, purpose: 'upload' | 'result' = 'upload') =>
  assert.rejects(inspect(bytes, purpose), hasCode('image_invalid'));

/** Walks in time only when told to. */
class HandClock implements Clock {
  #timers: { at: number; callback: () => void }[] = [];
  #now = 0;
  now = () => this.#now;
  monotonicMs = () => this.#now;
  after(delayMs: number, callback: () => void): Timer {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }
  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter((timer) => timer.at <= this.#now);
    this.#timers = this.#timers.filter((timer) => timer.at > this.#now);
    for (const timer of due) timer.callback();
  }
}

describe('good pictures', () => {
  test('a result is kept byte for byte and gets a thumbnail and a thumbhash', async () => {
    for (const format of ['png', 'jpeg', 'webp'] as const) {
      const bytes = await photo(format, 700);
      const picture = await inspect(bytes, 'result');
      assert.deepEqual([picture.format, picture.width, picture.height], [format, 700, 700]);
      assert.equal(picture.cleanPath, null);
      assert.deepEqual(picture.stored, bytes);
      const thumb = await sharp(picture.thumbPath ?? '').metadata();
      assert.deepEqual([thumb.format, thumb.width, thumb.height], ['webp', 512, 512]);
      assert.ok(Buffer.from(picture.thumbhash ?? '', 'base64').length >= 15);
    }
  });

  test('M6s: an upload is turned upright and loses place, names and every other metadata', async () => {
    const bytes = await jpegWithPlace();
    assert.ok((await sharp(bytes).metadata()).exif);
    const picture = await inspect(bytes);
    assert.deepEqual([picture.width, picture.height], [60, 40]);
    const stored = await sharp(picture.stored).metadata();
    assert.deepEqual(
      [stored.width, stored.height, stored.exif, stored.xmp, stored.orientation],
      [60, 40, undefined, undefined, undefined],
    );
  });

  test('M6s: recipe text is cut out of results without touching the rest, unless opted in', async () => {
    const other = [textChunk('Copyright', 'me'), pngChunk('caBX', Buffer.from('c2pa'))];
    const bytes = flatPng(64, 64, [
      textChunk('prompt', '{"1":{"class_type":"KSampler"}}'),
      ...other,
      textChunk('workflow', '{}'),
      zipTextBomb('parameters', 100),
    ]);
    const cleaned = await inspect(bytes, 'result');
    assert.deepEqual(cleaned.stored, flatPng(64, 64, other));
    const kept = await inspect(bytes, 'result', { removeRecipes: false });
    assert.deepEqual(kept.stored, bytes);
    for (const format of ['jpeg', 'webp'] as const) {
      const plain = await photo(format, 64);
      const withRecipe = await sharp(plain)
        .toFormat(format)
        .withExif({ IFD0: { Make: 'workflow:{"nodes":[]}' } })
        .toBuffer();
      const clean = await inspect(withRecipe, 'result');
      assert.ok(!clean.stored.includes('workflow'), format);
      assert.equal((await sharp(clean.stored).metadata()).exif, undefined);
      assert.deepEqual(await sharp(clean.stored).raw().toBuffer(), await sharp(withRecipe).raw().toBuffer());
    }
  });

  test('a CMYK upload becomes sRGB; alpha and 16 bits survive the way', async () => {
    const cmyk = await sharp(await photo('jpeg', 64))
      .toColourspace('cmyk')
      .jpeg()
      .toBuffer();
    assert.equal((await sharp((await inspect(cmyk)).stored).metadata()).space, 'srgb');
    await refused(cmyk, 'result');
    const alpha = await sharp(await photo('png', 64))
      .ensureAlpha(0.5)
      .png()
      .toBuffer();
    assert.equal((await sharp((await inspect(alpha)).stored).metadata()).hasAlpha, true);
  });
});

describe('hostile pictures', () => {
  test('V3 D7 M5s: by its first bytes anything but PNG, JPEG and WebP is refused', async () => {
    for (const [name, bytes] of Object.entries(FOREIGN_FILES)) {
      await assert.rejects(inspect(bytes), hasCode('unsupported_media_type'), name);
    }
    const tiff = await sharp(await photo('png', 32))
      .tiff()
      .toBuffer();
    await assert.rejects(inspect(tiff), hasCode('unsupported_media_type'));
  });

  test('V3 M5s: a right signature before something else does not reach another loader', async () => {
    const signature = Buffer.from('89504e470d0a1a0a', 'hex');
    await refused(Buffer.concat([signature, FOREIGN_FILES.svg as Buffer]));
    await refused(Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), FOREIGN_FILES.html as Buffer]));
    await refused(Buffer.from('RIFF\x10\0\0\0WEBP<svg></svg>', 'latin1'));
  });

  test('M5s: once restricted, sharp has no loader for SVG, GIF, TIFF and PDF, and keeps those for our three', async () => {
    const script = `
      import sharp from ${JSON.stringify(import.meta.resolve('sharp'))};
      import { restrictDecoders } from ${JSON.stringify(new URL('./picture-decode.ts', import.meta.url).href)};
      const source = { create: { width: 8, height: 8, channels: 3, background: 'red' } };
      const files = { svg: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>') };
      for (const format of ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif']) files[format] = await sharp(source).toFormat(format).toBuffer();
      restrictDecoders();
      const open = [];
      for (const [format, bytes] of Object.entries(files)) await sharp(bytes).metadata().then(() => open.push(format), () => {});
      console.log(open.join());`;
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    assert.equal(run.stdout.trim(), 'png,jpeg,webp', run.stderr);
  });

  test('V3 M3s: what lies behind the end of an uploaded picture is gone', async () => {
    for (const format of ['png', 'jpeg', 'webp'] as const) {
      const tail = Buffer.from('PK\x03\x04<html><script>alert(1)</script>');
      const picture = await inspect(Buffer.concat([await photo(format, 48), tail]));
      assert.ok(!picture.stored.includes('script'), format);
    }
  });

  test('V1: truncated at many lengths, every picture is refused, though its header is whole', async () => {
    for (const format of ['jpeg', 'png', 'webp'] as const) {
      const bytes = await photo(format, 128);
      for (const share of [0.02, 0.2, 0.4, 0.6, 0.8, 0.9, 0.97]) {
        const cut = bytes.subarray(0, Math.floor(bytes.length * share));
        await assert.rejects(inspect(cut, 'result'), hasCode('image_invalid'), `${format} at ${share}`);
        await assert.rejects(inspect(cut), hasCode('image_invalid'), `${format} at ${share}`);
      }
    }
  });

  test('V1: flipped bits in a PNG are found by the full decode', async () => {
    const bytes = await photo('png', 128);
    bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 0xff;
    await refused(bytes, 'result');
  });

  test('V2 M4s: pixel bombs, animations, chunk floods, text and profile bombs are refused at once', async () => {
    const startMs = performance.now();
    await assert.rejects(inspect(flatPng(16_000, 16_000)), /16000 × 16000 pixels; at most 50 million/);
    await refused(flatPng(30_000, 8_000), 'result');
    await refused(flatPng(40_000, 16));
    await refused(flatPng(16, 16, [animationChunk(10_000)]));
    await refused(
      flatPng(
        16,
        16,
        Array.from({ length: MAX_SIDE_CHUNKS + 1 }, (_, n) => textChunk('k', String(n))),
      ),
    );
    const frames = [await photo('png', 8), await photo('png', 8)];
    const animated = await sharp(frames, { join: { animated: true } })
      .webp({ loop: 0 })
      .toBuffer();
    assert.equal((await sharp(animated).metadata()).pages, 2);
    await refused(animated);
    const bomb = await inspect(flatPng(16, 16, [zipTextBomb('Comment', 200_000_000)]), 'upload').catch(
      (error) => error,
    );
    assert.ok(bomb instanceof AppError || bomb.stored.length < 1000, 'the text is refused or dropped');
    assert.ok(performance.now() - startMs < 10_000);
    assert.ok((await inspect(await photo('png', 32))).thumbPath, 'the service goes on');
  });
});

describe('the image process', () => {
  test('V4 M5s: a decoder that crashes once is tried again; one that always crashes costs one picture', async (t) => {
    let crashes = 1;
    const pids: number[] = [];
    const by = new ImageProcess({
      clock: systemClock,
      children: 1,
      onChildStart: (pid) => {
        pids.push(pid);
        if (crashes-- > 0) process.kill(pid, 'SIGSEGV');
      },
    });
    t.after(() => by.close());
    const bytes = await photo('png', 64);
    assert.equal((await inspect(bytes, 'result', { by })).width, 64);
    assert.equal(pids.length, 2);
    process.kill(pids[1] ?? 0, 'SIGKILL');
    crashes = 2;
    await assert.rejects(inspect(bytes, 'result', { by }), hasCode('image_invalid'));
    assert.equal((await inspect(bytes, 'result', { by })).width, 64);
  });

  test('V4: a decoder that hangs is killed after 10 seconds, and the next child does the work', async (t) => {
    const clock = new HandClock();
    let hung = false;
    const by = new ImageProcess({
      clock,
      children: 1,
      onChildStart: (pid) => {
        if (hung) return;
        hung = true;
        process.kill(pid, 'SIGSTOP');
        // The job is handed over in the same turn; after that time passes.
        setImmediate(() => clock.advance(DECODE_TIMEOUT_MS));
      },
    });
    t.after(() => by.close());
    assert.equal((await inspect(await photo('png', 64), 'result', { by })).width, 64);
  });

  test('G18: a picture that somebody waits for is decoded before the many of a batch', async (t) => {
    const pids: number[] = [];
    const by = new ImageProcess({
      clock: systemClock,
      children: 1,
      onChildStart: (pid) => {
        pids.push(pid);
        process.kill(pid, 'SIGSTOP');
      },
    });
    t.after(() => by.close());
    const path = join(folder, 'in-turn.png');
    await writeFile(path, flatPng(32, 32));
    const order: string[] = [];
    const take = async (name: string) => {
      const paths = { thumbPath: `${path}.${name}.thumb`, cleanPath: `${path}.${name}.clean` };
      const isBackground = name !== 'single';
      await by.inspect(path, { purpose: 'result', removeRecipes: false, isBackground, ...paths });
      order.push(name);
    };
    const begun = take('begun');
    await until(async () => pids.length === 1);
    const batch = ['batch-1', 'batch-2', 'batch-3'].map(take);
    await until(async () => by.waiting === 3);
    const single = take('single');
    await until(async () => by.waiting === 4);
    process.kill(pids[0] ?? 0, 'SIGCONT');
    await Promise.all([begun, ...batch, single]);
    assert.deepEqual(order.slice(0, 2), ['begun', 'single']);
  });

  test('idle children end by themselves, and the next picture starts a new one', async (t) => {
    const clock = new HandClock();
    const pids: number[] = [];
    const by = new ImageProcess({ clock, children: 1, onChildStart: (pid) => pids.push(pid) });
    t.after(() => by.close());
    const bytes = await photo('png', 32);
    await inspect(bytes, 'result', { by });
    await inspect(bytes, 'result', { by });
    assert.equal(pids.length, 1);
    clock.advance(60_000);
    await inspect(bytes, 'result', { by });
    assert.equal(pids.length, 2);
    assert.deepEqual(by.pids, [pids[1]]);
  });

  test('S1: the environment of the process that reads hostile bytes holds no secret', async (t) => {
    if (process.platform !== 'linux') return t.skip('reads /proc');
    await inspect(await photo('png', 32));
    for (const pid of images.pids) {
      const names = (await readFile(`/proc/${pid}/environ`, 'utf8'))
        .split('\0')
        .filter(Boolean)
        .map((entry) => entry.split('=')[0]);
      assert.deepEqual(
        names.filter(
          (name) =>
            !/^(MALLOC_ARENA_MAX|UV_THREADPOOL_SIZE|NODE_CHANNEL_\w+|NODE_UNIQUE_ID)$/.test(name ?? ''),
        ),
        [],
      );
    }
  });
});
