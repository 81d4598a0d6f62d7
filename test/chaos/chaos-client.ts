// What a caller of a chaos run does: wishes for pictures under an idempotency key each, calls repeated until a node answers,
// and an event stream that comes back with its last id. It goes round the nodes, as behind a load balancer.
import sharp from 'sharp';
import { EventClient } from '../whole/event-client.ts';

const RETRY_MS = 50;
/** A call that gets no answer was cut off in the middle of a kill. */
const CALL_TIMEOUT_MS = 15_000;
/** Every so many tasks one works from an upload. */
const EDIT_EVERY = 4;

export const isEdit = (wish: number) => wish % EDIT_EVERY === 1;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Resolves when `condition` holds; rejects after `limitMs`. */
export async function until(condition: () => boolean, what: string, limitMs: number): Promise<void> {
  const startedAtMs = Date.now();
  while (!condition()) {
    if (Date.now() - startedAtMs > limitMs) throw new Error(`Waited ${limitMs / 1000} s in vain for ${what}`);
    await pause(20);
  }
}

export class ChaosClient {
  /** Task id to the times that the stream said it finished. */
  readonly finished = new Map<string, number>();
  /** What the stream should not have said. */
  readonly findings: string[] = [];
  readonly #urls: readonly string[];
  readonly #headers: Record<string, string>;
  readonly #versions = new Map<string, number>();
  #turn = 0;

  constructor(urls: readonly string[], key: string) {
    this.#urls = urls;
    this.#headers = { authorization: `Bearer ${key}` };
  }

  #nextUrl(): string {
    this.#turn += 1;
    return this.#urls[this.#turn % this.#urls.length] as string;
  }

  listen(): EventClient {
    return new EventClient({
      target: () => ({ url: `${this.#nextUrl()}/v1/events`, headers: this.#headers }),
      onEvent: ({ event, data }) => {
        if (event === 'reset') return void this.findings.push('the event stream was reset');
        const before = this.#versions.get(data.id) ?? 0;
        if (data.version < before)
          this.findings.push(`${data.id}: version ${data.version} came after ${before}`);
        this.#versions.set(data.id, data.version);
        if (event === 'task.finished') this.finished.set(data.id, (this.finished.get(data.id) ?? 0) + 1);
      },
    }).start();
  }

  /** One call, repeated until a node answers it. `node`: only this one, and only once. */
  async call(path: string, init: RequestInit = {}, node?: number): Promise<Response> {
    for (;;) {
      try {
        const url = node === undefined ? this.#nextUrl() : this.#urls[node];
        const response = await fetch(`${url}${path}`, {
          ...init,
          headers: { ...this.#headers, ...init.headers },
          signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
        });
        if (response.status !== 503 && response.status !== 500) return response;
        await response.body?.cancel();
      } catch (error) {
        // Killed in the middle: the call is simply made again.
        if (node !== undefined) throw error;
      }
      await pause(RETRY_MS);
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  async json(path: string, init: RequestInit = {}): Promise<any> {
    for (;;) {
      const response = await this.call(path, init);
      // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
      const body: any = await response.json().catch(() => null);
      if (body === null) continue;
      // The first of two equal calls was cut off and is still at work.
      if (body.code === 'idempotency_in_progress') {
        await pause(RETRY_MS);
        continue;
      }
      if (!response.ok) throw new Error(`${init.method ?? 'GET'} ${path}: ${JSON.stringify(body)}`);
      return body;
    }
  }

  post(path: string, body: object, headers: Record<string, string> = {}) {
    const all = { 'content-type': 'application/json', ...headers };
    return this.json(path, { method: 'POST', body: JSON.stringify(body), headers: all });
  }

  async upload(): Promise<string> {
    const background = { r: 40, g: 120, b: 200 };
    const bytes = await sharp({ create: { width: 96, height: 64, channels: 3, background } })
      .png()
      .toBuffer();
    const form = new FormData();
    form.append('file', new Blob([new Uint8Array(bytes)], { type: 'image/png' }), 'input.png');
    return (await this.json('/v1/uploads', { method: 'POST', body: form })).id;
  }

  /** Makes a wish; resolves with its task's id. However often it is asked for, it is one task. */
  async wish(wish: number, model: string, uploadId: string): Promise<string> {
    const images = isEdit(wish) ? { images: [{ upload_id: uploadId }] } : {};
    const body = { prompt: `picture ${wish}`, size: '64x64', model, metadata: { wish }, ...images };
    return (await this.post('/v1/tasks', body, { 'idempotency-key': `wish-${wish}` })).id;
  }

  /** Asks for every webhook message that waits for its next try; resolves with how many there were. */
  async redeliverWaiting(): Promise<number> {
    const { data } = await this.json('/v1/webhooks/deliveries?status=pending&limit=100');
    for (const { id } of data) await this.call(`/v1/webhooks/deliveries/${id}/redeliver`, { method: 'POST' });
    return data.length;
  }

  /** What `drawbridge doctor --deep` says is wrong; null when a kill cut the question off. */
  async doctor(): Promise<string[] | null> {
    try {
      const node = Math.floor(this.#turn++ % this.#urls.length);
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"deep":true}',
      };
      const answer = await this.call('/v1/admin/doctor', init, node);
      const { findings } = (await answer.json()) as { findings: { severity: string; id: string }[] };
      return findings.filter(({ severity }) => severity === 'error').map((one) => JSON.stringify(one));
    } catch {
      return null;
    }
  }
}
