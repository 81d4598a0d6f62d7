// Follows one small picture on its whole way - disk, application, proxy, public address - and names the first layer that fails
// and, where it can be found, the line to change. No credential is sent: a public address may lead to somebody else's server.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { sha256Hex } from '../kernel/id.ts';
import type { DoctorMessages } from '../kernel/messages/doctor-en.ts';
import type { Outbound, OutboundResponse } from '../kernel/outbound.ts';
import { OutboundError } from '../kernel/outbound-error.ts';
import type { Media } from '../media/media.ts';
import type { Outcome } from './doctor-check.ts';
import type { NginxLine } from './host-system.ts';
import {
  describeLine,
  directiveOf,
  fileLinesFor,
  linesOnPort,
  locationsIn,
  upstreamLines,
} from './nginx-reading.ts';

const ASK_TIMEOUT_MS = 10_000;
const MAX_PICTURE_BYTES = 1024 * 1024;
const MOST_LINES = 6;
/** Eight grey pixels a side, as PNG. */
const PROBE_PICTURE =
  'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAADklEQVR4nGNogAIGyhgAgIQgAQ2AJGEAAAAASUVORK5CYII=';
const PROBE_NAME = 'the picture that the doctor looks for';

export interface Answer {
  status: number;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | string[] | number | undefined>>;
  bytes: Uint8Array;
}

export interface MediaPathWorld {
  media: Media;
  accountId: string;
  publicUrl: string | null;
  /** Where this server listens. */
  port: number;
  fetchPath: (path: string) => Promise<Answer>;
  openOutbound: () => Promise<Outbound>;
  nginxLines: () => NginxLine[];
  text: DoctorMessages;
}

export type PublicFailure =
  | 'name'
  | 'port'
  | 'tls'
  | 'upstream'
  | 'files'
  | 'forbidden'
  | 'prefix'
  | 'redirect'
  | 'other_site'
  | 'password'
  | 'status'
  | 'silent';

/** The whole way of one picture. */
export async function checkMediaPath(world: MediaPathWorld): Promise<Outcome> {
  const { text, publicUrl, media, fetchPath } = world;
  const { what } = text;
  let picture: { key: string; bytes: Buffer };
  try {
    picture = await probePicture(world);
  } catch (error) {
    return { state: 'error', what: what.pathDisk(error instanceof Error ? error.message : String(error)) };
  }
  const { pathname, search } = new URL(media.urls.view('http://localhost', 'original', picture.key));
  const own = await fetchPath(`${pathname}${search}`);
  const isHandedOn = own.headers['x-accel-redirect'] !== undefined;
  const isRight = own.status === 200 && (isHandedOn || isSame(own.bytes, picture.bytes));
  // A picture in a remote store may be there for callers to fetch themselves.
  const isElsewhere = own.status === 302;
  if (!isRight && !isElsewhere) return { state: 'error', what: what.pathApp(own.status) };
  if (publicUrl === null) return { state: 'ok', what: what.pathNoPublic };
  const address = media.urls.view(publicUrl, 'original', picture.key);
  const seen = await askPublic(await world.openOutbound(), address);
  const failure = judge(seen, picture.bytes);
  if (failure === null) return { state: 'ok', what: what.pathFine(publicUrl) };
  return describeFailure(world, failure, { isHandedOn, seen });
}

/** A picture of this server's own, made anew when it is gone; it belongs to whoever asks. */
async function probePicture({ media, accountId }: MediaPathWorld): Promise<{ key: string; bytes: Buffer }> {
  const found = await media.localFileOf(idFor(accountId), accountId).catch(() => null);
  if (found) return { key: found.key, bytes: await readFile(found.path) };
  await media.createUpload(accountId, onePiece(Buffer.from(PROBE_PICTURE, 'base64')), idFor(accountId));
  const made = await media.localFileOf(idFor(accountId), accountId);
  return { key: made.key, bytes: await readFile(made.path) };
}

const idFor = (accountId: string) => `up_${sha256Hex(`${PROBE_NAME} ${accountId}`).slice(0, 32)}`;

async function* onePiece(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const isSame = (a: Uint8Array, b: Uint8Array) => digest(a) === digest(b);

export type PublicAnswer =
  | { kind: 'answer'; status: number; headers: OutboundResponse['headers']; bytes: Buffer }
  | { kind: 'failed'; error: OutboundError };

/** Asks a public address of this server as a visitor would. */
export async function askPublic(
  outbound: Outbound,
  url: string,
  request: { method?: 'GET' | 'POST'; headers?: Record<string, string>; body?: Uint8Array } = {},
): Promise<PublicAnswer> {
  try {
    const response = await outbound.request({
      method: request.method ?? 'GET',
      url,
      headers: request.headers ?? {},
      body: request.body ?? null,
      purpose: 'doctor',
      allow: 'configured',
      connectTimeoutMs: ASK_TIMEOUT_MS,
      idleTimeoutMs: ASK_TIMEOUT_MS,
      totalTimeoutMs: ASK_TIMEOUT_MS,
      maxBytes: MAX_PICTURE_BYTES,
    });
    const pieces: Uint8Array[] = [];
    for await (const piece of response.body) pieces.push(piece);
    const { status, headers } = response;
    return { kind: 'answer', status, headers, bytes: Buffer.concat(pieces) };
  } catch (error) {
    if (error instanceof OutboundError) return { kind: 'failed', error };
    throw error;
  }
}

/** Whether the application itself answered: every answer of it carries a request id. */
export const isOurs = (headers: OutboundResponse['headers']) => headers['x-request-id'] !== undefined;

function judge(seen: PublicAnswer, wanted: Uint8Array): PublicFailure | null {
  if (seen.kind === 'failed') {
    const { kind } = seen.error;
    if (kind === 'dns') return 'name';
    if (kind === 'tls') return 'tls';
    return kind === 'refused' || kind === 'unreachable' || kind === 'connect_timeout' ? 'port' : 'silent';
  }
  const { status, headers, bytes } = seen;
  if (status === 200) return isSame(bytes, wanted) ? null : 'other_site';
  if (status >= 300 && status < 400) return isOurs(headers) ? null : 'redirect';
  if (isOurs(headers)) return status === 404 ? 'prefix' : 'status';
  if (status === 401) return 'password';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'files';
  return status >= 502 && status <= 504 ? 'upstream' : 'status';
}

function describeFailure(
  { text, publicUrl, port, media, nginxLines }: MediaPathWorld,
  failure: PublicFailure,
  { isHandedOn, seen }: { isHandedOn: boolean; seen: PublicAnswer },
): Outcome {
  const { what, path } = text;
  const url = new URL(publicUrl ?? 'http://localhost');
  const publicPort = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const lines = linesOnPort(nginxLines(), publicPort);
  const status = seen.kind === 'answer' ? `HTTP ${seen.status}` : seen.error.kind;
  const by = seen.kind === 'answer' && typeof seen.headers.server === 'string' ? seen.headers.server : '';
  const finding = (fix: string, evidence: string[] = []): Outcome => ({
    state: 'error',
    what: what.pathPublic(path[failure], by === '' ? status : `${status}, ${by}`),
    evidence: [...evidence.slice(0, MOST_LINES), ...(seen.kind === 'failed' ? [seen.error.message] : [])],
    fix,
  });
  switch (failure) {
    case 'upstream': {
      const wrong = upstreamLines(lines).filter(({ address }) => !address.endsWith(`:${port}`));
      return finding(
        path.fixUpstream(port),
        wrong.map(({ line }) => describeLine(line)),
      );
    }
    case 'files':
    case 'forbidden': {
      if (!isHandedOn) {
        const found = fileLinesFor(lines, `${url.pathname.replace(/\/$/, '')}/media`);
        return finding(path.fixFiles, (found.length > 0 ? found : rootLines(lines)).map(describeLine));
      }
      if (failure === 'forbidden') return finding(path.fixForbidden(media.root), [media.root]);
      return finding(path.fixAccel(media.root, media.accelLocation ?? ''), accelLines(lines, media));
    }
    case 'prefix':
      return finding(path.fixPrefix(publicUrl ?? ''), upstreamPathLines(lines).map(describeLine));
    default:
      return finding(path.fix[failure]);
  }
}

const rootLines = (lines: readonly NginxLine[]) => lines.filter((line) => directiveOf(line, 'root') !== null);

/** Lines that hand on another path than they were asked for. */
const upstreamPathLines = (lines: readonly NginxLine[]) =>
  lines.filter((line) => /^https?:\/\/[^/]+\/./.test(directiveOf(line, 'proxy_pass') ?? ''));

/** The internal location's folder, when it is another than the store's; nothing where the location is missing. */
function accelLines(lines: readonly NginxLine[], media: Media): string[] {
  const wanted = media.root.replace(/\/+$/, '');
  return locationsIn(lines)
    .filter((location) => location.path.replace(/\/+$/, '') === media.accelLocation)
    .flatMap((location) => location.lines)
    .filter((line) => {
      const folder = directiveOf(line, 'alias') ?? directiveOf(line, 'root');
      return folder !== null && folder.replace(/\/+$/, '') !== wanted;
    })
    .map(describeLine);
}
