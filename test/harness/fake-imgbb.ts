// ImgBB as far as it is documented and seen: uploads by form, every refusal a 400 that only its words explain, numbers that come
// as text, pictures at public addresses, no way to delete. What was asked is kept.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeImgbb {
  url: string;
  key: string;
  /** Path → bytes. */
  pictures: Map<string, Buffer>;
  uploads: number;
  /** What the next uploads are refused with, in order. */
  refusals: string[];
  /** Changes the bytes on their way in, as a host that encodes anew does. */
  change: ((bytes: Buffer) => Buffer) | null;
  close(): Promise<void>;
}

export async function fakeImgbb(): Promise<FakeImgbb> {
  const server = createServer((request, response) => void handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fake: FakeImgbb = {
    url,
    key: 'imgbb-key-of-a-test',
    pictures: new Map(),
    uploads: 0,
    refusals: [],
    change: null,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<undefined> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.method !== 'POST') return give(request, response);
    fake.uploads += 1;
    const form = await new Response(Buffer.concat(chunks), {
      headers: { 'content-type': request.headers['content-type'] ?? '' },
    }).formData();
    const refusal = form.get('key') === fake.key ? fake.refusals.shift() : 'Invalid API v1 key.';
    if (refusal !== undefined) {
      const error = { status_code: 400, error: { message: refusal, code: 100 }, status_txt: 'Bad Request' };
      return answer(response, 400, error);
    }
    const sent = Buffer.from(await (form.get('image') as File).arrayBuffer());
    const bytes = fake.change?.(sent) ?? sent;
    const id = `p${fake.uploads}`;
    fake.pictures.set(`/${id}.png`, bytes);
    const data = {
      id,
      url: `${url}/${id}.png`,
      url_viewer: `${url}/v/${id}`,
      size: String(bytes.length),
      time: '1795320000',
      expiration: '0',
      delete_url: `${url}/v/${id}/delete-token`,
    };
    answer(response, 200, { data, success: true, status: 200 });
  }

  function give(request: IncomingMessage, response: ServerResponse): undefined {
    const bytes = fake.pictures.get(request.url ?? '');
    if (!bytes) return answer(response, 404, {});
    response.writeHead(200, { 'content-type': 'image/png', 'content-length': bytes.length });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  }

  return fake;
}

function answer(response: ServerResponse, status: number, body: object): undefined {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
