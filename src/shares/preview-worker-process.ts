// The previews' own process: decodes stored pictures with sharp and writes smaller or cleaned copies. Answers one message for each
// job; a copy appears under its path only when it is whole. It holds no secret and no connection, and ends with its parent.
import { rename, rm } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import sharp, { type Sharp } from 'sharp';
import type { PreviewJob, PreviewReport } from './preview-process.ts';

const JPEG_QUALITY = 80;
const CLEAN_QUALITY = 95;
/** Around pictures that are too small or too long for a preview. */
const BORDER = '#e6e6e6';
/** Under what is transparent. */
const GROUND = '#ffffff';
const LOADERS = ['VipsForeignLoadJpegFile', 'VipsForeignLoadPngFile', 'VipsForeignLoadWebpFile'];

/** The IPTC mark of pictures that a model made, which a smaller copy must keep. */
function sourceMark(mode: string): string {
  const type = mode === 'text-to-image' ? 'trainedAlgorithmicMedia' : 'compositeWithTrainedAlgorithmicMedia';
  return `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/${type}</Iptc4xmpExt:DigitalSourceType></rdf:Description></rdf:RDF></x:xmpmeta>`;
}

function encode(job: PreviewJob): Sharp {
  const picture = sharp(job.source, {
    failOn: 'error',
    sequentialRead: true,
    limitInputPixels: job.maxPixels,
  })
    .autoOrient()
    .toColourspace('srgb')
    .withXmp(sourceMark(job.mode));
  if (job.kind === 'clean') {
    if (job.mime === 'image/png') return picture.png({ compressionLevel: 6 });
    return job.mime === 'image/webp'
      ? picture.webp({ quality: CLEAN_QUALITY, effort: 2 })
      : picture.jpeg({ quality: CLEAN_QUALITY, chromaSubsampling: '4:4:4' });
  }
  const { width, height, innerWidth, innerHeight } = job.size;
  const left = Math.floor((width - innerWidth) / 2);
  const top = Math.floor((height - innerHeight) / 2);
  return picture
    .resize({ width: innerWidth, height: innerHeight, fit: 'fill' })
    .flatten({ background: GROUND })
    .extend({
      left,
      right: width - innerWidth - left,
      top,
      bottom: height - innerHeight - top,
      background: BORDER,
    })
    .jpeg({ quality: JPEG_QUALITY, mozjpeg: true });
}

async function make(job: PreviewJob): Promise<PreviewReport> {
  const temporary = `${job.target}.${process.pid}.tmp`;
  try {
    await encode(job).toFile(temporary);
    await rename(temporary, job.target);
    return { id: job.id, ok: true };
  } catch (error) {
    await rm(temporary, { force: true });
    const isDisk = /No space left|ENOSPC|unable to open for write|write error/i.test(String(error));
    return { id: job.id, ok: false, isDisk };
  }
}

sharp.cache(false);
sharp.concurrency(1);
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: LOADERS });
try {
  // Requests go before previews.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
} catch {
  // Some containers refuse it; it works all the same.
}
process.on('disconnect', () => process.exit(0));
process.on('message', (job: PreviewJob) => {
  void make(job).then((report) => {
    if (process.connected) process.send?.(report);
  });
});
