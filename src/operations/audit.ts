// Puts every action of an administrator on record: the entry is committed before the action begins, so that none happens
// without one, and completed with the answer's status. What was asked for is kept without secrets.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { Access, BoundRoute, HandlerRequest, RouteContract } from '../kernel/route.ts';
import { beginAudit, endAudit } from './audit-store.ts';

const MAX_TEXT_CHARS = 200;
const INTERNAL_ERROR = 500;
/** What may be kept of a body: decisions, never credentials, passwords or tokens. */
const KEPT_FIELDS = new Set([
  'account_id',
  'task_id',
  'task_ids',
  'credits',
  'daily_credits',
  'monthly_credits',
  'grant_credits',
  'direction',
  'reason',
  'name',
  'names',
  'role',
  'email',
  'disabled',
  'enabled',
  'dry_run',
  'deep',
  'fix',
  'resume',
  'quota_mb',
  'field',
  'unchecked',
  'model',
  'expires_in_h',
  'accounts',
  'category_id',
]);

type Kept = string | number | boolean | null;

/** What was asked for, in plain values: lists as their length, texts cut. */
export function keptDetail(body: unknown): Record<string, Kept> {
  if (typeof body !== 'object' || body === null) return {};
  return Object.fromEntries(
    Object.entries(body).flatMap(([name, value]): [string, Kept][] => {
      if (!KEPT_FIELDS.has(name) || value === undefined) return [];
      if (Array.isArray(value)) return [[`${name}_count`, value.length]];
      if (value === null || typeof value === 'number' || typeof value === 'boolean') return [[name, value]];
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      return [[name, text.slice(0, MAX_TEXT_CHARS)]];
    }),
  );
}

function targetOf({ params, body, headers }: HandlerRequest<RouteContract>): string | null {
  const named = [params, body].flatMap((part: unknown) => {
    const { id, name, account_id, task_id } = (part ?? {}) as Record<string, unknown>;
    return [id, account_id, task_id, name];
  });
  const first = [...named, headers['x-account-id']].find((value) => typeof value === 'string');
  return typeof first === 'string' ? first.slice(0, MAX_TEXT_CHARS) : null;
}

/** Whether a call is an administrator's action: an admin route that changes something, or acting for somebody from a browser. */
function isAudited(contract: RouteContract, access: Access | null, actsFor: unknown): access is Access {
  if (contract.method === 'GET' || access === null) return false;
  if (contract.access.kind === 'scope' && contract.access.scope === 'admin') return true;
  return actsFor !== undefined && access.via === 'session';
}

/** The same routes, with every action of an administrator on record. */
export function auditedRoutes(routes: readonly BoundRoute[], parts: { db: Db; clock: Clock }): BoundRoute[] {
  return routes.map(({ contract, handler }) => ({
    contract,
    handler: async (request, reply) => {
      const {
        access,
        headers,
        requestId: id,
      } = request as HandlerRequest<RouteContract> & {
        access: Access | null;
      };
      if (!isAudited(contract, access, headers['x-account-id'])) return handler(request, reply);
      const { db, clock } = parts;
      await db.write(beginAudit, {
        id,
        at: clock.now(),
        action: contract.id,
        credentialId: access.credentialId,
        actor_account_id: access.accountId,
        via: access.via,
        // The control socket has no address; `via` says that it was used.
        address: request.raw.ip ?? '',
        target: targetOf(request),
        detail: JSON.stringify(keptDetail(request.body)),
      });
      let status = INTERNAL_ERROR;
      try {
        const answer = await handler(request, reply);
        status = statusOf(answer, reply.statusCode);
        return answer;
      } catch (error) {
        if (error instanceof AppError) status = error.status;
        throw error;
      } finally {
        // The action is done either way; an entry without an end says as much.
        await db
          .write(endAudit, { id, status })
          .catch((err: unknown) => request.log.warn({ err }, 'the end of an action could not be recorded'));
      }
    },
  }));
}

function statusOf(answer: unknown, sent: number): number {
  const { status } = (typeof answer === 'object' && answer !== null ? answer : {}) as { status?: unknown };
  return typeof status === 'number' ? status : sent;
}
