// What the doctor looks at on the way between this server and everybody else: the picture's way out, the documentation, what a
// reverse proxy does to large bodies and to streams, and the proxies and steps on the way to providers.
import type { Clock } from '../kernel/clock.ts';
import type { Config } from '../kernel/config.ts';
import { nameOfField } from '../kernel/config-externals.ts';
import { HEARTBEAT_MS } from '../kernel/event-stream.ts';
import type { DoctorMessages } from '../kernel/messages/doctor-en.ts';
import type { Outbound, OutboundResponse } from '../kernel/outbound.ts';
import { OutboundError } from '../kernel/outbound-error.ts';
import { openTcp } from '../kernel/outbound-tcp.ts';
import { redactText } from '../kernel/redact.ts';
import type { Media } from '../media/media.ts';
import type { LegBody } from '../providers/contract.ts';
import type { Check, Outcome } from './doctor-check.ts';
import { type HostSystem, hostSystem } from './host-system.ts';
import { type Answer, askPublic, checkMediaPath, isOurs } from './media-path.ts';
import { bodyLimitLine, bufferingLines, describeLine, linesOnPort, shortTimeouts } from './nginx-reading.ts';

/** More than what nginx lets through by default. */
const LARGE_BODY_BYTES = 2 * 1024 * 1024;
const FIRST_EVENT_MS = 8_000;
const STREAM_TOTAL_MS = 10_000;
/** A stream that has nothing to tell says so by then. */
const HEARTBEAT_WAIT_MS = HEARTBEAT_MS + 2_000;
/** What it says then. */
const HEARTBEAT = ': heartbeat';
/** Held answers are silent for at most 60 s. */
const LONGEST_SILENCE_S = 60;
const REACH_TIMEOUT_MS = 3_000;
const KNOCK_TIMEOUT_MS = 500;
const DEFAULT_PROXY_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
const SOCKS_PORT = 1080;
/** Where local proxies usually listen (Clash, v2ray, Shadowsocks, Privoxy, Squid). */
const USUAL_PROXY_PORTS = [7890, 7891, 7897, 1080, 1087, 10808, 10809, 20171, 8118, 3128];
/** Steps that fail when a network needs a proxy and none is set. */
const DIRECT_LEGS: readonly LegBody['leg'][] = ['dns', 'tcp', 'tls'];

export interface WayContext {
  config: Config;
  clock: Clock;
  media: Media;
  text: DoctorMessages;
  system?: HostSystem;
  /** Whose picture is looked for. */
  accountId: string | null;
  /** Asks this server for a path as a browser would; null where there is no request to answer. */
  fetchPath: ((path: string, method?: 'GET' | 'POST') => Promise<Answer>) | null;
  openOutbound: () => Promise<Outbound>;
}

type FetchPath = NonNullable<WayContext['fetchPath']>;

const ok = (what: string): Outcome => ({ state: 'ok', what });

export const WAY_CHECKS: readonly Check<WayContext>[] = [
  { id: 'media_path', run: checkPath },
  { id: 'docs', run: checkDocs },
  { id: 'front', run: checkFront },
  { id: 'front_silence', deep: true, run: checkSilence },
  { id: 'proxies', run: checkProxies },
];

function checkPath(context: WayContext): Promise<Outcome> | Outcome {
  const { config, media, text, system = hostSystem, accountId, fetchPath, openOutbound } = context;
  if (!fetchPath || accountId === null) return { state: 'skipped', what: text.what.servingUnknown };
  return checkMediaPath({
    media,
    accountId,
    publicUrl: config.publicUrl,
    port: config.port,
    fetchPath,
    openOutbound,
    nginxLines: () => system.nginxLines(),
    text,
  });
}

async function checkDocs({ config, text: { what }, fetchPath, openOutbound }: WayContext): Promise<Outcome> {
  if (!fetchPath) return { state: 'skipped', what: what.servingUnknown };
  for (const path of ['/docs', '/openapi.json']) {
    const { status } = await fetchPath(path);
    if (status !== 200) return { state: 'error', what: what.docsMissing(path, status) };
    if (config.publicUrl === null) continue;
    const seen = await askPublic(await openOutbound(), `${config.publicUrl}${path}`);
    // Whether the address answers at all is told by the picture's way.
    if (seen.kind === 'answer' && seen.status !== 200)
      return { state: 'error', what: what.docsMissing(`${config.publicUrl}${path}`, seen.status) };
  }
  return ok(what.docsFine);
}

/** What the proxy in front does, as seen from outside. */
async function checkFront(context: WayContext): Promise<Outcome> {
  const { config, text, system = hostSystem, openOutbound, fetchPath } = context;
  const { what, path } = text;
  const { publicUrl } = config;
  if (publicUrl === null) return ok(what.frontNone);
  const outbound = await openOutbound();
  const alive = await askPublic(outbound, `${publicUrl}/healthz`);
  if (alive.kind === 'failed' || !isOurs(alive.headers))
    return { state: 'skipped', what: what.frontUnreached };
  const url = new URL(publicUrl);
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const lines = linesOnPort(system.nginxLines(), port);

  const large = await askPublic(outbound, `${publicUrl}/v1/uploads`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: new Uint8Array(LARGE_BODY_BYTES),
  });
  if (large.kind === 'answer' && large.status === 413 && !isOurs(large.headers)) {
    const { line } = bodyLimitLine(lines);
    const evidence = line ? [describeLine(line)] : [];
    return { state: 'error', what: what.frontBody, evidence, fix: path.fixBody(config.media.uploadMaxBytes) };
  }
  if (fetchPath && !(await streamsArrive(outbound, publicUrl, fetchPath))) {
    const evidence = bufferingLines(lines).map(describeLine);
    return { state: 'error', what: what.frontBuffers, evidence, fix: path.fixBuffers };
  }
  const short = shortTimeouts(lines, LONGEST_SILENCE_S);
  if (short.length === 0) return ok(what.frontFine);
  const evidence = short.map(describeLine);
  return { state: 'warning', what: what.frontTimeout(LONGEST_SILENCE_S), evidence, fix: path.fixTimeout };
}

/** Whether the beginning of a stream comes through at once. */
async function streamsArrive(outbound: Outbound, publicUrl: string, fetchPath: FetchPath): Promise<boolean> {
  try {
    const stream = await openStream(outbound, publicUrl, fetchPath, STREAM_TOTAL_MS);
    if (stream === null) return true;
    const first = await stream.body[Symbol.asyncIterator]().next();
    stream.discard();
    return first.done !== true;
  } catch {
    return false;
  }
}

/**
 * Whether a stream that is silent stays open from one sign of life to the next: what cuts it sits between here and the public
 * address, also where its files cannot be read.
 */
async function checkSilence(context: WayContext): Promise<Outcome> {
  const { config, clock, text, system = hostSystem, openOutbound, fetchPath } = context;
  const { what, path } = text;
  const { publicUrl } = config;
  if (publicUrl === null || !fetchPath) return ok(what.frontNone);
  const outbound = await openOutbound();
  const alive = await askPublic(outbound, `${publicUrl}/healthz`);
  if (alive.kind === 'failed' || !isOurs(alive.headers))
    return { state: 'skipped', what: what.frontUnreached };
  const stream = await openStream(outbound, publicUrl, fetchPath, HEARTBEAT_WAIT_MS);
  if (stream === null) return { state: 'skipped', what: what.frontUnreached };
  const pieces = stream.body[Symbol.asyncIterator]();
  let heardAt = clock.monotonicMs();
  try {
    for (let said = ''; !said.includes(HEARTBEAT); heardAt = clock.monotonicMs()) {
      const piece = await pieces.next();
      if (piece.done === true) throw new Error('the stream ended');
      said = Buffer.from(piece.value).toString();
    }
    return ok(what.frontSilenceFine);
  } catch (error) {
    const silentMs = clock.monotonicMs() - heardAt;
    // So much was told all the time that it was never silent.
    if (error instanceof OutboundError && error.kind === 'total_timeout' && silentMs < HEARTBEAT_MS)
      return ok(what.frontSilenceFine);
    const seconds = Math.round(silentMs / 1000);
    const url = new URL(publicUrl);
    const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
    const short = shortTimeouts(linesOnPort(system.nginxLines(), port), LONGEST_SILENCE_S);
    return {
      state: 'error',
      what: what.frontSilenceCut(seconds),
      evidence: short.map(describeLine),
      fix: path.fixTimeout,
    };
  } finally {
    stream.discard();
  }
}

/**
 * The stream of events as a browser opens it; null where it is refused. Its ticket opens streams only, for a minute, and is sent
 * only to an address that has been seen to be this server.
 */
async function openStream(
  outbound: Outbound,
  publicUrl: string,
  fetchPath: FetchPath,
  totalTimeoutMs: number,
): Promise<OutboundResponse | null> {
  const { status, bytes } = await fetchPath('/v1/stream-tickets', 'POST');
  if (status !== 200 && status !== 201) return null;
  const { ticket } = JSON.parse(Buffer.from(bytes).toString()) as { ticket: string };
  const response = await outbound.request({
    method: 'GET',
    url: `${publicUrl}/v1/events?ticket=${encodeURIComponent(ticket)}`,
    headers: { accept: 'text/event-stream' },
    purpose: 'doctor',
    allow: 'configured',
    connectTimeoutMs: FIRST_EVENT_MS,
    idleTimeoutMs: totalTimeoutMs,
    totalTimeoutMs,
  });
  if (response.status === 200) return response;
  response.discard();
  return null;
}

async function checkProxies({ config, clock, text: { what } }: WayContext): Promise<Outcome> {
  const proxies = configuredProxies(config);
  if (proxies.length === 0) return ok(what.proxiesNone);
  const broken: string[] = [];
  for (const { users, address } of proxies) {
    const problem = await knockAt(address, clock, REACH_TIMEOUT_MS);
    if (problem !== null) broken.push(`${redactText(address)} (${users.join(', ')}): ${problem}`);
  }
  const shown = proxies.map(({ users, address }) => `${redactText(address)} (${users.join(', ')})`);
  if (broken.length === 0) return ok(what.proxiesFine(shown));
  return { state: 'error', what: what.proxiesBroken(broken.length), evidence: broken };
}

/** Every proxy that is set, with what goes through it. */
export function configuredProxies(config: Config): { address: string; users: string[] }[] {
  const own = Object.entries(config.providers).map(([name, fields]) => [name, fields.proxy] as const);
  const all: (readonly [string, unknown])[] = [
    ['HTTPS_PROXY', config.proxy.https],
    ['HTTP_PROXY', config.proxy.http],
    ['ALL_PROXY', config.proxy.all],
    ['alerts', config.alerts.proxy],
    ...own,
  ];
  const byAddress = new Map<string, string[]>();
  for (const [user, address] of all) {
    if (typeof address !== 'string' || address === 'direct' || !URL.canParse(address)) continue;
    byAddress.set(address, [...(byAddress.get(address) ?? []), user]);
  }
  return [...byAddress].map(([address, users]) => ({ address, users }));
}

/** Why nothing answers at an address; null when something accepts connections. */
async function knockAt(address: string, clock: Clock, connectTimeoutMs: number): Promise<string | null> {
  const { hostname, port, protocol } = new URL(address);
  const at = Number(port) || (DEFAULT_PROXY_PORTS[protocol] ?? SOCKS_PORT);
  try {
    const socket = await openTcp({ host: hostname, port: at, purpose: 'proxy', connectTimeoutMs, clock });
    socket.destroy();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Addresses of this machine at which a proxy seems to listen, among the usual ones. */
export async function findLocalProxies(clock: Clock): Promise<string[]> {
  const knocks = USUAL_PROXY_PORTS.map(async (port) => {
    const address = `http://127.0.0.1:${port}`;
    return (await knockAt(address, clock, KNOCK_TIMEOUT_MS)) === null ? address : null;
  });
  return (await Promise.all(knocks)).filter((address) => address !== null);
}

/** The steps on the way to a provider that failed, in words; with a local proxy where going direct is what fails. */
export async function describeLegs(
  provider: string,
  legs: readonly LegBody[],
  { clock, text: { what } }: Pick<WayContext, 'clock' | 'text'>,
): Promise<string[]> {
  const failed = legs.filter(({ state }) => state === 'failed');
  const lines = failed.map(
    ({ leg, target, reason }) => `${leg}${target ? ` ${target}` : ''}: ${reason ?? ''}`,
  );
  const isDirect = !legs.some(({ leg, state }) => leg === 'proxy' && state !== 'skipped');
  if (!isDirect || !failed.some(({ leg }) => DIRECT_LEGS.includes(leg))) return lines;
  const name = nameOfField(provider, 'proxy');
  const local = await findLocalProxies(clock);
  return [...lines, ...local.map((address) => what.localProxy(address, name))];
}
