// Reading what KIE AI answers without trusting any of it: missing, mistyped and half-written fields are all usual.
import type { Output } from '../provider.ts';

const LONGEST_TASK_ID = 256;

export type Fields = Readonly<Record<string, unknown>>;

/** What the answer about a task says, in either of KIE's APIs. */
export type TaskState =
  | { state: 'running'; progress: number | null }
  /** A word or number for the state that is not documented. */
  | { state: 'strange'; word: string }
  | { state: 'done'; outputs: readonly Output[] }
  /** Called done, but without pictures that can be read: they may come late. */
  | { state: 'incomplete' }
  | { state: 'failed'; code: string; message: string };

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

export function taskIdOf(value: unknown): string | null {
  const text = textOf(value);
  return text !== '' && text.length <= LONGEST_TASK_ID && /^[\x21-\x7e]+$/.test(text) ? text : null;
}

/** A fraction, or a percentage above 1; null for anything else. */
export function progressOf(value: unknown): number | null {
  if (value === null || value === undefined || value === '') return null;
  const number = Number(value);
  if (!Number.isFinite(number) || number < 0 || number > 100) return null;
  return number > 1 ? number / 100 : number;
}
