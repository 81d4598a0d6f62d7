// Stories as PDF and EPUB: Chinese text that is really drawn, links for choices, alternative texts, and files that readers accept.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import sharp from 'sharp';
import type { Book } from '../../src/stories/book.ts';
import { writeEpub } from '../../src/stories/book-epub.ts';
import { writePdf } from '../../src/stories/book-pdf.ts';

const EPUBCHECK = '/usr/share/java/epubcheck.jar';

function book(text: string): Book {
  const leaf = { title: '开始', altText: '一只 <狐狸>', choice: null, picture: null };
  return {
    id: `story_${'0123456789abcdef'.repeat(2)}`,
    title: '小狐狸 & the moon',
    summary: '一封信',
    language: 'zh',
    byDemoWriter: true,
    createdAt: 1_795_320_000_000,
    updatedAt: 1_795_320_000_000,
    leaves: [
      {
        ...leaf,
        id: 'page_1',
        number: 1,
        text,
        choices: [
          { text: '去山上', leadsTo: 1 },
          { text: '回家', leadsTo: null },
        ],
        picture: { kind: 'final', key: 'k', mime: 'image/png', width: 64, height: 48 },
      },
      { ...leaf, id: 'page_2', number: 2, text: '<b>第二页</b>', choice: '去山上', choices: [] },
    ],
    async openPicture() {
      const bytes = await sharp({ create: { width: 64, height: 48, channels: 3, background: '#c08040' } })
        .png()
        .toBuffer();
      const opened = { stream: () => [bytes], close: async () => {} };
      return { row: {}, opened } as unknown as Awaited<ReturnType<Book['openPicture']>>;
    },
  };
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'story-book-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const hasPdftoppm = existsSync('/usr/bin/pdftoppm');

/** Dark pixels of each page below its picture. */
async function ink(pdf: Buffer, path: string, page: number): Promise<number> {
  writeFileSync(join(path, 'book.pdf'), pdf);
  execFileSync(
    'pdftoppm',
    ['-r', '72', '-gray', '-f', String(page), '-l', String(page), '-singlefile', '-png', 'book.pdf', 'page'],
    {
      cwd: path,
    },
  );
  const { data, info } = await sharp(join(path, 'page.png'))
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return data.subarray(Math.floor(info.height * 0.55) * info.width).filter((value) => value < 140).length;
}

test('PDF: every Chinese character is drawn, and more of them is more ink', {
  skip: !hasPdftoppm && 'pdftoppm is not installed',
}, async (t) => {
  const path = folder(t);
  const few = await ink(await writePdf(book('月亮')), path, 2);
  const many = await ink(await writePdf(book('月亮挂在屋顶上，像一只普普通通的白盘子。'.repeat(4))), path, 2);
  // Characters of one kind look alike only where boxes or nothing is drawn in their place.
  const simple = await ink(await writePdf(book('一'.repeat(40))), path, 2);
  const dense = await ink(await writePdf(book('餐'.repeat(40))), path, 2);
  assert.ok(few > 40 && many > few * 3, `${few} and ${many}`);
  assert.ok(dense > simple * 1.6, `${simple} and ${dense}`);
});

test('PDF: choices are links, pictures have their alternative texts, the font is a small part of the whole one', async () => {
  const pdf = await writePdf(book('月亮'));
  const text = pdf.toString('latin1');
  assert.match(text, /\/GoTo|\/Dests|leaf-1/);
  assert.match(text, /\/Alt /);
  assert.match(text, /\/Lang \(zh\)/);
  assert.ok(pdf.length < 200_000, `${pdf.length} bytes`);
});

test('EPUB: the type comes first and as it is, texts are escaped, choices lead on, and epubcheck finds nothing', async (t) => {
  const path = folder(t);
  const epub = await writeEpub(book('月亮 <script>alert(1)</script> & 星星'));
  assert.equal(epub.subarray(30, 38).toString(), 'mimetype');
  assert.equal(epub.subarray(38, 58).toString(), 'application/epub+zip');
  const file = join(path, 'book.epub');
  writeFileSync(file, epub);
  execFileSync('python3', ['-m', 'zipfile', '-e', file, path]);
  const first = readFileSync(join(path, 'book/page-1.xhtml'), 'utf8');
  assert.match(first, /月亮 &lt;script&gt;alert\(1\)&lt;\/script&gt; &amp; 星星/);
  assert.match(first, /alt="一只 &lt;狐狸&gt;"/);
  assert.match(first, /<a href="page-2\.xhtml">去山上<\/a>/);
  if (!existsSync(EPUBCHECK)) return;
  const report = execFileSync('java', ['-XX:TieredStopAtLevel=1', '-Xshare:auto', '-jar', EPUBCHECK, file], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
  assert.match(report, /No errors or warnings detected/);
});
