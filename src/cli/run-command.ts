// What all commands that talk to a server share: open the way to it, do the work, and always close it again.
import type { Command } from 'commander';
import { type Client, type ClientOptions, openClient } from './client.ts';
import type { CommandContext, GlobalOptions } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import type { Terminal } from './terminal.ts';
import type { Page } from './wire.ts';

/** Runs `work` with a client; the client is closed whatever happens. */
export async function withClient<Result>(
  context: CommandContext,
  command: Command,
  parts: ProgramParts,
  options: ClientOptions,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = await openClient(context, command, parts, options);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

/** Whether the command line asks for JSON. */
export function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<GlobalOptions>().json === true;
}

/** A page's rows as `show` puts them, or the word that there are none, and how to go on. */
export function showPage<Item>(
  terminal: Terminal,
  { data, next_cursor: nextCursor }: Page<Item>,
  show: (items: readonly Item[]) => void,
): void {
  const { table } = terminal.messages;
  if (data.length === 0) terminal.note(table.none);
  else show(data);
  if (nextCursor !== null) terminal.note(table.more(nextCursor));
}
