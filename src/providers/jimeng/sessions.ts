// The session ids of jimeng and who takes the next call. Each call carries exactly one; a session that the service
// refused is set aside until a probe finds it working again, so that no dead one is asked over and over.
import { createHash } from 'node:crypto';
import type { Region } from './models.ts';

/**
 * `ok`; `doubtful`: the last check said no, which may also be the network, so it is used only after the good ones;
 * set aside: `expired`, `exhausted` (no points left), `restricted` (risk control, or not allowed in its region).
 */
export type SessionState = 'ok' | 'doubtful' | 'expired' | 'exhausted' | 'restricted';

/** Points come back daily; until then a session without any is tried once in a while. */
const EXHAUSTED_RETRY_MS = 60 * 60_000;

const FINGERPRINT_CHARS = 16;

export interface Session {
  /** A fingerprint of the account, the same after a restart and behind another proxy; no secret. */
  readonly id: string;
  /** What is sent: `[proxy@][region-]sessionid`. Never shown; messages say the position. */
  readonly credential: string;
  readonly region: Region;
  /** From 1, as in the configured list. */
  readonly position: number;
  state: SessionState;
  /** When it came into this state, epoch ms. */
  since: number;
  /** When it was last asked about, epoch ms. */
  checkedAt: number | null;
  /** Points left when it was last asked; null when it did not say. */
  points: number | null;
  /** The last check failed because jimeng-api could not reach jimeng. */
  isOffline: boolean;
}

/** The account's region, from the prefix after the optional proxy. */
export function regionOf(credential: string): Region {
  const id = credential.slice(credential.lastIndexOf('@') + 1);
  const prefix = /^(us|hk|jp|sg)-/i.exec(id)?.[1]?.toLowerCase();
  return (prefix as Region | undefined) ?? 'cn';
}

/** The bare session ids, for masking: a proxy in front has credentials of its own. */
export function secretPartsOf(credential: string): string[] {
  const id = credential.slice(credential.lastIndexOf('@') + 1);
  return [credential, id, id.replace(/^(?:us|hk|jp|sg)-/i, '')];
}

/** Of the account alone, so that the history of its attempts outlives a change of its proxy. */
function fingerprintOf(credential: string): string {
  const account = credential
    .slice(credential.lastIndexOf('@') + 1)
    .replace(/^(us|hk|jp|sg)-/i, (region) => region.toLowerCase());
  return createHash('sha256').update(`jimeng:${account}`).digest('hex').slice(0, FINGERPRINT_CHARS);
}

export class Sessions {
  readonly all: readonly Session[];
  #turn = 0;

  constructor(credentials: readonly string[], now: number) {
    // The same account behind two proxies is one session.
    const byId = new Map(credentials.map((credential) => [fingerprintOf(credential), credential]));
    this.all = [...byId].map(([id, credential], index) => ({
      id,
      credential,
      region: regionOf(credential),
      position: index + 1,
      state: 'ok',
      since: now,
      checkedAt: null,
      points: null,
      isOffline: false,
    }));
  }

  /** The session of this fingerprint; undefined when it is not configured any more. */
  find(id: string): Session | undefined {
    return this.all.find((session) => session.id === id);
  }

  /** `session 2 of 3`. */
  label({ position }: Session): string {
    return `session ${position} of ${this.all.length}`;
  }

  /** The next session of these regions in turn, good ones first; undefined when all are set aside. */
  next(regions: readonly Region[], now: number): Session | undefined {
    const able = this.all.filter((session) => regions.includes(session.region));
    const good = able.filter(({ state }) => state === 'ok');
    const others = able.filter(({ state }) => state === 'doubtful');
    const rested = able.filter(
      ({ state, since }) => state === 'exhausted' && now - since >= EXHAUSTED_RETRY_MS,
    );
    const candidates = [good, others, rested].find((list) => list.length > 0);
    if (!candidates) return undefined;
    const session = candidates[this.#turn % candidates.length];
    this.#turn += 1;
    return session;
  }

  mark(session: Session, state: SessionState, now: number): void {
    if (session.state === state && state !== 'exhausted') return;
    session.state = state;
    session.since = now;
  }

  isUsable(session: Session): boolean {
    return session.state === 'ok' || session.state === 'doubtful';
  }
}
