import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { systemClock } from '../../kernel/clock.ts';
import { toRgb } from './colour.ts';
import { CONTACT_PROMPTS } from './contact-prompts.ts';
import { differenceHash, hammingDistance } from './difference-hash.ts';
import { curve, Drawing, lines } from './drawing.ts';
import { paintPng } from './paint.ts';
import { Painter, type PaintJob } from './painter.ts';
import { PALETTES } from './palettes.ts';
import { planPicture, SCENES } from './plan.ts';
import { InputPictureError, transformPixels, upscalePixels } from './transform.ts';

const MIN_DIFFERENT_BITS = 12;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const request = (
  prompt: string,
  seed = 7,
  width = 160,
  height = 160,
  negativePrompt: string | null = null,
) => ({
  prompt,
  negativePrompt,
  seed,
  width,
  height,
});

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandbox-painting-'));
});
after(() => rm(folder, { recursive: true, force: true }));

/** An input with a bright disc on dark ground, so that composition can be compared. */
async function writeInput(name: string, side = 160): Promise<string> {
  const path = join(folder, name);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}"><rect width="100%" height="100%" fill="#203040"/><circle cx="${side * 0.6}" cy="${side * 0.4}" r="${side * 0.25}" fill="#f0d890"/><rect y="${side * 0.8}" width="100%" height="${side * 0.2}" fill="#608050"/></svg>`;
  await sharp(Buffer.from(svg)).png().toFile(path);
  return path;
}

const grey = (pixels: { data: Uint8Array }) =>
  Array.from(
    { length: pixels.data.length / 3 },
    (_, i) => (pixels.data[i * 3] ?? 0) + (pixels.data[i * 3 + 1] ?? 0) + (pixels.data[i * 3 + 2] ?? 0),
  );

function correlation(a: number[], b: number[]): number {
  const mean = (list: number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [top, squareA, squareB] = [0, 0, 0];
  a.forEach((value, i) => {
    const [da, db] = [value - meanA, (b[i] ?? 0) - meanB];
    top += da * db;
    squareA += da * da;
    squareB += db * db;
  });
  return top / Math.sqrt(squareA * squareB);
}

test('the same prompt, seed and size give the same bytes, in another process too', async () => {
  const painter = new Painter(systemClock);
  try {
    const wanted = request('夜晚的城市灯火', 11, 200, 120);
    const here = await paintPng(wanted);
    assert.equal(sha256(here), sha256(await paintPng(wanted)));
    const rest = { mode: 'text-to-image', strength: null, images: [], mask: null, keepFraction: 1 } as const;
    const job: Omit<PaintJob, 'id'> = { ...wanted, ...rest, outputPath: join(folder, 'other.png') };
    const bytes = await painter.paint(job, new AbortController().signal);
    assert.equal(bytes, here.length);
    assert.equal(sha256(await readFile(join(folder, 'other.png'))), sha256(here));
    assert.notEqual(sha256(await paintPng({ ...wanted, seed: 12 })), sha256(here));
    assert.notEqual(sha256(await paintPng({ ...wanted, prompt: '白天的城市' })), sha256(here));
  } finally {
    await painter.close();
  }
});

test('any two pictures of the contact sheet differ in at least 12 bits of their difference hash', async () => {
  const hashes: bigint[] = [];
  for (const prompt of CONTACT_PROMPTS)
    hashes.push(await differenceHash(await paintPng(request(prompt, 1, 128, 128))));
  const alike: string[] = [];
  hashes.forEach((a, i) => {
    hashes.forEach((b, j) => {
      if (j > i && hammingDistance(a, b) < MIN_DIFFERENT_BITS)
        alike.push(`${CONTACT_PROMPTS[i]} | ${CONTACT_PROMPTS[j]}`);
    });
  });
  assert.deepEqual(alike, []);
  assert.equal(CONTACT_PROMPTS.length, 24);
});

test('every scene paints every ratio at the size asked for', async () => {
  const sizes = [
    [64, 64],
    [160, 90],
    [90, 160],
    [64, 512],
  ] as const;
  for (const [index, name] of Object.keys(SCENES).entries()) {
    const [width, height] = sizes[index % sizes.length] ?? [64, 64];
    const words = SCENES[name as keyof typeof SCENES].words.split(',')[0] ?? '';
    const { info } = await sharp(await paintPng(request(words, 3, width, height)))
      .raw()
      .toBuffer({ resolveWithObject: true });
    assert.deepEqual([info.width, info.height], [width, height], name);
  }
});

test('keywords of both languages choose scene and palette, and whole words only', () => {
  const cases = [
    ['a calm SEA at sunset', 'sea', 'golden,dusk'],
    ['夜里的大海', 'sea', 'midnight,dusk'],
    ['mountains', 'mountains', null],
    ['雪山', 'mountains', 'nordic'],
    ['a cat in a city at night', 'cat', null],
    ['城市的夜晚', 'city', 'midnight,dusk,nebula'],
    ['樱花树下的兔子', 'rabbit', 'sakura'],
    ['水墨山水', 'ink', 'sumi'],
    ['雾中的灯塔', 'lighthouse', null],
    ['断桥', 'bridge', null],
    ['a teahouse', 'teahouse', null],
    ['彩色玻璃', 'glass', null],
    ['[sandbox:fault=lost] red roses', 'meadow', 'ember'],
  ] as const;
  for (const [prompt, scene, palettes] of cases) {
    const plan = planPicture(prompt, null, 1);
    assert.equal(plan.scene, scene, prompt);
    if (palettes)
      assert.ok(palettes.split(',').includes(plan.palette.name), `${prompt}: ${plan.palette.name}`);
  }
  assert.notEqual(planPicture('category theory', null, 1).scene, 'cat');
});

test('what the negative prompt names is not used', () => {
  assert.equal(planPicture('a cat by the sea', 'cats', 1).scene, 'sea');
  assert.ok(!planPicture('the sea at night', 'night', 1).motifs.has('night'));
  for (let seed = 0; seed < 20; seed++)
    assert.notEqual(planPicture('sunset sea', 'golden', seed).palette.name, 'golden');
});

test('a prompt never reaches the markup, and a hostile one paints like any other', async () => {
  const hostile =
    '"/><script>alert(1)</script><image href="file:///etc/passwd"/><style>*{display:none}</style>&xxe; flower';
  const { scene } = planPicture(hostile, hostile.replace('flower', ''), 1);
  assert.equal(scene, 'meadow');
  assert.ok((await paintPng(request(hostile))).length > 1000);
  for (const name of Object.keys(SCENES) as (keyof typeof SCENES)[]) {
    const plan = planPicture(`${SCENES[name].words.split(',')[0]} ${hostile}`, null, 1);
    assert.ok(!JSON.stringify({ ...plan, seedText: '' }).includes('script'));
  }
  const drawing = new Drawing({ width: 10, height: 10, longSidePx: 10 });
  drawing.path(
    lines([
      { x: 1, y: 2 },
      { x: 3, y: 4 },
    ]) +
      curve([
        { x: 1, y: 1 },
        { x: 2, y: 2 },
      ]),
    { fill: PALETTES.dawn.light },
  );
  assert.match(
    Drawing.toSvg([drawing], 10, 10).toString(),
    /^<svg [^<>]*><defs><\/defs><path d="[-MLCZ0-9. ]+" fill="#[0-9a-f]{6}"\/><\/svg>$/,
  );
});

test('every palette colour is inside sRGB', () => {
  for (const palette of Object.values(PALETTES)) {
    for (const colour of [
      ...palette.sky,
      ...palette.accents,
      palette.light,
      palette.far,
      palette.near,
      palette.paper,
      palette.ink,
    ]) {
      for (const channel of toRgb(colour)) assert.ok(channel >= 0 && channel <= 255, palette.name);
    }
  }
});

test('image-to-image changes the input more with more strength, and keeps its composition', async () => {
  const path = await writeInput('base.png');
  const base = { data: new Uint8Array(await sharp(path).removeAlpha().raw().toBuffer()) };
  const strengths = [0, 0.3, 0.6];
  const distances: number[] = [];
  for (const strength of strengths) {
    const pixels = await transformPixels({
      ...request('aurora'),
      strength,
      imagePaths: [path],
      maskPath: null,
    });
    distances.push(
      pixels.data.reduce((sum, value, i) => sum + Math.abs(value - (base.data[i] ?? 0)), 0) /
        pixels.data.length,
    );
    assert.ok(correlation(grey(pixels), grey(base)) > 0.7, `composition at ${strength}`);
  }
  assert.equal(distances[0], 0);
  assert.ok((distances[1] ?? 0) > 8 && (distances[2] ?? 0) > (distances[1] ?? 0), distances.join());
});

test('further images lend their colours', async () => {
  const path = await writeInput('base2.png');
  const red = join(folder, 'red.png');
  await sharp({ create: { width: 32, height: 32, channels: 3, background: '#e01020' } })
    .png()
    .toFile(red);
  const options = { ...request('lagoon blue'), strength: 0.5, maskPath: null };
  const redness = (data: Uint8Array) =>
    data.reduce((sum, value, i) => sum + (i % 3 === 0 ? value : i % 3 === 2 ? -value : 0), 0);
  const plain = await transformPixels({ ...options, imagePaths: [path] });
  const tinted = await transformPixels({ ...options, imagePaths: [path, red] });
  assert.ok(redness(tinted.data) > redness(plain.data));
});

test('only the transparent part of a mask is edited', async () => {
  const path = await writeInput('base3.png');
  const maskPath = join(folder, 'mask.png');
  const side = 160;
  const rgba = Buffer.alloc(side * side * 4, 255);
  for (let pixel = 0; pixel < side * side; pixel++) if (pixel % side < side / 2) rgba[pixel * 4 + 3] = 0;
  await sharp(rgba, { raw: { width: side, height: side, channels: 4 } })
    .png()
    .toFile(maskPath);
  const base = await sharp(path).removeAlpha().raw().toBuffer();
  const { data } = await transformPixels({
    ...request('ember'),
    strength: 0.8,
    imagePaths: [path],
    maskPath,
  });
  let [changedInside, changedOutside] = [0, 0];
  for (let at = 0; at < data.length; at++) {
    if (data[at] === base[at]) continue;
    if (Math.floor(at / 3) % side < side / 2) changedInside++;
    else changedOutside++;
  }
  assert.equal(changedOutside, 0);
  assert.ok(changedInside > (data.length / 2) * 0.8);
});

test('upscale gives the asked size and the same picture', async () => {
  const path = await writeInput('small.png', 96);
  const large = await upscalePixels(path, 192, 192);
  assert.deepEqual([large.width, large.height], [192, 192]);
  const back = await sharp(large.data, { raw: { width: 192, height: 192, channels: 3 } })
    .resize(96, 96)
    .raw()
    .toBuffer();
  assert.ok(
    correlation(grey({ data: back }), grey({ data: await sharp(path).removeAlpha().raw().toBuffer() })) >
      0.99,
  );
});

test('inputs other than JPEG, PNG and WebP are refused, and so is a damaged or missing one', async () => {
  const svg = join(folder, 'input.svg');
  await writeFile(svg, '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
  const torn = join(folder, 'torn.png');
  await writeFile(torn, (await readFile(await writeInput('whole.png'))).subarray(0, 200));
  for (const path of [svg, torn, join(folder, 'absent.png')]) {
    await assert.rejects(
      upscalePixels(path, 64, 64),
      (error: unknown) => error instanceof InputPictureError && error.missing === path.endsWith('absent.png'),
    );
  }
});
