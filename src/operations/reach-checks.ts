// What the doctor asks of others: what time it is for them, and whether the receivers of webhooks can be reached. Nothing is sent but
// a HEAD of the start page, without a credential and without the path, which may hold a secret.
import type { Clock } from '../kernel/clock.ts';
import type { Config } from '../kernel/config.ts';
import type { Db } from '../kernel/db.ts';
import type { DoctorMessages } from '../kernel/messages/doctor-en.ts';
import type { Outbound } from '../kernel/outbound.ts';
import { OutboundError } from '../kernel/outbound-error.ts';
import type { Providers } from '../providers/providers.ts';
import { listReceiverUrls } from './alert-readings-store.ts';
import type { Check, Outcome } from './doctor-check.ts';
import { type HostSystem, hostSystem } from './host-system.ts';

const ASK_TIMEOUT_MS = 5_000;
/** Signed requests of S3 are refused from 15 minutes on, tickets and webhooks from 5; `Date` itself is exact to a second. */
const CLOCK_WARNING_MS = 30_000;
const CLOCK_ERROR_MS = 300_000;
/** So many are asked for the time; one wrong clock among them proves nothing. */
const MOST_CLOCKS = 3;
const MOST_RECEIVERS = 20;
const RECEIVERS_AT_ONCE = 5;

export interface ReachContext {
  config: Config;
  clock: Clock;
  db: Db;
  providers: Providers;
  text: DoctorMessages;
  openOutbound: () => Promise<Outbound>;
  system?: HostSystem;
}

const ok = (what: string): Outcome => ({ state: 'ok', what });

export const REACH_CHECKS: readonly Check<ReachContext>[] = [
  { id: 'clock_offset', run: checkClockOffset },
  { id: 'webhook_receivers', run: checkReceivers },
];

/** This machine's clock against those of the public address and of providers, and whether anything keeps it right. */
async function checkClockOffset(context: ReachContext): Promise<Outcome> {
  const { system = hostSystem, openOutbound, text } = context;
  const { what } = text;
  const outbound = await openOutbound();
  const answers = await Promise.all(
    clocksToAsk(context).map((url) => offsetFrom(outbound, url, context.clock)),
  );
  const offsets = answers.filter((answer) => answer !== null).sort((a, b) => Math.abs(a.ms) - Math.abs(b.ms));
  const kept = await system.run('timedatectl', ['show', '--property=NTPSynchronized', '--value']);
  const isUnkept = kept?.code === 0 && kept.output.trim() === 'no';
  // The nearest counts: a server with a wrong clock is more likely than two that are wrong alike.
  const [nearest] = offsets;
  if (!nearest) return isUnkept ? { state: 'warning', what: what.clockUnkept } : ok(what.clockUnasked);
  const seconds = Math.round(nearest.ms / 1000);
  const distanceMs = Math.abs(nearest.ms);
  if (distanceMs < CLOCK_WARNING_MS)
    return isUnkept ? { state: 'warning', what: what.clockUnkept } : ok(what.clockAgrees(nearest.host));
  return {
    state: distanceMs < CLOCK_ERROR_MS ? 'warning' : 'error',
    what: what.clockOff(seconds, nearest.host),
    evidence: offsets.map(({ host, ms }) => `${host}: ${Math.round(ms / 1000)} s`),
  };
}

/** The public address, and providers by https: by plain http it is a machine nearby, with a clock like ours. */
function clocksToAsk({ config, providers }: ReachContext): string[] {
  const endpoints = providers.names.flatMap((name) => providers.adapter(name)?.endpoints ?? []);
  const remote = endpoints.filter((url) => url.startsWith('https:'));
  const all = [...(config.publicUrl === null ? [] : [config.publicUrl]), ...remote];
  return [...new Set(all.map((url) => new URL(url).origin))].slice(0, MOST_CLOCKS);
}

/** How far this clock is ahead of theirs; null where nobody says. */
async function offsetFrom(
  outbound: Outbound,
  url: string,
  clock: Clock,
): Promise<{ host: string; ms: number } | null> {
  try {
    const askedAt = clock.now();
    const headers = await headOf(outbound, url, 'configured');
    const theirs = Date.parse(String(headers.date ?? ''));
    // Half of the way there and back, which is all the same for seconds.
    const ours = (askedAt + clock.now()) / 2;
    return Number.isNaN(theirs) ? null : { host: new URL(url).host, ms: ours - theirs };
  } catch (error) {
    if (error instanceof OutboundError) return null;
    throw error;
  }
}

async function headOf(outbound: Outbound, url: string, allow: 'configured' | 'public') {
  const response = await outbound.request({
    method: 'HEAD',
    url,
    purpose: 'doctor',
    allow,
    connectTimeoutMs: ASK_TIMEOUT_MS,
    idleTimeoutMs: ASK_TIMEOUT_MS,
    totalTimeoutMs: ASK_TIMEOUT_MS,
  });
  response.discard();
  return response.headers;
}

/** Whether anything answers at the receivers of webhooks, whatever it answers. */
async function checkReceivers({ db, openOutbound, text: { what } }: ReachContext): Promise<Outcome> {
  const urls = await listReceiverUrls(db.slow, MOST_RECEIVERS * RECEIVERS_AT_ONCE);
  const origins = [...new Set(urls.map((url) => new URL(url).origin))].slice(0, MOST_RECEIVERS);
  if (origins.length === 0) return ok(what.receiversNone);
  const outbound = await openOutbound();
  const silent: string[] = [];
  for (let from = 0; from < origins.length; from += RECEIVERS_AT_ONCE) {
    const asked = origins.slice(from, from + RECEIVERS_AT_ONCE);
    const problems = await Promise.all(asked.map((origin) => problemOf(outbound, origin)));
    silent.push(...problems.filter((problem) => problem !== null));
  }
  if (silent.length === 0) return ok(what.receiversFine(origins.length));
  return { state: 'warning', what: what.receiversSilent(silent.length, origins.length), evidence: silent };
}

async function problemOf(outbound: Outbound, origin: string): Promise<string | null> {
  try {
    await headOf(outbound, origin, 'public');
    return null;
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    // Somebody answered, if not well.
    return error.kind === 'bad_answer' ? null : `${new URL(origin).host}: ${error.kind}`;
  }
}
