// Previews of real pictures by the real child process, and the sizes that chat programs ask for.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sharp from 'sharp';
import { systemClock } from '../kernel/clock.ts';
import { byteRange } from './byte-range.ts';
import { PreviewProcess } from './preview-process.ts';
import { previewSize } from './preview-size.ts';

const folder = mkdtempSync(join(tmpdir(), 'drawbridge-preview-'));
const previews = new PreviewProcess(systemClock);
after(async () => {
  await previews.close();
  rmSync(folder, { recursive: true, force: true });
});

async function make(source: string, picture: { width: number; height: number }) {
  const target = join(folder, 'preview.jpg');
  const size = previewSize(picture);
  const common = { mime: 'image/png', mode: 'image-to-image', maxPixels: 50_000_000 };
  await previews.make({ kind: 'preview', source, target, size, ...common });
  return target;
}

test('a preview has at most 1,200 and at least 300 pixels a side, whatever the shape', () => {
  for (const [width, height, expected] of [
    [4096, 2048, [1200, 600, 1200, 600]],
    [512, 768, [512, 768, 512, 768]],
    [64, 64, [300, 300, 64, 64]],
    [4000, 400, [1200, 300, 1200, 120]],
    [1, 9000, [300, 1200, 1, 1200]],
  ] as const) {
    const size = previewSize({ width, height });
    assert.deepEqual([size.width, size.height, size.innerWidth, size.innerHeight], expected);
  }
});

test('transparent, small and long pictures become whole JPEGs with the mark of their making', async () => {
  const source = join(folder, 'source.png');
  await sharp({
    create: { width: 900, height: 90, channels: 4, background: { r: 200, g: 0, b: 0, alpha: 0.5 } },
  })
    .png()
    .toFile(source);
  const target = await make(source, { width: 900, height: 90 });
  const { format, width, height, xmp } = await sharp(target).metadata();
  assert.deepEqual([format, width, height], ['jpeg', 900, 300]);
  assert.match(String(xmp), /compositeWithTrainedAlgorithmicMedia/);
  const middle = await sharp(target).extract({ left: 450, top: 150, width: 1, height: 1 }).raw().toBuffer();
  assert.ok(
    Math.abs((middle[0] ?? 0) - 228) < 8 && Math.abs((middle[1] ?? 0) - 128) < 8,
    String([...middle]),
  );
});

test('what is no picture ends its own job and nothing else', async () => {
  const broken = join(folder, 'broken.png');
  writeFileSync(broken, '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
  await assert.rejects(make(broken, { width: 9, height: 9 }), { code: 'image_invalid' });
  await assert.rejects(make(join(folder, 'missing.png'), { width: 9, height: 9 }), { code: 'image_invalid' });
  const source = join(folder, 'good.png');
  await sharp({ create: { width: 400, height: 400, channels: 3, background: '#369' } })
    .png()
    .toFile(source);
  assert.equal((await sharp(await make(source, { width: 400, height: 400 })).metadata()).width, 400);
});

test('one range is understood, everything else is answered with the whole', () => {
  for (const [header, expected] of [
    ['bytes=0-', { start: 0, end: 99 }],
    ['bytes=10-19', { start: 10, end: 19 }],
    ['bytes=90-1000', { start: 90, end: 99 }],
    ['bytes=-5', { start: 95, end: 99 }],
    ['bytes=-500', { start: 0, end: 99 }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=9-1', null],
    ['bytes=-', null],
    ['bytes=0-1,4-5', null],
    ['items=0-1', null],
    ['bytes=1e3-', null],
    [undefined, null],
  ] as const)
    assert.deepEqual(byteRange(header, 100), expected, header);
});
