// Decodes base64 that comes in pieces cut anywhere, with or without a `data:` prefix, padding, line breaks or the
// URL-safe alphabet. What is not base64 is refused, since a picture with a hole in it would be worse than none.

const DATA_PREFIX = 'data:';
/** `data:image/png;base64,` and a little more. */
const MAX_PREFIX_CHARS = 200;
const FOREIGN = /[^A-Za-z0-9+/=_-]/;
/** Four characters carry three bytes. */
const GROUP = 4;
const BYTES_OF_GROUP = 3;

export class Base64Error extends Error {}

export class Base64Decoder {
  /** What may be the beginning of a data URL; null once that is settled. */
  #head: string | null = '';
  /** Fewer than four characters, waiting for the rest of their group. */
  #rest = '';
  #isPadded = false;

  /** The bytes that are certain so far; may be empty. Throws `Base64Error`. */
  decode(piece: Uint8Array): Uint8Array {
    let text = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString('latin1');
    if (this.#head !== null) {
      const body = this.#withoutPrefix(this.#head + text);
      if (body === null) return new Uint8Array();
      text = body;
    }
    const plain = this.#isPadded ? null : this.#decodePlain(this.#rest + text);
    if (plain) return plain;
    if (FOREIGN.test(text)) text = text.replace(/\s+/g, '');
    if (FOREIGN.test(text)) throw new Base64Error('The picture is not base64');
    text = this.#withoutPadding(text);
    const all = this.#rest + text;
    const whole = all.length - (all.length % GROUP);
    this.#rest = all.slice(whole);
    return Buffer.from(all.slice(0, whole), 'base64');
  }

  /** Text without anything but digits of base64, as nearly every piece is; null when there is something else in it. */
  #decodePlain(text: string): Uint8Array | null {
    const whole = text.length - (text.length % GROUP);
    const rest = text.slice(whole);
    if (/[^A-Za-z0-9+/_-]/.test(rest)) return null;
    // Node passes over what is no digit, and then the length tells; a pattern over all of it costs twice the decoding.
    const bytes = Buffer.from(whole === text.length ? text : text.slice(0, whole), 'base64');
    if (bytes.byteLength * GROUP !== whole * BYTES_OF_GROUP) return null;
    this.#rest = rest;
    return bytes;
  }

  /** The last bytes. Throws `Base64Error` when a group is incomplete. */
  finish(): Uint8Array {
    const head = this.#head ?? '';
    // The text was shorter than `data:` itself, or never got past it.
    const early = head === '' ? new Uint8Array() : this.#settle(head);
    if (this.#rest.length === 1) throw new Base64Error('The picture ends too early');
    return Buffer.concat([early, Buffer.from(this.#rest, 'base64')]);
  }

  #settle(head: string): Uint8Array {
    if (head.startsWith(DATA_PREFIX)) throw new Base64Error('The picture ends too early');
    this.#head = null;
    return this.decode(Buffer.from(head, 'latin1'));
  }

  /** What follows the prefix, or null while that cannot be told. */
  #withoutPrefix(head: string): string | null {
    const text = head.trimStart();
    const isPrefix = text.slice(0, DATA_PREFIX.length).toLowerCase() === DATA_PREFIX.slice(0, text.length);
    const comma = text.indexOf(',');
    const isUndecided = isPrefix && comma < 0;
    if (isUndecided && text.length > MAX_PREFIX_CHARS) throw new Base64Error('The picture is not base64');
    this.#head = isUndecided ? text : null;
    if (isUndecided) return null;
    return isPrefix ? text.slice(comma + 1) : text;
  }

  #withoutPadding(text: string): string {
    const padding = text.indexOf('=');
    const body = padding < 0 ? text : text.slice(0, padding);
    if (this.#isPadded && body !== '') throw new Base64Error('The picture goes on after its end');
    if (padding >= 0) {
      this.#isPadded = true;
      if (!/^=+$/.test(text.slice(padding))) throw new Base64Error('The picture goes on after its end');
    }
    return body;
  }
}
