// Reads JSON piece by piece without ever holding more than the piece at hand: strings of any length come out in the
// pieces they arrived in, unescaped. Strict about structure and depth, so that what is not JSON is never taken for an
// answer; lenient about control characters inside strings, which some relays send.

export type JsonEvent =
  | { type: 'open'; container: 'object' | 'array' }
  /** `path` is now that of the container that ended. */
  | { type: 'close' }
  | { type: 'text_start' }
  /** UTF-8; valid until the next `push`. */
  | { type: 'text'; bytes: Uint8Array }
  | { type: 'text_end' }
  /** A number, `true`, `false` or `null`. */
  | { type: 'literal'; text: string };

/** `truncated`: the input ended inside the value; `syntax`: it is not JSON, or nested too deeply. */
export class JsonScanError extends Error {
  readonly reason: 'syntax' | 'truncated';

  constructor(reason: 'syntax' | 'truncated', message: string) {
    super(message);
    this.name = 'JsonScanError';
    this.reason = reason;
  }
}

const DEEPEST = 32;
/** A longer key is cut; none that anybody asks for is this long. */
const MAX_KEY_BYTES = 64;
const MAX_LITERAL_CHARS = 32;
const LITERAL = /^(?:true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};
const HIGH_SURROGATES = { from: 0xd800, to: 0xdbff };

type State =
  | 'value'
  | 'value_or_end'
  | 'key'
  | 'key_or_end'
  | 'colon'
  | 'after_value'
  | 'text'
  | 'escape'
  | 'unicode'
  | 'literal'
  | 'done';

interface Frame {
  container: 'object' | 'array';
  key: string;
}

const isSpace = (byte: number) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
const isHighSurrogate = (unit: number) => unit >= HIGH_SURROGATES.from && unit <= HIGH_SURROGATES.to;

/** Push a piece, take events until there is null, push the next; `finish` when there are no more pieces. */
export class JsonScanner {
  #piece: Uint8Array = new Uint8Array();
  #at = 0;
  /** Where the next backslash of the piece is, looked for once: many short strings must not search it again each. */
  #backslashAt = -1;
  #state: State = 'value';
  #frames: Frame[] = [];
  #bytesSeen = 0;
  /** The key being read, or null while a value is. */
  #key: number[] | null = null;
  #hex = '';
  /** The first half of a surrogate pair, waiting for the second. */
  #highSurrogate = 0;
  #literal = '';

  /** Where the present value stands, as a JSON pointer with `*` for every index of an array. */
  get path(): string {
    return this.#frames
      .map(({ container, key }) => `/${container === 'array' ? '*' : key.replaceAll('/', '~1')}`)
      .join('');
  }

  /** The top-level value is complete; the rest of the input does not matter. */
  get isDone(): boolean {
    return this.#state === 'done';
  }

  /** The next piece; every event of the last one must have been taken. */
  push(piece: Uint8Array): void {
    this.#piece = piece;
    this.#at = 0;
    this.#backslashAt = -1;
  }

  /** The next event, or null when the piece is used up. Throws `JsonScanError`. */
  next(): JsonEvent | null {
    while (this.#at < this.#piece.length && this.#state !== 'done') {
      const event = this.#step();
      if (event) return event;
    }
    return null;
  }

  /** Throws unless the value was complete. */
  finish(): void {
    if (this.#state !== 'done') throw new JsonScanError('truncated', 'The JSON ends too early');
  }

  #step(): JsonEvent | null {
    switch (this.#state) {
      case 'text':
        return this.#textRun();
      case 'escape':
        return this.#escape();
      case 'unicode':
        return this.#unicode();
      case 'literal':
        return this.#literalRun();
      default:
        return this.#structure();
    }
  }

  #structure(): JsonEvent | null {
    const byte = this.#piece[this.#at] as number;
    if (this.#bytesSeen < BYTE_ORDER_MARK.length) {
      const isMark = byte === BYTE_ORDER_MARK[this.#bytesSeen];
      this.#bytesSeen = isMark ? this.#bytesSeen + 1 : BYTE_ORDER_MARK.length;
      if (isMark) {
        this.#at += 1;
        return null;
      }
    }
    if (isSpace(byte)) {
      this.#at += 1;
      return null;
    }
    const character = String.fromCharCode(byte);
    switch (this.#state) {
      case 'colon':
        this.#expect(character === ':');
        this.#state = 'value';
        return null;
      case 'key':
      case 'key_or_end':
        return this.#keyStart(character);
      case 'after_value':
        return this.#afterValue(character);
      default:
        return this.#valueStart(character);
    }
  }

  #expect(isRight: boolean): void {
    if (!isRight) throw new JsonScanError('syntax', 'This is not JSON');
    this.#at += 1;
  }

  #keyStart(character: string): JsonEvent | null {
    if (character === '}' && this.#state === 'key_or_end') return this.#close();
    this.#expect(character === '"');
    this.#key = [];
    this.#state = 'text';
    return null;
  }

  #afterValue(character: string): JsonEvent | null {
    const frame = this.#frames.at(-1);
    if (character === (frame?.container === 'object' ? '}' : ']')) return this.#close();
    this.#expect(character === ',');
    this.#state = frame?.container === 'object' ? 'key' : 'value';
    return null;
  }

  #valueStart(character: string): JsonEvent | null {
    if (character === ']' && this.#state === 'value_or_end') return this.#close();
    if (character === '{' || character === '[') return this.#open(character === '{' ? 'object' : 'array');
    if (character === '"') {
      this.#at += 1;
      this.#state = 'text';
      return { type: 'text_start' };
    }
    if (!/[-\dtfn]/.test(character)) throw new JsonScanError('syntax', 'This is not JSON');
    this.#state = 'literal';
    this.#literal = '';
    return null;
  }

  #open(container: 'object' | 'array'): JsonEvent {
    if (this.#frames.length >= DEEPEST) throw new JsonScanError('syntax', 'The JSON is nested too deeply');
    this.#at += 1;
    this.#frames.push({ container, key: '' });
    this.#state = container === 'object' ? 'key_or_end' : 'value_or_end';
    return { type: 'open', container };
  }

  #close(): JsonEvent {
    this.#at += 1;
    this.#frames.pop();
    this.#endValue();
    return { type: 'close' };
  }

  #endValue(): void {
    this.#state = this.#frames.length === 0 ? 'done' : 'after_value';
  }

  #textRun(): JsonEvent | null {
    const piece = this.#piece;
    const start = this.#at;
    const first = piece[start];
    // Half a pair that is not followed by an escape stands alone.
    if (this.#highSurrogate !== 0 && first !== BACKSLASH) return this.#flushSurrogate();
    if (first === BACKSLASH) {
      this.#at += 1;
      this.#state = 'escape';
      return null;
    }
    if (first === QUOTE) {
      this.#at += 1;
      return this.#textEnd();
    }
    if (this.#backslashAt < start) {
      const found = piece.indexOf(BACKSLASH, start);
      this.#backslashAt = found < 0 ? piece.length : found;
    }
    const quote = piece.indexOf(QUOTE, start);
    this.#at = Math.min(quote < 0 ? piece.length : quote, this.#backslashAt);
    return this.#emit(piece.subarray(start, this.#at));
  }

  #textEnd(): JsonEvent | null {
    if (this.#key === null) {
      this.#endValue();
      return { type: 'text_end' };
    }
    const frame = this.#frames.at(-1);
    if (frame) frame.key = Buffer.from(this.#key).toString();
    this.#key = null;
    this.#state = 'colon';
    return null;
  }

  #emit(bytes: Uint8Array): JsonEvent | null {
    if (this.#key === null) return { type: 'text', bytes };
    this.#key.push(...bytes.subarray(0, Math.max(0, MAX_KEY_BYTES - this.#key.length)));
    return null;
  }

  #escape(): JsonEvent | null {
    const character = String.fromCharCode(this.#piece[this.#at] as number);
    if (character === 'u') {
      this.#at += 1;
      this.#hex = '';
      this.#state = 'unicode';
      return null;
    }
    if (this.#highSurrogate !== 0) return this.#flushSurrogate();
    const meant = ESCAPES[character];
    this.#expect(meant !== undefined);
    this.#state = 'text';
    return this.#emit(Buffer.from(meant ?? ''));
  }

  #unicode(): JsonEvent | null {
    const character = String.fromCharCode(this.#piece[this.#at] as number);
    this.#expect(/[\da-fA-F]/.test(character));
    this.#hex += character;
    if (this.#hex.length < 4) return null;
    this.#state = 'text';
    const unit = Number.parseInt(this.#hex, 16);
    const high = this.#highSurrogate;
    this.#highSurrogate = 0;
    if (high !== 0) {
      if (!isHighSurrogate(unit)) return this.#emit(Buffer.from(String.fromCharCode(high, unit)));
      this.#highSurrogate = unit;
      return this.#emit(Buffer.from(String.fromCharCode(high)));
    }
    if (isHighSurrogate(unit)) {
      this.#highSurrogate = unit;
      return null;
    }
    return this.#emit(Buffer.from(String.fromCharCode(unit)));
  }

  #flushSurrogate(): JsonEvent | null {
    const lone = String.fromCharCode(this.#highSurrogate);
    this.#highSurrogate = 0;
    return this.#emit(Buffer.from(lone));
  }

  #literalRun(): JsonEvent | null {
    const character = String.fromCharCode(this.#piece[this.#at] as number);
    if (/[-+.\w]/.test(character) && this.#literal.length < MAX_LITERAL_CHARS) {
      this.#literal += character;
      this.#at += 1;
      return null;
    }
    if (!LITERAL.test(this.#literal)) throw new JsonScanError('syntax', 'This is not JSON');
    this.#endValue();
    return { type: 'literal', text: this.#literal };
  }
}
