// Parses a server-sent event stream from text chunks, by the WHATWG rules that matter here: any line ending,
// several data lines, comments (heartbeats) skipped, an event without data dropped but its id kept.

export interface ServerEvent {
  /** Last id seen, for Last-Event-ID. */
  id: string;
  name: string;
  data: string;
}

export class SseParser {
  #rest = '';
  #lastId = '';
  #name = '';
  #data: string[] = [];

  get lastId(): string {
    return this.#lastId;
  }

  /** Takes the next chunk and returns the events it completed. */
  push(chunk: string): ServerEvent[] {
    const text = this.#rest + chunk;
    // A carriage return at the very end may be half of a CRLF: it waits for the next chunk.
    const complete = text.endsWith('\r') ? text.slice(0, -1) : text;
    const lines = complete.split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? '') + text.slice(complete.length);
    const events: ServerEvent[] = [];
    for (const line of lines) {
      const event = this.#takeLine(line);
      if (event) events.push(event);
    }
    return events;
  }

  #takeLine(line: string): ServerEvent | null {
    if (line === '') {
      const event =
        this.#data.length > 0
          ? { id: this.#lastId, name: this.#name || 'message', data: this.#data.join('\n') }
          : null;
      this.#name = '';
      this.#data = [];
      return event;
    }
    if (line.startsWith(':')) return null;
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'id') this.#lastId = value;
    else if (field === 'event') this.#name = value;
    else if (field === 'data') this.#data.push(value);
    return null;
  }
}
