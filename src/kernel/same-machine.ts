// Who counts as being at the machine itself: the owner of the control socket always; a connection from the loopback interface
// only where the configuration says so and nothing shows that a proxy handed the request on.
import type { FastifyRequest } from 'fastify';
import { controlSocketFlag } from './control-socket.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether a caller on the loopback interface is the operator; false behind a proxy on the same machine. */
    trustsLoopback: boolean;
  }
}

const LOOPBACK = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);
/** What proxies add to say for whom they ask. */
const FORWARDING_HEADERS = [
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-original-forwarded-for',
  'true-client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'fly-client-ip',
];

/** Whether the caller is on this machine and came through no proxy. */
export function isOnThisMachine(request: FastifyRequest): boolean {
  if (controlSocketFlag(request.raw)) return true;
  const { headers, socket, server } = request;
  if (!server.trustsLoopback || !LOOPBACK.has(socket.remoteAddress ?? '')) return false;
  const isForwarded = Object.keys(headers).some(
    (name) => name.startsWith('x-forwarded') || FORWARDING_HEADERS.includes(name),
  );
  return !isForwarded;
}
