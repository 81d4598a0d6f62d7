// Answers that may take longer than the gateways in front of us wait. A result within 20 s has its proper status; after
// that the answer starts with 200 and white space, which JSON allows before a value and which keeps gap timers quiet.
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { openaiError, type ProblemContext } from '../kernel/problem.ts';
import { findImagesOfTask, type ImagesTable, type Media } from '../media/media.ts';
import { decodeError, type TaskRow, type Tasks } from '../tasks/tasks.ts';

/** Until then nothing is written, so that an error can have its own status. */
export const SILENT_MS = 20_000;
/** The gap between two spaces; the shortest gateway timers known are 60 s. */
export const KEEP_ALIVE_MS = 15_000;
/** When to come back to a server that is being restarted. */
const RESTART_S = 2;
/** A multiple of three, so that base64 of the pieces can be joined. */
const READ_BYTES = 192 * 1024;

export interface AnswerOptions {
  format: 'url' | 'b64_json';
  isStream: boolean;
  /** `image_generation` or `image_edit`: what OpenAI's stream events are named after. */
  eventPrefix: string;
  context: ProblemContext;
  disconnected: AbortSignal;
  /** Called once the task has ended, before the rest of its answer is sent. */
  onEnded: () => void;
}

export interface AnswerContext {
  db: Db;
  media: Media;
  tasks: Tasks;
}

/** The error that a task ended with. */
export function errorOf(task: TaskRow): AppError {
  const { code, detail } =
    task.error === null
      ? { code: 'internal_error' as const, detail: 'No reason was kept.' }
      : decodeError(task.error);
  return new AppError(code, { detail });
}

/** Sends the task's result, waiting for it as long as it takes; resolves when the answer was handed to the reply. */
export async function sendHeldAnswer(
  context: AnswerContext,
  task: TaskRow,
  reply: FastifyReply,
  options: AnswerOptions,
): Promise<void> {
  reply.headers({
    'x-task-id': task.id,
    'cache-control': 'no-transform, no-store',
    'x-accel-buffering': 'no',
  });
  if (options.isStream) {
    await reply
      .type('text/event-stream; charset=utf-8')
      .send(Readable.from(streamEvents(context, task, options)));
    return;
  }
  const early = await context.tasks.waitForEnd(task, SILENT_MS, options.disconnected);
  if (options.disconnected.aborted) {
    // Nobody is there to answer; what is written to a closed connection would only look like a failure.
    reply.hijack();
    return;
  }
  if (early.finished_at === null && context.tasks.closing.aborted) throw serverStops();
  if (early.finished_at !== null && early.status !== 'succeeded') {
    options.onEnded();
    // The engine has tried what can be tried; the official clients would pay for further tasks.
    reply.header('x-should-retry', 'false');
    throw errorOf(early);
  }
  await reply
    .code(200)
    .type('application/json; charset=utf-8')
    .send(Readable.from(jsonAnswer(context, early, options)));
}

/** The task goes on with the next start, where the same call finds it. */
function serverStops(): AppError {
  return new AppError('provider_unavailable', {
    detail: 'The server is stopping before the picture is ready; the task goes on when it is back.',
    cause: 'The server is being stopped or restarted.',
    fix: 'Send the same request again in a moment: it is answered with the same task.',
    retryAfterS: RESTART_S,
  });
}

/** Waits in steps, yielding `filler` after each; returns the task once it has ended. Throws, and so breaks the connection off, when either side goes. */
async function* untilEnd(
  { tasks }: AnswerContext,
  task: TaskRow,
  { disconnected, onEnded }: AnswerOptions,
  filler: string,
) {
  let row = task;
  while (row.finished_at === null) {
    if (disconnected.aborted) throw new Error('The client went away');
    if (tasks.closing.aborted) throw serverStops();
    row = await tasks.waitForEnd(task, KEEP_ALIVE_MS, disconnected);
    if (row.finished_at === null) yield filler;
  }
  onEnded();
  return row;
}

async function* jsonAnswer(
  context: AnswerContext,
  task: TaskRow,
  options: AnswerOptions,
): AsyncGenerator<string> {
  // At once: the headers go out with the first byte, and the shortest gateways wait 30 s for them.
  if (task.finished_at === null) yield ' ';
  const ended = yield* untilEnd(context, task, options, ' ');
  if (ended.status !== 'succeeded') {
    yield JSON.stringify({
      created: createdS(ended),
      data: [],
      ...openaiError(errorOf(ended), options.context),
    });
    return;
  }
  yield `{"created":${createdS(ended)},"data":[`;
  for (const [index, image] of (await picturesOf(context, ended)).entries()) {
    if (index > 0) yield ',';
    yield* pictureJson(context, image, options);
  }
  yield ']}';
}

async function* pictureJson(
  context: AnswerContext,
  image: ImagesTable,
  options: AnswerOptions,
): AsyncGenerator<string> {
  if (options.format === 'url') {
    yield JSON.stringify({
      url: context.media.urls.view(options.context.baseUrl, image.kind, image.file_key),
    });
    return;
  }
  yield '{"b64_json":"';
  yield* base64Of(context, image);
  yield '"}';
}

/** A stored picture as base64, in pieces: never the whole picture in memory. */
async function* base64Of({ media }: AnswerContext, image: ImagesTable): AsyncGenerator<string> {
  const { path } = await media.localFileOf(image.id, image.account_id);
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(READ_BYTES);
    for (;;) {
      let filled = 0;
      while (filled < READ_BYTES) {
        const { bytesRead } = await file.read(buffer, filled, READ_BYTES - filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      if (filled === 0) return;
      yield buffer.toString('base64', 0, filled);
    }
  } finally {
    await file.close();
  }
}

async function* streamEvents(
  context: AnswerContext,
  task: TaskRow,
  options: AnswerOptions,
): AsyncGenerator<string> {
  // A comment opens the stream at once, so that a gateway sees life.
  yield ': accepted\n\n';
  const ended = yield* untilEnd(context, task, options, ': waiting\n\n');
  if (ended.status !== 'succeeded') {
    const body = { type: 'error', ...openaiError(errorOf(ended), options.context) };
    yield `event: error\ndata: ${JSON.stringify(body)}\n\n`;
    return;
  }
  for (const image of await picturesOf(context, ended)) {
    const type = `${options.eventPrefix}.completed`;
    const usage = {
      input_tokens: 0,
      input_tokens_details: { image_tokens: 0, text_tokens: 0 },
      output_tokens: 0,
      total_tokens: 0,
    };
    const fields = JSON.stringify({
      type,
      created_at: createdS(ended),
      size: `${image.width}x${image.height}`,
      quality: 'auto',
      background: 'auto',
      output_format: image.mime.replace('image/', ''),
      usage,
    });
    yield `event: ${type}\ndata: ${fields.slice(0, -1)},"b64_json":"`;
    yield* base64Of(context, image);
    yield '"}\n\n';
  }
}

const createdS = (task: TaskRow) => Math.floor(task.created_at / 1000);

/** The pictures that were asked for, in order. */
async function picturesOf({ db }: AnswerContext, task: TaskRow): Promise<ImagesTable[]> {
  const images = await findImagesOfTask(db.read, task.id);
  return images.filter((image) => image.extra === 0);
}
