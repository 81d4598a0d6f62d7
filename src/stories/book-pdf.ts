// A book as PDF: a page of paper for each page of the story, its picture above its text, and choices as links to where they lead.
// One font is embedded, reduced to the characters that the book uses; it has Chinese, Japanese and Latin letters.
import { readFile } from 'node:fs/promises';
import PDFDocument from 'pdfkit';
import type { Book, BookLeaf } from './book.ts';
import { bookJpeg, makeBook } from './book-pictures.ts';
import { BOOK_WORDS, type BookWords, printable } from './book-words.ts';

const FONT = new URL('./fonts/noto-serif-sc.otf', import.meta.url);
const FONT_NAME = 'body';
/** 6 by 8.5 inches, as picture books are. */
const PAPER: [number, number] = [432, 612];
const MARGIN = 40;
const PICTURE_HEIGHT = 270;
const TITLE_SIZE = 15;
const TEXT_SIZE = 12.5;
const LINE_GAP = 5;
const SMALL_SIZE = 9;
const COVER_SIZE = 28;
const INK = '#222222';
const QUIET = '#6b6b6b';
const LAMP = '#8a5200';

type Pdf = InstanceType<typeof PDFDocument>;

/** The whole file. Throws `conflict` for a book that is too long. */
export function writePdf(book: Book): Promise<Buffer> {
  return makeBook(book, async () => {
    const font = await readFile(FONT);
    const doc = new PDFDocument({
      size: PAPER,
      margins: { top: MARGIN, bottom: MARGIN, left: MARGIN, right: MARGIN },
      autoFirstPage: false,
      tagged: true,
      pdfVersion: '1.7',
      lang: book.language,
      displayTitle: true,
      info: { Title: book.title, Creator: 'Drawbridge', CreationDate: new Date(book.updatedAt) },
    });
    const bytes = collect(doc);
    doc.registerFont(FONT_NAME, font);
    doc.font(FONT_NAME);
    const root = doc.struct('Document');
    doc.addStructure(root);
    const words = BOOK_WORDS[book.language];
    writeCover(doc, root, book, words);
    for (const [index, leaf] of book.leaves.entries())
      await writeLeaf(doc, root, { book, leaf, index, words });
    root.end();
    doc.end();
    return bytes;
  });
}

function collect(doc: Pdf): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    doc.on('data', (chunk: Buffer) => chunks.push(chunk));
    doc.on('end', () => resolve(Buffer.concat(chunks)));
    doc.on('error', reject);
  });
}

type Structure = ReturnType<Pdf['struct']>;

const WIDTH = PAPER[0] - 2 * MARGIN;

function writeCover(doc: Pdf, root: Structure, book: Book, words: BookWords): void {
  doc.addPage();
  root.add(
    doc.struct('H1', {}, () => {
      doc.fillColor(INK).fontSize(COVER_SIZE);
      doc.text(printable(book.title), MARGIN, PAPER[1] / 3, {
        width: WIDTH,
        align: 'center',
        lineGap: LINE_GAP,
      });
    }),
  );
  root.add(
    doc.struct('P', {}, () => {
      doc.moveDown().fillColor(QUIET).fontSize(TEXT_SIZE);
      doc.text(printable(book.summary), { width: WIDTH, align: 'center', lineGap: LINE_GAP });
    }),
  );
  if (!book.byDemoWriter) return;
  root.add(
    doc.struct('P', {}, () => {
      doc.fontSize(SMALL_SIZE);
      doc.text(words.demoWriter, MARGIN, PAPER[1] - 2 * MARGIN, { width: WIDTH, align: 'center' });
    }),
  );
}

const placeName = (index: number) => `leaf-${index}`;

interface LeafParts {
  book: Book;
  leaf: BookLeaf;
  index: number;
  words: BookWords;
}

async function writeLeaf(doc: Pdf, root: Structure, { book, leaf, index, words }: LeafParts): Promise<void> {
  const picture = leaf.picture && (await bookJpeg(book, leaf.picture));
  doc.addPage();
  doc.addNamedDestination(placeName(index));
  doc.outline.addItem(printable(`${leaf.number}. ${leaf.choice ?? leaf.title}`));
  const section = doc.struct('Sect');
  root.add(section);
  let top = MARGIN;
  if (picture) {
    const scale = Math.min(WIDTH / picture.width, PICTURE_HEIGHT / picture.height);
    const width = picture.width * scale;
    const height = picture.height * scale;
    section.add(
      doc.struct('Figure', { alt: leaf.altText }, () => {
        doc.image(picture.bytes, MARGIN + (WIDTH - width) / 2, top, { width, height });
      }),
    );
    top += height + 18;
  }
  section.add(
    doc.struct('H2', {}, () => {
      doc.fillColor(QUIET).fontSize(TITLE_SIZE);
      doc.text(printable(leaf.title), MARGIN, top, { width: WIDTH, lineGap: 2 });
    }),
  );
  doc.moveDown(0.4);
  for (const paragraph of leaf.text.split(/\n+/)) {
    section.add(
      doc.struct('P', {}, () => {
        doc.fillColor(INK).fontSize(TEXT_SIZE);
        doc.text(printable(paragraph), { width: WIDTH, lineGap: LINE_GAP, paragraphGap: 6 });
      }),
    );
  }
  writeWaysOn(doc, section, leaf, words);
  section.end();
}

function writeWaysOn(doc: Pdf, section: Structure, leaf: BookLeaf, words: BookWords): void {
  const ways = leaf.choices.filter(({ leadsTo }) => leadsTo !== null);
  doc.moveDown(0.4);
  const note = (text: string) =>
    section.add(
      doc.struct('P', {}, () => {
        doc.fillColor(QUIET).fontSize(SMALL_SIZE);
        doc.text(text, { width: WIDTH, lineGap: 3 });
      }),
    );
  if (leaf.choices.length === 0) note(words.end);
  if (ways.length === 0) return;
  note(words.howItGoesOn);
  for (const { text, leadsTo } of ways) {
    section.add(
      doc.struct('P', {}, () => {
        doc.fillColor(LAMP).fontSize(TEXT_SIZE);
        doc.text(`→ ${printable(text)}`, { width: WIDTH, lineGap: 3, goTo: placeName(leadsTo ?? 0) });
      }),
    );
  }
}
