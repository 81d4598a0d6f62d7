// HTTP as bytes on a socket, for requests that no client library would send.
import { connect } from 'node:net';

export interface RawAnswer {
  status: number;
  /** The head as it came, line by line, the status line first. */
  head: string[];
  header(name: string): string | undefined;
  body: string;
  /** How the connection ended. */
  end: 'closed' | 'reset' | 'open';
  /** Bytes that were handed to the socket before the answer's first byte came. */
  sentBytes: number;
}

/** Answers that have not come by then never will. */
const ANSWER_TIMEOUT_MS = 15_000;

/**
 * Writes `parts` one after another, waiting for the socket to take each, and reads until the answer is whole by its
 * Content-Length, or the connection ends. With `stopAtAnswer` nothing more is written once an answer has begun.
 */
export async function sendRaw(
  url: string,
  parts: Iterable<string | Uint8Array>,
  { stopAtAnswer = false } = {},
): Promise<RawAnswer> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let received = '';
  let sentBytes = 0;
  let sentBeforeAnswer: number | null = null;
  let end: RawAnswer['end'] = 'open';
  const isWhole = () => {
    const [head = '', ...rest] = received.split('\r\n\r\n');
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
    return length !== undefined && Buffer.byteLength(rest.join('\r\n\r\n'), 'latin1') >= Number(length);
  };
  const over = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ANSWER_TIMEOUT_MS);
    const finish = () => {
      clearTimeout(timer);
      resolve();
    };
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      sentBeforeAnswer ??= sentBytes;
      received += text;
      if (isWhole()) finish();
    });
    socket.on('error', () => {
      end = 'reset';
      finish();
    });
    socket.on('close', () => {
      if (end === 'open') end = 'closed';
      finish();
    });
  });
  const write = async () => {
    for (const part of parts) {
      if (socket.destroyed || (stopAtAnswer && sentBeforeAnswer !== null)) return;
      sentBytes += typeof part === 'string' ? Buffer.byteLength(part) : part.length;
      await new Promise((resolve) => socket.write(part, resolve));
    }
  };
  // A client that reads only what comes after its last byte must be answered as well as one that stops at once.
  await Promise.all([stopAtAnswer ? over : write(), stopAtAnswer ? write() : over]);
  socket.destroy();
  const at = received.indexOf('\r\n\r\n');
  const head = received.slice(0, at < 0 ? received.length : at).split('\r\n');
  return {
    status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(head[0] ?? '')?.[1] ?? 0),
    head,
    header: (name) =>
      head
        .find((line) => line.toLowerCase().startsWith(`${name}:`))
        ?.slice(name.length + 1)
        .trim(),
    body: at < 0 ? '' : Buffer.from(received.slice(at + 4), 'latin1').toString('utf8'),
    end,
    sentBytes: sentBeforeAnswer ?? sentBytes,
  };
}

/** A whole request as text; a body gets its Content-Length. */
export function requestText(
  method: string,
  target: string,
  headers: Record<string, string>,
  body = '',
): string {
  const all: Record<string, string> = {
    Host: 'drawbridge.test',
    ...headers,
    ...(body === '' ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}
