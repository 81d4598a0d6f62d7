// Binds the calls of the older systems to the slices that do the work.
import { AppError } from '../kernel/errors.ts';
import {
  type Access,
  type BoundRoute,
  bindRoute,
  defineRoute,
  type HandlerRequest,
  type RouteContract,
} from '../kernel/route.ts';
import type { Part } from '../operations/operations.ts';
import type { Shares } from '../shares/shares.ts';
import { createTaskRoute } from '../tasks/contract.ts';
import { idempotencyKey } from '../tasks/tasks.ts';
import { readFormPicture } from './form-picture.ts';
import * as contract from './older-contract.ts';
import { olderHealth } from './older-health.ts';
import { DONE_ID, streamOlderTask } from './older-stream.ts';
import { getOlderTask, listOlderTasks, type OlderParts, toDetails, toListed } from './older-tasks.ts';
import { findPictureAt, readWish } from './older-wish.ts';

/** Links that one picture may have and still be looked through for one that fits. */
const SHARES_LOOKED_AT = 50;

export interface OlderRouteOptions extends OlderParts {
  shares: Shares;
  health: { parts(): Promise<Part[]> };
  config: {
    /** Paths that older programs POST their wishes to. */
    compat: { aliases: readonly string[] };
    presence: Readonly<Record<string, boolean>>;
  };
}

type Asked = Pick<HandlerRequest<RouteContract>, 'baseUrl' | 'language' | 'headers' | 'disconnected'> & {
  access: Access;
};

/** All routes of older callers. */
export function olderRoutes(options: OlderRouteOptions): BoundRoute[] {
  return [
    ...readingRoutes(options),
    ...wishRoutes(options),
    ...pictureRoutes(options),
    ...stateRoutes(options),
  ];
}

function readingRoutes(options: OlderRouteOptions): BoundRoute[] {
  return [
    bindRoute(contract.listOlderTasksRoute, async (request) => {
      const tasks = await listOlderTasks(options, request, request.query.limit);
      return { status: 200 as const, body: tasks.map(toListed) };
    }),
    bindRoute(contract.olderStatusRoute, async (request) => {
      const task = await getOlderTask(options, request, request.params.id);
      return { status: 200 as const, body: toListed(task) };
    }),
    bindRoute(contract.olderDetailsRoute, async (request) => {
      const task = await getOlderTask(options, request, request.query.taskId);
      return { status: 200 as const, body: toDetails(task) };
    }),
    bindRoute(contract.olderPollRoute, async (request, reply) => {
      if (request.headers['last-event-id'] === DONE_ID) return { status: 204 as const };
      const { taskId } = request.query;
      const read = () => getOlderTask(options, request, taskId);
      await read();
      await streamOlderTask(options.tasks, { accountId: request.access.accountId, read }, reply);
      return 'handled' as const;
    }),
  ];
}

function wishRoutes(options: OlderRouteOptions): BoundRoute[] {
  const { tasks } = options;
  const accept = async (request: Asked & { body: Record<string, unknown> }, dedupeWindowS: number) => {
    const { access, baseUrl, headers, body } = request;
    const wish = await readWish(options, body, { accountId: access.accountId, dedupeWindowS });
    return tasks.accept(wish, {
      access,
      baseUrl,
      idempotencyKey: idempotencyKey(headers),
      retryOf: null,
      parentImageId: null,
      signal: () => request.disconnected,
    });
  };
  const aliases = aliasContracts(options.config.compat.aliases).map((alias) =>
    bindRoute(alias, async (request) => {
      const { task, created } = await accept(request, 0);
      const { baseUrl, language } = request;
      const view = tasks.viewAsCreated({ baseUrl, language }, task, created === 'new');
      const headers = { location: view.urls.get, 'x-task-id': task.id };
      return { status: 202 as const, headers, body: { ...view, task_id: task.id, taskId: task.id } };
    }),
  );
  return [
    bindRoute(contract.olderGenerateRoute, async (request) => {
      const { task } = await accept(request, contract.DEDUPE_WINDOW_S);
      const body = { success: true as const, taskId: task.id, status: 'pending' as const };
      return { status: 200 as const, headers: { 'x-task-id': task.id }, body };
    }),
    ...aliases,
  ];
}

/** `tasks.create` at each path of the operator's; such a route is in no document, since only the operator knows it. */
function aliasContracts(paths: readonly string[]) {
  const { responses, summary } = createTaskRoute;
  return [...new Set(paths)].map((path, index) =>
    defineRoute({
      ...contract.olderGenerateRoute,
      id: `older.alias${index + 1}`,
      path,
      summary,
      responses,
    }),
  );
}

function pictureRoutes(options: OlderRouteOptions): BoundRoute[] {
  const { media } = options;
  const download = async (request: Asked, asked: DownloadAsk) => ({
    status: 200 as const,
    body: { success: true as const, url: await downloadUrl(options, request, asked) },
  });
  const share = async (request: Asked, taskId: string) => {
    const slug = await shareOf(options, request, taskId);
    const shareUrl = `${request.baseUrl}/s/${slug}`;
    return { status: 200 as const, body: { success: true as const, shareUrl, slug } };
  };
  return [
    bindRoute(contract.olderUploadRoute, async ({ raw, access, baseUrl }) => {
      const { picture } = await readFormPicture(raw, media, media.uploadBytes);
      const row = await media
        .createUpload(access.accountId, picture)
        .finally(() => media.discard(picture.path));
      const url = media.urls.view(baseUrl, 'original', row.file_key);
      return { status: 200 as const, body: { success: true as const, url, id: row.id } };
    }),
    bindRoute(contract.olderDownloadRoute, (request) => download(request, request.query)),
    bindRoute(contract.olderDownloadPostRoute, (request) => download(request, request.body)),
    bindRoute(contract.olderShareRoute, (request) => share(request, request.query.taskId)),
    bindRoute(contract.olderSharePostRoute, (request) => share(request, request.body.taskId)),
  ];
}

interface DownloadAsk {
  taskId?: string | undefined;
  url?: string | undefined;
}

async function downloadUrl(
  options: OlderRouteOptions,
  request: Asked,
  { taskId, url }: DownloadAsk,
): Promise<string> {
  const { baseUrl, access } = request;
  if (taskId !== undefined) {
    const [picture] = (await getOlderTask(options, request, taskId)).pictures;
    if (!picture) throw noPictureYet();
    return picture.downloadUrl;
  }
  if (url === undefined) {
    const detail = 'give taskId or url';
    throw new AppError('validation_failed', { detail, errors: [{ pointer: '/taskId', detail }] });
  }
  const found = await findPictureAt(options, url, access.accountId);
  if (found === null || found === 'foreign')
    throw new AppError('not_found', { detail: 'There is no picture of yours at this address.' });
  return options.media.urls.download(baseUrl, found.kind, found.key, found.name);
}

/** The slug of a link to the task's pictures: the one there is, or a new one, so that a GET made twice makes one link. */
async function shareOf(options: OlderRouteOptions, request: Asked, taskId: string): Promise<string> {
  const { shares } = options;
  const { accountId } = request.access;
  const { pictures } = await getOlderTask(options, request, taskId);
  const imageIds = pictures.map(({ id }) => id);
  if (imageIds.length === 0) throw noPictureYet();
  const earlier = await shares.list({ accountId, imageIds, limit: SHARES_LOOKED_AT });
  const fitting = earlier.find(
    ({ share, images }) =>
      share.password_hash === null &&
      share.expires_at === null &&
      images.map(({ image_id: id }) => id).join() === imageIds.join(),
  );
  if (fitting) return fitting.share.slug;
  const { share } = await shares.create({ accountId, imageIds, showPrompt: false, allowDownload: true });
  return share.slug;
}

function noPictureYet(): AppError {
  return new AppError('conflict', {
    detail: 'The task has no picture yet, or none any more.',
    fix: 'Wait until its status says that it succeeded: /api/image-details?taskId=…',
  });
}

function stateRoutes({ health, media, config }: OlderRouteOptions): BoundRoute[] {
  return [
    bindRoute(contract.olderHealthRoute, async ({ language }) => {
      const body = olderHealth(await health.parts(), media, language);
      return { status: body.status === 'down' ? (503 as const) : (200 as const), body };
    }),
    bindRoute(contract.olderEnvironmentRoute, async () => {
      const named = Object.entries(config.presence).map(
        ([name, isPresent]) => [name, isPresent ? ('present' as const) : ('absent' as const)] as const,
      );
      return { status: 200 as const, body: Object.fromEntries(named) };
    }),
  ];
}
