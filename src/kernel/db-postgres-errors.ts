// What PostgreSQL and the way to it can answer, sorted: try again, not available, disk full, or a mistake in the code.
import { AppError } from './errors.ts';

interface ServerError extends Error {
  severity: string;
  code: string;
}

const SERIALIZATION_FAILURE = '40001';
const DEADLOCK_DETECTED = '40P01';
const DISK_FULL = '53100';

/** SQLSTATE classes and codes that speak of the server, not of the statement, with what happened in plain words. */
const UNAVAILABLE: readonly (readonly [prefix: string, detail: string])[] = [
  ['08', 'The connection to the database failed.'],
  ['28', 'The database refused the user name or password.'],
  ['3D', 'The database named in DATABASE_URL does not exist.'],
  ['53', 'The database has no connection or memory left.'],
  ['57014', 'The database took too long to answer.'],
  ['57P', 'The database is stopping or starting.'],
  ['58', 'The disk of the database reported an error.'],
  ['25006', 'The database is read-only: it is a standby, not the primary.'],
  ['25P03', 'The transaction waited too long between two statements and was ended.'],
];

/** Of these, what no waiting mends: a wrong DATABASE_URL. */
const MISCONFIGURED = ['28', '3D'];

const CONNECTION_LOST = 'The database does not answer.';

export function isServerError(error: unknown): error is ServerError {
  const candidate = error as { severity?: unknown; code?: unknown } | null;
  return typeof candidate?.severity === 'string' && typeof candidate.code === 'string';
}

/** Whether the whole transaction may simply be run again: nothing of it was stored. */
export function isCollision(error: unknown): boolean {
  return isServerError(error) && (error.code === SERIALIZATION_FAILURE || error.code === DEADLOCK_DETECTED);
}

export function unavailable(detail: string): AppError {
  return new AppError('database_unavailable', { detail, retryAfterS: 2 });
}

/** An AppError for trouble with the server or the way to it; errors of the statement itself come back as they are. */
export function toPostgresAppError(error: unknown): unknown {
  if (error instanceof AppError || error instanceof TypeError || error instanceof RangeError) return error;
  if (!isServerError(error)) return unavailable(CONNECTION_LOST);
  if (error.code === DISK_FULL) {
    return new AppError('storage_full', { detail: 'The disk of the database is full; nothing was stored.' });
  }
  const known = UNAVAILABLE.find(([prefix]) => error.code.startsWith(prefix));
  if (!known) return error;
  const [prefix, detail] = known;
  return MISCONFIGURED.includes(prefix)
    ? new AppError('database_unavailable', { detail })
    : unavailable(detail);
}

/** The COMMIT was sent and its answer lost: the one case where nobody here knows whether the change was stored. */
export const COMMIT_UNKNOWN =
  'The connection to the database was lost while it stored the change; it is not known whether it was stored.';

/** What a failed COMMIT means: refused for sure (the server's own error), or unknown. */
export function toCommitError(error: unknown): unknown {
  const refused = isServerError(error) && !error.code.startsWith('57P') && !error.code.startsWith('08');
  return refused ? error : unavailable(COMMIT_UNKNOWN);
}
