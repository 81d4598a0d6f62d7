// The WebSockets of the fake ComfyUI: what real servers of two versions were recorded to send during a run
// (comfyui-live-recordings.json), piece by piece as the test lets the run go on. Its traps are the recorded ones: one
// connection a client id, the end of an older one makes the newer one deaf, success is told before the history has it, a
// prompt without a client id is told to everybody, pictures name their prompt only to who asked for that.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

type Json = Record<string, unknown>;
type Message = { type: string; data: Json };

/** A recorded message; of frames all but the picture. `$PROMPT` stands for the id of the prompt. */
type Recorded = { text: Message } | { event: number; image_type?: number; metadata?: Json };

export interface LiveRecording {
  feature_flags: Message;
  with_metadata: Recorded[];
  without_metadata: Recorded[];
  save_websocket: Recorded[];
  interrupted: Recorded[];
  failed: Recorded[];
}

export interface LiveJob {
  promptId: string;
  clientId: string | null;
  graph: Record<string, { class_type: string }>;
}

interface Peer {
  socket: WebSocket;
  clientId: string;
  wantsMetadata: boolean;
}

/** The start of a JPEG; tests that decode previews bring their own. */
const JPEG_HEAD = Buffer.from([0xff, 0xd8, 0xff, 0xe0]);
/** Told to everybody when nobody in particular asked for the run. */
const TOLD_TO_ALL = new Set(['progress', 'progress_state']);

const typeOf = (recorded: Recorded | undefined) =>
  recorded && 'text' in recorded ? recorded.text.type : 'frame';

export class FakeComfyuiLive {
  /** Headers of every handshake. */
  readonly handshakes: IncomingMessage['headers'][] = [];
  /** Client ids in the order in which they came. */
  readonly clientIds: string[] = [];
  /** Bytes of every preview. */
  preview: Buffer = JPEG_HEAD;
  /** Refuses every handshake, as a proxy does that knows no WebSockets. */
  refuses = false;
  refused = 0;
  /** Knows no feature flags, as very old servers do. */
  ignoresFlags = false;
  readonly #recording: LiveRecording;
  readonly #state: () => { queueLength: number; running: LiveJob | null };
  readonly #server = new WebSocketServer({ noServer: true });
  readonly #peers = new Set<Peer>();
  readonly #registered = new Map<string, Peer>();
  #job: LiveJob | null = null;
  #script: Recorded[] = [];
  #node: string | null = null;
  #picture: Buffer | null = null;

  constructor(recording: LiveRecording, state: () => { queueLength: number; running: LiveJob | null }) {
    this.#recording = recording;
    this.#state = state;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#peers.size;
  }

  /** Connections that asked for previews with a name. */
  get wantMetadata(): number {
    return [...this.#peers].filter((peer) => peer.wantsMetadata).length;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.refuses) {
      this.refused += 1;
      socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const clientId = new URL(request.url ?? '/', 'http://x').searchParams.get('clientId') ?? 'assigned';
    this.handshakes.push(request.headers);
    this.clientIds.push(clientId);
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#welcome(webSocket, clientId));
  }

  /** Every connection breaks off without a good-bye. */
  cut({ keepsRun = false }: { keepsRun?: boolean } = {}): void {
    for (const { socket } of this.#peers) socket.terminate();
    if (!keepsRun) this.#job = null;
  }

  /** What the late end of an older connection does to a newer one with the same client id. */
  deafen(): void {
    this.#registered.clear();
  }

  tellQueue(): void {
    const status = { exec_info: { queue_remaining: this.#state().queueLength } };
    for (const peer of this.#peers) sendText(peer, { type: 'status', data: { status } });
  }

  begin(job: LiveJob): void {
    this.#job = job;
    const savesNothing = Object.values(job.graph).some((node) => node.class_type === 'SaveImageWebsocket');
    const wantsMetadata = this.#listener()?.wantsMetadata === true;
    const plain = wantsMetadata ? this.#recording.with_metadata : this.#recording.without_metadata;
    this.#script = [...(savesNothing ? this.#recording.save_websocket : plain)];
    this.#playUntil((next) => typeOf(next) === 'progress_state');
  }

  /** On to the next step of the sampler, with its preview. */
  step(): void {
    this.#playUntil((next) => typeOf(next) === 'progress');
    this.#play();
    this.#playUntil((next) => typeOf(next) !== 'frame');
  }

  /** Tells of success, which is before the history has it. */
  succeed(picture: Buffer | null): void {
    this.#picture = picture;
    this.#playUntil((next) => typeOf(next) === 'execution_success');
    this.#play();
  }

  /** Tells of a failure in the words of another recorded run. */
  fail(how: 'interrupted' | 'failed'): void {
    const script = this.#recording[how];
    const at = script.findIndex((one) => /^execution_(?:error|interrupted)$/.test(typeOf(one)));
    this.#script = script.slice(at);
    this.#play();
  }

  /** The run is in the history: the rest of what was recorded. */
  end(): void {
    const at = this.#script.findLastIndex((one) => typeOf(one) === 'execution_success');
    this.#script = this.#script.slice(at + 1);
    this.#playUntil((next) => next === undefined);
    this.#job = null;
  }

  /** The run of a client without an id, of which everybody hears. */
  playStranger(): void {
    const before = { job: this.#job, script: this.#script };
    this.begin({ promptId: '00000000-0000-4000-8000-000000000000', clientId: null, graph: {} });
    this.#playUntil((next) => next === undefined);
    this.#job = before.job;
    this.#script = before.script;
  }

  #welcome(socket: WebSocket, clientId: string): void {
    const peer: Peer = { socket, clientId, wantsMetadata: false };
    this.#peers.add(peer);
    this.#registered.set(clientId, peer);
    const { queueLength, running } = this.#state();
    const status = { exec_info: { queue_remaining: queueLength } };
    sendText(peer, { type: 'status', data: { status, sid: clientId } });
    if (running?.clientId === clientId && this.#node !== null) {
      sendText(peer, { type: 'executing', data: { node: this.#node } });
    }
    socket.on('error', () => {});
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as Message;
      if (message.type !== 'feature_flags' || this.ignoresFlags) return;
      peer.wantsMetadata = message.data.supports_preview_metadata === true;
      sendText(peer, this.#recording.feature_flags);
    });
    socket.on('close', () => {
      this.#peers.delete(peer);
      // Whoever has the id now goes deaf.
      this.#registered.delete(clientId);
    });
  }

  #listener(): Peer | undefined {
    return this.#job?.clientId ? this.#registered.get(this.#job.clientId) : undefined;
  }

  #playUntil(isThere: (next: Recorded | undefined) => boolean): void {
    while (this.#script.length > 0 && !isThere(this.#script[0])) this.#play();
  }

  #play(): void {
    const recorded = this.#script.shift();
    const job = this.#job;
    if (!recorded || !job) return;
    if (!('text' in recorded)) {
      this.#sendFrame(recorded, job);
      return;
    }
    if (recorded.text.type === 'status') {
      this.tellQueue();
      return;
    }
    const message = JSON.parse(JSON.stringify(recorded.text).replaceAll('$PROMPT', job.promptId)) as Message;
    if (message.type === 'executing') this.#node = message.data.node as string | null;
    const listener = this.#listener();
    if (listener) sendText(listener, message);
    else if (job.clientId === null && TOLD_TO_ALL.has(message.type)) {
      for (const peer of this.#peers) sendText(peer, message);
    }
  }

  #sendFrame(recorded: { image_type?: number; metadata?: Json }, job: LiveJob): void {
    const listener = this.#listener();
    const isResult = recorded.image_type === 2;
    const picture = isResult ? (this.#picture ?? Buffer.from('a picture over the socket')) : this.preview;
    const named = {
      node_id: this.#node,
      display_node_id: this.#node,
      prompt_id: job.promptId,
      image_type: isResult ? 'image/png' : 'image/jpeg',
    };
    for (const peer of listener ? [listener] : job.clientId === null ? this.#peers : []) {
      peer.socket.send(
        peer.wantsMetadata && job.clientId !== null
          ? frameWithMetadata(named, picture)
          : Buffer.concat([words(1, isResult ? 2 : 1), picture]),
      );
    }
  }
}

function words(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 4);
  for (const [position, number] of numbers.entries()) bytes.writeUInt32BE(number, position * 4);
  return bytes;
}

function frameWithMetadata(metadata: Json, picture: Buffer): Buffer {
  const text = Buffer.from(JSON.stringify(metadata));
  return Buffer.concat([words(4, text.length), text, picture]);
}

function sendText(peer: Peer, message: Message): void {
  peer.socket.send(JSON.stringify(message));
}
