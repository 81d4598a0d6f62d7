// A task in the words of the older systems, made here or imported from there; each is its account's alone.
import { toTimestamp } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { isId } from '../kernel/id.ts';
import type { Access, HandlerRequest, RouteContract } from '../kernel/route.ts';
import { type AliasKind, findAliases, findOwnerOfFile, type Media } from '../media/media.ts';
import type { TaskBody } from '../tasks/contract.ts';
import type { Tasks } from '../tasks/tasks.ts';
import { findImportedTask, type ImportedTasksTable, listImportedTasks } from './import-store.ts';

export interface OlderParts {
  db: Db;
  tasks: Tasks;
  media: Media;
}

/** What every older answer about a task is made of. */
export interface OlderTask {
  id: string;
  status: TaskBody['status'];
  /** 0 to 1; null when nobody knows. */
  progress: number | null;
  prompt: string;
  pictures: readonly { id: string; url: string; downloadUrl: string }[];
  error: string | null;
  errorCode: string | null;
  createdAt: string;
}

const LISTED_STATUS = {
  queued: 'pending',
  running: 'generating',
  succeeded: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
} as const;

const DETAILS_STATUS = {
  queued: 'pending',
  running: 'processing',
  succeeded: 'success',
  failed: 'failed',
  cancelled: 'failed',
} as const;

const CANCELLED = 'The task was cancelled.';

export const isEnded = ({ status }: OlderTask) => status !== 'queued' && status !== 'running';

const percentOf = ({ status, progress }: OlderTask) =>
  status === 'succeeded' ? 100 : Math.min(99, Math.floor((progress ?? 0) * 100));

/** As `/tasks` and `/status` answer. */
export function toListed(task: OlderTask) {
  return {
    task_id: task.id,
    status: LISTED_STATUS[task.status],
    progress: percentOf(task),
    prompt: task.prompt,
    result_urls: task.pictures.map(({ url }) => url),
    error: task.error,
    error_code: task.errorCode,
    created_at: task.createdAt,
  };
}

/** As `/api/image-details` answers. */
export function toDetails(task: OlderTask) {
  return {
    taskId: task.id,
    status: DETAILS_STATUS[task.status],
    progress: percentOf(task),
    resultUrls: task.pictures.map(({ url }) => url),
    error: task.error ?? (task.status === 'cancelled' ? CANCELLED : null),
    errorCode: task.errorCode,
  };
}

type Asked = Pick<HandlerRequest<RouteContract>, 'baseUrl' | 'language'> & { access: Access };

function fromTask(body: TaskBody): OlderTask {
  // Those beyond what was asked for, and those that came too late, are in the gallery.
  const shown =
    body.status === 'succeeded' ? body.images.filter(({ extra, trashed }) => !extra && !trashed) : [];
  return {
    id: body.id,
    status: body.status,
    progress: body.progress,
    prompt: body.prompt,
    pictures: shown.map(({ id, url, download_url: downloadUrl }) => ({ id, url, downloadUrl })),
    error: body.error?.detail ?? null,
    errorCode: body.error?.code ?? null,
    createdAt: body.created_at,
  };
}

async function fromImported(
  { db, media }: OlderParts,
  { baseUrl }: Asked,
  row: ImportedTasksTable,
): Promise<OlderTask> {
  const files = JSON.parse(row.files) as { kind: AliasKind; name: string }[];
  const found = await Promise.all(
    files.map(async ({ kind, name }) => {
      const [alias] = await findAliases(db.read, kind, [name]);
      const owned = alias && (await findOwnerOfFile(db.read, alias.file_key, row.account_id));
      if (!owned) return [];
      const url = media.urls.view(baseUrl, kind, alias.file_key);
      const saveAs = name.split('/').at(-1) ?? name;
      return [{ id: owned.id, url, downloadUrl: media.urls.download(baseUrl, kind, alias.file_key, saveAs) }];
    }),
  );
  return {
    id: row.old_id,
    status: row.status,
    progress: null,
    prompt: row.prompt,
    pictures: found.flat(),
    error: row.error,
    errorCode: null,
    createdAt: toTimestamp(row.created_at),
  };
}

/** The account's own task by its id here or there. Throws `not_found`. */
export async function getOlderTask(parts: OlderParts, asked: Asked, id: string): Promise<OlderTask> {
  const { tasks, db } = parts;
  if (isId('task', id)) {
    const task = await tasks.get(id, asked.access);
    return fromTask(await tasks.view({ baseUrl: asked.baseUrl, language: asked.language }, task));
  }
  const imported = await findImportedTask(db.read, asked.access.accountId, id);
  if (!imported) throw new AppError('not_found', { detail: 'There is no such task.' });
  return fromImported(parts, asked, imported);
}

/** The account's newest tasks, those made here first. */
export async function listOlderTasks(parts: OlderParts, asked: Asked, limit: number): Promise<OlderTask[]> {
  const { tasks, db } = parts;
  const { accountId } = asked.access;
  const rows = await tasks.list({ accountId, limit });
  const own = await tasks.viewPage({ baseUrl: asked.baseUrl, language: asked.language }, rows);
  const left = limit - rows.length;
  const imported = left > 0 ? await listImportedTasks(db.slow, accountId, left) : [];
  const older = await Promise.all(imported.map((row) => fromImported(parts, asked, row)));
  return [...own.map(fromTask), ...older];
}
