// A ComfyUI server for tests, over real HTTP: it answers with what real servers of two versions were recorded to answer
// (comfyui-recordings.json), runs a prompt only when the test says so, and keeps a log of every job it took. Its traps are
// the recorded ones: `{}` for everything history does not have, 200 for cancels without effect, one status for failed and
// interrupted, cached runs that name old files.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { FakeComfyuiLive, type LiveRecording } from './fake-comfyui-live.ts';

export type ComfyuiVersion = '0.27.1' | '0.3.64';

type Json = Record<string, unknown>;
type Graph = Record<string, { class_type: string; inputs: Json }>;

interface Recording {
  system_stats: Json;
  server: string;
  refusals: Record<string, { status: number; body?: Json; text?: string }>;
  entries: Record<string, Json & { status: { messages: [string, Json][] } }>;
}

interface Recordings {
  object_info: Record<
    string,
    Json & { input: { required: Record<string, unknown[]>; optional?: Record<string, unknown[]> } }
  >;
  versions: Record<ComfyuiVersion, Recording>;
}

function readRecording<T>(name: string): T {
  const path = fileURLToPath(new URL(`./${name}.json`, import.meta.url));
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

/** What was recorded of real servers. */
export function comfyuiRecordings(): Recordings {
  return readRecording<Recordings>('comfyui-recordings');
}

/** A prompt as it was taken. */
export interface FakeJob {
  number: number;
  promptId: string;
  graph: Graph;
  clientId: string | null;
  extraData: Json;
  authorization: string | null;
}

interface FakeUpload {
  path: string;
  bytes: Buffer;
}

/** Answers one request in the server's place; returning `'normal'` lets the server do its own work. */
export type Script = (
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
) => 'normal' | undefined | Promise<'normal' | undefined>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Starts a server on a free port of this machine; `close` it. */
export async function startFakeComfyui(version: ComfyuiVersion = '0.27.1'): Promise<FakeComfyui> {
  const fake = new FakeComfyui(version);
  await fake.start(0);
  return fake;
}

export class FakeComfyui {
  /** All that was ever taken, also before a restart. */
  readonly jobs: FakeJob[] = [];
  /** `METHOD /path` of every request, in order. */
  readonly requests: string[] = [];
  /** Headers of every request. */
  readonly headers: IncomingMessage['headers'][] = [];
  readonly uploads: FakeUpload[] = [];
  readonly files = new Map<string, Buffer>();
  checkpoints = ['tiny-random.safetensors'];
  upscaleModels = ['tiny-random-4x.safetensors'];
  missingNodes = new Set<string>();
  /** Bytes of every picture; without them, words that name the node. */
  picture: Buffer | null = null;
  /** Old servers choose the id of a prompt themselves. */
  ignoresPromptId = false;
  /** Its WebSockets. */
  readonly live: FakeComfyuiLive;
  readonly #recordings = comfyuiRecordings();
  readonly #recording: Recording;
  readonly #version: ComfyuiVersion;
  readonly #scripts = new Map<string, Script[]>();
  #pending: FakeJob[] = [];
  #running: FakeJob | null = null;
  #history = new Map<string, Json>();
  #cached = new Map<string, Json>();
  #counter = 0;
  #server: Server | null = null;
  #port = 0;

  constructor(version: ComfyuiVersion) {
    this.#version = version;
    this.#recording = this.#recordings.versions[version];
    const live = readRecording<Record<ComfyuiVersion, LiveRecording>>('comfyui-live-recordings');
    this.live = new FakeComfyuiLive(live[version], () => ({
      queueLength: this.#queueLength(),
      running: this.#running,
    }));
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The host and port, which no message may show. */
  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async start(port: number): Promise<void> {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on('upgrade', (request, socket, head) => this.live.upgrade(request, socket, head));
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (!server) return;
    this.live.cut();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  /** Dies and comes back on the same port: queue, history and numbers are gone, files stay. */
  async restart(): Promise<void> {
    await this.close();
    this.forgetAll();
    await this.start(this.#port);
  }

  /** What a process that died knows no more. */
  forgetAll(): void {
    this.#pending = [];
    this.#running = null;
    this.#history = new Map();
    this.#cached = new Map();
    this.#counter = 0;
  }

  /** Has a node of any kind, without inputs to check. */
  addNode(name: string): void {
    this.#recordings.object_info[name] = { input: { required: {} }, name };
  }

  /** Scripts the next request of a kind, such as `POST /prompt`; several wait in line. */
  next(kind: string, ...scripts: Script[]): void {
    this.#scripts.set(kind, [...(this.#scripts.get(kind) ?? []), ...scripts]);
  }

  /** A recorded answer of POST /prompt. */
  refusal(name: string): { status: number; body?: Json; text?: string } {
    const found = this.#recording.refusals[name];
    if (!found) throw new Error(`No recorded refusal "${name}"`);
    return found;
  }

  /** Starts the next waiting prompt and leaves it running. */
  startNext(): FakeJob {
    const job = this.#pending.sort((a, b) => a.number - b.number).shift();
    if (!job) throw new Error('Nothing waits');
    this.#running = job;
    this.live.begin(job);
    return job;
  }

  /** The prompt that runs makes one more step, as it was recorded. */
  step(): FakeJob {
    if (!this.#running) throw new Error('Nothing runs');
    this.live.step();
    return this.#running;
  }

  /** Runs the next waiting prompt, or ends the one that runs, with pictures. */
  finishNext(): FakeJob {
    const job = this.#running ?? this.startNext();
    const template = this.#recording.entries.success;
    const graphKey = JSON.stringify(job.graph);
    const cached = this.#cached.get(graphKey);
    const hasLostOutputs = cached !== undefined && job.clientId === null && this.#version === '0.27.1';
    this.live.succeed(this.picture);
    const outputs = hasLostOutputs ? {} : (cached ?? this.#saveOutputs(job));
    this.#cached.set(graphKey, outputs as Json);
    this.#history.set(job.promptId, {
      ...template,
      prompt: this.#tuple(job),
      outputs,
    });
    this.#ended();
    return job;
  }

  #ended(): void {
    this.#running = null;
    this.live.end();
  }

  /** Ends the next prompt the way a recorded one ended: `interrupted`, `out_of_memory`, `bad_image`, … */
  endAs(name: string): FakeJob {
    const job = this.#running ?? this.startNext();
    const recorded = this.#recording.entries[name];
    if (!recorded) throw new Error(`No recorded entry "${name}"`);
    this.live.fail(name === 'interrupted' ? 'interrupted' : 'failed');
    this.#history.set(job.promptId, { ...recorded, prompt: this.#tuple(job) });
    this.#ended();
    return job;
  }

  /** Puts any entry into history for the next prompt. */
  endWith(entry: Json): FakeJob {
    const job = this.#running ?? this.startNext();
    this.#history.set(job.promptId, { prompt: this.#tuple(job), ...entry });
    this.#ended();
    return job;
  }

  get waiting(): number {
    return this.#pending.length;
  }

  #tuple(job: FakeJob): unknown[] {
    const outputs = Object.keys(job.graph).filter((id) => job.graph[id]?.class_type.startsWith('SaveImage'));
    return [job.number, job.promptId, job.graph, { ...job.extraData, client_id: job.clientId }, outputs];
  }

  #saveOutputs(job: FakeJob): Json {
    // A picture that goes over the WebSocket is saved nowhere.
    const saving = Object.entries(job.graph).filter(([, node]) => node.class_type === 'SaveImage');
    const outputs: Json = {};
    for (const [position, [id, node]] of saving.entries()) {
      const prefix = String(node.inputs.filename_prefix);
      const cut = prefix.lastIndexOf('/');
      const subfolder = cut < 0 ? '' : prefix.slice(0, cut);
      const filename = `${prefix.slice(cut + 1)}_${String(position + 1).padStart(5, '0')}_.png`;
      this.files.set(`output/${subfolder}/${filename}`, this.picture ?? Buffer.from(`picture of node ${id}`));
      outputs[id] = { images: [{ filename, subfolder, type: 'output' }] };
    }
    return outputs;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    this.requests.push(`${request.method} ${url.pathname}`);
    this.headers.push(request.headers);
    response.setHeader('server', this.#recording.server);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const body = Buffer.concat(chunks);
    const kind = `${request.method} ${/^\/[^/]*/.exec(url.pathname)?.[0] ?? '/'}`;
    const script = this.#scripts.get(kind)?.shift();
    if (script && (await script(request, response, body)) !== 'normal') return;
    await this.#serve(kind, url, request, response, body);
  }

  async #serve(
    kind: string,
    url: URL,
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
  ): Promise<void> {
    const last = decodeURIComponent(url.pathname.split('/').at(-1) ?? '');
    switch (kind) {
      case 'GET /system_stats':
        return json(response, 200, this.#recording.system_stats);
      case 'GET /object_info':
        return json(response, 200, this.#objectInfo(last));
      case 'GET /prompt':
        return json(response, 200, { exec_info: { queue_remaining: this.#queueLength() } });
      case 'POST /prompt':
        return this.#takePrompt(request, response, body);
      case 'GET /queue': {
        const running = this.#running ? [this.#tuple(this.#running)] : [];
        // Heap order is not the order of execution.
        const pending = [...this.#pending].reverse().map((job) => this.#tuple(job));
        return json(response, 200, { queue_running: running, queue_pending: pending });
      }
      case 'POST /queue': {
        const ids = (JSON.parse(body.toString()) as { delete?: string[] }).delete ?? [];
        this.#pending = this.#pending.filter((job) => !ids.includes(job.promptId));
        this.live.tellQueue();
        return empty(response, 200);
      }
      case 'POST /interrupt': {
        const id = (JSON.parse(body.toString() || '{}') as { prompt_id?: string }).prompt_id;
        if (this.#running && (id === undefined || id === this.#running.promptId)) this.endAs('interrupted');
        return empty(response, 200);
      }
      case 'GET /history': {
        if (last === 'history') return json(response, 200, Object.fromEntries(this.#history));
        const entry = this.#history.get(last);
        return json(response, 200, entry ? { [last]: entry } : {});
      }
      case 'GET /view':
        return this.#view(url, response);
      case 'POST /upload':
        return this.#upload(request, response, body);
      default:
        return empty(response, 404);
    }
  }

  #queueLength(): number {
    return this.#pending.length + (this.#running ? 1 : 0);
  }

  #objectInfo(name: string): Json {
    const recorded = this.#recordings.object_info[name];
    if (!recorded || this.missingNodes.has(name)) return {};
    const info = structuredClone(recorded);
    if (name === 'CheckpointLoaderSimple') info.input.required.ckpt_name = [this.checkpoints, {}];
    if (name === 'UpscaleModelLoader') {
      info.input.required.model_name = ['COMBO', { multiselect: false, options: this.upscaleModels }];
    }
    return { [name]: info };
  }

  /** The recorded refusal for what is wrong with a prompt, if anything is. */
  #refusalOf(promptId: unknown, graph: Graph): { status: number; body?: Json; text?: string } | null {
    if (this.#version === '0.27.1' && (typeof promptId !== 'string' || !UUID.test(promptId))) {
      const error = { type: 'invalid_prompt_id', message: 'prompt_id must be a valid UUID', details: '' };
      return { status: 400, body: { error, node_errors: {} } };
    }
    for (const node of Object.values(graph)) {
      const isUnknown =
        this.missingNodes.has(node.class_type) || !this.#recordings.object_info[node.class_type];
      const replaced = (name: string, from: string, to: string) =>
        JSON.parse(JSON.stringify(this.refusal(name)).replaceAll(from, to)) as { status: number; body: Json };
      if (isUnknown) return replaced('missing_node', 'NoSuchNode', node.class_type);
      const checkpoint = node.inputs.ckpt_name;
      if (typeof checkpoint === 'string' && !this.checkpoints.includes(checkpoint)) {
        return replaced('missing_checkpoint', 'not-there.safetensors', checkpoint);
      }
    }
    return null;
  }

  #takePrompt(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const sent = JSON.parse(body.toString()) as Json;
    const graph = sent.prompt as Graph;
    const refusal = this.#refusalOf(sent.prompt_id, graph);
    if (refusal?.body) {
      json(response, refusal.status, refusal.body);
      return;
    }
    const number = this.#counter++;
    const promptId = this.ignoresPromptId ? `own-${number}` : String(sent.prompt_id);
    const job: FakeJob = {
      number,
      promptId,
      graph,
      clientId: typeof sent.client_id === 'string' ? sent.client_id : null,
      extraData: (sent.extra_data ?? {}) as Json,
      authorization: request.headers.authorization ?? null,
    };
    this.jobs.push(job);
    this.#pending.push(job);
    this.live.tellQueue();
    json(response, 200, { prompt_id: promptId, number, node_errors: {} });
  }

  #view(url: URL, response: ServerResponse): void {
    const query = url.searchParams;
    const path = `${query.get('type') ?? 'output'}/${query.get('subfolder') ?? ''}/${query.get('filename')}`;
    const bytes = this.files.get(path);
    if (bytes) {
      response.writeHead(200, { 'content-type': 'image/png', 'content-length': bytes.length });
      response.end(bytes);
    } else {
      empty(response, 404);
    }
  }

  async #upload(request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<void> {
    const headers = { 'content-type': request.headers['content-type'] ?? '' };
    const form = await new Response(new Uint8Array(body), { headers }).formData();
    const file = form.get('image');
    if (!(file instanceof File)) return empty(response, 400);
    const subfolder = String(form.get('subfolder') ?? '');
    this.uploads.push({
      path: `${subfolder}/${file.name}`,
      bytes: Buffer.from(await file.arrayBuffer()),
    });
    json(response, 200, { name: file.name, subfolder, type: String(form.get('type') ?? 'input') });
  }
}

/** The answer of a script: JSON with a status. */
export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}

function empty(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': 0 });
  response.end();
}

/** The hash that names an uploaded picture. */
export function contentHash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
