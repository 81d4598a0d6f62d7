// What a ComfyUI server says over its WebSocket, text and frames, read without trust: what does not have the recorded
// shape is nothing. Messages of other clients' runs come too (a prompt without a client id is told to everybody), so each
// carries the prompt that it is about.
import type { Preview } from '../provider.ts';

/** A step of a node, from 0 to 1. */
export type NodeFractions = ReadonlyMap<string, number>;

export type LiveMessage =
  | { type: 'started'; promptId: string }
  /** Nodes that need not run again. */
  | { type: 'cached'; promptId: string; nodes: readonly string[] }
  /** A node has begun; those before it are done. */
  | { type: 'executing'; promptId: string; node: string }
  | { type: 'progress'; promptId: string; nodes: NodeFractions }
  /** Out of the queue and in the history, however it ended. */
  | { type: 'ended'; promptId: string };

/** A picture in a binary frame; older servers and clients without the flag name neither prompt nor node. */
export interface LiveFrame {
  promptId: string | null;
  node: string | null;
  picture: Preview;
}

const PICTURE_EVENT = 1;
const PICTURE_WITH_METADATA_EVENT = 4;
const MIMES_BY_NUMBER: Readonly<Record<number, Preview['mime']>> = { 1: 'image/jpeg', 2: 'image/png' };
const MIMES: readonly Preview['mime'][] = ['image/jpeg', 'image/png', 'image/webp'];
const WORD_BYTES = 4;
const MAX_METADATA_BYTES = 64 * 1024;
/** A longer message is an error with its inputs, of which nothing is needed. */
const MAX_TEXT_LENGTH = 1024 * 1024;
const MOST_NODES = 2_000;

/** The first message of ours: with it, previews say which prompt and node they are of. */
export const FEATURE_FLAGS = JSON.stringify({
  type: 'feature_flags',
  data: { supports_preview_metadata: true },
});

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function fractionOf(value: unknown, max: unknown): number | null {
  if (typeof value !== 'number' || typeof max !== 'number' || !(max > 0)) return null;
  return Math.min(1, Math.max(0, value / max));
}

function nodeFractions(nodes: unknown): NodeFractions {
  const found = new Map<string, number>();
  for (const [id, raw] of Object.entries(isRecord(nodes) ? nodes : {}).slice(0, MOST_NODES)) {
    if (!isRecord(raw)) continue;
    const fraction = raw.state === 'finished' ? 1 : fractionOf(raw.value, raw.max);
    if (fraction !== null) found.set(id, fraction);
  }
  return found;
}

/** A text message that is about a prompt, or null for all others. */
export function parseText(text: string): LiveMessage | null {
  if (text.length > MAX_TEXT_LENGTH) return null;
  const message = parseJson(text);
  if (!isRecord(message) || !isRecord(message.data)) return null;
  const { data } = message;
  // After a reconnect the server says which node runs, but not for whom.
  if (typeof data.prompt_id !== 'string') return null;
  const promptId = data.prompt_id;
  switch (message.type) {
    case 'execution_start':
      return { type: 'started', promptId };
    case 'execution_cached':
      return {
        type: 'cached',
        promptId,
        nodes: (Array.isArray(data.nodes) ? data.nodes : []).slice(0, MOST_NODES).map(String),
      };
    case 'executing':
      if (data.node === null || data.node === undefined) return { type: 'ended', promptId };
      return { type: 'executing', promptId, node: String(data.node) };
    case 'executed':
      return { type: 'progress', promptId, nodes: new Map([[String(data.node), 1]]) };
    case 'progress': {
      const fraction = fractionOf(data.value, data.max);
      if (fraction === null) return null;
      return { type: 'progress', promptId, nodes: new Map([[String(data.node), fraction]]) };
    }
    case 'progress_state':
      return { type: 'progress', promptId, nodes: nodeFractions(data.nodes) };
    default:
      // Success and failure are told before the history has them; `executing` without a node comes after.
      return null;
  }
}

/** The picture in a binary message, or null when there is none. */
export function parseFrame(bytes: Uint8Array): LiveFrame | null {
  if (bytes.byteLength <= 2 * WORD_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const event = view.getUint32(0);
  const word = view.getUint32(WORD_BYTES);
  const rest = bytes.subarray(2 * WORD_BYTES);
  if (event === PICTURE_EVENT) {
    const mime = MIMES_BY_NUMBER[word];
    return mime ? { promptId: null, node: null, picture: { bytes: rest, mime } } : null;
  }
  if (event !== PICTURE_WITH_METADATA_EVENT || word > MAX_METADATA_BYTES || word >= rest.byteLength)
    return null;
  const metadata = parseJson(Buffer.from(rest.subarray(0, word)).toString('utf8'));
  if (!isRecord(metadata) || typeof metadata.prompt_id !== 'string') return null;
  const mime = MIMES.find((known) => known === metadata.image_type);
  if (!mime) return null;
  const node = typeof metadata.node_id === 'string' ? metadata.node_id : null;
  return { promptId: metadata.prompt_id, node, picture: { bytes: rest.subarray(word), mime } };
}
