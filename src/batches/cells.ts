// The state of every item of a batch as a letter each, and what changed since a version. Versions are this process's own: one
// that it does not remember, of another node or too old, gets all letters again.
import type { Reader } from '../kernel/db.ts';
import { newSecret } from '../kernel/id.ts';
import { statesOfBatch } from '../tasks/tasks.ts';

/** Batches whose last states are remembered, and how many states of each: ten kilobytes a state of ten thousand items. */
const MOST_BATCHES = 32;
const STATES_KEPT = 8;
/** Where more than this part changed, all letters are shorter. */
const MOST_CHANGED = 0.1;

export interface Cells {
  version: string;
  states: string | null;
  changes: [number, string][] | null;
}

interface Snapshot {
  version: string;
  states: string;
}

export class CellStates {
  readonly #prefix = newSecret(6);
  readonly #snapshots = new Map<string, Snapshot[]>();
  #count = 0;

  async read(
    reader: Reader,
    batchId: string,
    since: string | undefined,
  ): Promise<{ cells: Cells; all: string }> {
    const states = Buffer.from(await statesOfBatch(reader, batchId)).toString('latin1');
    const kept = this.#snapshots.get(batchId) ?? [];
    const known = since === undefined ? undefined : kept.find(({ version }) => version === since);
    const { version } = this.#remember(batchId, kept, states);
    const changes = known ? changesBetween(known.states, states) : null;
    const cells = changes ? { version, states: null, changes } : { version, states, changes: null };
    return { cells, all: states };
  }

  #remember(batchId: string, kept: readonly Snapshot[], states: string): Snapshot {
    const last = kept.at(-1);
    this.#count += 1;
    const isSame = last?.states === states;
    const snapshot = isSame ? last : { version: `${this.#prefix}-${this.#count}`, states };
    // The batch that was looked at last goes to the end; the first is the one that goes.
    this.#snapshots.delete(batchId);
    this.#snapshots.set(batchId, isSame ? [...kept] : [...kept.slice(1 - STATES_KEPT), snapshot]);
    const [oldest] = this.#snapshots.keys();
    if (this.#snapshots.size > MOST_BATCHES && oldest !== undefined) this.#snapshots.delete(oldest);
    return snapshot;
  }
}

/** Null where all letters are the shorter answer. */
function changesBetween(before: string, after: string): [number, string][] | null {
  if (before.length !== after.length) return null;
  const changes: [number, string][] = [];
  for (let i = 0; i < after.length; i += 1) {
    if (before[i] !== after[i]) changes.push([i, after[i] as string]);
  }
  return changes.length > Math.max(20, after.length * MOST_CHANGED) ? null : changes;
}
