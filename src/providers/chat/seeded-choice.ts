// Chance that is the same every time: a generator that starts from any text.

export interface SeededChoice {
  /** A whole number from 0 to `below` - 1. */
  number(below: number): number;
  /** One of a list that is not empty. */
  one<T>(items: readonly T[]): T;
  /** The same items in another order. */
  shuffled<T>(items: readonly T[]): T[];
}

/** FNV-1a over UTF-16 units, then mixed: short seeds that differ little give numbers that differ much. */
function hashed(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** Choices that depend on `seed` alone (mulberry32). */
export function seededChoice(seed: string): SeededChoice {
  let state = hashed(seed);
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const number = (below: number) => Math.floor(next() * below);
  return {
    number,
    one<T>(items: readonly T[]): T {
      if (items.length === 0) throw new Error('There is nothing to choose from');
      return items[number(items.length)] as T;
    },
    shuffled<T>(items: readonly T[]): T[] {
      const order = [...items];
      for (let i = order.length - 1; i > 0; i -= 1) {
        const j = number(i + 1);
        [order[i], order[j]] = [order[j] as T, order[i] as T];
      }
      return order;
    },
  };
}
