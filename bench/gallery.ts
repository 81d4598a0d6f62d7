// The gallery's server side at 100,000 and 1,000,000 pictures, on both databases, over HTTP from another process: the index cold and
// warm, windows anywhere, each filter, Chinese search. Cold is the first call of a process; the database's own pages may be cached.
// Processor time at a million pictures on SQLite, in process: reading the records 0.46 s of the database, the index out of them 75 ms,
// gzip 21 ms, a filter never seen 15-25 ms, a search never seen 25-60 ms, 200 rows 4 ms. On PostgreSQL reading the records takes its
// server 0.6 s and this process 0.2 s, side by side; a search for a common word takes the server nearly twice as long while the table
// of words, 180 MB, does not fit `shared_buffers`.
//   node bench/gallery.ts [--pictures 100000,1000000] [--databases sqlite,postgres] [--rounds 3] [--folder /tmp/x] [--url postgres://…]
// With --folder the seeded data is kept there and used again; for PostgreSQL that takes --url too, an empty database at first.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createGunzip } from 'node:zlib';
import { type DecodedIndex, decodeIndex } from '../src/media/gallery-index-format.ts';
import { startServer as startPostgres } from '../test/harness/postgres.ts';
import { seedPostgres, seedSqlite } from './gallery-seed-rows.ts';
import { type Child, percentile, printTable, startServer } from './side-by-side.ts';

const { values } = parseArgs({
  options: {
    pictures: { type: 'string', default: '100000,1000000' },
    databases: { type: 'string', default: 'sqlite,postgres' },
    rounds: { type: 'string', default: '3' },
    folder: { type: 'string' },
    url: { type: 'string' },
  },
});
const ROUNDS = Number(values.rounds);
const SAMPLES = 100;
const FIRST_PICTURES = 20_000;
/** Lies in a data folder that was seeded to the end. */
const SEEDED = 'bench-seeded';

interface Fetched {
  status: number;
  bytes: Buffer;
  wireBytes: number;
  etag: string | undefined;
  totalMs: number;
  /** Until the first 20,000 pictures were readable. */
  firstMs: number;
}

/** One call on a connection of its own, unpacked as it comes. */
function call(server: Child, path: string, headers: Record<string, string> = {}): Promise<Fetched> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(
      `${server.url}${path}`,
      {
        agent: false,
        headers: { authorization: `Bearer ${server.key}`, 'accept-encoding': 'gzip', ...headers },
      },
      (response) => {
        const parts: Buffer[] = [];
        let wireBytes = 0;
        let size = 0;
        let firstMs = 0;
        response.on('data', (part: Buffer) => {
          wireBytes += part.length;
        });
        const isZipped = response.headers['content-encoding'] === 'gzip';
        const source = isZipped ? response.pipe(createGunzip()) : response;
        source.on('data', (part: Buffer) => {
          parts.push(part);
          size += part.length;
          if (firstMs === 0 && size > FIRST_PICTURES) firstMs = performance.now() - startedAt;
        });
        source.on('error', reject);
        source.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            bytes: Buffer.concat(parts),
            wireBytes,
            etag: response.headers.etag,
            totalMs: performance.now() - startedAt,
            firstMs,
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

const rows: string[][] = [];
const ms = (value: number) => value.toFixed(value < 10 ? 1 : 0);

function report(
  where: string,
  what: string,
  times: readonly number[],
  goalMs: number | null,
  note = '',
): void {
  const p95 = percentile(times, 0.95);
  const verdict = goalMs === null ? '' : p95 <= goalMs ? `ok (${goalMs})` : `OVER ${goalMs}`;
  rows.push([where, what, ms(percentile(times, 0.5)), ms(p95), verdict, note]);
}

async function timed(
  server: Child,
  paths: readonly string[],
  samples = SAMPLES,
): Promise<{ times: number[]; last: Fetched }> {
  const times: number[] = [];
  let last: Fetched | undefined;
  for (let n = 0; n < samples; n += 1) {
    last = await call(server, paths[n % paths.length] ?? '');
    if (last.status !== 200) throw new Error(`${paths[n % paths.length]} answered ${last.status}`);
    times.push(last.totalMs);
  }
  return { times, last: last as Fetched };
}

const COLOURS = ['小猫', '街道', '湖泊', '宇航员', '少女', '城市', '花田', '火车站'];
const LIGHTS = ['窗台', '晨雾', '霓虹灯', '电影', '背景', '水墨', '细节', '黄昏'];
/** Each of these is asked once, so that nothing is remembered from the time before. */
const SEARCHES = [
  ...COLOURS,
  ...LIGHTS,
  '猫',
  '雨',
  '琉璃凤凰',
  '琉璃',
  'amethyst',
  'fox',
  '没有这个',
  ...COLOURS.flatMap((one) => LIGHTS.map((two) => `${one} ${two}`)),
];
const FILTERS = [
  'mode=image-to-image',
  'kind=hd',
  'origin=story',
  'model=old-model',
  'provider=jimeng',
  'style=ink',
  'ratio=portrait',
  'favourite=true',
  'trashed=true',
  'tag=portfolio',
  'after=2026-01-01T00:00:00Z',
];

async function measureCold(where: string, start: () => Promise<Child>): Promise<DecodedIndex> {
  const first: number[] = [];
  const whole: number[] = [];
  const conditional: number[] = [];
  let index: DecodedIndex | undefined;
  let wire = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    let server = await start();
    const cold = await call(server, '/v1/gallery/index');
    first.push(cold.firstMs);
    whole.push(cold.totalMs);
    index = decodeIndex(cold.bytes);
    wire = cold.wireBytes;
    await server.stop();
    server = await start();
    conditional.push((await call(server, '/v1/gallery/index', { 'if-none-match': '"none"' })).totalMs);
    await server.stop();
  }
  report(where, 'index cold, first 20,000', first, 150);
  report(where, 'index cold, all', whole, 1_000, `${(wire / 1024).toFixed(0)} KB gzip`);
  report(where, 'index cold, all with an ETag', conditional, 1_000);
  return index as DecodedIndex;
}

async function measureWarm(where: string, server: Child, { anchors }: DecodedIndex): Promise<void> {
  const { etag = '', wireBytes } = await call(server, '/v1/gallery/index', { 'if-none-match': '"none"' });
  const { times } = await timed(server, ['/v1/gallery/index'], 20);
  report(where, 'index warm', times, 30, `${(wireBytes / 1024).toFixed(0)} KB gzip`);
  const known: number[] = [];
  for (let n = 0; n < SAMPLES; n += 1)
    known.push((await call(server, '/v1/gallery/index', { 'if-none-match': etag })).totalMs);
  report(where, 'index warm, 304', known, 30);
  const window = (anchor: string | undefined, offset: number) =>
    `/v1/gallery/window?limit=200&offset=${offset}${anchor ? `&anchor=${anchor}` : ''}`;
  report(where, 'first window', (await timed(server, [window(undefined, 0)])).times, 50);
  const scattered = Array.from({ length: SAMPLES }, (_, n) =>
    window(anchors[(n * 7_919) % anchors.length], (n * 613) % 800),
  );
  report(where, 'window anywhere', (await timed(server, scattered)).times, 50);
  report(where, 'last window', (await timed(server, [window(anchors.at(-1), 0)])).times, 50);
  report(where, 'facets', (await timed(server, ['/v1/gallery/facets'], 20)).times, null);
  const filtered: number[] = [];
  const indexes: number[] = [];
  for (const filter of FILTERS) {
    filtered.push((await call(server, `/v1/gallery/window?limit=200&offset=500&${filter}`)).totalMs);
    indexes.push((await call(server, `/v1/gallery/index?${filter}`)).totalMs);
  }
  report(where, 'window, filter never seen', filtered, 50, `slowest ${ms(Math.max(...filtered))}`);
  report(where, 'index of a filter', indexes, null, `slowest ${ms(Math.max(...indexes))}`);
  const searches = SEARCHES.map((q) => `/v1/gallery/window?limit=100&q=${encodeURIComponent(q)}`);
  report(where, 'search never seen', (await timed(server, searches, searches.length)).times, 100);
  report(
    where,
    'count of new ones',
    (await timed(server, [`/v1/gallery/new?since=${anchors[0]}`])).times,
    null,
  );
}

async function measure(database: string, pictures: number): Promise<void> {
  const where = `${database} ${pictures >= 1e6 ? `${pictures / 1e6}M` : `${pictures / 1e3}k`}`;
  const kept = values.folder ? join(values.folder, `${database}-${pictures}`) : null;
  const dataDir = kept ?? mkdtempSync(join(tmpdir(), 'drawbridge-gallery-bench-'));
  const isSeeded = existsSync(join(dataDir, SEEDED));
  const postgres = database === 'postgres' && !values.url ? await startPostgres() : null;
  const url = postgres
    ? postgres.url(await postgres.createDatabase())
    : database === 'postgres'
      ? values.url
      : null;
  try {
    if (url && !(kept && isSeeded && values.url)) await seedPostgres(dataDir, url, pictures);
    else if (!url && !isSeeded) await seedSqlite(dataDir, pictures);
    writeFileSync(join(dataDir, SEEDED), '');
    const start = () => startServer('gallery-server.ts', url ? [dataDir, url] : [dataDir]);
    const index = await measureCold(where, start);
    const server = await start();
    await measureWarm(where, server, index);
    await server.stop();
  } finally {
    await postgres?.kill();
    if (!kept) rmSync(dataDir, { recursive: true, force: true });
  }
}

for (const database of values.databases.split(','))
  for (const pictures of values.pictures.split(',').map(Number)) await measure(database, pictures);
printTable(['where', 'what', 'p50 ms', 'p95 ms', 'goal', ''], rows);
