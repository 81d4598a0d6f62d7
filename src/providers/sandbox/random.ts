// Seeded randomness and gradient noise for the sandbox's pictures. Invariant: the same seed text gives the same
// numbers in every process, for nothing here reads a clock, the system's randomness or any state but its own.

const UINT32 = 4_294_967_296;

/** Four well-mixed 32-bit words of a text (cyrb128, public domain); not for anything that must resist an attacker. */
function hashWords(text: string): [number, number, number, number] {
  let [a, b, c, d] = [1779033703, 3144134277, 1013904242, 2773480762];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = b ^ Math.imul(a ^ code, 597399067);
    b = c ^ Math.imul(b ^ code, 2869860233);
    c = d ^ Math.imul(c ^ code, 951274213);
    d = a ^ Math.imul(d ^ code, 2716044179);
  }
  a = Math.imul(c ^ (a >>> 18), 597399067);
  b = Math.imul(d ^ (b >>> 22), 2869860233);
  c = Math.imul(a ^ (c >>> 17), 951274213);
  d = Math.imul(b ^ (d >>> 19), 2716044179);
  a ^= b ^ c ^ d;
  return [a >>> 0, (b ^ a) >>> 0, (c ^ a) >>> 0, (d ^ a) >>> 0];
}

/** A fraction from 0 to 1 (1 excluded) that depends on the text alone. */
export function hashFraction(text: string): number {
  return hashWords(text)[0] / UINT32;
}

/** A stream of random numbers (sfc32) that depends on its seed text alone. */
export class Random {
  readonly #seed: string;
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  constructor(seed: string) {
    this.#seed = seed;
    [this.#a, this.#b, this.#c, this.#counter] = hashWords(seed);
    for (let i = 0; i < 12; i++) this.next();
  }

  /** From 0 to 1, 1 excluded. */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return (sum >>> 0) / UINT32;
  }

  range(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** An integer from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.next() * list.length)] as T;
  }

  /** Bell-shaped around 0, almost all within ±1. */
  bell(): number {
    return (this.next() + this.next() + this.next() + this.next() - 2) / 1.2;
  }

  /** An independent stream: what is drawn from it does not shift what comes after. */
  fork(name: string): Random {
    return new Random(`${this.#seed}/${name}`);
  }
}

const TABLE_SIZE = 256;

/** Two-dimensional gradient noise (Perlin), about -1 to 1. */
export class Noise {
  readonly #order = new Uint8Array(TABLE_SIZE * 2);
  readonly #gradientX = new Float32Array(TABLE_SIZE);
  readonly #gradientY = new Float32Array(TABLE_SIZE);

  constructor(random: Random) {
    for (let i = 0; i < TABLE_SIZE; i++) {
      const angle = random.next() * Math.PI * 2;
      this.#order[i] = i;
      this.#gradientX[i] = Math.cos(angle);
      this.#gradientY[i] = Math.sin(angle);
    }
    for (let i = TABLE_SIZE - 1; i > 0; i--) {
      const j = random.int(0, i);
      const kept = this.#order[i] as number;
      this.#order[i] = this.#order[j] as number;
      this.#order[j] = kept;
    }
    this.#order.copyWithin(TABLE_SIZE, 0, TABLE_SIZE);
  }

  at(x: number, y: number): number {
    const floorX = Math.floor(x);
    const floorY = Math.floor(y);
    const fx = x - floorX;
    const fy = y - floorY;
    const cellX = floorX & (TABLE_SIZE - 1);
    const cellY = floorY & (TABLE_SIZE - 1);
    const left = this.#order[cellX] as number;
    const right = this.#order[cellX + 1] as number;
    const u = fx * fx * fx * (fx * (fx * 6 - 15) + 10);
    const v = fy * fy * fy * (fy * (fy * 6 - 15) + 10);
    const top = this.#corner(left + cellY, fx, fy) * (1 - u) + this.#corner(right + cellY, fx - 1, fy) * u;
    const bottom =
      this.#corner(left + cellY + 1, fx, fy - 1) * (1 - u) +
      this.#corner(right + cellY + 1, fx - 1, fy - 1) * u;
    return (top * (1 - v) + bottom * v) * 1.5;
  }

  #corner(index: number, dx: number, dy: number): number {
    const slot = this.#order[index & (TABLE_SIZE * 2 - 1)] as number;
    return (this.#gradientX[slot] as number) * dx + (this.#gradientY[slot] as number) * dy;
  }

  /** Octaves of noise, each half as strong and twice as fine; about -1 to 1. */
  fractal(x: number, y: number, octaves: number): number {
    let total = 0;
    let weight = 0.5;
    let scale = 1;
    for (let octave = 0; octave < octaves; octave++) {
      total += weight * this.at(x * scale + octave * 17.3, y * scale - octave * 9.7);
      weight *= 0.5;
      scale *= 2.03;
    }
    return total;
  }

  /** Sharp crests, as mountains have them; 0 to about 1. */
  ridged(x: number, y: number, octaves: number): number {
    let total = 0;
    let weight = 0.55;
    let scale = 1;
    for (let octave = 0; octave < octaves; octave++) {
      total += weight * (1 - Math.abs(this.at(x * scale + octave * 31.7, y * scale + octave * 5.1)));
      weight *= 0.45;
      scale *= 2.1;
    }
    return total;
  }
}
