// Binds OpenAI's image calls to tasks, and gathers the slice's other routes.
import type { FastifyReply } from 'fastify';
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { type BoundRoute, bindRoute, type HandlerRequest } from '../kernel/route.ts';
import type { Media } from '../media/media.ts';
import type { Providers } from '../providers/providers.ts';
import type { CreateTaskBody } from '../tasks/contract.ts';
import { idempotencyKey, type TaskRow, type Tasks } from '../tasks/tasks.ts';
import {
  countCall,
  findOrCreate,
  generateHash,
  noteDelivery,
  type OpenAiContext,
  readEditForm,
  toTaskBody,
} from './compat.ts';
import { editImagesRoute, generateImagesRoute } from './contract.ts';
import { sendHeldAnswer } from './held-answer.ts';
import { type ImportRouteOptions, importRoutes } from './import-routes.ts';
import { type OlderRouteOptions, olderRoutes } from './older-routes.ts';

export interface CompatRouteOptions extends OlderRouteOptions, ImportRouteOptions {
  db: Db;
  clock: Clock;
  tasks: Tasks;
  media: Media;
  providers: Pick<Providers, 'requireModel'>;
}

type OpenAiRequest = HandlerRequest<typeof generateImagesRoute> | HandlerRequest<typeof editImagesRoute>;

/** All routes of the slice. */
export function compatRoutes(options: CompatRouteOptions): BoundRoute[] {
  return [...openAiRoutes(options), ...olderRoutes(options), ...importRoutes(options)];
}

function openAiRoutes(options: CompatRouteOptions): BoundRoute[] {
  const context: OpenAiContext = { ...options, underWay: new Map() };
  return [
    bindRoute(generateImagesRoute, async (request, reply) => {
      const { response_format: format, stream } = request.body;
      const body = toTaskBody(request.body, options.providers);
      const hash = generateHash(options.tasks, body, [format ?? 'url', stream === true]);
      const task = await takeUp(context, body, hash, request, reply);
      return answer(context, task, request, reply, { ...request.body, eventPrefix: 'image_generation' });
    }),
    bindRoute(editImagesRoute, async (request, reply) => {
      const form = await readEditForm(context, request.raw, request.access);
      const task = await takeUp(context, form.body, form.hash, request, reply);
      return answer(context, task, request, reply, { ...form.fields, eventPrefix: 'image_edit' });
    }),
  ];
}

function takeUp(
  context: OpenAiContext,
  body: CreateTaskBody,
  hash: string,
  request: OpenAiRequest,
  reply: FastifyReply,
): Promise<TaskRow> {
  const call = {
    access: request.access,
    hash,
    idempotencyKey: idempotencyKey(request.headers),
    retryCount: Number(request.headers['x-stainless-retry-count'] ?? 0) || 0,
    signal: () => request.disconnected,
  };
  const isOnlyOne = countCall(context, call, reply.raw);
  return findOrCreate(context, body, call, isOnlyOne);
}

interface AnswerWishes {
  response_format?: 'url' | 'b64_json' | null | undefined;
  stream?: boolean | null | undefined;
  eventPrefix: string;
}

async function answer(
  context: OpenAiContext,
  task: TaskRow,
  request: OpenAiRequest,
  reply: FastifyReply,
  wishes: AnswerWishes,
) {
  const { baseUrl, language, requestId, disconnected } = request;
  if (/\brespond-async\b/.test(String(request.headers.prefer ?? ''))) {
    const { id, status, urls } = context.tasks.viewAsCreated({ baseUrl, language }, task);
    noteDelivery(context, task, reply.raw, () => true);
    return {
      status: 202 as const,
      headers: { location: urls.get, 'x-task-id': id, 'preference-applied': 'respond-async' },
      body: { id, status, urls },
    };
  }
  let isLast = false;
  noteDelivery(context, task, reply.raw, () => isLast);
  await sendHeldAnswer(context, task, reply, {
    format: wishes.response_format ?? 'url',
    isStream: wishes.stream === true,
    eventPrefix: wishes.eventPrefix,
    context: { language, requestId, baseUrl },
    disconnected,
    onEnded: () => {
      isLast = true;
    },
  });
  return 'handled' as const;
}
