// The picture files below a folder, in the order of their names, each with what it is called from there. Links are not
// followed: what lies outside the folder was not meant.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

const PICTURE = /\.(?:png|jpe?g|webp)$/i;

export interface FoundFile {
  path: string;
  /** Below the folder, with slashes, composed as addresses are. */
  name: string;
  bytes: number;
  modifiedMs: number;
}

export interface LeftFile {
  name: string;
  why: 'not_picture' | 'link';
}

/** Throws what reading the folder throws. */
export async function findPictures(folder: string): Promise<{ found: FoundFile[]; left: LeftFile[] }> {
  const found: FoundFile[] = [];
  const left: LeftFile[] = [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path).split(sep).join('/').normalize('NFC');
    if (!entry.isFile()) left.push({ name, why: 'link' });
    else if (!PICTURE.test(entry.name)) left.push({ name, why: 'not_picture' });
    else {
      const { size, mtimeMs } = await stat(path);
      found.push({ path, name, bytes: size, modifiedMs: Math.floor(mtimeMs) });
    }
  }
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  return { found: found.sort(byName), left: left.sort(byName) };
}

/** SHA-256 of a file, hexadecimal. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}
