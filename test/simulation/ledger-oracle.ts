// What the ledger must do, in the plainest words: an oracle that knows the rules of credits and nothing of tables. The random
// histories of the test and the long run of the command are judged by it.

export type Operation =
  | { do: 'grant' | 'add' | 'remove'; micros: number; key: number }
  | { do: 'hold'; unit: number; pictures: number }
  | { do: 'settle'; which: number; pictures: number }
  | { do: 'refund'; which: number; micros: number | null };

export interface ModelHold {
  id: string;
  taskId: string;
  unit: number;
  pictures: number;
  settled: { capturedMicros: number; releasedMicros: number } | null;
  refunded: number;
}

/** Each method returns the expected outcome, or null for a refusal. */
export class Oracle {
  available = 0;
  held = 0;
  holds: ModelHold[] = [];
  keys = new Map<number, string>();

  move(operation: Operation & { do: 'grant' | 'add' | 'remove' }): 'moved' | 'replayed' | null {
    const what = `${operation.do === 'grant' ? 'grant' : 'correction'} ${operation.do === 'remove'} ${operation.micros}`;
    if (operation.micros === 0) return null;
    const earlier = this.keys.get(operation.key);
    if (earlier !== undefined) return earlier === what ? 'replayed' : null;
    const after = this.available + (operation.do === 'remove' ? -operation.micros : operation.micros);
    if (after < 0 || after + this.held > Number.MAX_SAFE_INTEGER) return null;
    this.available = after;
    this.keys.set(operation.key, what);
    return 'moved';
  }

  hold(hold: ModelHold): boolean {
    const amount = hold.unit * hold.pictures;
    if (amount > this.available) return false;
    this.available -= amount;
    this.held += amount;
    this.holds.push(hold);
    return true;
  }

  settle(hold: ModelHold, pictures: number): { capturedMicros: number; releasedMicros: number } {
    if (hold.settled) return hold.settled;
    const capturedMicros = hold.unit * Math.min(pictures, hold.pictures);
    const releasedMicros = hold.unit * hold.pictures - capturedMicros;
    this.held -= capturedMicros + releasedMicros;
    this.available += releasedMicros;
    hold.settled = { capturedMicros, releasedMicros };
    return hold.settled;
  }

  refund(hold: ModelHold, wanted: number | null): number | null {
    const left = (hold.settled?.capturedMicros ?? 0) - hold.refunded;
    const amount = wanted ?? left;
    if (amount > left || amount === 0 || this.available + this.held + amount > Number.MAX_SAFE_INTEGER)
      return null;
    hold.refunded += amount;
    this.available += amount;
    return amount;
  }
}
