// A TCP proxy that does to connections what networks do: delay, slice, corrupt, reset after a number of bytes, swallow in silence,
// or leave one end open while the other is gone. Faults hold from the moment they are set, for connections that exist too.
import { once } from 'node:events';
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';

export type Direction = 'to-server' | 'to-client';

export interface Faults {
  /** Each piece arrives this much later, in order. */
  latencyMs?: number;
  /** Pieces of at most this many bytes, each in a packet of its own. */
  sliceBytes?: number;
  /** One bit is turned in each piece of at least this many bytes. */
  corruptFromBytes?: number;
  /** What goes this way disappears, and nobody is told. */
  blackHole?: Direction | 'both';
  /** The connection is reset once this many bytes have gone this way, counted from when the fault was set. */
  resetAfter?: { direction: Direction; bytes: number };
  /** New connections are reset at once. */
  refuse?: boolean;
  /** Sees each piece as it comes and says what becomes of the connection; `deliver` is what happens without it. */
  onData?: (data: Buffer, direction: Direction, link: Link) => 'deliver' | 'swallow' | 'reset';
}

/** One connection through the proxy. */
export class Link {
  readonly client: Socket;
  readonly server: Socket;
  /** Later bytes of this connection disappear, whatever the others do. */
  isSilent = false;
  /** Free for `Faults.onData` to remember something in. */
  note = '';

  constructor(client: Socket, server: Socket) {
    this.client = client;
    this.server = server;
  }

  /** The client sees a reset; the server, which may be behind a unix socket, an end. */
  reset(): void {
    if (!this.client.destroyed) this.client.resetAndDestroy();
    this.server.destroy();
  }

  /** The server's end goes away, and the client never hears of it. */
  halfOpen(): void {
    this.isSilent = true;
    this.server.destroy();
  }
}

export class FaultProxy {
  readonly port: number;
  readonly links = new Set<Link>();
  /** Where new connections lead. */
  upstream: NetConnectOpts;
  /** Connections that were accepted so far. */
  accepted = 0;
  readonly #listener: Server;
  #faults: Faults = {};
  #passedBytes: Record<Direction, number> = { 'to-server': 0, 'to-client': 0 };

  private constructor(listener: Server, port: number, upstream: NetConnectOpts) {
    this.#listener = listener;
    this.port = port;
    this.upstream = upstream;
    listener.on('connection', (client) => this.#accept(client));
  }

  static async start(upstream: NetConnectOpts): Promise<FaultProxy> {
    const listener = createServer();
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const address = listener.address();
    if (typeof address !== 'object' || !address) throw new Error('No port');
    return new FaultProxy(listener, address.port, upstream);
  }

  /** Replaces all faults; `{}` ends them. Bytes that were swallowed stay lost. */
  set faults(faults: Faults) {
    this.#faults = faults;
    this.#passedBytes = { 'to-server': 0, 'to-client': 0 };
  }

  /** Resets all connections there are. */
  resetAll(): void {
    for (const link of [...this.links]) link.reset();
  }

  async close(): Promise<void> {
    this.resetAll();
    this.#listener.close();
    await once(this.#listener, 'close');
  }

  #accept(client: Socket): void {
    client.on('error', () => {});
    if (this.#faults.refuse) return void client.resetAndDestroy();
    this.accepted += 1;
    const server = connect(this.upstream);
    server.on('error', () => {});
    for (const socket of [client, server]) socket.setNoDelay(true);
    const link = new Link(client, server);
    this.links.add(link);
    this.#pump(link, 'to-server');
    this.#pump(link, 'to-client');
  }

  #pump(link: Link, direction: Direction): void {
    const [from, to] = direction === 'to-server' ? [link.client, link.server] : [link.server, link.client];
    let order = Promise.resolve();
    from.on('data', (data) => {
      order = order.then(() => this.#pass(link, direction, data, to));
    });
    from.on('close', () => {
      this.links.delete(link);
      // A peer behind a network that swallows everything is not told of the end either.
      if (!link.isSilent && !this.#swallows(direction)) void order.then(() => to.destroy());
    });
  }

  async #pass(link: Link, direction: Direction, data: Buffer, to: Socket): Promise<void> {
    const { latencyMs, sliceBytes, corruptFromBytes, resetAfter, onData } = this.#faults;
    if (latencyMs) await new Promise((resolve) => setTimeout(resolve, latencyMs));
    const verdict = onData?.(data, direction, link) ?? 'deliver';
    if (verdict === 'reset') return link.reset();
    if (verdict === 'swallow' || link.isSilent || this.#swallows(direction)) return;
    this.#passedBytes[direction] += data.length;
    const isSpent = resetAfter?.direction === direction && this.#passedBytes[direction] >= resetAfter.bytes;
    if (isSpent) return link.reset();
    const bytes = corruptFromBytes !== undefined && data.length >= corruptFromBytes ? turnBit(data) : data;
    const step = sliceBytes ?? bytes.length;
    for (let at = 0; at < bytes.length && !to.destroyed; at += step) {
      await new Promise<void>((resolve) => to.write(bytes.subarray(at, at + step), () => resolve()));
    }
  }

  #swallows(direction: Direction): boolean {
    const { blackHole } = this.#faults;
    return blackHole === 'both' || blackHole === direction;
  }
}

function turnBit(data: Buffer): Buffer {
  const turned = Buffer.from(data);
  const middle = data.length >> 1;
  turned[middle] = (turned[middle] ?? 0) ^ 0x40;
  return turned;
}
