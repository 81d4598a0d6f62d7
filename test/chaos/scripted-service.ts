// A picture service as a process of its own, which no kill of Drawbridge touches: it keeps every submit and every job that it
// ever made in a log on disk, before it answers, and it receives webhooks. A part of its answers hangs, fails or is cut off.
// `node test/chaos/scripted-service.ts <log file> <seed> <share of faults>` prints its address.
import { once } from 'node:events';
import { openSync, writeSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';
import { seededRandom } from './seeded-random.ts';

/** One line of the log. */
export type ServiceRecord =
  | { kind: 'submit'; lane: string; ref: string; at: number }
  | { kind: 'job'; lane: string; ref: string; job: string; at: number }
  | { kind: 'hook'; id: string; type: string; task: string; at: number };

interface Job {
  id: string;
  doneAtMs: number;
  workMs: number;
}

const SIDE = 64;
const SHORTEST_WORK_MS = 80;
const LONGEST_WORK_MS = 500;
const LONGEST_SLOW_MS = 2_500;
const PIECES = 4;
const PIECE_PAUSE_MS = 5;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function read(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

class ScriptedService {
  readonly #random: () => number;
  readonly #faults: number;
  readonly #log: number;
  readonly #jobs = new Map<string, Job>();
  readonly #byRef = new Map<string, Job>();
  readonly #picture: Buffer;

  constructor(options: { log: string; seed: number; faults: number; picture: Buffer }) {
    this.#log = openSync(options.log, 'a');
    this.#random = seededRandom(options.seed);
    this.#faults = options.faults;
    this.#picture = options.picture;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [lane = '', what = '', name = ''] = (request.url ?? '').slice(1).split('/');
    const body = await read(request);
    if (lane === 'hooks') return this.#hook(request, body, response);
    if (what === 'files') return this.#send(response);
    if (what === 'uploads') return this.#json(response, 200, { upload: `${lane}-${body.length}` });
    if (what === 'refs') return this.#json(response, 200, { job: this.#byRef.get(name)?.id ?? null });
    if (what === 'jobs' && request.method === 'POST') return this.#submit(lane, body, response);
    if (what === 'jobs') return this.#poll(lane, name, response);
    this.#json(response, 200, { ok: true });
  }

  /** The job is made, or provably not, before anything of the answer leaves. */
  async #submit(lane: string, body: Buffer, response: ServerResponse): Promise<void> {
    const { ref } = JSON.parse(body.toString()) as { ref: string };
    this.#write({ kind: 'submit', lane, ref, at: Date.now() });
    const isFaulty = this.#random() < this.#faults;
    const makesJob = !isFaulty || this.#random() < 0.5;
    const job = makesJob ? this.#makeJob(lane, ref) : null;
    if (isFaulty) return this.#fail(response);
    if (lane === 'chaos-sync') await pause(job?.workMs ?? 0);
    const picture = lane === 'chaos-sync' ? this.#picture.toString('base64') : null;
    this.#json(response, 200, { job: job?.id, picture });
  }

  #makeJob(lane: string, ref: string): Job {
    const known = lane === 'chaos-idempotent' ? this.#byRef.get(ref) : undefined;
    if (known) return known;
    const longest = this.#random() < this.#faults ? LONGEST_SLOW_MS : LONGEST_WORK_MS;
    const workMs = SHORTEST_WORK_MS + this.#random() * (longest - SHORTEST_WORK_MS);
    const job = { id: `j${this.#jobs.size + 1}`, workMs, doneAtMs: Date.now() + workMs };
    this.#jobs.set(job.id, job);
    this.#byRef.set(ref, job);
    this.#write({ kind: 'job', lane, ref, job: job.id, at: Date.now() });
    return job;
  }

  #fail(response: ServerResponse): void {
    const dice = this.#random();
    // One of three never answers at all.
    if (dice < 0.33) return;
    if (dice < 0.66) return void response.socket?.destroy();
    response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>');
  }

  #poll(lane: string, id: string, response: ServerResponse): void {
    if (this.#random() < this.#faults) return void this.#json(response, 503, {});
    const job = this.#jobs.get(id);
    if (!job) return void this.#json(response, 404, {});
    const leftMs = job.doneAtMs - Date.now();
    if (leftMs <= 0)
      return void this.#json(response, 200, { state: 'done', path: `/${lane}/files/${id}.png` });
    this.#json(response, 200, { state: 'running', progress: Math.max(0, 1 - leftMs / job.workMs) });
  }

  /** In pieces, some of them cut short. */
  async #send(response: ServerResponse): Promise<void> {
    const isCut = this.#random() < this.#faults;
    response.writeHead(200, { 'content-type': 'image/png', 'content-length': this.#picture.length });
    const size = Math.ceil(this.#picture.length / PIECES);
    for (let start = 0; start < this.#picture.length; start += size) {
      if (isCut && start > 0) return void response.socket?.destroy();
      response.write(this.#picture.subarray(start, start + size));
      await pause(PIECE_PAUSE_MS);
    }
    response.end();
  }

  #hook(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    if (this.#random() < this.#faults) return void this.#json(response, 500, {});
    const { type, data } = JSON.parse(body.toString()) as { type: string; data: { id: string } };
    const id = String(request.headers['webhook-id']);
    this.#write({ kind: 'hook', id, type, task: data.id, at: Date.now() });
    response.writeHead(204).end();
  }

  #json(response: ServerResponse, status: number, body: object): void {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  #write(record: ServiceRecord): void {
    writeSync(this.#log, `${JSON.stringify(record)}\n`);
  }
}

async function main(): Promise<void> {
  const [, , log = '', seed = '1', faults = '0'] = process.argv;
  const background = { r: 200, g: 90, b: 40 };
  const noise = { type: 'gaussian', mean: 128, sigma: 40 } as const;
  const picture = await sharp({ create: { width: SIDE, height: SIDE, channels: 3, background, noise } })
    .png()
    .toBuffer();
  const service = new ScriptedService({ log, seed: Number(seed), faults: Number(faults), picture });
  const server = createServer((request, response) => {
    request.on('error', () => {});
    response.on('error', () => {});
    service.answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  // It ends with whoever started it, also when that one is killed.
  process.stdin.on('end', () => process.exit(0)).resume();
}

if (import.meta.main) await main();
