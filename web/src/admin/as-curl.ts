// A task as the call that asks for the same again, to be pasted into a terminal.
import { apiUrl } from '../api/client.ts';
import type { Task } from '../api/resources.ts';

/** Quotes for a POSIX shell. */
const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Repeats the task for its account; the key is read from the environment, never written out. */
export function retryAsCurl(task: Task, accountId: string): string {
  return [
    `curl -X POST ${quote(apiUrl(`v1/tasks/${task.id}/retry`))}`,
    `-H "Authorization: Bearer $DRAWBRIDGE_API_KEY"`,
    `-H ${quote(`X-Account-Id: ${accountId}`)}`,
  ].join(' \\\n  ');
}
