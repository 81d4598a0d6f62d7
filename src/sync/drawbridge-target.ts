// Another Drawbridge as a target: its pictures enter by its import, under the names they have here, and belong to the account of
// the key. Each is named by its SHA-256, so what is there already is told before a byte is sent. It makes its own thumbnails.
import { createHash } from 'node:crypto';
import { type Clock, sleep } from '../kernel/clock.ts';
import type { DrawbridgeTargetConfig, SyncKind } from '../kernel/config-sync.ts';
import type { Outbound, OutboundRequest, OutboundResponse } from '../kernel/outbound.ts';
import { OutboundError } from '../kernel/outbound-error.ts';
import { SyncFault, type SyncFaultKind } from './fault.ts';
import { addressesOf } from './public-check.ts';
import { nameOf, type RemoteFile, type SendOptions, type SourceFile, type Target } from './target.ts';

const LANES = { small: 4, large: 1 };
const FILES_IN_QUESTION = 500;
const HASHES_AT_ONCE = 8;
const MS_PER_S = 1000;
const LONGEST_WAIT_S = 60;
const CALL_TIMEOUT_MS = 300_000;

const KIND_BY_STATUS: Readonly<Record<number, SyncFaultKind>> = {
  401: 'sign_in',
  403: 'denied',
  409: 'appeared',
  429: 'busy',
  507: 'full',
};

interface Checked {
  name: string;
  state: string;
}

async function sha256Of(file: SourceFile): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of file.read()) hash.update(chunk);
  return hash.digest('hex');
}

/** The name by which a picture is known there: its key, or its path when it has none. */
const oldName = ({ path, isImmutable }: SourceFile) =>
  isImmutable ? path.slice(path.lastIndexOf('/') + 1) : path;

export class DrawbridgeTarget implements Target {
  readonly label: string;
  readonly comparison = 'hash';
  readonly lanes = LANES;
  readonly #config: DrawbridgeTargetConfig;
  readonly #clock: Clock;
  readonly #openOutbound: () => Promise<Outbound>;

  constructor(config: DrawbridgeTargetConfig, clock: Clock, openOutbound: () => Promise<Outbound>) {
    this.#config = config;
    this.#clock = clock;
    this.#openOutbound = openOutbound;
    this.label = config.url;
  }

  takes(kind: SyncKind): boolean {
    return kind !== 'thumb' && kind !== 'files';
  }

  place(kind: SyncKind): string {
    return `${this.#config.url}/media/${kind}`;
  }

  publicUrls(file: SourceFile): string[] {
    return addressesOf(this.#config.url, file).slice(0, 1);
  }

  async list(_kinds: readonly SyncKind[], files: readonly SourceFile[]): Promise<Map<string, RemoteFile>> {
    const found = new Map<string, RemoteFile>();
    for (const [kind, own] of Map.groupBy(files, (file) => file.kind)) {
      for (let at = 0; at < own.length; at += FILES_IN_QUESTION) {
        const asked = own.slice(at, at + FILES_IN_QUESTION);
        const states = await this.#ask(kind, asked);
        for (const [index, file] of asked.entries()) {
          const state = states[index]?.state;
          if (state === 'known')
            found.set(nameOf(file), { bytes: file.bytes, modifiedAtMs: file.modifiedAtMs });
          // Something else has this name there.
          else if (state === 'taken') found.set(nameOf(file), { bytes: -1, modifiedAtMs: null });
        }
      }
    }
    return found;
  }

  async sha256Of(): Promise<null> {
    return null;
  }

  async send(file: SourceFile, { onBytes }: SendOptions): Promise<{ resumedBytes: number }> {
    const pieces: Uint8Array[] = [];
    for await (const chunk of file.read()) pieces.push(chunk);
    const bytes = Buffer.concat(pieces);
    const form = new FormData();
    form.set('kind', file.kind);
    form.set('name', oldName(file));
    form.set('sha256', createHash('sha256').update(bytes).digest('hex'));
    form.set('created_at', new Date(file.modifiedAtMs).toISOString());
    form.set('file', new Blob([bytes]), 'picture');
    // The server compares what it got with the hash before it answers.
    const encoded = new Response(form);
    await this.#call({
      method: 'POST',
      path: '/v1/admin/import/pictures',
      body: new Uint8Array(await encoded.arrayBuffer()),
      headers: { 'content-type': encoded.headers.get('content-type') ?? '' },
    });
    onBytes(file.bytes);
    return { resumedBytes: 0 };
  }

  async close(): Promise<void> {}

  async #ask(kind: SyncKind, files: readonly SourceFile[]): Promise<Checked[]> {
    const hashes: string[] = [];
    for (let at = 0; at < files.length; at += HASHES_AT_ONCE)
      hashes.push(...(await Promise.all(files.slice(at, at + HASHES_AT_ONCE).map(sha256Of))));
    const body = JSON.stringify({
      kind,
      files: files.map((file, index) => ({ name: oldName(file), sha256: hashes[index] ?? '' })),
    });
    const answer = await this.#call({
      method: 'POST',
      path: '/v1/admin/import/check',
      body,
      headers: { 'content-type': 'application/json' },
    });
    const { data } = (await answer.readJson()) as { data?: Checked[] };
    if (Array.isArray(data) && data.length === files.length) return data;
    throw new SyncFault('failed', `${this.label} gave an answer that is not understood`);
  }

  async #call(
    request: Pick<OutboundRequest, 'method'> & {
      path: string;
      body: OutboundRequest['body'];
      headers?: Record<string, string>;
    },
  ): Promise<OutboundResponse> {
    const { apiKey, url, proxy } = this.#config;
    try {
      const answer = await (await this.#openOutbound()).request({
        method: request.method,
        url: `${url}${request.path}`,
        headers: { authorization: `Bearer ${apiKey}`, accept: 'application/json', ...request.headers },
        body: request.body ?? null,
        purpose: 'sync',
        allow: 'configured',
        totalTimeoutMs: CALL_TIMEOUT_MS,
        ...(proxy === null ? {} : { proxy }),
      });
      if (answer.status < 300) return answer;
      throw await this.#refusal(answer);
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error;
      const isForGood = error.kind === 'blocked_address' || error.kind === 'blocked_url';
      const text = `${this.label} cannot be reached (${error.kind})`;
      throw new SyncFault(isForGood ? 'denied' : 'connection', text, error);
    }
  }

  async #refusal(answer: OutboundResponse): Promise<SyncFault> {
    const { status, headers } = answer;
    const body = (await answer.readJson().catch(() => null)) as { detail?: unknown; code?: unknown } | null;
    const detail = typeof body?.detail === 'string' ? body.detail : `HTTP ${status}`;
    const isFull = body?.code === 'storage_full';
    const kind = isFull ? 'full' : (KIND_BY_STATUS[status] ?? (status >= 500 ? 'busy' : 'failed'));
    if (kind === 'busy') {
      const waitS = Math.min(Number(headers['retry-after']) || 1, LONGEST_WAIT_S);
      await sleep(this.#clock, waitS * MS_PER_S);
    }
    return new SyncFault(kind, `${this.label}: ${detail}`);
  }
}
