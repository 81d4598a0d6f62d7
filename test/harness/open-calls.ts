// Counts the calls that this process has begun and that are not answered to their end, so that a test which moves the time on does
// not let it run out for a call that the machine has had no time for.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** As undici tells of a request; every outbound call of the program goes through it. */
interface Told {
  request: { origin?: string | URL; upgrade?: string | null };
}

export class OpenCalls {
  readonly #open = new Set<object>();
  readonly #address: string;

  /** Counts calls to this address, such as `http://127.0.0.1:4000`; a WebSocket is none. */
  constructor(address: string) {
    this.#address = new URL(address).origin;
    subscribe('undici:request:create', this.#begin);
    subscribe('undici:request:trailers', this.#end);
    subscribe('undici:request:error', this.#end);
  }

  get count(): number {
    return this.#open.size;
  }

  close(): void {
    unsubscribe('undici:request:create', this.#begin);
    unsubscribe('undici:request:trailers', this.#end);
    unsubscribe('undici:request:error', this.#end);
  }

  #begin = (told: unknown): void => {
    const { request } = told as Told;
    if (!request.upgrade && String(request.origin ?? '').startsWith(this.#address)) this.#open.add(request);
  };

  #end = (told: unknown): void => {
    this.#open.delete((told as Told).request);
  };
}
