// The session ids of jimeng and who takes the next call. Each call carries exactly one; a session that the service
// refused is set aside until a probe finds it working again, so that no dead one is asked over and over.
import type { Region } from './models.ts';

/**
 * `ok`; `doubtful`: the last check said no, which may also be the network, so it is used only after the good ones;
 * set aside: `expired`, `exhausted` (no points left), `restricted` (risk control, or not allowed in its region).
 */
export type SessionState = 'ok' | 'doubtful' | 'expired' | 'exhausted' | 'restricted';

/** Points come back daily; until then a session without any is tried once in a while. */
const EXHAUSTED_RETRY_MS = 60 * 60_000;

export interface Session {
  /** What is sent: `[proxy@][region-]sessionid`. Never shown; messages say the position. */
  readonly credential: string;
  readonly region: Region;
  /** From 1, as in the configured list. */
  readonly position: number;
  state: SessionState;
  /** When it came into this state, epoch ms. */
  since: number;
  /** When it was last found working or not, epoch ms. */
  checkedAt: number | null;
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

export class Sessions {
  readonly all: readonly Session[];
  #turn = 0;

  constructor(credentials: readonly string[], now: number) {
    this.all = credentials.map((credential, index) => ({
      credential,
      region: regionOf(credential),
      position: index + 1,
      state: 'ok',
      since: now,
      checkedAt: null,
    }));
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
    session.checkedAt = now;
    if (session.state === state && state !== 'exhausted') return;
    session.state = state;
    session.since = now;
  }

  isUsable(session: Session): boolean {
    return session.state === 'ok' || session.state === 'doubtful';
  }
}
