// Hints between processes: late, folded together, or lost. The program must find everything again without them.
import type { SimProcess, World } from './world.ts';

const LONGEST_TRIP_MS = 40;

interface Listener {
  process: SimProcess;
  call: () => void;
  isDue: boolean;
}

export class Signals {
  readonly #world: World;
  readonly #faults: { signalsLost: number };
  readonly #channels = new Map<string, Set<Listener>>();

  constructor(world: World, faults: { signalsLost: number }) {
    this.#world = world;
    this.#faults = faults;
  }

  listen(process: SimProcess, channel: string, call: () => void): () => void {
    const listeners = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, listeners);
    const listener: Listener = { process, call, isDue: false };
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  signal(channel: string): void {
    for (const listener of [...(this.#channels.get(channel) ?? [])]) {
      if (listener.process.state === 'dead') this.#channels.get(channel)?.delete(listener);
      else if (!listener.isDue && !this.#world.random.chance(this.#faults.signalsLost)) {
        listener.isDue = true;
        const arrive = () => {
          listener.isDue = false;
          listener.call();
        };
        this.#world.schedule(this.#world.latency(LONGEST_TRIP_MS), arrive, listener.process);
      }
    }
  }
}
