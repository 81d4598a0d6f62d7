// The state of every item of a batch as one byte each, and which of them a filter shows. Ten thousand are cheap to hold, to
// count and to filter; nothing here knows the page.
import type { BatchCells } from './batch-api.ts';
import { STATE_LETTERS, STATES, type StateLetter, type StateName } from './item-states.ts';

const codeOf = (name: StateName): number =>
  STATE_LETTERS.find((letter) => STATES[letter] === name)?.charCodeAt(0) ?? 0;

export class Cells {
  #codes = new Uint8Array(0);
  /** What to ask for changes since; null before the first answer. */
  version: string | null = null;

  get total(): number {
    return this.#codes.length;
  }

  letterAt(position: number): StateLetter {
    return String.fromCharCode(this.#codes[position] ?? 0x71) as StateLetter;
  }

  nameAt(position: number): StateName {
    return STATES[this.letterAt(position)];
  }

  /** Takes an answer; returns the positions whose state is another one now, or `all`. */
  apply(answer: BatchCells): readonly number[] | 'all' {
    this.version = answer.version;
    if (answer.states !== null) {
      const codes = new TextEncoder().encode(answer.states);
      const isSameLength = codes.length === this.#codes.length;
      const before = this.#codes;
      this.#codes = codes;
      if (!isSameLength) return 'all';
      const changed: number[] = [];
      for (let at = 0; at < codes.length; at += 1) if (codes[at] !== before[at]) changed.push(at);
      return changed;
    }
    const changed: number[] = [];
    for (const [position, letter] of answer.changes ?? []) {
      const code = letter.charCodeAt(0);
      if (position >= this.#codes.length || this.#codes[position] === code) continue;
      this.#codes[position] = code;
      changed.push(position);
    }
    return changed;
  }

  /** The positions in a state, ascending. */
  positionsOf(name: StateName): number[] {
    const code = codeOf(name);
    const positions: number[] = [];
    for (let at = 0; at < this.#codes.length; at += 1) if (this.#codes[at] === code) positions.push(at);
    return positions;
  }

  /** Whether an item can be tried again. */
  isRetryable(position: number): boolean {
    const letter = this.letterAt(position);
    return letter === 'f' || letter === 'c';
  }
}
