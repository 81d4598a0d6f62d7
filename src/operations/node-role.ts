// What a process is for: everything, taking requests, or doing the work. A process that only works answers health checks on
// the network and nothing else; on the control socket it answers everything, so that the command line works beside it.
import type { FastifyInstance } from 'fastify';
import type { Config } from '../kernel/config.ts';
import { controlSocketFlag } from '../kernel/control-socket.ts';
import { AppError } from '../kernel/errors.ts';

const HEALTH_PATHS = new Set(['/healthz', '/readyz', '/health', '/metrics']);

/** Throws `validation_failed` for a role that needs other processes, where only one can have the data. */
export function requireWorkers({ role, databaseUrl }: Config): void {
  if (role === 'all' || databaseUrl !== null) return;
  const detail = `"${role}" needs DATABASE_URL: with the built-in database one process does everything.`;
  throw new AppError('validation_failed', { detail, errors: [{ pointer: 'role', detail }] });
}

/** In a process that only works, refuses whatever is no health check with `not_found`. Call it before routes are bound. */
export function guardRole(server: FastifyInstance, { role }: Config): void {
  if (role !== 'worker') return;
  server.addHook('onRequest', (request, _reply, done) => {
    const [path = ''] = request.url.split('?', 1);
    if (HEALTH_PATHS.has(path) || controlSocketFlag(request.raw)) return done();
    done(
      new AppError('not_found', {
        detail: 'This process works for others; on the network it answers health checks only.',
        fix: 'Send requests to a server that runs with the role "api" or "all".',
      }),
    );
  });
}
