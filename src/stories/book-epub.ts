// A book as EPUB 3: one document for each page, pictures with alternative texts, and choices as links to where they lead.
import { once } from 'node:events';
import { ZipFile } from 'yazl';
import type { Book, BookLeaf } from './book.ts';
import { bookJpeg, type Jpeg, makeBook } from './book-pictures.ts';
import { BOOK_WORDS, printable } from './book-words.ts';

const STYLE = `body { margin: 1em 6%; line-height: 1.7; }
figure { margin: 0 0 1.2em; text-align: center; }
img { max-width: 100%; max-height: 70vh; }
h1 { text-align: center; margin-top: 25%; }
h2 { font-size: 1.1em; font-weight: normal; color: #666; }
p { margin: 0 0 0.8em; }
.note { font-size: 0.8em; color: #666; }
ol.choices { list-style: none; padding: 0; }
ol.choices li { margin: 0.5em 0; }
`;
const CONTAINER = `<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="book/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>
`;

const XML_SIGNS: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
/** Text inside XML; characters that XML cannot have are gone. */
function xml(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '')
    .replaceAll(/[&<>"']/g, (sign) => XML_SIGNS[sign] ?? sign);
}

const documentName = (index: number) => `page-${index + 1}.xhtml`;
const pictureName = (index: number) => `picture-${index + 1}.jpg`;

/** The whole file. Throws `conflict` for a book that is too long. */
export function writeEpub(book: Book): Promise<Buffer> {
  return makeBook(book, async () => {
    const zip = new ZipFile();
    const chunks: Buffer[] = [];
    zip.outputStream.on('data', (chunk: Buffer) => chunks.push(chunk));
    const ended = once(zip.outputStream, 'end');
    const mtime = new Date(book.updatedAt);
    const add = (path: string, content: string | Buffer, compress = true) =>
      zip.addBuffer(Buffer.from(content), path, { mtime, compress });
    // The first entry, and as it is: so a reader knows the file by its first bytes.
    add('mimetype', 'application/epub+zip', false);
    add('META-INF/container.xml', CONTAINER);
    const pictures: (Jpeg | null)[] = [];
    for (const [index, leaf] of book.leaves.entries()) {
      const picture = leaf.picture && (await bookJpeg(book, leaf.picture));
      pictures.push(picture);
      if (picture) add(`book/${pictureName(index)}`, picture.bytes, false);
      add(`book/${documentName(index)}`, leafDocument(book, leaf, index, picture));
    }
    add('book/content.opf', packageDocument(book, pictures));
    add('book/nav.xhtml', navigation(book));
    add('book/title.xhtml', titlePage(book));
    add('book/style.css', STYLE);
    zip.end();
    await ended;
    return Buffer.concat(chunks);
  });
}

function page({ language }: Book, title: string, body: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="${language}" xml:lang="${language}">
<head><title>${xml(title)}</title><link rel="stylesheet" type="text/css" href="style.css"/></head>
<body>
${body}
</body>
</html>
`;
}

function titlePage(book: Book): string {
  const note = book.byDemoWriter ? `<p class="note">${xml(BOOK_WORDS[book.language].demoWriter)}</p>` : '';
  const body = `<section epub:type="titlepage"><h1>${xml(book.title)}</h1><p>${xml(book.summary)}</p>${note}</section>`;
  return page(book, book.title, body);
}

function leafDocument(book: Book, leaf: BookLeaf, index: number, picture: Jpeg | null): string {
  const words = BOOK_WORDS[book.language];
  const figure = picture
    ? `<figure><img src="${pictureName(index)}" alt="${xml(leaf.altText)}" width="${picture.width}" height="${picture.height}"/></figure>`
    : '';
  const paragraphs = leaf.text.split(/\n+/).map((text) => `<p>${xml(text)}</p>`);
  const ways = leaf.choices
    .filter(({ leadsTo }) => leadsTo !== null)
    .map(({ text, leadsTo }) => `<li><a href="${documentName(leadsTo ?? 0)}">${xml(text)}</a></li>`);
  const end = leaf.choices.length === 0 ? `<p class="note">${xml(words.end)}</p>` : '';
  const on =
    ways.length === 0
      ? ''
      : `<p class="note">${xml(words.howItGoesOn)}</p>\n<ol class="choices">${ways.join('')}</ol>`;
  const heading = `<h2>${xml(leaf.title === '' ? String(leaf.number) : leaf.title)}</h2>`;
  const body = ['<section epub:type="chapter">', figure, heading, ...paragraphs, end, on, '</section>'];
  return page(book, leaf.title || book.title, body.filter((part) => part !== '').join('\n'));
}

function navigation(book: Book): string {
  const items = book.leaves.map((leaf, index) => {
    const name = printable(leaf.choice ?? leaf.title) || book.title;
    return `<li><a href="${documentName(index)}">${xml(`${leaf.number}. ${name}`)}</a></li>`;
  });
  const title = BOOK_WORDS[book.language].contents;
  const list = [`<li><a href="title.xhtml">${xml(book.title)}</a></li>`, ...items].join('\n');
  return page(book, title, `<nav epub:type="toc" id="toc"><h2>${xml(title)}</h2><ol>\n${list}\n</ol></nav>`);
}

/** `story_` and 32 hex digits of a UUID. */
function uuidOf({ id }: Book): string {
  const hex = id.slice(-32);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function packageDocument(book: Book, pictures: readonly (Jpeg | null)[]): string {
  const modified = `${new Date(book.updatedAt).toISOString().slice(0, 19)}Z`;
  const cover = pictures.findIndex((picture) => picture !== null);
  const items = book.leaves.flatMap((_leaf, index) => [
    `<item id="page-${index + 1}" href="${documentName(index)}" media-type="application/xhtml+xml"/>`,
    ...(pictures[index]
      ? [
          `<item id="picture-${index + 1}" href="${pictureName(index)}" media-type="image/jpeg"${index === cover ? ' properties="cover-image"' : ''}/>`,
        ]
      : []),
  ]);
  const spine = book.leaves.map((_leaf, index) => `<itemref idref="page-${index + 1}"/>`);
  const access = ['textual', ...(cover === -1 ? [] : ['visual'])].map(
    (mode) => `<meta property="schema:accessMode">${mode}</meta>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="${book.language}">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:uuid:${uuidOf(book)}</dc:identifier>
<dc:title>${xml(book.title)}</dc:title>
<dc:language>${book.language}</dc:language>
<dc:description>${xml(book.summary)}</dc:description>
<meta property="dcterms:modified">${modified}</meta>
${access.join('\n')}
<meta property="schema:accessModeSufficient">textual</meta>
<meta property="schema:accessibilityFeature">alternativeText</meta>
<meta property="schema:accessibilityFeature">tableOfContents</meta>
<meta property="schema:accessibilityHazard">none</meta>
</metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="title" href="title.xhtml" media-type="application/xhtml+xml"/>
<item id="style" href="style.css" media-type="text/css"/>
${items.join('\n')}
</manifest>
<spine><itemref idref="title"/>${spine.join('')}</spine>
</package>
`;
}
