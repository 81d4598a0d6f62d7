// What a finished prompt's entry in ComfyUI's history means. A failure and an interrupt look alike there (`error`, not
// completed) but for the name of the last message; nothing of a traceback, a path or an input is ever shown.
import { ProviderError } from '../provider.ts';
import { pictureIndexOf } from './workflow.ts';

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
  | { state: 'failed'; error: ProviderError }
  /** An entry whose status word is not known: believed to be still running. */
  | { state: 'running' };

const PICTURE_NAME = /\.(png|jpe?g|webp|gif|avif)$/i;
const LONGEST_REASON = 160;
const LONGEST_NAME = 80;

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};

/** All pictures in the outputs of all nodes, in the order in which they were asked for. */
function picturesIn(outputs: unknown): PictureFile[] {
  const files: PictureFile[] = [];
  for (const [nodeId, output] of Object.entries(asRecord(outputs))) {
    // Nodes report pictures under names of their own (`images`, `gifs`, …); what counts is the file name.
    for (const list of Object.values(asRecord(output))) {
      for (const raw of Array.isArray(list) ? list : []) {
        const { filename, subfolder, type } = asRecord(raw);
        if (typeof filename !== 'string' || !PICTURE_NAME.test(filename)) continue;
        files.push({
          filename,
          subfolder: typeof subfolder === 'string' ? subfolder : '',
          type: typeof type === 'string' ? type : 'output',
          index: pictureIndexOf(nodeId),
        });
      }
    }
  }
  const saved = files.filter((file) => file.type === 'output');
  // Previews count only for a workflow that saves nothing.
  return (saved.length > 0 ? saved : files).sort((a, b) => a.index - b.index);
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
  const words = `The workflow ended at ${server} without a picture.`;
  return { state: 'failed', error: new ProviderError('bad_answer', 'yes', words) };
}
