// The painter's own process: it alone loads sharp with SVG allowed, and only ever feeds it markup of our own drawing.
// Answers one message for each job; a finished picture appears under its path only when it is whole.
import { open, rename, rm } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import sharp from 'sharp';
import { encodePng, type Pixels } from './canvas.ts';
import { paintPixels } from './paint.ts';
import type { PaintJob, PaintReport } from './painter.ts';
import { InputPictureError, transformPixels, upscalePixels } from './transform.ts';

/** Where the model was given no strength. */
const DEFAULT_STRENGTH = 0.6;

function pixelsOf(job: PaintJob): Promise<Pixels> {
  const { mode, width, height, images, mask, strength } = job;
  if (mode === 'upscale') return upscalePixels(images[0], width, height);
  if (mode === 'text-to-image') return paintPixels(job);
  return transformPixels({
    ...job,
    imagePaths: images,
    maskPath: mask,
    strength: strength ?? DEFAULT_STRENGTH,
  });
}

async function paintToFile(job: PaintJob): Promise<number> {
  const png = await encodePng(await pixelsOf(job));
  const bytes = job.keepFraction === 1 ? png : png.subarray(0, Math.floor(png.length * job.keepFraction));
  const temporary = `${job.outputPath}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
    await rename(temporary, job.outputPath);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return bytes.length;
}

async function answer(job: PaintJob): Promise<PaintReport> {
  try {
    return { id: job.id, outcome: 'painted', bytes: await paintToFile(job) };
  } catch (error) {
    if (error instanceof InputPictureError)
      return {
        id: job.id,
        outcome: error.missing ? 'input-missing' : 'input-invalid',
        message: error.message,
      };
    if (error instanceof Error && 'syscall' in error)
      return { id: job.id, outcome: 'disk', message: error.message };
    return { id: job.id, outcome: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

/** Loaders that may run: our own SVG, the layers made from it, and the three formats that inputs may have. */
function limitLoaders(): void {
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({
    operation: [
      'VipsForeignLoadSvgBuffer',
      'VipsForeignLoadPngBuffer',
      'VipsForeignLoadJpegBuffer',
      'VipsForeignLoadWebpBuffer',
    ],
  });
}

limitLoaders();
sharp.cache(false);
sharp.concurrency(1);
try {
  // Requests go before pictures: on a small machine painting takes what the server leaves.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
} catch {
  // Some containers refuse it; painting works all the same.
}
process.on('message', (job: PaintJob) => {
  void answer(job).then((report) => {
    if (process.connected) process.send?.(report);
  });
});
// Whoever asked is gone, so nobody will take the pictures.
process.on('disconnect', () => process.exit(0));
