// Ctrl-C while a command waits for a server that goes on without it.
import type { CommandContext } from './command-context.ts';
import { EXIT } from './exit-codes.ts';

/** Aborted by the first Ctrl-C or SIGTERM; the second ends the process. What was asked for stays at the server. */
export function watchInterrupt({ terminal }: CommandContext): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (!controller.signal.aborted) return controller.abort();
      terminal.note('');
      process.exit(EXIT.interrupted);
    });
  }
  return controller.signal;
}
