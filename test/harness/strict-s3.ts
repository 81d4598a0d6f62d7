// An S3 server that is stricter than most: it verifies every signature and payload hash by itself, refuses what OSS and R2
// refuse (chunked framing, newer checksums, lengths left out, unequal parts), never answers 100-continue, and can be told to
// misbehave request by request. It keeps objects in memory and a log of everything that came.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Identity } from './egress-proxies.ts';

const MIN_PART_BYTES = 16;
const MOST_SKEW_MS = 15 * 60_000;

export interface StoredObject {
  bytes: Buffer;
  mime: string;
  etag: string;
  metadata: Record<string, string>;
  modifiedAtMs: number;
}

export interface S3Call {
  method: string;
  /** Key in the bucket, empty for the bucket itself. */
  key: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  status: number;
}

/**
 * What to do with a request instead of serving it.
 * - a number with a code: answer so before anything is done
 * - `timeout-before` / `timeout-after`: never answer, without or with the effect
 * - `cut-after`: do it, then break the connection
 * - `lose-bytes`: keep other bytes than were sent, and say nothing
 * - `wrong-etag`: serve it with another ETag
 * - `cut-body`: break the connection in the middle of the answer
 */
export type S3Fault =
  | { status: number; code: string }
  | 'timeout-before'
  | 'timeout-after'
  | 'cut-after'
  | 'lose-bytes'
  | 'wrong-etag'
  | 'cut-body';

export interface StrictS3Options {
  bucket?: string;
  accessKeyId?: string;
  secretAccessKey?: string;
  region?: string;
  /** Which addressing it takes; `virtual` and `path` refuse the other, as OSS and old MinIO do. */
  addressing?: 'path' | 'virtual' | 'any' | 'endpoint';
  /** Whether it knows `If-None-Match` on PUT (else 501, as some do). */
  conditions?: boolean;
  tls?: Identity;
  /** The host that virtual names are below, such as `target.test`. */
  host?: string;
  now?: () => number;
}

export interface StrictS3 {
  port: number;
  endpoint: string;
  bucket: string;
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
  objects: Map<string, StoredObject>;
  uploads: Map<
    string,
    {
      key: string;
      mime: string;
      metadata: Record<string, string>;
      parts: Map<number, Buffer>;
      begunAtMs: number;
    }
  >;
  calls: S3Call[];
  /** Decides about each request that passed its checks; undefined serves it. */
  fault: ((call: { method: string; key: string; query: URLSearchParams }) => S3Fault | undefined) | null;
  close(): Promise<void>;
}

class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const md5 = (bytes: Uint8Array, encoding: 'hex' | 'base64') =>
  createHash('md5').update(bytes).digest(encoding);
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const escapeXml = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

export async function strictS3(options: StrictS3Options = {}): Promise<StrictS3> {
  const { bucket = 'pictures', region = 'eu-test-1', addressing = 'path', conditions = true } = options;
  const { accessKeyId = 'AKIDSTRICT', secretAccessKey = 'strict+secret/key', now = Date.now } = options;
  const host = options.host ?? '127.0.0.1';
  const objects: StrictS3['objects'] = new Map();
  const uploads: StrictS3['uploads'] = new Map();
  const calls: S3Call[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse) => void handle(request, response);
  const server: Server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener);
  // A client that waits for 100 waits in vain, as at R2.
  server.on('checkContinue', listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const scheme = options.tls ? 'https' : 'http';
  let uploadCount = 0;

  const self: StrictS3 = {
    port,
    endpoint: `${scheme}://${host}:${port}`,
    bucket,
    accessKeyId,
    secretAccessKey,
    region,
    objects,
    uploads,
    calls,
    fault: null,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => {});
    response.on('error', () => {});
    const url = new URL(request.url ?? '/', `${scheme}://${request.headers.host}`);
    const call: S3Call = {
      method: request.method ?? '',
      key: '',
      query: url.searchParams,
      headers: request.headers,
      status: 0,
    };
    calls.push(call);
    try {
      call.key = locate(request, url);
      const fault = self.fault?.({ method: call.method, key: call.key, query: url.searchParams });
      if (fault === 'timeout-before') return;
      const body = await read(request);
      verify(request, url, body);
      refuseWhatOthersRefuse(request, body);
      if (typeof fault === 'object') throw new Refusal(fault.status, fault.code);
      const stored = fault === 'lose-bytes' ? Buffer.alloc(body.length, 7) : body;
      if (fault === 'timeout-after' || fault === 'cut-after') {
        serve(call, request, stored, { writeHead: () => {}, end: () => {} });
        if (fault === 'cut-after') request.socket.destroy();
        return;
      }
      serve(call, request, stored, {
        writeHead(status, headers) {
          call.status = status;
          if (fault === 'wrong-etag' && 'etag' in headers) headers.etag = `"${'0'.repeat(32)}"`;
          response.writeHead(status, headers);
        },
        end(bytes) {
          if (fault !== 'cut-body' || !bytes) return response.end(bytes);
          response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => request.socket.destroy());
        },
      });
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(500, 'InternalError');
      call.status = refusal.status;
      const xml = `<?xml version="1.0"?><Error><Code>${refusal.code}</Code><Message>${refusal.code}</Message><RequestId>r${calls.length}</RequestId></Error>`;
      response.writeHead(refusal.status, { 'content-type': 'application/xml', connection: 'close' });
      response.end(call.method === 'HEAD' ? undefined : xml);
    }
  }

  /** The key that a request is about, by the addressing that this server takes. */
  function locate(request: IncomingMessage, url: URL): string {
    const name = (request.headers.host ?? '').replace(/:\d+$/, '');
    const path = decodeURIComponent(url.pathname).slice(1);
    const isVirtual = name === `${bucket}.${host}`;
    if (addressing === 'endpoint') return path;
    if (isVirtual) {
      if (addressing === 'path') throw new Refusal(400, 'InvalidBucketName');
      return path;
    }
    if (addressing === 'virtual') throw new Refusal(403, 'SecondLevelDomainForbidden');
    const [first, ...rest] = path.split('/');
    if (first !== bucket) throw new Refusal(404, 'NoSuchBucket');
    return rest.join('/');
  }

  function verify(request: IncomingMessage, url: URL, body: Buffer): void {
    const isPresigned = url.searchParams.has('X-Amz-Signature');
    const field = (name: string) => url.searchParams.get(name) ?? '';
    const authorization = request.headers.authorization ?? '';
    const match =
      /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
        authorization,
      );
    if (!isPresigned && !match) throw new Refusal(403, 'AccessDenied');
    const credential = isPresigned ? field('X-Amz-Credential') : (match?.[1] ?? '');
    const signedHeaders = isPresigned ? field('X-Amz-SignedHeaders') : (match?.[2] ?? '');
    const signature = isPresigned ? field('X-Amz-Signature') : (match?.[3] ?? '');
    const date = isPresigned ? field('X-Amz-Date') : String(request.headers['x-amz-date'] ?? '');
    const [id, day, signedRegion, service, end] = credential.split('/');
    if (id !== accessKeyId) throw new Refusal(403, 'InvalidAccessKeyId');
    if (signedRegion !== region || service !== 's3' || end !== 'aws4_request')
      throw new Refusal(403, 'SignatureDoesNotMatch');
    const at = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
    if (Number.isNaN(at) || Math.abs(now() - at) > MOST_SKEW_MS + (isPresigned ? 7 * 86_400_000 : 0))
      throw new Refusal(403, 'RequestTimeTooSkewed');
    if (isPresigned && now() > at + Number(field('X-Amz-Expires')) * 1000)
      throw new Refusal(400, 'ExpiredRequest');
    const declared = isPresigned ? 'UNSIGNED-PAYLOAD' : String(request.headers['x-amz-content-sha256'] ?? '');
    if (declared !== 'UNSIGNED-PAYLOAD' && declared !== sha256(body))
      throw new Refusal(400, 'XAmzContentSHA256Mismatch');
    const headerText = signedHeaders
      .split(';')
      .map(
        (name) =>
          `${name}:${String(request.headers[name] ?? '')
            .trim()
            .replace(/ +/g, ' ')}\n`,
      )
      .join('');
    // Whatever begins with x-amz- must be signed.
    const unsigned = Object.keys(request.headers).find(
      (name) => name.startsWith('x-amz-') && !signedHeaders.split(';').includes(name),
    );
    if (unsigned && !isPresigned) throw new Refusal(403, 'AccessDenied');
    const query = [...url.searchParams]
      .filter(([name]) => name !== 'X-Amz-Signature')
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .sort()
      .join('&');
    const path = url.pathname
      .split('/')
      .map((part) => encode(decodeURIComponent(part)))
      .join('/');
    const canonical = [request.method, path, query, headerText, signedHeaders, declared].join('\n');
    const scope = `${day}/${region}/s3/aws4_request`;
    const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
    const key = hmac(hmac(hmac(hmac(`AWS4${secretAccessKey}`, day ?? ''), region), 's3'), 'aws4_request');
    const expected = hmac(key, toSign);
    const given = Buffer.from(signature, 'hex');
    if (given.length !== expected.length || !timingSafeEqual(given, expected))
      throw new Refusal(403, 'SignatureDoesNotMatch');
  }

  function refuseWhatOthersRefuse(request: IncomingMessage, body: Buffer): void {
    const { headers } = request;
    if (headers.expect !== undefined) throw new Refusal(417, 'ExpectationFailed');
    const names = Object.keys(headers).filter((name) =>
      /^x-amz-(checksum|sdk-checksum|trailer|decoded)/.test(name),
    );
    const fromQuery = [...new URL(request.url ?? '/', 'http://x').searchParams.keys()].filter((name) =>
      /^x-amz-(checksum|sdk-checksum)/i.test(name),
    );
    if (names.length + fromQuery.length > 0) throw new Refusal(501, 'NotImplemented');
    if (String(headers['content-encoding'] ?? '').includes('aws-chunked'))
      throw new Refusal(400, 'InvalidArgument');
    if (request.method !== 'PUT') return;
    const isCopy = headers['x-amz-copy-source'] !== undefined;
    if (headers['content-length'] === undefined && !isCopy) throw new Refusal(411, 'MissingContentLength');
    const sent = headers['content-md5'];
    if (sent !== undefined && sent !== md5(body, 'base64')) throw new Refusal(400, 'BadDigest');
  }

  interface Answer {
    writeHead(status: number, headers: Record<string, string | number>): void;
    end(bytes?: Buffer): void;
  }

  function serve(call: S3Call, request: IncomingMessage, body: Buffer, answer: Answer): undefined {
    const { method, key, query } = call;
    if (query.has('list-type')) return list(query, answer);
    if (query.has('uploads') && method === 'GET') return listUploads(answer);
    if (query.has('uploads') && method === 'POST') return beginParts(key, request, answer);
    if (query.has('uploadId')) return servePart(call, body, answer);
    if (method === 'PUT') return put(key, request, body, answer);
    if (method === 'DELETE') {
      objects.delete(key);
      answer.writeHead(204, {});
      answer.end();
      return;
    }
    const object = objects.get(key);
    if (!object) throw new Refusal(404, 'NoSuchKey');
    const wanted = request.headers['if-match'];
    if (wanted !== undefined && wanted !== object.etag) throw new Refusal(412, 'PreconditionFailed');
    const headers: Record<string, string | number> = {
      'content-type': query.get('response-content-type') ?? object.mime,
      etag: object.etag,
      'last-modified': new Date(object.modifiedAtMs).toUTCString(),
      'accept-ranges': 'bytes',
      ...Object.fromEntries(
        Object.entries(object.metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]),
      ),
    };
    const disposition = query.get('response-content-disposition');
    if (disposition) headers['content-disposition'] = disposition;
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const [start, end] = range ? [Number(range[1]), Number(range[2])] : [0, object.bytes.length - 1];
    const part = object.bytes.subarray(start, end + 1);
    if (range) headers['content-range'] = `bytes ${start}-${end}/${object.bytes.length}`;
    answer.writeHead(range ? 206 : 200, { ...headers, 'content-length': part.length });
    answer.end(method === 'HEAD' ? undefined : part);
  }

  function metadataOf(request: IncomingMessage): Record<string, string> {
    return Object.fromEntries(
      Object.entries(request.headers).flatMap(([name, value]) =>
        name.startsWith('x-amz-meta-') ? [[name.slice('x-amz-meta-'.length), String(value)]] : [],
      ),
    );
  }

  function put(key: string, request: IncomingMessage, body: Buffer, answer: Answer): undefined {
    const source = request.headers['x-amz-copy-source'];
    if (source !== undefined) {
      const from = decodeURIComponent(String(source))
        .replace(/^\//, '')
        .slice(bucket.length + 1);
      const object = objects.get(from);
      if (!object) throw new Refusal(404, 'NoSuchKey');
      objects.set(key, { ...object, modifiedAtMs: now() });
      const xml = `<CopyObjectResult><ETag>${escapeXml(object.etag)}</ETag></CopyObjectResult>`;
      answer.writeHead(200, { 'content-type': 'application/xml' });
      answer.end(Buffer.from(xml));
      return;
    }
    if (request.headers['if-none-match'] !== undefined) {
      if (!conditions) throw new Refusal(501, 'NotImplemented');
      if (objects.has(key)) throw new Refusal(412, 'PreconditionFailed');
    }
    const mime = request.headers['content-type'];
    if (mime === undefined) throw new Refusal(400, 'MissingContentType');
    const etag = `"${md5(body, 'hex')}"`;
    objects.set(key, { bytes: body, mime, etag, metadata: metadataOf(request), modifiedAtMs: now() });
    answer.writeHead(200, { etag });
    answer.end();
  }

  function beginParts(key: string, request: IncomingMessage, answer: Answer): undefined {
    uploadCount += 1;
    const id = `upload-${uploadCount}`;
    const mime = request.headers['content-type'] ?? '';
    uploads.set(id, { key, mime, metadata: metadataOf(request), parts: new Map(), begunAtMs: now() });
    answer.writeHead(200, { 'content-type': 'application/xml' });
    answer.end(
      Buffer.from(
        `<InitiateMultipartUploadResult><Bucket>${bucket}</Bucket><Key>${key}</Key><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      ),
    );
  }

  function servePart({ method, query, key }: S3Call, body: Buffer, answer: Answer): undefined {
    const id = query.get('uploadId') ?? '';
    const upload = uploads.get(id);
    if (!upload || upload.key !== key) throw new Refusal(404, 'NoSuchUpload');
    if (method === 'DELETE') {
      uploads.delete(id);
      answer.writeHead(204, {});
      answer.end();
      return;
    }
    if (method === 'PUT') {
      upload.parts.set(Number(query.get('partNumber')), body);
      answer.writeHead(200, { etag: `"${md5(body, 'hex')}"` });
      answer.end();
      return;
    }
    const named = [...body.toString().matchAll(/<Part>.*?<\/Part>/gs)].map(([part]) => ({
      n: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
      etag: (/<ETag>(.*?)<\/ETag>/.exec(part)?.[1] ?? '').replaceAll('&quot;', '"'),
    }));
    const parts = named.map(({ n, etag }) => {
      const bytes = upload.parts.get(n);
      if (!bytes || etag !== `"${md5(bytes, 'hex')}"`) throw new Refusal(400, 'InvalidPart');
      return bytes;
    });
    const whole = parts.slice(0, -1);
    if (whole.some(({ length }) => length < MIN_PART_BYTES)) throw new Refusal(400, 'EntityTooSmall');
    // R2: all parts but the last must have equal size.
    if (new Set(whole.map(({ length }) => length)).size > 1) throw new Refusal(400, 'InvalidPart');
    const etag = `"${md5(Buffer.concat(parts.map((part) => Buffer.from(md5(part, 'hex'), 'hex'))), 'hex')}-${parts.length}"`;
    const { mime, metadata } = upload;
    objects.set(key, { bytes: Buffer.concat(parts), mime, etag, metadata, modifiedAtMs: now() });
    uploads.delete(id);
    answer.writeHead(200, { 'content-type': 'application/xml' });
    answer.end(
      Buffer.from(
        `<CompleteMultipartUploadResult><Key>${key}</Key><ETag>${etag}</ETag></CompleteMultipartUploadResult>`,
      ),
    );
  }

  function listUploads(answer: Answer): undefined {
    const rows = [...uploads].map(
      ([id, { key, begunAtMs }]) =>
        `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${new Date(begunAtMs).toISOString()}</Initiated></Upload>`,
    );
    answer.writeHead(200, { 'content-type': 'application/xml' });
    answer.end(Buffer.from(`<ListMultipartUploadsResult>${rows.join('')}</ListMultipartUploadsResult>`));
  }

  function list(query: URLSearchParams, answer: Answer): undefined {
    const prefix = query.get('prefix') ?? '';
    const after = query.get('start-after') ?? '';
    const most = Math.min(1000, Number(query.get('max-keys') ?? 1000));
    const found = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    const page = found.slice(0, most);
    const rows = page.map((key) => {
      const { bytes, modifiedAtMs } = objects.get(key) as StoredObject;
      return `<Contents><Key>${key}</Key><Size>${bytes.length}</Size><LastModified>${new Date(modifiedAtMs).toISOString()}</LastModified></Contents>`;
    });
    answer.writeHead(200, { 'content-type': 'application/xml' });
    answer.end(
      Buffer.from(
        `<ListBucketResult><IsTruncated>${found.length > most}</IsTruncated>${rows.join('')}</ListBucketResult>`,
      ),
    );
  }

  return self;
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
