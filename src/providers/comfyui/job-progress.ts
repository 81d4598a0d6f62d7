// How far a running prompt is, from what its server says node by node. A sampler counts for as many parts as it has
// steps and any other node for one, so that the fraction follows the work and not the number of nodes.
import type { LiveMessage } from './live-messages.ts';
import type { Graph } from './workflow.ts';

/** The picture still has to be fetched and saved when the last node is done. */
const MOST_SHOWN = 0.99;

export class JobProgress {
  readonly #weights: ReadonlyMap<string, number>;
  readonly #total: number;
  readonly #done = new Map<string, number>();
  #current: string | null = null;
  #shown = 0;

  constructor(graph: Graph) {
    this.#weights = new Map(Object.entries(graph).map(([id, { inputs }]) => [id, weightOf(inputs.steps)]));
    this.#total = [...this.#weights.values()].reduce((sum, weight) => sum + weight, 0);
  }

  /** From 0 to 1, never less than before; null while the prompt has not begun. */
  get fraction(): number | null {
    return this.#shown > 0 ? this.#shown : null;
  }

  take(message: LiveMessage): void {
    if (message.type === 'cached') for (const node of message.nodes) this.#set(node, 1);
    if (message.type === 'progress') for (const [node, fraction] of message.nodes) this.#set(node, fraction);
    if (message.type === 'executing') {
      if (this.#current !== null && this.#current !== message.node) this.#set(this.#current, 1);
      this.#current = message.node;
    }
    let sum = 0;
    for (const [node, fraction] of this.#done) sum += fraction * (this.#weights.get(node) ?? 0);
    if (this.#total > 0) this.#shown = Math.min(MOST_SHOWN, Math.max(this.#shown, sum / this.#total));
  }

  #set(node: string, fraction: number): void {
    // Nodes that a run makes up itself are no part of the whole.
    if (!this.#weights.has(node)) return;
    this.#done.set(node, Math.max(this.#done.get(node) ?? 0, fraction));
  }
}

function weightOf(steps: unknown): number {
  return typeof steps === 'number' && steps >= 1 && steps <= 10_000 ? steps : 1;
}
