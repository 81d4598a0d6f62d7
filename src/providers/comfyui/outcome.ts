// What a finished prompt's entry in ComfyUI's history means. A failure and an interrupt look alike there (`error`, not
// completed) but for the name of the last message; nothing of a traceback, a path or an input is ever shown.
import { ProviderError } from '../provider.ts';
import { pictureIndexOf, readGraph, socketOutputNodes } from './workflow.ts';

/** A file as the history names it, for GET /view. */
export interface PictureFile {
  filename: string;
  subfolder: string;
  type: string;
  /** Which picture of the job it is, from 0. */
  index: number;
}

export type Outcome =
  | { state: 'done'; files: readonly PictureFile[] }
  /** A success whose pictures were sent over the WebSocket and saved nowhere. */
  | { state: 'sent' }
  | { state: 'failed'; error: ProviderError }
  /** An entry whose status word is not known: believed to be still running. */
  | { state: 'running' };

const PICTURE_NAME = /\.(png|jpe?g|webp)$/i;
const EXTENSION = /\.([a-z0-9]{2,5})$/i;
const LONGEST_REASON = 160;
const LONGEST_NAME = 80;

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};

/** The files that one node reported, under whatever names; moving pictures are marked beside them. */
function filesOf(output: unknown): { files: Record<string, unknown>[]; isAnimated: boolean } {
  const fields = asRecord(output);
  const files = Object.values(fields).flatMap((list) => (Array.isArray(list) ? list.map(asRecord) : []));
  const isAnimated = Array.isArray(fields.animated) && fields.animated.includes(true);
  return { files: files.filter(({ filename }) => typeof filename === 'string'), isAnimated };
}

/** All pictures in the outputs of all nodes, in the order in which they were asked for. */
function picturesIn(outputs: unknown): PictureFile[] {
  const files: PictureFile[] = [];
  for (const [nodeId, output] of Object.entries(asRecord(outputs))) {
    const reported = filesOf(output);
    // Nodes report pictures under names of their own (`images`, `gifs`, …); what counts is the file name.
    for (const { filename, subfolder, type } of reported.isAnimated ? [] : reported.files) {
      if (typeof filename !== 'string' || !PICTURE_NAME.test(filename)) continue;
      files.push({
        filename,
        subfolder: typeof subfolder === 'string' ? subfolder : '',
        type: typeof type === 'string' ? type : 'output',
        index: pictureIndexOf(nodeId),
      });
    }
  }
  const saved = files.filter((file) => file.type === 'output');
  // Previews count only for a workflow that saves nothing.
  return (saved.length > 0 ? saved : files).sort((a, b) => a.index - b.index);
}

/** What a workflow without pictures made, for a clear refusal; files are named by their kind alone. */
function whatCameInstead(outputs: unknown): string {
  const reported = Object.values(asRecord(outputs)).map(filesOf);
  const isAnimated = reported.some((node) => node.isAnimated);
  const kinds = reported.flatMap(({ files }) =>
    files.flatMap(({ filename }) => EXTENSION.exec(String(filename))?.[1]?.toLowerCase() ?? []),
  );
  if (kinds.length === 0) return 'without a picture';
  const list = [...new Set(kinds)].sort().join(', ');
  const made = isAnimated ? 'a moving picture' : 'a file';
  return `with ${made} (${list}) and no still picture: let it end in a SaveImage node`;
}

function failureOf(messages: unknown, server: string): ProviderError {
  const list: unknown[] = Array.isArray(messages) ? messages : [];
  const last: unknown[] = (list.findLast((message) => Array.isArray(message)) as unknown[] | undefined) ?? [];
  const detail = asRecord(last[1]);
  if (last[0] === 'execution_interrupted') {
    return new ProviderError('unavailable', 'yes', `The job was interrupted at ${server}.`);
  }
  const type = String(detail.exception_type ?? '').slice(0, LONGEST_NAME);
  const text = String(detail.exception_message ?? '');
  if (/out ?of ?memory|not enough memory|can't allocate memory/i.test(`${type} ${text}`)) {
    const words = `${server} ran out of memory; a smaller size or fewer pictures may work.`;
    return new ProviderError('unavailable', 'yes', words);
  }
  const node = String(detail.node_type ?? '').slice(0, LONGEST_NAME);
  const line = text.split('\n')[0]?.trim() ?? '';
  // A line that could hold a path or an address stays in the server's own log.
  const reason = line === '' || /[\\/]/.test(line) ? '' : `: ${line.slice(0, LONGEST_REASON)}`;
  const where = node === '' ? 'The workflow' : `The node "${node}"`;
  return new ProviderError(
    'unavailable',
    'yes',
    `${where} failed at ${server}${reason || ` (${type || 'no reason given'})`}.`,
  );
}

/** Reads the entry of GET /history/{id}. */
export function readOutcome(entry: unknown, server: string): Outcome {
  const { outputs, status: rawStatus } = asRecord(entry);
  const status = asRecord(rawStatus);
  if (status.status_str === 'error') return { state: 'failed', error: failureOf(status.messages, server) };
  const isKnown = rawStatus === null || rawStatus === undefined || status.status_str === 'success';
  if (!isKnown && status.completed !== true) return { state: 'running' };
  const files = picturesIn(outputs);
  if (files.length > 0) return { state: 'done', files };
  const tuple = asRecord(entry).prompt;
  if (Array.isArray(tuple) && socketOutputNodes(readGraph(tuple[2])).length > 0) return { state: 'sent' };
  const words = `The workflow ended at ${server} ${whatCameInstead(outputs)}.`;
  return { state: 'failed', error: new ProviderError('bad_answer', 'yes', words) };
}
