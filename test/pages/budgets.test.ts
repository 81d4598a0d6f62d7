// What a browser must download: the built files, compressed as they travel over plain http (gzip), against the limits that
// keep the studio quick on slow lines. Needs a build (`npm run build`).
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';

const DIST = process.env.DRAWBRIDGE_TEST_WEB_DIST ?? join(import.meta.dirname, '../../web/dist');
const ASSETS = join(DIST, 'assets');
const FIRST_VIEW_BYTES = 100_000;
const LAZY_ROUTE_BYTES = 40_000;
/** Of the first view, which loads no other. */
const COMMON_CSS_BYTES = 10_000;
/** Of all rooms together. */
const CSS_BYTES = 15_000;
/** What only the Studio's own chunk says. */
const STUDIO_MARK = 'composer.submit';

interface Chunk {
  bytes: number;
  text: string;
  /** Chunks that it cannot run without, and those that it may ask for later. */
  needs: string[];
  mayNeed: string[];
}

function namesIn(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? '');
}

function readChunks(): Map<string, Chunk> {
  const files = readdirSync(ASSETS).filter((name) => name.endsWith('.js'));
  return new Map(
    files.map((name) => {
      const text = readFileSync(join(ASSETS, name), 'utf8');
      const chunk: Chunk = {
        bytes: gzipSync(text, { level: 9 }).length,
        text,
        needs: namesIn(text, /(?:from|import)\s*["'`]\.\/([\w.-]+\.js)["'`]/g),
        mayNeed: namesIn(text, /import\(\s*["'`]\.\/([\w.-]+\.js)["'`]/g),
      };
      return [name, chunk];
    }),
  );
}

/** The chunks that must be there before any of these runs. */
function closure(chunks: Map<string, Chunk>, names: readonly string[]): Set<string> {
  const found = new Set<string>();
  const visit = (name: string): void => {
    const chunk = chunks.get(name);
    if (!chunk || found.has(name)) return;
    found.add(name);
    for (const needed of chunk.needs) visit(needed);
  };
  for (const name of names) visit(name);
  return found;
}

function size(chunks: Map<string, Chunk>, names: Iterable<string>): number {
  return [...names].reduce((sum, name) => sum + (chunks.get(name)?.bytes ?? 0), 0);
}

describe('budgets of the built studio', { skip: existsSync(ASSETS) ? false : 'needs a build' }, () => {
  const chunks = existsSync(ASSETS) ? readChunks() : new Map<string, Chunk>();
  const page = existsSync(ASSETS) ? readFileSync(join(DIST, 'index.html'), 'utf8') : '';
  const entry = closure(chunks, namesIn(page, /assets\/([\w.-]+\.js)/g));
  const catalogues = [...chunks.keys()].filter((name) => name.startsWith('catalogue-'));
  const studio = [...chunks].filter(
    ([name, { text }]) => !catalogues.includes(name) && text.includes(STUDIO_MARK),
  );

  test('the first view of the Studio, in either language', () => {
    assert.equal(studio.length, 1, `chunks with the Studio: ${studio.map(([name]) => name)}`);
    assert.equal(catalogues.length, 2);
    const worker = [...chunks.keys()].filter((name) => name.startsWith('worker-'));
    for (const catalogue of catalogues) {
      const needed = closure(chunks, [...entry, ...studio.map(([name]) => name), catalogue, ...worker]);
      const bytes = size(chunks, needed);
      assert.ok(bytes <= FIRST_VIEW_BYTES, `${bytes} bytes with ${catalogue}: ${[...needed].join(' ')}`);
    }
  });

  test('everything that is opened later', () => {
    const later = new Set([...chunks.values()].flatMap(({ mayNeed }) => mayNeed));
    for (const { text } of chunks.values())
      for (const name of namesIn(text, /["'`](?:assets\/|\.\/)([\w.-]+\.js)["'`]/g)) later.add(name);
    for (const name of later) {
      if (studio.some(([studioName]) => studioName === name)) continue;
      const own = [...closure(chunks, [name])].filter((needed) => !entry.has(needed));
      const bytes = size(chunks, own);
      assert.ok(bytes <= LAZY_ROUTE_BYTES, `${bytes} bytes to open ${name}: ${own.join(' ')}`);
    }
  });

  test('the style sheets: all of them together, and the common one', () => {
    const sheet = (name: string) => gzipSync(readFileSync(join(ASSETS, name)), { level: 9 }).length;
    const sheets = readdirSync(ASSETS).filter((name) => name.endsWith('.css'));
    const bytes = sheets.reduce((sum, name) => sum + sheet(name), 0);
    assert.ok(bytes <= CSS_BYTES, `${bytes} bytes: ${sheets.map((name) => `${name} ${sheet(name)}`)}`);
    const [common = ''] = namesIn(page, /assets\/([\w.-]+\.css)/g);
    assert.ok(common !== '' && sheet(common) <= COMMON_CSS_BYTES, `${sheet(common)} bytes on every visit`);
  });
});
