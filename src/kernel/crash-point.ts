// Named places where a process can be made to end itself as a power cut would, by SIGKILL, so that tests reach every step
// between two commits. Nothing but DRAWBRIDGE_CRASH_POINT arms one, and none is ever armed in a process that serves people:
// unarmed, passing a point is one comparison.
import { AppError } from './errors.ts';

export const CRASH_POINT_NAME = 'DRAWBRIDGE_CRASH_POINT';

/** Point → the moment in a task's life (and beside it) that it stands for. */
export const CRASH_POINTS = {
  kp1: 'in the transaction that accepts a task, before its COMMIT',
  kp2: 'a task is accepted, its caller has no answer',
  kp3: 'a task is claimed',
  kp4: 'in the middle of sending an input picture to a provider',
  kp5: 'the intent to submit is committed, no byte is sent',
  kp6: 'a request that changes something is sent, its answer is not read',
  kp7: "a provider's answer is read, not committed",
  kp8: 'in the transaction that writes down what a poll or a call back said',
  kp9: 'in the middle of a download',
  kp10: 'a picture is downloaded, not checked',
  kp11: 'a picture is written, not synced',
  kp12: 'a picture is in the store, no row says so',
  kp13: 'in the transaction that ends a task, between its pictures and its money',
  kp14: 'a task has ended, nobody was told',
  kp15: 'a webhook message is delivered, not marked so',
  kp16: 'in the middle of a garbage collection or a migration',
} as const;

export type CrashPoint = keyof typeof CRASH_POINTS;

const SPEC = /^(kp\d+)(?::([1-9]\d{0,5}))?$/;

let armed: { spec: string; point: CrashPoint; passesLeft: number } | null = null;

function isCrashPoint(name: string | undefined): name is CrashPoint {
  return name !== undefined && Object.hasOwn(CRASH_POINTS, name);
}

/**
 * Arms one point: `kp5` ends the process at the first pass, `kp5:3` at the third; nothing (undefined, null or empty) disarms.
 * Each thread counts its own passes. Throws `validation_failed` for anything else.
 */
export function armCrashPoint(spec: string | null | undefined): void {
  armed = null;
  if (!spec) return;
  const [, point, nth = '1'] = SPEC.exec(spec) ?? [];
  if (!isCrashPoint(point)) {
    const detail = `${CRASH_POINT_NAME} must be kp1 to kp16, optionally with the number of the pass, such as kp5:3. It is for tests only.`;
    throw new AppError('validation_failed', { detail });
  }
  armed = { spec, point, passesLeft: Number(nth) };
}

/** What was armed here, for a worker thread to arm too; null when nothing is. */
export function armedCrashPoint(): string | null {
  return armed?.spec ?? null;
}

/** Passes a point; the process is gone before this returns if it is the armed one and its turn has come. */
export function crashPoint(point: CrashPoint): void {
  if (armed === null || armed.point !== point) return;
  armed.passesLeft -= 1;
  if (armed.passesLeft === 0) process.kill(process.pid, 'SIGKILL');
}
