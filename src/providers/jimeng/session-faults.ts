// Why no session, or not this one, can take a call: in words that say how to mend it and repeat no session id.
import { ProviderError } from '../provider.ts';
import { type Judgement, RESTRICTED_REST_MS } from './classify.ts';
import type { JimengModel } from './models.ts';
import type { Session, SessionState, Sessions } from './sessions.ts';

const FIX =
  'Log in to jimeng in a browser, copy the cookie "sessionid" and set it: "drawbridge providers set-secret jimeng", or JIMENG_SESSION_ID and a restart.';

/** `session 2 expired, session 3 exhausted`. */
export function brokenSessions(sessions: Sessions): string {
  return sessions.all
    .filter(({ state }) => state !== 'ok')
    .map(({ position, state }) => `session ${position} ${state}`)
    .join(', ');
}

/** What a call failed of, with the session that made it, and whether others go on. */
export function withSession(judgement: Judgement, session: Session, sessions: Sessions): ProviderError {
  const { error, session: state } = judgement;
  if (state === null) return error;
  const left = sessions.all.filter((one) => sessions.isUsable(one)).length;
  const which = sessions.all.length === 1 ? '' : ` This was ${sessions.label(session)}.`;
  const next = left > 0 ? ' The others are used.' : state === 'expired' ? ` ${FIX}` : '';
  return new ProviderError(error.kind, error.created, `${error.message}${which}${next}`, {
    retryAfterMs: error.retryAfterMs,
    cause: error.cause,
  });
}

/** Why this session cannot draw now; undefined when it can. */
export function sessionFault(session: Session, sessions: Sessions): ProviderError | undefined {
  const name = sessions.all.length === 1 ? 'The jimeng session' : `jimeng ${sessions.label(session)}`;
  switch (session.state) {
    case 'ok':
      return undefined;
    case 'exhausted':
      return new ProviderError(
        'quota_exhausted',
        'no',
        `${name} has no points left. Points come back daily.`,
      );
    case 'restricted':
      return restricted(`${name} is restricted by jimeng for now.`);
    case 'expired':
      return new ProviderError('credentials_expired', 'no', `${name} has expired. ${FIX}`);
    case 'doubtful':
      return doubtful([session], name);
  }
}

function restricted(message: string): ProviderError {
  return new ProviderError('rate_limited', 'no', message, { retryAfterMs: RESTRICTED_REST_MS });
}

/** The check says no for an expired session and for a lost network; the second question may have told which. */
function doubtful(sessions: readonly Session[], name: string): ProviderError {
  return sessions.every(({ isOffline }) => isOffline)
    ? new ProviderError('unavailable', 'no', `${name} cannot be checked: jimeng-api cannot reach jimeng.`)
    : new ProviderError(
        'credentials_expired',
        'no',
        `${name} did not pass jimeng's check: expired, or jimeng-api cannot reach jimeng. ${FIX}`,
      );
}

/** Why nobody can take a call; `model` limits the question to the regions that serve it. */
export function noSession(sessions: Sessions, model: JimengModel | null): ProviderError {
  const able = sessions.all.filter(({ region }) => model === null || model.regions.includes(region));
  const all = able.length === 1 ? 'The jimeng session' : `All ${able.length} jimeng sessions`;
  const has = (state: SessionState) => able.some((session) => session.state === state);
  if (sessions.all.length === 0) {
    return new ProviderError('credentials_missing', 'no', `jimeng has no session id. ${FIX}`);
  }
  if (able.length === 0) {
    const message = 'No jimeng session is of a region that serves this model.';
    return new ProviderError('invalid_request', 'no', message);
  }
  const which = brokenSessions(sessions);
  if (has('exhausted')) {
    const message = `${all} cannot draw now: no points left (${which}). Points come back daily.`;
    return new ProviderError('quota_exhausted', 'no', message);
  }
  if (has('restricted')) {
    return restricted(`${all} cannot draw now: jimeng restricts them (${which}).`);
  }
  return doubtful(able, all);
}

/** The session that an attempt was pinned to is gone from the settings, or does not serve its model. */
export function unfitSession(session: Session | undefined): ProviderError {
  return session
    ? new ProviderError(
        'unavailable',
        'no',
        'This jimeng session is of a region that does not serve the model.',
      )
    : new ProviderError(
        'credentials_missing',
        'no',
        'The jimeng session of this attempt is not configured any more.',
      );
}
