// Amounts of credits: what people write is a decimal with at most six places, what is stored is a whole number of
// micro-credits that a double holds exactly. Nothing negative, fractional, infinite or too large gets past this file.
import { AppError } from '../kernel/errors.ts';

export const MICROS_PER_CREDIT = 1_000_000;
/** Largest amount in one request, in credits; far below the 9 billion that a safe integer of micro-credits holds. */
export const MAX_CREDITS_PER_REQUEST = 1_000_000_000;

const DECIMAL = /^(\d{1,10})(?:\.(\d{1,6}))?$/;

/** Micro-credits, or a sentence that says why the text or number is not an amount. */
export function readCredits(value: number | string): { micros: number } | { problem: string } {
  const text = typeof value === 'number' ? String(value) : value.trim();
  const match = DECIMAL.exec(text);
  if (!match) {
    return {
      problem: 'must be a number of credits: not negative, at most six decimals',
    };
  }
  const [, whole = '0', fraction = ''] = match;
  const micros = Number(whole) * MICROS_PER_CREDIT + Number(fraction.padEnd(6, '0'));
  if (micros > MAX_CREDITS_PER_REQUEST * MICROS_PER_CREDIT) {
    return { problem: `must be at most ${MAX_CREDITS_PER_REQUEST} credits` };
  }
  return { micros };
}

/** Micro-credits from a decimal number of credits. Throws `validation_failed` naming `pointer`. */
export function parseCredits(value: number | string, pointer = '/credits'): number {
  const read = readCredits(value);
  if ('micros' in read) return read.micros;
  throw new AppError('validation_failed', { errors: [{ pointer, detail: read.problem }] });
}

/** Micro-credits as the decimal number of credits that answers carry. */
export function toCredits(micros: number): number {
  return micros / MICROS_PER_CREDIT;
}

/** Micro-credits as text for people, without trailing zeros: `1.25`. */
export function formatCredits(micros: number): string {
  const sign = micros < 0 ? '-' : '';
  const whole = Math.trunc(Math.abs(micros) / MICROS_PER_CREDIT);
  const fraction = String(Math.abs(micros) % MICROS_PER_CREDIT)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return `${sign}${whole}${fraction ? `.${fraction}` : ''}`;
}

/** Refuses an amount that did not come through `parseCredits` or a price: always a bug or an overflow, never stored. */
export function requireMicros(value: number, name: string): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new AppError('validation_failed', {
      detail: `${name} must be a whole number of micro-credits between 0 and ${Number.MAX_SAFE_INTEGER}.`,
    });
  }
}
