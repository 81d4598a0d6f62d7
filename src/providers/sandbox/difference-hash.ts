// The 64-bit difference hash of a picture: how alike two pictures look, told by the light of 9 x 8 cells.
// Loads sharp, so only the painter process, tests and benches may import this file.
import sharp from 'sharp';

const COLUMNS = 9;
const ROWS = 8;

/** One bit for each pair of neighbours in a row: set where the right one is lighter. */
export async function differenceHash(picture: Buffer): Promise<bigint> {
  const cells = await sharp(picture)
    .removeAlpha()
    .greyscale()
    .resize(COLUMNS, ROWS, { fit: 'fill' })
    .raw()
    .toBuffer();
  let hash = 0n;
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column < COLUMNS - 1; column++) {
      const index = row * COLUMNS + column;
      hash = (hash << 1n) | ((cells[index + 1] as number) > (cells[index] as number) ? 1n : 0n);
    }
  }
  return hash;
}

/** How many of the 64 bits differ. */
export function hammingDistance(a: bigint, b: bigint): number {
  let bits = 0;
  for (let rest = a ^ b; rest > 0n; rest >>= 1n) bits += Number(rest & 1n);
  return bits;
}
