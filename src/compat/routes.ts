// Binds OpenAI's image calls to tasks.
import type { FastifyReply } from 'fastify';
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { type BoundRoute, bindRoute, type HandlerRequest } from '../kernel/route.ts';
import type { Media } from '../media/media.ts';
import { idempotencyKey, type TaskRow, type Tasks } from '../tasks/tasks.ts';
import { editImagesRoute, generateImagesRoute } from './contract.ts';
import { sendHeldAnswer } from './held-answer.ts';
import {
  findOrCreate,
  followDelivery,
  type OpenAiCall,
  type OpenAiContext,
  readEditForm,
  toTaskBody,
} from './openai-images.ts';

export interface CompatRouteOptions {
  db: Db;
  clock: Clock;
  tasks: Tasks;
  media: Media;
}

type OpenAiRequest = HandlerRequest<typeof generateImagesRoute> | HandlerRequest<typeof editImagesRoute>;

export function compatRoutes(options: CompatRouteOptions): BoundRoute[] {
  const context: OpenAiContext = { ...options, waiting: new Map() };
  return [
    bindRoute(generateImagesRoute, async (request, reply) => {
      const body = toTaskBody(request.body);
      const task = await findOrCreate(context, body, options.tasks.hashOf(body), callOf(request));
      return answer(context, task, request, reply, { ...request.body, eventPrefix: 'image_generation' });
    }),
    bindRoute(editImagesRoute, async (request, reply) => {
      const form = await readEditForm(context, request.raw, request.access);
      const task = await findOrCreate(context, form.body, form.hash, callOf(request));
      return answer(context, task, request, reply, { ...form.fields, eventPrefix: 'image_edit' });
    }),
  ];
}

function callOf(request: OpenAiRequest): OpenAiCall {
  return {
    access: request.access,
    idempotencyKey: idempotencyKey(request.headers),
    retryCount: Number(request.headers['x-stainless-retry-count'] ?? 0) || 0,
    signal: request.disconnected,
  };
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
    return {
      status: 202 as const,
      headers: { location: urls.get, 'x-task-id': id, 'preference-applied': 'respond-async' },
      body: { id, status, urls },
    };
  }
  followDelivery(context, task, reply.raw);
  await sendHeldAnswer(context, task, reply, {
    format: wishes.response_format ?? 'url',
    isStream: wishes.stream === true,
    eventPrefix: wishes.eventPrefix,
    context: { language, requestId, baseUrl },
    disconnected,
  });
  return 'handled' as const;
}
