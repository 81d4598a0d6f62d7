// Binds the contracts of the tasks slice to its verbs.
import type { IncomingHttpHeaders } from 'node:http';
import {
  type Access,
  type BoundRoute,
  bindRoute,
  type HandlerRequest,
  type RouteContract,
} from '../kernel/route.ts';
import type { Providers, PublicModel } from '../providers/providers.ts';
import * as contract from './contract.ts';
import { inputSchemaOf } from './input-schema.ts';
import { promptRoutes } from './prompt-history-routes.ts';
import type { TaskFilter } from './read-store.ts';
import { idempotencyKey, preferredWaitS } from './request-headers.ts';
import type { StoredStatus } from './store.ts';
import { type Accepted, type Outlook, streamTasks, type Tasks } from './tasks.ts';
import { watchdogRoutes } from './watchdog-routes.ts';

const MICROS_PER_CREDIT = 1_000_000;
/** When a caller that polls should ask again. */
const RETRY_AFTER_S = 1;

export interface TaskRouteOptions {
  tasks: Tasks;
  providers: Providers;
  /** When the server started, in seconds: what OpenAI's list calls a model's creation. */
  startedAtS: number;
}

export function taskRoutes(options: TaskRouteOptions): BoundRoute[] {
  return [
    ...creationRoutes(options),
    ...readingRoutes(options),
    ...streamRoutes(options),
    ...liveRoutes(options),
    ...promptRoutes(options.tasks.prompts),
    modelsRoute(options),
    ...watchdogRoutes(options.tasks.watchdog),
  ];
}

type AnyRequest = Pick<HandlerRequest<RouteContract>, 'baseUrl' | 'language'>;
const viewOf = ({ baseUrl, language }: AnyRequest) => ({ baseUrl, language });

function creationRoutes({ tasks }: TaskRouteOptions): BoundRoute[] {
  /** The accepted task, at once or, with `Prefer: wait=n`, as it is when it ends or the wait is over. */
  const answerAccepted = async (
    request: AnyRequest & Pick<HandlerRequest<RouteContract>, 'headers' | 'disconnected'>,
    accepted: Accepted,
  ) => {
    const { created } = accepted;
    const waitS = preferredWaitS(request.headers);
    const task =
      waitS === 0 ? accepted.task : await tasks.waitForEnd(accepted.task, waitS * 1000, request.disconnected);
    const body =
      waitS === 0
        ? tasks.viewAsCreated(viewOf(request), task, created === 'new')
        : await tasks.view(viewOf(request), task);
    const headers = {
      location: body.urls.get,
      'x-task-id': task.id,
      ...(waitS === 0 ? {} : { 'preference-applied': `wait=${waitS}` }),
      ...(created === 'replayed' ? { 'idempotent-replayed': 'true' } : {}),
    };
    if (waitS > 0 && task.finished_at !== null) return { status: 200 as const, headers, body };
    return { status: 202 as const, headers: { ...headers, 'retry-after': RETRY_AFTER_S }, body };
  };
  const creation = (
    request: Pick<HandlerRequest<RouteContract>, 'headers' | 'disconnected' | 'baseUrl'> & { access: Access },
  ) => ({
    access: request.access,
    baseUrl: request.baseUrl,
    idempotencyKey: idempotencyKey(request.headers),
    signal: () => request.disconnected,
  });
  return [
    bindRoute(contract.createTaskRoute, async (request) => {
      const options = { ...creation(request), retryOf: null, parentImageId: null };
      const accepted = await tasks.accept(request.body, options);
      if (accepted.created !== 'duplicate') return answerAccepted(request, accepted);
      return { status: 200 as const, body: await tasks.view(viewOf(request), accepted.task) };
    }),
    bindRoute(contract.retryTaskRoute, async (request) =>
      answerAccepted(request, await tasks.retry(request.params.id, creation(request), request.body)),
    ),
    bindRoute(contract.upscaleImageRoute, async (request) =>
      answerAccepted(request, await tasks.upscale(request.params.id, request.body, creation(request))),
    ),
    bindRoute(contract.quoteTaskRoute, async ({ body }) => {
      const { model, size, costMicros } = tasks.quote(body);
      const finalPrompt = await tasks.finalPrompt(body);
      const { etaMs, medianMs, queueAhead } = (await tasks.outlook())(model);
      return {
        status: 200 as const,
        body: {
          cost_credits: costMicros / MICROS_PER_CREDIT,
          provider: model.provider,
          model: model.name,
          size: `${size.width}x${size.height}`,
          eta_s: toSeconds(etaMs),
          median_s: toSeconds(medianMs),
          queue_ahead: queueAhead,
          final_prompt: finalPrompt,
        },
      };
    }),
  ];
}

function readingRoutes({ tasks }: TaskRouteOptions): BoundRoute[] {
  return [
    bindRoute(contract.getTaskRoute, async (request) => {
      const task = await tasks.get(request.params.id, request.access);
      return { status: 200 as const, body: await tasks.view(viewOf(request), task) };
    }),
    bindRoute(contract.cancelTaskRoute, async (request) => {
      const task = await tasks.cancel(request.params.id, request.access);
      return { status: 200 as const, body: await tasks.view(viewOf(request), task) };
    }),
    bindRoute(contract.listTasksRoute, async (request) => {
      const { query, access } = request;
      const rows = await tasks.list({
        ...toFilter(query),
        accountId: access.accountId,
        limit: query.limit + 1,
      });
      const page = rows.slice(0, query.limit);
      const hasMore = rows.length > page.length;
      return {
        status: 200 as const,
        body: {
          data: await tasks.viewPage(viewOf(request), page),
          next_cursor: hasMore ? (page.at(-1)?.id ?? null) : null,
        },
      };
    }),
  ];
}

type ListQuery = HandlerRequest<typeof contract.listTasksRoute>['query'];

function toFilter(query: ListQuery): Omit<TaskFilter, 'accountId' | 'limit'> {
  const wanted = query.status?.split(',') as StoredStatus[] | undefined;
  // Callers know no "delayed": a task that waits for its time is queued.
  const statuses = wanted?.includes('queued') ? [...wanted, 'delayed' as const] : wanted;
  return {
    ...(statuses ? { statuses } : {}),
    ...(query.mode ? { mode: query.mode } : {}),
    ...(query.model ? { model: query.model } : {}),
    ...(query.provider ? { provider: query.provider } : {}),
    ...(query.style ? { style: query.style } : {}),
    ...(query.batch_id ? { batchId: query.batch_id } : {}),
    ...(query.q ? { text: query.q } : {}),
    ...(query.before ? { createdBefore: Date.parse(query.before) } : {}),
    ...(query.after ? { createdAfter: Date.parse(query.after) } : {}),
    ...(query.cursor ? { beforeId: query.cursor } : {}),
  };
}

function liveRoutes({ tasks }: TaskRouteOptions): BoundRoute[] {
  return [
    bindRoute(contract.taskPreviewRoute, async ({ params, access }, reply) => {
      const { bytes } = await tasks.preview(params.id, access);
      reply.type('image/webp').header('cache-control', 'private, no-store').send(Buffer.from(bytes));
      return 'handled';
    }),
    bindRoute(contract.callbackRoute, async ({ params, headers, raw }) => {
      const body = Buffer.isBuffer(raw.body) ? raw.body : Buffer.alloc(0);
      await tasks.callbacks.receive({ ...params, headers, body });
      return { status: 200 as const, body: { received: true as const } };
    }),
  ];
}

function streamRoutes({ tasks }: TaskRouteOptions): BoundRoute[] {
  const lastEventId = ({
    headers,
    query,
  }: {
    headers: IncomingHttpHeaders;
    query: { last_event_id?: string | undefined };
  }) => {
    const header = headers['last-event-id'];
    return (Array.isArray(header) ? header[0] : header) ?? query.last_event_id ?? null;
  };
  return [
    bindRoute(contract.taskEventsRoute, async (request, reply) => {
      const task = await tasks.get(request.params.id, request.access);
      const view = tasks.viewContext(viewOf(request));
      const asked = {
        accountId: request.access.accountId,
        taskId: task.id,
        lastEventId: lastEventId(request),
        view,
      };
      await streamTasks(tasks.stream, asked, reply);
      return 'handled';
    }),
    bindRoute(contract.eventsRoute, async (request, reply) => {
      const view = tasks.viewContext(viewOf(request));
      const asked = {
        accountId: request.access.accountId,
        taskId: null,
        lastEventId: lastEventId(request),
        view,
      };
      await streamTasks(tasks.stream, asked, reply);
      return 'handled';
    }),
  ];
}

/** With one decimal; null stays null. */
function toSeconds(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms / 100) / 10;
}

function modelsRoute({ tasks, providers, startedAtS }: TaskRouteOptions): BoundRoute {
  return bindRoute(contract.listModelsRoute, async () => {
    const outlook = await tasks.outlook();
    return {
      status: 200 as const,
      body: {
        object: 'list' as const,
        data: providers.models.map((model) => toModelBody(model, providers, startedAtS, outlook(model))),
      },
    };
  });
}

function toModelBody(
  model: PublicModel,
  providers: Providers,
  startedAtS: number,
  { medianMs, queueAhead }: Outlook,
) {
  const { capabilities, title, typicalSeconds } = model.providerModel;
  const health = providers.health(model.provider);
  const { sizes } = capabilities;
  return {
    id: model.name,
    object: 'model' as const,
    created: startedAtS,
    owned_by: model.provider,
    drawbridge: {
      title,
      provider: model.provider,
      provider_state: health?.state ?? 'down',
      provider_reason: health?.reason?.detail ?? null,
      providers: [...new Set(model.routes.map(({ provider }) => provider))].map((name) => ({
        name,
        state: providers.health(name)?.state ?? 'down',
      })),
      is_default: model.name === providers.defaultModelName,
      price_credits: model.priceMicros / MICROS_PER_CREDIT,
      typical_seconds: typicalSeconds,
      median_seconds: toSeconds(medianMs),
      queue_ahead: queueAhead,
      capabilities: {
        modes: [...capabilities.modes],
        sizes: {
          min_side: sizes.minSide,
          max_side: sizes.maxSide,
          max_pixels: sizes.maxPixels,
          multiple: sizes.multiple,
        },
        aspect_ratios: [...capabilities.aspectRatios],
        max_images: capabilities.maxImages,
        max_input_images: capabilities.maxInputImages,
        negative_prompt: capabilities.negativePrompt,
        seed: capabilities.seed,
        mask: capabilities.mask,
        strength: capabilities.strength,
        cancel: capabilities.cancel,
        progress: capabilities.progress,
      },
      input_schema: inputSchemaOf(capabilities),
    },
  };
}
