// Reads server-sent events piece by piece without holding their data: a picture is one line of tens of megabytes.
// Line ends of all three kinds, comments, data over several lines and pieces cut anywhere come out the same.

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
/** `event`, `data`, `id`, `retry`; a longer name is none of them. */
const MAX_FIELD_CHARS = 16;
const MAX_NAME_CHARS = 128;
const BYTE_ORDER_MARK = '\u00ef\u00bb\u00bf';
const NEW_LINE = Buffer.from('\n');

type SourceStep =
  /** Bytes of the data, valid until the next piece is pushed. */
  | { type: 'data'; bytes: Uint8Array }
  | { type: 'name'; name: string }
  /** The blank line after an event. */
  | { type: 'end' };

/** Push a piece, take steps until there is null, push the next. */
export class EventScanner {
  #piece: Uint8Array = new Uint8Array();
  #at = 0;
  #state: 'field' | 'data' | 'name' | 'skip' = 'field';
  #field = '';
  #name = '';
  #isValueStart = false;
  /** A line feed that follows a return belongs to it. */
  #isAfterReturn = false;
  #hasData = false;
  /** Where the next line ends are, looked for once a piece: many short lines must not search it again each. */
  #lineFeedAt = -1;
  #returnAt = -1;

  push(piece: Uint8Array): void {
    this.#piece = piece;
    this.#at = 0;
    this.#lineFeedAt = -1;
    this.#returnAt = -1;
  }

  next(): SourceStep | null {
    while (this.#at < this.#piece.length) {
      const step = this.#state === 'field' ? this.#fieldByte() : this.#valueRun();
      if (step) return step;
    }
    return null;
  }

  #fieldByte(): SourceStep | null {
    const byte = this.#piece[this.#at] as number;
    this.#at += 1;
    const isAfterReturn = this.#isAfterReturn;
    this.#isAfterReturn = false;
    if (byte === LINE_FEED && isAfterReturn) return null;
    if (byte === LINE_FEED || byte === RETURN) {
      this.#isAfterReturn = byte === RETURN;
      return this.#endOfBareLine();
    }
    if (byte === COLON) return this.#startValue();
    if (this.#field.length < MAX_FIELD_CHARS) this.#field += String.fromCharCode(byte);
    return null;
  }

  /** A line without a colon: blank, or a field without a value. */
  #endOfBareLine(): SourceStep | null {
    const field = this.#takeField();
    if (field === 'data') return this.#beginData();
    if (field !== '') return null;
    this.#hasData = false;
    return { type: 'end' };
  }

  #startValue(): SourceStep | null {
    const field = this.#takeField();
    this.#isValueStart = true;
    this.#state = field === 'data' ? 'data' : field === 'event' ? 'name' : 'skip';
    this.#name = '';
    return field === 'data' ? this.#beginData() : null;
  }

  #takeField(): string {
    const field = this.#field;
    this.#field = '';
    return field.startsWith(BYTE_ORDER_MARK) ? field.slice(BYTE_ORDER_MARK.length) : field;
  }

  /** Lines of data are joined by line feeds. */
  #beginData(): SourceStep | null {
    const isFurther = this.#hasData;
    this.#hasData = true;
    return isFurther ? { type: 'data', bytes: NEW_LINE } : null;
  }

  #valueRun(): SourceStep | null {
    const start = this.#at;
    const first = this.#piece[start];
    const isValueStart = this.#isValueStart;
    this.#isValueStart = false;
    if (first === LINE_FEED || first === RETURN) {
      this.#at += 1;
      this.#isAfterReturn = first === RETURN;
      const isName = this.#state === 'name';
      this.#state = 'field';
      return isName ? { type: 'name', name: this.#name } : null;
    }
    if (isValueStart && first === SPACE) {
      this.#at += 1;
      return null;
    }
    const bytes = this.#piece.subarray(start, this.#lineEnd());
    this.#at += bytes.length;
    if (this.#state === 'data') return { type: 'data', bytes };
    if (this.#state === 'name') {
      this.#name = `${this.#name}${Buffer.from(bytes).toString('latin1')}`.slice(0, MAX_NAME_CHARS);
    }
    return null;
  }

  #lineEnd(): number {
    this.#lineFeedAt = this.#found(this.#lineFeedAt, LINE_FEED);
    this.#returnAt = this.#found(this.#returnAt, RETURN);
    return Math.min(this.#lineFeedAt, this.#returnAt);
  }

  #found(before: number, byte: number): number {
    if (before >= this.#at) return before;
    const at = this.#piece.indexOf(byte, this.#at);
    return at < 0 ? this.#piece.length : at;
  }
}

/** One event while it arrives. */
export interface SourceEvent {
  /** What `event:` said so far; null when nothing. */
  readonly name: string | null;
  /** Iterated once; ends with the event, or with the stream. Pieces are valid until the next is asked for. */
  readonly data: AsyncIterable<Uint8Array>;
}

/** The events of a body, one after another. */
export class EventReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #scanner = new EventScanner();
  /** Whether an event has begun whose end was not read. */
  #isOpen = false;
  #name: string | null = null;

  constructor(body: AsyncIterable<Uint8Array>) {
    this.#source = body[Symbol.asyncIterator]();
  }

  /** The next event with data, or null after the last; what was not read of the one before is passed over. */
  async next(): Promise<SourceEvent | null> {
    while (this.#isOpen) await this.#step();
    this.#name = null;
    for (let step = await this.#step(); step; step = await this.#step()) {
      if (step.type !== 'data') continue;
      const source = this;
      return {
        get name() {
          return source.#name;
        },
        data: this.#data(step.bytes),
      };
    }
    return null;
  }

  /** Gives the body back; what is left of it is dropped. */
  async release(): Promise<void> {
    await this.#source.return?.().catch(() => {});
  }

  async *#data(first: Uint8Array): AsyncGenerator<Uint8Array> {
    yield first;
    while (this.#isOpen) {
      const step = await this.#step();
      if (step?.type === 'data') yield step.bytes;
    }
  }

  /** The next step, or null at the end of the body. Throws what the body throws. */
  async #step(): Promise<SourceStep | null> {
    for (;;) {
      const step = this.#scanner.next();
      if (step) {
        if (step.type === 'name') this.#name = step.name;
        if (step.type === 'data') this.#isOpen = true;
        if (step.type === 'end') {
          if (!this.#isOpen) this.#name = null;
          this.#isOpen = false;
        }
        return step;
      }
      const { done, value } = await this.#source.next();
      if (done) {
        this.#isOpen = false;
        return null;
      }
      this.#scanner.push(value);
    }
  }
}
