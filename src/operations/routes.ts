// Binds the contracts of operations to its verbs.
import type { FastifyRequest } from 'fastify';
import { controlSocketFlag } from '../kernel/control-socket.ts';
import { type Access, type BoundRoute, bindRoute } from '../kernel/route.ts';
import { VERSION } from '../kernel/version.ts';
import * as contract from './contract.ts';
import type { Operations } from './operations.ts';

const LOOPBACK = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

export function operationsRoutes(operations: Operations): BoundRoute[] {
  return [...probeRoutes(operations), ...administrationRoutes(operations)];
}

function probeRoutes(operations: Operations): BoundRoute[] {
  const { health } = operations;
  return [
    bindRoute(contract.healthzRoute, async () => ({ status: 200 as const, body: { status: 'ok' as const } })),
    bindRoute(contract.readyzRoute, async () => {
      const reasons = await health.notReadyBecause();
      if (reasons.length > 0)
        return { status: 503 as const, body: { status: 'not_ready' as const, reasons } };
      return { status: 200 as const, body: { status: 'ready' as const } };
    }),
    bindRoute(contract.healthRoute, async (request) => {
      const parts = await health.parts();
      const providers = parts.filter(({ name }) => name.startsWith('provider:'));
      const detail = {
        hasSession: providers.some(({ state, required }) => state !== 'down' && !required),
        ...(mayDetail(request.access, request.raw)
          ? { version: VERSION, uptime_s: operations.uptimeS, parts }
          : {}),
      };
      const broken = parts.filter(({ state }) => state === 'down');
      if (broken.length === 0) return { status: 200 as const, body: { status: 'ok' as const, ...detail } };
      const error = `Not usable: ${broken.map(({ name }) => name).join(', ')}`;
      return { status: 503 as const, body: { status: 'unhealthy' as const, error, ...detail } };
    }),
    bindRoute(contract.metricsRoute, async (_request, reply) => {
      const { text, contentType } = await operations.metricsPage();
      reply.type(contentType).send(text);
      return 'handled';
    }),
  ];
}

function administrationRoutes(operations: Operations): BoundRoute[] {
  return [
    bindRoute(contract.statusRoute, async () => ({ status: 200 as const, body: await operations.status() })),
    bindRoute(contract.doctorRoute, async ({ body, language, headers, raw }) => {
      const fetchPath = async (path: string) => {
        const { authorization } = headers;
        const answer = await raw.server.inject({
          method: 'GET',
          url: path,
          headers: authorization === undefined ? {} : { authorization },
        });
        return { status: answer.statusCode, bytes: answer.rawPayload };
      };
      const report = await operations.doctor({ ...body, language, fetchPath });
      return { status: 200 as const, body: report };
    }),
    bindRoute(contract.gcRoute, async () => {
      const report = await operations.gc();
      return {
        status: 200 as const,
        body: {
          images: report.images,
          uploads: report.uploads,
          files_removed: report.filesRemoved,
          strays_quarantined: report.straysQuarantined,
          strays_refused: report.straysRefused,
          staged_removed: report.stagedRemoved,
          quarantined_removed: report.quarantinedRemoved,
          thumbnails_made: report.thumbs,
          events_pruned: report.eventsPruned,
        },
      };
    }),
  ];
}

/** Administrators, and callers on this machine that came through no proxy, see what is inside. */
function mayDetail(access: Access | null, request: FastifyRequest): boolean {
  if (access) return access.scopes.has('admin');
  const isDirect = LOOPBACK.has(request.socket.remoteAddress ?? '') && !request.headers['x-forwarded-for'];
  return isDirect || controlSocketFlag(request.raw);
}
