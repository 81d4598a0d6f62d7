// `drawbridge generate`: from a prompt to files on disk. The task is durable as soon as it is accepted, so whatever happens
// to this process or the connection, the picture can be fetched later by the task's id, which is told first.
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Command } from 'commander';
import { sleep, systemClock } from '../kernel/clock.ts';
import type { Client } from './client.ts';
import type { CommandContext } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT, exitCodeFor } from './exit-codes.ts';
import { CommandFailure, usageFailure } from './failure.ts';
import { addExamples } from './help.ts';
import { watchInterrupt } from './interrupt.ts';
import { ProgressBar } from './progress-bar.ts';
import { wantsJson, withClient } from './run-command.ts';
import { creditText, type Task, type Upload } from './wire.ts';

const POLL_MS = 300;
/** A server that restarts is waited for so long. */
const PATIENCE_MS = 60_000;
const RETRY_MS = 1_000;
const EXTENSIONS: Record<string, string> = {
  'image/png': '.png',
  'image/jpeg': '.jpg',
  'image/webp': '.webp',
};

interface GenerateOptions {
  output?: string;
  model?: string;
  negative?: string;
  size?: string;
  aspectRatio?: string;
  count?: string;
  seed?: string;
  image?: string[];
  strength?: string;
  account?: string;
}

export function addGenerate(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages } = context;
  const { generate: text } = messages.commands;
  const command = program
    .command('generate')
    .description(text.summary)
    .argument('<prompt>', text.prompt)
    .option('-o, --output <path>', text.output)
    .option('-m, --model <name>', text.model)
    .option('-n, --count <number>', text.count)
    .option('-s, --size <pixels>', text.size)
    .option('-a, --aspect-ratio <ratio>', text.aspectRatio)
    .option('-i, --image <file>', text.image, (file: string, before: string[] = []) => [...before, file])
    .option('--negative <text>', text.negative)
    .option('--seed <number>', text.seed)
    .option('--strength <number>', text.strength)
    .option('--account <id>', messages.help.account)
    .action(async (prompt: string, options: GenerateOptions) => {
      // Wrong numbers and missing files are told before anything starts.
      const body = taskBody(context, prompt, options);
      const pictures = await readPictures(context, options.image ?? []);
      const interrupt = watchInterrupt(context);
      await withClient(
        context,
        command,
        parts,
        { account: options.account, engine: true, mayBegin: true },
        (client) =>
          generate({ context, client, json: wantsJson(command), interrupt }, body, pictures, options.output),
      );
    });
  addExamples(command, context, [
    ['drawbridge generate "a lighthouse in the fog"', messages.examples.firstPicture],
    ['drawbridge generate "a paper boat" -n 4 -a 16:9 -o boats/', messages.examples.several],
    [
      'drawbridge generate "the same house in winter" -i house.jpg -o winter.png',
      messages.examples.fromPicture,
    ],
    ['DRAWBRIDGE_URL=https://pictures.example drawbridge generate "a fox"', messages.examples.remote],
  ]);
}

interface Run {
  context: CommandContext;
  client: Client;
  json: boolean;
  interrupt: AbortSignal;
}

/** An input picture: read from disk, or an address that the server fetches. */
type InputPicture = { name: string; bytes: Buffer<ArrayBuffer> } | { url: string };

async function generate(
  run: Run,
  body: Record<string, unknown>,
  pictures: readonly InputPicture[],
  output: string | undefined,
): Promise<void> {
  const { context, client } = run;
  const { terminal, messages } = context;
  if (client.kind === 'embedded') terminal.note(messages.generate.embedded);
  const images: object[] = [];
  for (const picture of pictures) images.push(await toSource(client, picture));
  const accepted = await submit(run, images.length > 0 ? { ...body, images } : body);
  terminal.note(messages.generate.accepted(accepted.id, accepted.urls.web));
  const task = await follow(run, accepted);
  const kept = task.images.filter((image) => !image.extra);
  const files = await savePictures(run, task, kept, output);
  if (run.json) terminal.json({ task, files });
  else for (const file of files) terminal.print(file);
  tellEnd(run, task, kept.length);
}

function taskBody(
  context: CommandContext,
  prompt: string,
  options: GenerateOptions,
): Record<string, unknown> {
  const number = (name: string, value: string | undefined) => {
    if (value === undefined) return undefined;
    const parsed = Number(value);
    if (value.trim() !== '' && Number.isFinite(parsed)) return parsed;
    const { problem } = context.messages;
    throw usageFailure(problem.usageTitle, problem.notNumber(name, value));
  };
  return Object.fromEntries(
    Object.entries({
      prompt,
      model: options.model,
      negative_prompt: options.negative,
      size: options.size,
      aspect_ratio: options.aspectRatio,
      n: number('--count', options.count),
      seed: number('--seed', options.seed),
      strength: number('--strength', options.strength),
    }).filter(([, value]) => value !== undefined),
  );
}

async function readPictures(context: CommandContext, files: readonly string[]): Promise<InputPicture[]> {
  const pictures: InputPicture[] = [];
  for (const file of files) {
    if (/^https?:\/\//.test(file)) {
      pictures.push({ url: file });
      continue;
    }
    try {
      pictures.push({ name: basename(file), bytes: await readFile(file) });
    } catch (error) {
      const { problem } = context.messages;
      const code = (error as NodeJS.ErrnoException).code ?? '';
      throw usageFailure(problem.usageTitle, problem.fileUnreadable(file, code), problem.fileFix);
    }
  }
  return pictures;
}

async function toSource(client: Client, picture: InputPicture): Promise<object> {
  if ('url' in picture) return picture;
  const form = new FormData();
  form.set('file', new Blob([picture.bytes]), picture.name);
  const upload = await client.json<Upload>('POST', '/v1/uploads', { form });
  return { upload_id: upload.id };
}

/** Hands the task over; the key makes a second try after a broken connection safe. */
function submit(run: Run, body: Record<string, unknown>): Promise<Task> {
  const headers = { 'idempotency-key': randomUUID() };
  return withPatience(() => run.client.json<Task>('POST', '/v1/tasks', { body, headers }));
}

/** Waits for the end of the task; an interrupt cancels it and waits for what came of that. */
async function follow({ context, client, interrupt }: Run, accepted: Task): Promise<Task> {
  const { messages, terminal } = context;
  const path = `/v1/tasks/${accepted.id}`;
  const bar = new ProgressBar(terminal.err);
  let task = accepted;
  let isCancelled = false;
  try {
    while (task.finished_at === null) {
      if (interrupt.aborted && !isCancelled) {
        isCancelled = true;
        await bar.stop();
        terminal.note(messages.generate.cancelling);
        task = await client.json<Task>('POST', `${path}/cancel`);
        continue;
      }
      const phase = task.status === 'queued' ? 'queued' : (task.phase ?? 'waiting');
      if (!isCancelled) bar.show(task.progress, messages.generate.progress[phase]);
      // An interrupt ends the pause, not the command.
      await sleep(systemClock, POLL_MS, isCancelled ? undefined : interrupt).catch(() => {});
      task = await withPatience(() => client.json<Task>('GET', path));
    }
    if (task.status === 'succeeded') bar.show(1, messages.generate.progress.done);
    return task;
  } finally {
    await bar.stop();
  }
}

/** Repeats a call while the server cannot be reached, for a minute at most. */
async function withPatience<Result>(call: () => Promise<Result>): Promise<Result> {
  const startedAt = systemClock.monotonicMs();
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const isAway = error instanceof CommandFailure && error.problem.code === 'unreachable';
      if (!isAway || systemClock.monotonicMs() - startedAt > PATIENCE_MS) throw error;
      await sleep(systemClock, RETRY_MS);
    }
  }
}

async function savePictures(
  { context, client }: Run,
  task: Task,
  images: Task['images'],
  output: string | undefined,
): Promise<string[]> {
  const files: string[] = [];
  // Every URL of this server starts with what its task's own URL starts with.
  const base = task.urls.get.slice(0, -`/v1/tasks/${task.id}`.length);
  for (const [index, image] of images.entries()) {
    const path = await fileFor(task, image.mime, output, images.length > 1 ? index + 1 : null);
    const route = image.url.startsWith(base) ? image.url.slice(base.length) : new URL(image.url).pathname;
    const { bytes } = await withPatience(() => client.call('GET', route));
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.part`, bytes);
      await rename(`${path}.part`, path);
    } catch (error) {
      const { problem } = context.messages;
      const detail = problem.fileUnwritable(path, (error as NodeJS.ErrnoException).code ?? '');
      const fix = context.messages.generate.leftRunning(task.id);
      throw new CommandFailure({ title: detail, detail: '', fix }, EXIT.failure);
    }
    files.push(path);
  }
  return files;
}

/** Where a picture goes: into a folder, or to the file that was named, with a number where there are several. */
async function fileFor(
  task: Task,
  mime: string,
  output: string | undefined,
  number: number | null,
): Promise<string> {
  const suffix = number === null ? '' : `-${number}`;
  const extension = EXTENSIONS[mime] ?? '.img';
  const isFolder =
    output === undefined || output.endsWith('/') || (await stat(output).catch(() => null))?.isDirectory();
  if (isFolder) return join(output ?? '.', `${task.id}${suffix}${extension}`);
  const named = extname(output);
  return `${output.slice(0, output.length - named.length)}${suffix}${named || extension}`;
}

/** The last words and the exit code. */
function tellEnd({ context, json, interrupt }: Run, task: Task, made: number): void {
  const { terminal, messages } = context;
  if (task.error !== null && task.status === 'failed') {
    if (!json) terminal.problem(task.error);
    context.exitCode = exitCodeFor(task.error.code);
    return;
  }
  if (task.status === 'cancelled') {
    terminal.note(messages.generate.cancelled);
    context.exitCode = interrupt.aborted ? EXIT.interrupted : EXIT.failure;
    return;
  }
  if (interrupt.aborted) terminal.note(messages.generate.finishedFirst);
  if (task.cost.captured > 0) terminal.note(messages.generate.saved(creditText(task.cost.captured)));
  if (made < task.n) {
    terminal.note(messages.generate.partial(made, task.n));
    context.exitCode = EXIT.partial;
  }
}
