// The line between the program and a service: it can be cut and mended, and keeps all that the program sent, so that a test
// can say which credential went where.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export class Wire {
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  readonly #sent: Buffer[] = [];
  #server: Server | null = null;
  #port = 0;
  #movedAtMs = 0;

  private constructor(target: number) {
    this.#target = target;
  }

  /** A line to the service at this address; it ends with the test. */
  static async open(t: TestContext, url: string): Promise<Wire> {
    const wire = new Wire(Number(new URL(url).port));
    await wire.mend();
    t.after(() => wire.cut());
    return wire;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** For how long nothing has come or gone, in real time. */
  get quietForMs(): number {
    return performance.now() - this.#movedAtMs;
  }

  /** All bytes that the program sent, as Latin-1. */
  get sent(): string {
    return Buffer.concat(this.#sent).toString('latin1');
  }

  /** The heads of all requests, in lower case. */
  get heads(): string[] {
    return [...this.sent.matchAll(/(?:GET|POST|PUT|PATCH|DELETE) \/\S* HTTP\/1\.1\r\n.*?\r\n\r\n/gs)].map(
      ([head]) => head.toLowerCase(),
    );
  }

  /** Connections break, and new ones are refused. */
  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (!server) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Works again, under the same address. */
  async mend(): Promise<void> {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#join(socket));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  #join(socket: Socket): void {
    this.#movedAtMs = performance.now();
    const service = connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true });
    for (const [from, to] of [
      [socket, service],
      [service, socket],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', () => {
        this.#movedAtMs = performance.now();
      });
      from.on('error', () => to.resetAndDestroy());
      from.on('close', (hadError) => {
        this.#sockets.delete(from);
        if (!from.readableEnded || hadError) to.destroy();
      });
      from.pipe(to);
    }
    socket.on('data', (bytes: Buffer) => this.#sent.push(bytes));
  }
}
