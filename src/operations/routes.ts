// Binds the contracts of operations to its verbs.
import type { FastifyRequest } from 'fastify';
import { type Access, type BoundRoute, bindRoute } from '../kernel/route.ts';
import { isOnThisMachine } from '../kernel/same-machine.ts';
import { SENDFILE_HEADER, SENDFILE_TYPE } from '../kernel/send-file.ts';
import { VERSION } from '../kernel/version.ts';
import { alertRoutes } from './alert-routes.ts';
import * as contract from './contract.ts';
import { inShort } from './health.ts';
import type { Operations } from './operations.ts';

/** What the routes need beside the operations themselves. */
export interface OperationsRoutesOptions {
  /** Ends the pause that a restore made. */
  resumeCollection(): Promise<void>;
}

export function operationsRoutes(operations: Operations, options: OperationsRoutesOptions): BoundRoute[] {
  return [
    ...probeRoutes(operations),
    ...administrationRoutes(operations, options),
    ...alertRoutes(operations.alerts),
  ];
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
      const detail = {
        hasSession: health.hasSession(parts),
        ...(mayDetail(request.access, request.raw)
          ? { version: VERSION, uptime_s: operations.uptimeS, parts }
          : {}),
      };
      const broken = parts.filter(({ state }) => state === 'down');
      if (broken.length === 0) return { status: 200 as const, body: { status: 'ok' as const, ...detail } };
      const error = `Not usable: ${broken.map(inShort).join(', ')}`;
      return { status: 503 as const, body: { status: 'unhealthy' as const, error, ...detail } };
    }),
    bindRoute(contract.metricsRoute, async (_request, reply) => {
      const { text, contentType } = await operations.metricsPage();
      reply.type(contentType).send(text);
      return 'handled';
    }),
  ];
}

function administrationRoutes(
  operations: Operations,
  { resumeCollection }: OperationsRoutesOptions,
): BoundRoute[] {
  return [
    bindRoute(contract.statusRoute, async () => ({ status: 200 as const, body: await operations.status() })),
    bindRoute(contract.addressesRoute, async ({ raw }) => {
      const bound = raw.server.server.address();
      const port = bound !== null && typeof bound === 'object' ? bound.port : null;
      return { status: 200 as const, body: operations.addresses(port) };
    }),
    bindRoute(contract.doctorRoute, async ({ body, language, headers, raw, access }) => {
      const fetchPath = async (path: string, method: 'GET' | 'POST' = 'GET') => {
        const { authorization } = headers;
        const answer = await raw.server.inject({
          method,
          url: path,
          // As a proxy that sends files: the doctor then sees where it would look for them.
          headers: {
            [SENDFILE_HEADER]: SENDFILE_TYPE,
            ...(authorization === undefined ? {} : { authorization }),
          },
        });
        return { status: answer.statusCode, headers: answer.headers, bytes: answer.rawPayload };
      };
      const report = await operations.doctor({ ...body, language, fetchPath, accountId: access.accountId });
      return { status: 200 as const, body: report };
    }),
    bindRoute(contract.acceptDatabaseRoute, async () => {
      const { wasHeld } = await operations.acceptDatabase();
      return { status: 200 as const, body: { was_held: wasHeld } };
    }),
    bindRoute(contract.gcRoute, async ({ body }) => {
      if (body.resume) await resumeCollection();
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

/** Administrators, and whoever counts as being at the machine itself, see what is inside. */
function mayDetail(access: Access | null, request: FastifyRequest): boolean {
  return access ? access.scopes.has('admin') : isOnThisMachine(request);
}
