// What one ComfyUI server tells of running jobs, handed to whoever follows them, and the pictures that a workflow sends
// over the WebSocket instead of saving them. It decides nothing: polling is the truth, and all of this may be missing.
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import type { Outbound } from '../../kernel/outbound.ts';
import type { JobReport } from '../provider.ts';
import { JobProgress } from './job-progress.ts';
import { LiveChannel } from './live-channel.ts';
import type { LiveFrame, LiveMessage } from './live-messages.ts';
import { type Graph, pictureIndexOf, socketOutputNodes } from './workflow.ts';

/** Jobs of an earlier process have its client id; so many of those are listened for at once. */
const MOST_CHANNELS = 4;
/** Jobs that are remembered beside those that are followed. */
const MOST_IDLE_JOBS = 256;
const MAX_PREVIEW_BYTES = 4 * 1024 * 1024;
/** Pictures that came as frames, per job and together, until they are fetched. */
const MAX_JOB_PICTURE_BYTES = 128 * 1024 * 1024;
const MAX_PICTURE_BYTES = 512 * 1024 * 1024;

export interface LiveListener extends JobReport {
  onWake(): void;
}

/** A finished picture that came as a frame. */
export interface SentPicture {
  bytes: Uint8Array;
  /** Which picture of the job it is, from 0. */
  index: number;
}

interface LiveJob {
  promptId: string;
  clientId: string;
  progress: JobProgress;
  /** Nodes whose frames are results. */
  resultNodes: ReadonlySet<string>;
  pictures: SentPicture[];
  pictureBytes: number;
  listener: LiveListener | null;
  hasBegun: boolean;
  /** Monotonic milliseconds. */
  knownSinceMs: number;
  /** When a poll last saw it in the queue, waiting; monotonic, null once it ran. */
  waitingAtMs: number | null;
}

export interface ServerLiveOptions {
  url: string;
  authorization: string | null;
  outbound: Outbound;
  clock: Clock;
}

export class ServerLive {
  /** Ours for this server; a prompt is only told to the connection that has the id it was submitted with. */
  readonly clientId = randomUUID();
  readonly #options: ServerLiveOptions;
  readonly #channels = new Map<string, LiveChannel>();
  readonly #jobs = new Map<string, LiveJob>();
  readonly #openings = new Set<() => void>();
  /** Those who follow a prompt of which nothing is known yet; a poll will tell. */
  readonly #waiting = new Map<string, LiveListener>();
  #pictureBytes = 0;
  #isClosed = false;

  constructor(options: ServerLiveOptions) {
    this.#options = options;
  }

  get isConnected(): boolean {
    return typeof this.#channels.get(this.clientId)?.openSinceMs === 'number';
  }

  /** Opens the connection, and waits for it at most until `signal`; true when it is open. */
  async opened(signal: AbortSignal): Promise<boolean> {
    this.#wantChannel(this.clientId);
    if (!this.isConnected && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = () => {
          this.#openings.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        this.#openings.add(done);
        signal.addEventListener('abort', done, { once: true });
      });
    }
    return this.isConnected;
  }

  /** Opens the connection without waiting for it. */
  prepare(): void {
    this.#wantChannel(this.clientId);
  }

  /** Tells what a prompt is and whose; what was known of it already stays. */
  learn(promptId: string, graph: Graph, clientId: string): void {
    if (this.#jobs.has(promptId)) return;
    this.#forgetOldest();
    this.#jobs.set(promptId, {
      promptId,
      clientId,
      progress: new JobProgress(graph),
      resultNodes: new Set(socketOutputNodes(graph)),
      pictures: [],
      pictureBytes: 0,
      listener: this.#waiting.get(promptId) ?? null,
      hasBegun: false,
      knownSinceMs: this.#options.clock.monotonicMs(),
      waitingAtMs: null,
    });
    if (this.#waiting.delete(promptId)) this.#wantChannel(clientId);
  }

  /** Follows a prompt until the returned function is called. */
  watch(promptId: string, listener: LiveListener): () => void {
    const job = this.#jobs.get(promptId);
    if (job) {
      job.listener = listener;
      this.#wantChannel(job.clientId);
    } else {
      this.#waiting.set(promptId, listener);
    }
    return () => {
      if (this.#waiting.get(promptId) === listener) this.#waiting.delete(promptId);
      const followed = this.#jobs.get(promptId);
      if (followed?.listener === listener) this.#forget(followed);
      this.#closeUnused();
    };
  }

  /** A fraction from 0 to 1, or null when nothing is known. */
  progressOf(promptId: string): number | null {
    return this.#jobs.get(promptId)?.progress.fraction ?? null;
  }

  /** The pictures that came as frames so far, in the order in which they were asked for. */
  picturesOf(promptId: string): readonly SentPicture[] {
    return (this.#jobs.get(promptId)?.pictures ?? []).toSorted((a, b) => a.index - b.index);
  }

  /** A poll saw the prompt in the queue. */
  noteQueued(promptId: string, isWaiting: boolean): void {
    const job = this.#jobs.get(promptId);
    if (job) job.waitingAtMs = isWaiting ? this.#options.clock.monotonicMs() : null;
  }

  /**
   * Whether a prompt that is gone was taken out of the queue: it waited, it never began, and the connection has stood
   * ever since, so that the server was not restarted.
   */
  wasTakenOut(promptId: string): boolean {
    const job = this.#jobs.get(promptId);
    return !!job && !job.hasBegun && job.waitingAtMs !== null && this.#wasOpenSince(job, job.waitingAtMs);
  }

  /** A prompt has ended. A connection that was open all the time and told nothing of it is deaf, and opened anew. */
  noteEnd(promptId: string): void {
    const job = this.#jobs.get(promptId);
    if (!job?.listener || job.hasBegun || !this.#wasOpenSince(job, job.knownSinceMs)) return;
    this.#channels.get(job.clientId)?.restart();
  }

  close(): void {
    this.#isClosed = true;
    for (const channel of this.#channels.values()) channel.close();
    for (const done of this.#openings) done();
    this.#jobs.clear();
    this.#waiting.clear();
  }

  #wasOpenSince(job: LiveJob, sinceMs: number): boolean {
    const openSinceMs = this.#channels.get(job.clientId)?.openSinceMs;
    return typeof openSinceMs === 'number' && openSinceMs <= sinceMs;
  }

  #wantChannel(clientId: string): void {
    if (this.#isClosed) return;
    let channel = this.#channels.get(clientId);
    if (!channel) {
      if (this.#channels.size >= MOST_CHANNELS && clientId !== this.clientId) return;
      const { url, authorization, outbound, clock } = this.#options;
      channel = new LiveChannel({
        url,
        authorization,
        clientId,
        outbound,
        clock,
        onMessage: (message) => this.#onMessage(message),
        onFrame: (frame) => this.#onFrame(frame),
        onOpen: () => this.#onOpen(clientId),
        onBreak: () => this.#wakeAll(clientId),
      });
      this.#channels.set(clientId, channel);
    }
    channel.want();
    // Submitting keeps it only for a while; whoever follows a job keeps it for good.
    if (![...this.#jobs.values()].some((job) => job.listener && job.clientId === clientId)) channel.unwant();
  }

  #closeUnused(): void {
    const used = new Set([...this.#jobs.values()].flatMap((job) => (job.listener ? [job.clientId] : [])));
    for (const [clientId, channel] of this.#channels) {
      if (used.has(clientId)) continue;
      if (clientId === this.clientId) {
        channel.unwant();
      } else {
        channel.close();
        this.#channels.delete(clientId);
      }
    }
  }

  #onOpen(clientId: string): void {
    for (const done of this.#openings) done();
    this.#wakeAll(clientId);
  }

  /** What happened meanwhile was told to nobody. */
  #wakeAll(clientId: string): void {
    for (const job of this.#jobs.values()) if (job.clientId === clientId) job.listener?.onWake();
  }

  #onMessage(message: LiveMessage): void {
    const job = this.#jobs.get(message.promptId);
    if (!job) return;
    job.hasBegun = true;
    if (message.type === 'ended') {
      job.listener?.onWake();
      return;
    }
    job.progress.take(message);
    const { fraction } = job.progress;
    if (fraction !== null) job.listener?.onProgress(fraction);
  }

  #onFrame({ promptId, node, picture }: LiveFrame): void {
    const job = promptId === null ? undefined : this.#jobs.get(promptId);
    if (!job) return;
    if (node !== null && job.resultNodes.has(node)) {
      this.#keepPicture(job, picture.bytes, pictureIndexOf(node));
    } else if (picture.bytes.byteLength <= MAX_PREVIEW_BYTES) {
      job.listener?.onPreview(picture);
    }
  }

  #keepPicture(job: LiveJob, bytes: Uint8Array, index: number): void {
    const size = bytes.byteLength;
    if (job.pictureBytes + size > MAX_JOB_PICTURE_BYTES || this.#pictureBytes + size > MAX_PICTURE_BYTES)
      return;
    job.pictures.push({ bytes, index });
    job.pictureBytes += size;
    this.#pictureBytes += size;
  }

  #forget(job: LiveJob): void {
    this.#pictureBytes -= job.pictureBytes;
    this.#jobs.delete(job.promptId);
  }

  /** Jobs that nobody came to follow, or not any more. */
  #forgetOldest(): void {
    const idle = [...this.#jobs.values()].filter((job) => !job.listener);
    const [oldest] = idle;
    if (oldest && idle.length >= MOST_IDLE_JOBS) this.#forget(oldest);
  }
}
