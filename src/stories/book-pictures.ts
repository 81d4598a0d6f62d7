// The pictures of a book as JPEGs no larger than a page can show. They were decoded in full in the image process before they were
// stored; one book is made at a time, so that its pictures are all that is in memory.
import { AppError } from '../kernel/errors.ts';
import type { Book, BookPicture } from './book.ts';

export const MAX_BOOK_PAGES = 200;
const MAX_SIDE_PIXELS = 1400;
const QUALITY = 82;
/** Under what is transparent. */
const GROUND = '#ffffff';

export interface Jpeg {
  bytes: Buffer;
  width: number;
  height: number;
}

let previous: Promise<unknown> = Promise.resolve();

/** Makes one book after the other. Throws `conflict` for a book that is too long, and what `make` throws. */
export function makeBook<Result>(book: Book, make: () => Promise<Result>): Promise<Result> {
  if (book.leaves.length > MAX_BOOK_PAGES) {
    throw new AppError('conflict', {
      detail: `This book would have ${book.leaves.length} pages; at most ${MAX_BOOK_PAGES} can be exported.`,
      fix: 'Export one path: name its last page with ?page=.',
    });
  }
  const made = previous.then(make, make);
  previous = made.catch(() => {});
  return made;
}

/** A picture for a page; null when its file cannot be read now: a book without a picture is better than none. */
export async function bookJpeg(book: Book, picture: BookPicture): Promise<Jpeg | null> {
  const { default: sharp } = await import('sharp');
  try {
    const { opened } = await book.openPicture(picture);
    try {
      const chunks: Uint8Array[] = [];
      for await (const chunk of opened.stream()) chunks.push(chunk as Uint8Array);
      const { data, info } = await sharp(Buffer.concat(chunks), { failOn: 'error' })
        .autoOrient()
        .resize({ width: MAX_SIDE_PIXELS, height: MAX_SIDE_PIXELS, fit: 'inside', withoutEnlargement: true })
        .flatten({ background: GROUND })
        .jpeg({ quality: QUALITY })
        .toBuffer({ resolveWithObject: true });
      return { bytes: data, width: info.width, height: info.height };
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}
