// Paints 24 prompts with the sandbox's painter on one sheet: `node bench/contact-sheet.ts <out.png> [seed] [tile px]`.
// Prints the time of each picture and the two prompts whose pictures look most alike (dHash, in bits of 64).
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { CONTACT_PROMPTS } from '../src/providers/sandbox/contact-prompts.ts';
import { differenceHash, hammingDistance } from '../src/providers/sandbox/difference-hash.ts';
import { paintPng } from '../src/providers/sandbox/paint.ts';

const COLUMNS = 6;
const GAP_PX = 12;

const { positionals } = parseArgs({ allowPositionals: true });
const [out, seedText = '1', tileText = '320'] = positionals;
if (!out) {
  process.stderr.write('Usage: node bench/contact-sheet.ts <out.png> [seed] [tile px]\n');
  process.exit(2);
}
const tile = Number(tileText);
const pictures: { prompt: string; png: Buffer; hash: bigint; ms: number }[] = [];
for (const prompt of CONTACT_PROMPTS) {
  const started = performance.now();
  const png = await paintPng({
    prompt,
    negativePrompt: null,
    seed: Number(seedText),
    width: tile,
    height: tile,
  });
  pictures.push({ prompt, png, hash: await differenceHash(png), ms: performance.now() - started });
}
const rows = Math.ceil(pictures.length / COLUMNS);
await sharp({
  create: {
    width: COLUMNS * (tile + GAP_PX) + GAP_PX,
    height: rows * (tile + GAP_PX) + GAP_PX,
    channels: 3,
    background: '#f4f2ee',
  },
})
  .composite(
    pictures.map(({ png }, index) => ({
      input: png,
      left: GAP_PX + (index % COLUMNS) * (tile + GAP_PX),
      top: GAP_PX + Math.floor(index / COLUMNS) * (tile + GAP_PX),
    })),
  )
  .png()
  .toFile(out);
let closest = { bits: 64, pair: '' };
pictures.forEach((a, i) => {
  for (const b of pictures.slice(i + 1)) {
    const bits = hammingDistance(a.hash, b.hash);
    if (bits < closest.bits) closest = { bits, pair: `${a.prompt} | ${b.prompt}` };
  }
});
for (const { prompt, ms, png } of pictures) {
  process.stdout.write(
    `${ms.toFixed(0).padStart(6)} ms ${(png.length / 1024).toFixed(0).padStart(6)} KiB  ${prompt}\n`,
  );
}
process.stdout.write(`closest pair: ${closest.bits} bits: ${closest.pair}\n`);
