// Ten answers of 40 MB of base64 at the same time: the real adapter, plain and streamed, beside reading with JSON.parse.
// Each reader is a process of its own against the same local server, and writes the decoded pictures to disk; printed are
// its peak memory, the time, and whether it lives through a heap of 256 MB at all.
//   node bench/large-answers.ts [--answers 10] [--megabytes 40] [--heap 256]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/kernel/clock.ts';
import { createMemoryLogger } from '../src/kernel/log.ts';
import { createOutbound } from '../src/kernel/outbound.ts';
import { createOpenAiProvider } from '../src/providers/openai/openai.ts';
import { parseOpenAiSettings } from '../src/providers/openai/openai-settings.ts';
import type { LocalFile } from '../src/providers/provider.ts';
import { printTable } from './side-by-side.ts';

const { values } = parseArgs({
  options: {
    answers: { type: 'string', default: '10' },
    megabytes: { type: 'string', default: '40' },
    heap: { type: 'string', default: '256' },
    /** Set in the readers themselves. */
    reader: { type: 'string' },
    url: { type: 'string' },
    folder: { type: 'string' },
  },
});
const MB = 1024 * 1024;
const BYTES_PER_KB = 1024;
const SAMPLE_MS = 20;
/** Of base64, so that the pieces join to one text without padding. */
const BLOCK_CHARS = 64 * 1024;
const answers = Number(values.answers);
const answerBytes = Number(values.megabytes) * MB;

type Reader = 'adapter' | 'adapter-stream' | 'json';

interface Seen {
  files: number;
  bytes: number;
  seconds: number;
  rssMb: number;
  heapMb: number;
  externalMb: number;
}

async function sendAnswer(response: ServerResponse, isStream: boolean): Promise<void> {
  const block = Buffer.alloc(BLOCK_CHARS, 'QUJD');
  const [start, end] = isStream
    ? ['event: image_generation.completed\ndata: {"type":"image_generation.completed","b64_json":"', '"}\n\n']
    : ['{"created":1,"data":[{"b64_json":"', '"}]}'];
  response.writeHead(200, { 'content-type': isStream ? 'text/event-stream' : 'application/json' });
  response.write(start);
  for (let sent = 0; sent < answerBytes; sent += block.length) {
    if (!response.write(block)) await once(response, 'drain');
  }
  response.end(end);
}

/** Reads all answers at once with the adapter. */
async function readWithAdapter(url: string, folder: string, stream: 'on' | 'off'): Promise<string[]> {
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock: systemClock, log });
  const { settings } = parseOpenAiSettings({ api_key: 'key', base_url: url, stream });
  const provider = createOpenAiProvider({ settings, outbound, clock: systemClock, log });
  let files = 0;
  const spool = async (source: AsyncIterable<Uint8Array>): Promise<LocalFile> => {
    files += 1;
    const path = join(folder, `picture-${files}`);
    await pipeline(source, createWriteStream(path));
    return { path, bytes: 0, mime: 'image/png' };
  };
  const submit = (index: number) =>
    provider.submit({
      request: {
        mode: 'text-to-image',
        model: 'gpt-image-2',
        prompt: 'x',
        negativePrompt: null,
        width: 1024,
        height: 1024,
        n: 1,
        seed: 1,
        strength: null,
        images: [],
        mask: null,
      },
      signal: new AbortController().signal,
      clientRef: `job_${index}`,
      spool,
      onProgress: () => {},
      onPreview: () => {},
      callbackUrl: null,
    });
  const results = await Promise.all(Array.from({ length: answers }, (_, index) => submit(index)));
  await outbound.close();
  return results.flatMap((result) =>
    result.state === 'done' ? result.outputs.flatMap((one) => ('file' in one ? [one.file.path] : [])) : [],
  );
}

/** Reads all answers at once as most clients do. */
async function readWithJson(url: string, folder: string): Promise<string[]> {
  return Promise.all(
    Array.from({ length: answers }, async (_, index) => {
      const answer = await fetch(`${url}/images/generations`, { method: 'POST', body: '{}' });
      const { data } = (await answer.json()) as { data: { b64_json: string }[] };
      const path = join(folder, `picture-${index}`);
      await writeFile(path, Buffer.from(data[0]?.b64_json ?? '', 'base64'));
      return path;
    }),
  );
}

async function runReader(reader: Reader, url: string, folder: string): Promise<Seen> {
  let heapBytes = 0;
  let externalBytes = 0;
  const sampling = setInterval(() => {
    const { heapUsed, external } = process.memoryUsage();
    heapBytes = Math.max(heapBytes, heapUsed);
    externalBytes = Math.max(externalBytes, external);
  }, SAMPLE_MS);
  const startedAt = performance.now();
  const paths =
    reader === 'json'
      ? await readWithJson(url, folder)
      : await readWithAdapter(url, folder, reader === 'adapter' ? 'off' : 'on');
  const seconds = (performance.now() - startedAt) / 1000;
  clearInterval(sampling);
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  return {
    files: paths.length,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    seconds,
    rssMb: (process.resourceUsage().maxRSS * BYTES_PER_KB) / MB,
    heapMb: heapBytes / MB,
    externalMb: externalBytes / MB,
  };
}

/** One reader in a process of its own; null when it did not live. */
async function measure(reader: Reader, url: string, heapMb: number | null): Promise<Seen | null> {
  const folder = await mkdtemp(join(tmpdir(), 'drawbridge-large-'));
  try {
    const args = ['--reader', reader, '--url', url, '--folder', folder, '--answers', String(answers)];
    const child = fork(fileURLToPath(import.meta.url), args, {
      execArgv: heapMb === null ? [] : [`--max-old-space-size=${heapMb}`],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const ended = once(child, 'exit').then(() => null);
    const message = once(child, 'message').then(([seen]) => seen as Seen);
    const seen = await Promise.race([message, ended]);
    await ended;
    return seen;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compare(): Promise<void> {
  const heapMb = Number(values.heap);
  const server = createServer((request, response) => {
    response.on('error', () => {});
    let body = '';
    request.on('data', (piece) => {
      body += piece;
    });
    request.on('end', () => void sendAnswer(response, body.includes('"stream":true')).catch(() => {}));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const wholeBytes = answers * Math.ceil(answerBytes / BLOCK_CHARS) * BLOCK_CHARS * 0.75;
  const rows: [string, Seen | null][] = [
    [`adapter, heap ${heapMb} MB`, await measure('adapter', url, heapMb)],
    [`adapter streamed, heap ${heapMb} MB`, await measure('adapter-stream', url, heapMb)],
    [`JSON.parse, heap ${heapMb} MB`, await measure('json', url, heapMb)],
    ['JSON.parse, default heap', await measure('json', url, null)],
  ];
  const least = rows[0]?.[1]?.rssMb ?? Number.NaN;
  console.log(`${answers} answers of ${values.megabytes} MB at once, Node ${process.versions.node}`);
  printTable(
    ['reader', 'peak RSS MB', 'peak heap MB', 'peak external MB', 'seconds', 'whole', 'RSS ratio'],
    rows.map(([name, seen]) =>
      seen
        ? [
            name,
            seen.rssMb.toFixed(0),
            seen.heapMb.toFixed(0),
            seen.externalMb.toFixed(0),
            seen.seconds.toFixed(1),
            seen.files === answers && seen.bytes === wholeBytes ? 'yes' : 'NO',
            (seen.rssMb / least).toFixed(1),
          ]
        : [name, '-', '-', '-', '-', 'died', '-'],
    ),
  );
  server.close();
  server.closeAllConnections();
}

if (values.reader) {
  const seen = await runReader(values.reader as Reader, values.url ?? '', values.folder ?? '');
  process.send?.(seen);
  process.disconnect();
} else {
  await compare();
}
