// Ends the HTTP server in bounded time: answers under way may finish, but no connection can hold the end up by silence.
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Clock } from './clock.ts';

/** Answers under way have this long; SIGTERM must be over within 30 s. */
const GRACE_MS = 20_000;

/** Watches the connections of `app`; the function it returns closes the server and resolves within 20 s. */
export function createHttpDrain(app: FastifyInstance, clock: Clock): () => Promise<void> {
  // Browsers open connections ahead of need. Node counts one without a request as busy and would wait for it.
  const unused = new Set<Socket>();
  let isClosing = false;
  app.server.on('connection', (socket: Socket) => {
    if (isClosing) return void socket.destroy();
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  app.server.on('request', (request) => unused.delete(request.socket));
  return async () => {
    isClosing = true;
    for (const socket of unused) socket.destroy();
    const timer = clock.after(GRACE_MS, () => app.server.closeAllConnections());
    await app.close();
    timer.cancel();
  };
}
