// Waiting inside a process: the wait ends never when the process is killed, and later when it is stopped meanwhile.
import type { SimProcess, World } from './world.ts';

/** Waits a latency of at most `longestMs` of virtual time. */
export function sleepIn(world: World, process: SimProcess, longestMs: number): Promise<void> {
  return new Promise((resolve) => {
    world.schedule(world.latency(longestMs), resolve, process);
  });
}
