// A client of event streams as browsers are: it parses what arrives, remembers the last id, and comes back with it.
// Only whole events count, and an id counts only with the blank line that ends it.

export interface ReceivedEvent {
  id: string;
  event: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events of every shape
  data: any;
}

export interface StreamOptions {
  /** Asked anew for each connection: address and headers without `Last-Event-ID`. */
  target(): { url: string; headers: Record<string, string> };
  onEvent(event: ReceivedEvent): void;
  onComment?(text: string): void;
  /** Where to start; afterwards the client remembers by itself. */
  lastEventId?: string;
}

export class EventClient {
  lastEventId: string | null;
  /** Connections that were answered with 200. */
  connections = 0;
  /** Status of the last answer; 0 when there was none. */
  status = 0;
  readonly #options: StreamOptions;
  #connection = new AbortController();
  #isClosed = false;
  #done: Promise<void> | null = null;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.lastEventId = options.lastEventId ?? null;
  }

  /** Connects and, whenever the connection ends, connects again until `close`. */
  start(): this {
    this.#done = this.#run();
    return this;
  }

  /** Breaks the connection in the middle of whatever is arriving. */
  cut(): void {
    this.#connection.abort();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.cut();
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      this.#connection = new AbortController();
      await this.readOnce(this.#connection.signal).catch(() => {});
      if (!this.#isClosed) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** One connection until it ends. */
  async readOnce(signal: AbortSignal): Promise<void> {
    const { url, headers } = this.#options.target();
    this.status = 0;
    const response = await fetch(url, {
      headers: { ...headers, ...(this.lastEventId === null ? {} : { 'last-event-id': this.lastEventId }) },
      signal,
    });
    this.status = response.status;
    if (response.status !== 200 || !response.body) return void (await response.body?.cancel());
    this.connections += 1;
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.body) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
        this.#take(text.slice(0, end));
        text = text.slice(end + 2);
      }
    }
  }

  #take(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      if (line.startsWith(':')) this.#options.onComment?.(line.slice(1).trim());
      const colon = line.indexOf(': ');
      if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2));
    }
    const id = fields.get('id');
    if (id !== undefined) this.lastEventId = id;
    const data = fields.get('data');
    if (data === undefined) return;
    this.#options.onEvent({
      id: this.lastEventId ?? '',
      event: fields.get('event') ?? 'message',
      data: JSON.parse(data),
    });
  }
}
