// A TCP proxy before the server that can keep answers to itself: the request arrives whole and its work is done, and the
// client learns only that the line broke.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface LossyLine {
  url: string;
  /** While true, the first byte of an answer breaks its connection instead of arriving. */
  isLossy: boolean;
  /** Answers that were kept back. */
  lost: number;
  /** Told when an answer was kept back, before the client hears of it. */
  onLost: () => void;
  /** The server behind it; a server that was started anew may have another port. */
  target: string;
  close(): void;
}

/** Starts a line to `target`, the server's URL. */
export async function startLossyLine(target: string): Promise<LossyLine> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const { hostname, port } = new URL(line.target);
    const upstream = connect(Number(port), hostname);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on('data', (bytes: Buffer) => {
      if (!line.isLossy) return void client.write(bytes);
      line.lost += 1;
      line.onLost();
      client.resetAndDestroy();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const line: LossyLine = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    isLossy: false,
    lost: 0,
    onLost: () => {},
    target,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return line;
}
