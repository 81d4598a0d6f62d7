// The hash chain of an account's ledger: each entry's hash covers all that it says and the hash before it, so that a
// changed, removed or inserted entry shows, and can be named.
import { sha256Hex } from '../kernel/id.ts';

export type Book = 'available' | 'held' | 'revenue' | 'issued';
export type TransferKind = 'grant' | 'hold' | 'capture' | 'release' | 'refund' | 'correction';

/** One entry: `amount_micros` left `debit_book` and arrived in `credit_book`, so that every entry sums to zero. */
export interface Transfer {
  id: string;
  account_id: string;
  /** 1, 2, 3, … within the account. */
  seq: number;
  kind: TransferKind;
  debit_book: Book;
  credit_book: Book;
  amount_micros: number;
  available_after_micros: number;
  held_after_micros: number;
  hold_id: string | null;
  task_id: string | null;
  /** 1, 2, … for the refunds of one hold; 0 for everything else. */
  refund_number: number;
  reason: string | null;
  /** The account of the administrator who ordered it. */
  actor_id: string | null;
  idempotency_key: string | null;
  created_at: number;
  prev_hash: string;
  hash: string;
}

/** What the first entry of an account follows. */
export const GENESIS_HASH = '';

/** Which books each kind moves between; a correction goes either way. */
const BOOKS: Record<TransferKind, readonly (readonly [debit: Book, credit: Book])[]> = {
  grant: [['issued', 'available']],
  hold: [['available', 'held']],
  capture: [['held', 'revenue']],
  release: [['held', 'available']],
  refund: [['revenue', 'available']],
  correction: [
    ['issued', 'available'],
    ['available', 'issued'],
  ],
};

/** The books of a kind; `reverse` for a correction that takes credits away. */
export function booksOf(kind: TransferKind, reverse = false): readonly [debit: Book, credit: Book] {
  const books = BOOKS[kind][reverse ? 1 : 0];
  if (!books) throw new Error(`A ${kind} cannot be reversed`);
  return books;
}

/** Whether an entry moves between books that its kind may move between. */
export function hasRightBooks({ kind, debit_book, credit_book }: Transfer): boolean {
  return (BOOKS[kind] ?? []).some(([debit, credit]) => debit === debit_book && credit === credit_book);
}

/** What moving `amountMicros` between two books adds to one book. */
export function effectOn(
  book: Book,
  move: Pick<Transfer, 'debit_book' | 'credit_book' | 'amount_micros'>,
): number {
  return (
    (move.credit_book === book ? move.amount_micros : 0) - (move.debit_book === book ? move.amount_micros : 0)
  );
}

/** SHA-256 over all fields but the hash itself, in a fixed order. */
export function hashOf(entry: Omit<Transfer, 'hash'>): string {
  return sha256Hex(
    JSON.stringify([
      entry.prev_hash,
      entry.account_id,
      entry.seq,
      entry.id,
      entry.kind,
      entry.debit_book,
      entry.credit_book,
      entry.amount_micros,
      entry.available_after_micros,
      entry.held_after_micros,
      entry.hold_id,
      entry.task_id,
      entry.refund_number,
      entry.reason,
      entry.actor_id,
      entry.idempotency_key,
      entry.created_at,
    ]),
  );
}
