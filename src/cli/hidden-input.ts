// Reading a secret: typed on a terminal without being shown, or from standard input. It never comes from the command
// line, which other users of the machine and the shell's history can read.
import type { Terminal } from './terminal.ts';

/** More than any secret; what is longer is a file that was piped in by mistake. */
const MOST_BYTES = 64 * 1024;
const END_OF_TEXT = '\u0003';
const END_OF_TRANSMISSION = '\u0004';
const DELETE_KEYS = new Set(['\u007f', '\b']);
/** What terminals put around pasted text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it removes control sequences
const ESCAPE_SEQUENCES = /\u001b\[[0-9;]*[A-Za-z~]/g;

/** Asks on a terminal, else reads all of standard input; null when the user breaks it off. */
export async function readSecret(terminal: Terminal, question: string): Promise<string | null> {
  const { stdin } = process;
  if (stdin.isTTY !== true) return readAll();
  // Before the question: what is typed or pasted at once must not be shown either.
  stdin.setRawMode(true);
  terminal.err.write(question);
  stdin.setEncoding('utf8');
  stdin.resume();
  try {
    return await typed();
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    terminal.err.write('\n');
  }
}

function typed(): Promise<string | null> {
  const { stdin } = process;
  return new Promise((resolve) => {
    let text = '';
    const end = (result: string | null) => {
      stdin.off('data', onData);
      resolve(result);
    };
    const onData = (chunk: string) => {
      for (const key of chunk.replaceAll(ESCAPE_SEQUENCES, '')) {
        if (key === '\r' || key === '\n') return end(text);
        if (key === END_OF_TEXT) return end(null);
        if (key === END_OF_TRANSMISSION) return end(text === '' ? null : text);
        if (DELETE_KEYS.has(key)) text = [...text].slice(0, -1).join('');
        else if (text.length < MOST_BYTES) text += key;
      }
    };
    stdin.on('data', onData);
  });
}

async function readAll(): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
    if (size > MOST_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
