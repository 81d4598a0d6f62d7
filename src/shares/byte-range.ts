// The one range of bytes that a request asks for (RFC 9110). Several ranges at once are answered with the whole.

export interface ByteRange {
  start: number;
  /** Inclusive. */
  end: number;
}

/** Null: send all. `header` is the value of `Range`, `bytes` the length of the file. */
export function byteRange(header: string | undefined, bytes: number): ByteRange | 'unsatisfiable' | null {
  const match = /^bytes=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/.exec(header ?? '');
  if (!match) return null;
  const [, first = '', last = ''] = match;
  if (first === '') {
    if (last === '') return null;
    const length = Number(last);
    if (length === 0 || bytes === 0) return 'unsatisfiable';
    return { start: Math.max(0, bytes - length), end: bytes - 1 };
  }
  const start = Number(first);
  const end = last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1);
  if (last !== '' && Number(last) < start) return null;
  return start >= bytes ? 'unsatisfiable' : { start, end };
}
