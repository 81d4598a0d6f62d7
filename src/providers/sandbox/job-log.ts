// The sandbox's own record of accepted jobs, outside the database: what a real provider would remember of us.
// Invariant: a job's line is in the file (O_APPEND, each batch in one write) before its submission is answered, and a
// client reference has one line. It survives the death of the process; it is not forced to disk, so not a power cut.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { sha256Hex } from '../../kernel/id.ts';
import { FAULTS, type FaultKind } from './faults.ts';

/** Jobs older than this are dropped at the next start. */
export const JOB_KEPT_MS = 24 * 3_600_000;
const LOG_NAME = 'jobs.jsonl';

const inputSchema = z.object({ path: z.string(), bytes: z.number(), mime: z.string(), sha256: z.string() });

const jobSchema = z.object({
  job_id: z.string(),
  client_ref: z.string(),
  /** Epoch milliseconds; pictures are not delivered before `ready_at`. */
  accepted_at: z.number(),
  ready_at: z.number(),
  model: z.string(),
  fault: z.enum(Object.keys(FAULTS) as [FaultKind, ...FaultKind[]]).nullable(),
  request: z.object({
    mode: z.enum(['text-to-image', 'image-to-image', 'upscale']),
    prompt: z.string(),
    negative_prompt: z.string().nullable(),
    width: z.number(),
    height: z.number(),
    n: z.number(),
    seed: z.number(),
    strength: z.number().nullable(),
    images: z.array(inputSchema),
    mask: inputSchema.nullable(),
  }),
});
const cancelSchema = z.object({ job_id: z.string(), cancelled_at: z.number() });

export type LoggedInput = z.infer<typeof inputSchema>;
/** One accepted submission, with all that is needed to paint it again. */
export type LoggedJob = z.infer<typeof jobSchema>;
export type LogLine = LoggedJob | z.infer<typeof cancelSchema>;

export function isCancellation(line: LogLine): line is z.infer<typeof cancelSchema> {
  return 'cancelled_at' in line;
}

/** A job's id follows from our reference, so that two processes could never give one reference two jobs. */
export function jobIdOf(clientRef: string): string {
  return `sbx_${sha256Hex(clientRef).slice(0, 32)}`;
}

/** The line's meaning, or null where it is torn or not ours. */
function parseLine(text: string): LogLine | null {
  try {
    const value: unknown = JSON.parse(text);
    const job = jobSchema.safeParse(value);
    if (job.success) return job.data;
    const cancellation = cancelSchema.safeParse(value);
    return cancellation.success ? cancellation.data : null;
  } catch {
    return null;
  }
}

function parseLines(text: string): LogLine[] {
  return text
    .split('\n')
    .map(parseLine)
    .filter((line) => line !== null);
}

/**
 * All accepted submissions in the log of a state directory, in order, a duplicate (which must not be) included.
 * A missing log is an empty one; torn lines are skipped, for a submission with a torn line was never accepted.
 */
export async function readJobLog(stateDir: string): Promise<(LoggedJob & { cancelled_at: number | null })[]> {
  const cancelled = new Map<string, number>();
  const jobs: LoggedJob[] = [];
  for (const line of parseLines(await readText(join(stateDir, LOG_NAME)))) {
    if (isCancellation(line)) cancelled.set(line.job_id, line.cancelled_at);
    else jobs.push(line);
  }
  return jobs.map((job) => ({ ...job, cancelled_at: cancelled.get(job.job_id) ?? null }));
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** SHA-256 of a file, read in pieces. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

interface Pending {
  line: LogLine;
  resolve(): void;
  reject(error: unknown): void;
}

export interface JobLogListener {
  /** Told each line of the log once: at opening, after its own append, and when another process has written it. */
  onLine(line: LogLine): void;
  /** Whether this says nothing new; such a line is not written again. */
  isKnown(line: LogLine): boolean;
}

export class JobLog {
  readonly #path: string;
  readonly #listener: JobLogListener;
  #file: FileHandle;
  #inode: bigint;
  /** How far the file has been read; what lies beyond was written by another process. */
  #readTo: number;
  /** Set where the file may end inside a line: the next write starts a new one. */
  #torn: boolean;
  #pending: Pending[] = [];
  #flushing: Promise<void> | null = null;

  private constructor(
    path: string,
    listener: JobLogListener,
    opened: { file: FileHandle; inode: bigint; text: string },
  ) {
    this.#path = path;
    this.#listener = listener;
    this.#file = opened.file;
    this.#inode = opened.inode;
    this.#readTo = Buffer.byteLength(opened.text);
    this.#torn = opened.text.length > 0 && !opened.text.endsWith('\n');
  }

  /** Opens the log, without the jobs older than `JOB_KEPT_MS`; the listener is told every line, now and later. */
  static async open(stateDir: string, nowMs: number, listener: JobLogListener): Promise<JobLog> {
    await mkdir(stateDir, { recursive: true });
    const path = join(stateDir, LOG_NAME);
    await compact(path, nowMs);
    const file = await open(path, 'a');
    const text = await readText(path);
    for (const line of parseLines(text)) listener.onLine(line);
    const { ino } = await file.stat({ bigint: true });
    return new JobLog(path, listener, { file, inode: ino, text });
  }

  /** Writes a line; resolves when it is in the file. Lines that wait for the disk together go in one write. */
  append(line: LogLine): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ line, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  async #flush(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      try {
        await this.refresh();
        const fresh = batch.filter(({ line }) => !this.#listener.isKnown(line));
        const text = `${this.#torn ? '\n' : ''}${fresh.map(({ line }) => `${JSON.stringify(line)}\n`).join('')}`;
        this.#torn = true;
        await this.#file.appendFile(text);
        this.#torn = false;
        this.#readTo += Buffer.byteLength(text);
        for (const { line } of fresh) this.#listener.onLine(line);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    // In the same turn as the last look at what is pending: a line that comes later starts a new flush.
    this.#flushing = null;
  }

  /** Takes in what another process on the same directory has written since. */
  async refresh(): Promise<void> {
    const now = await stat(this.#path, { bigint: true });
    if (now.ino !== this.#inode) {
      // Another process has compacted the log: what it left is in a new file.
      await this.#file.close();
      this.#file = await open(this.#path, 'a');
      this.#inode = now.ino;
      this.#readTo = 0;
    }
    const size = Number(now.size);
    if (size <= this.#readTo) return;
    const reader = await open(this.#path, 'r');
    try {
      const { buffer, bytesRead } = await reader.read(
        Buffer.alloc(size - this.#readTo),
        0,
        size - this.#readTo,
        this.#readTo,
      );
      const whole = buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1;
      for (const line of parseLines(buffer.toString('utf8', 0, whole))) this.#listener.onLine(line);
      this.#readTo += whole;
    } finally {
      await reader.close();
    }
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#file.close();
  }
}

/** Rewrites the log without what is too old (and without torn lines), if there is any. */
async function compact(path: string, nowMs: number): Promise<void> {
  const lines = parseLines(await readText(path));
  const kept = new Set<string>();
  for (const line of lines)
    if (!isCancellation(line) && line.accepted_at > nowMs - JOB_KEPT_MS) kept.add(line.job_id);
  if (lines.every((line) => kept.has(line.job_id))) return;
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(
    temporary,
    lines
      .filter((line) => kept.has(line.job_id))
      .map((line) => `${JSON.stringify(line)}\n`)
      .join(''),
  );
  await rename(temporary, path);
}
