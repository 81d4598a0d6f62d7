// Which calls the service streams, learnt from its answers. Until it has streamed one of a kind, only one at a time asks for
// it, so that a service without streams refuses one call and not all that run at once.

type Knowledge = 'trying' | 'works' | 'refused';

export class StreamSupport {
  readonly #known = new Map<string, Knowledge>();

  /** Whether a call of this kind may ask for a stream now; one that does must be followed by `learn`. */
  mayAsk(kind: string): boolean {
    const known = this.#known.get(kind);
    if (known === undefined) this.#known.set(kind, 'trying');
    return known === undefined || known === 'works';
  }

  /** What came of a call that asked; `nothing` when it failed for another reason. */
  learn(kind: string, outcome: 'works' | 'refused' | 'nothing'): void {
    if (outcome !== 'nothing') this.#known.set(kind, outcome);
    else if (this.#known.get(kind) === 'trying') this.#known.delete(kind);
  }
}
