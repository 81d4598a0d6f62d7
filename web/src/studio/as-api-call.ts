// A task as the API call that asks for the same again, to be pasted into a terminal.
import { apiUrl } from '../api/client.ts';
import type { Task } from '../api/resources.ts';

/** Quotes for a POSIX shell. */
const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The task as one `curl` command; the key is read from the environment, never written out. */
export function requestAsCurl(task: Task): string {
  const body = {
    prompt: task.prompt,
    model: task.model,
    mode: task.mode,
    size: task.params.size,
    n: task.n,
    seed: task.params.seed,
    ...(task.style ? { style: task.style.id } : {}),
    ...(task.params.negative_prompt ? { negative_prompt: task.params.negative_prompt } : {}),
    ...(task.params.strength === null ? {} : { strength: task.params.strength }),
    ...(task.params.images.length > 0 ? { images: task.params.images.map(({ url }) => ({ url })) } : {}),
  };
  return [
    `curl ${quote(apiUrl('v1/tasks'))}`,
    `-H "Authorization: Bearer $DRAWBRIDGE_API_KEY"`,
    `-H 'Content-Type: application/json'`,
    `-d ${quote(JSON.stringify(body))}`,
  ].join(' \\\n  ');
}
