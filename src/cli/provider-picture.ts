// The last steps of a provider's test: one real picture, asked for as an ordinary task that is paid for, and its way back.
import { sleep, systemClock } from '../kernel/clock.ts';
import type { Client } from './client.ts';
import type { CommandContext } from './command-context.ts';
import { CommandFailure } from './failure.ts';
import { creditText, type Model, type ProviderTest, type Quote, type Task } from './wire.ts';

const POLL_MS = 500;
const WANTED_SIDE = 512;
const PROMPT = 'a small red lighthouse on a rock, calm sea, clear sky';
/** Failures after the picture was made: on its way here, or here. */
const DOWNLOAD_CODES = new Set(['image_invalid', 'payload_too_large', 'storage_full', 'storage_unavailable']);

/** Adds the legs `generate` and `download` to a test; says before it what the picture costs. */
export async function testByPicture(
  context: CommandContext,
  client: Client,
  test: ProviderTest,
  wanted: string | undefined,
): Promise<void> {
  const { terminal, messages } = context;
  const add = (
    leg: 'generate' | 'download',
    state: 'ok' | 'failed' | 'skipped',
    reason: string | null,
    ms: number | null = null,
  ) => test.legs.push({ leg, target: null, state, reason, ms });
  if (test.legs.some(({ state }) => state === 'failed')) {
    add('generate', 'skipped', 'a step before it failed');
    add('download', 'skipped', 'there is no picture');
    return;
  }
  const { data: models } = await client.json<{ data: Model[] }>('GET', '/v1/models');
  const model = models.find(
    ({ id, owned_by }) => owned_by === test.name && (wanted === undefined || id === wanted),
  );
  if (!model) {
    add('generate', 'skipped', 'no model of this provider is offered for pictures');
    add('download', 'skipped', 'there is no picture');
    return;
  }
  const body = { prompt: PROMPT, provider: test.name, model: model.id, size: sizeFor(model), n: 1 };
  const startedAt = systemClock.monotonicMs();
  const elapsed = () => Math.round(systemClock.monotonicMs() - startedAt);
  try {
    const quote = await client.json<Quote>('POST', '/v1/tasks/quote', { body });
    terminal.note(messages.providers.picturePrice(model.id, creditText(quote.cost_credits)));
    let task = await client.json<Task>('POST', '/v1/tasks', { body });
    while (task.finished_at === null) {
      await sleep(systemClock, POLL_MS);
      task = await client.json<Task>('GET', `/v1/tasks/${task.id}`);
    }
    if (task.status === 'succeeded') {
      add('generate', 'ok', `${task.id}, ${creditText(task.cost.captured)} credits`, elapsed());
      await fetchPicture(client, task, add);
      return;
    }
    const reason = task.error?.detail ?? task.status;
    if (DOWNLOAD_CODES.has(task.error?.code ?? '')) {
      add('generate', 'ok', task.id, elapsed());
      add('download', 'failed', reason);
      return;
    }
    add('generate', 'failed', `${task.id}: ${reason}`, elapsed());
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    add('generate', 'failed', error.problem.detail || error.problem.title, elapsed());
  }
  add('download', 'skipped', 'there is no picture');
}

/** The stored picture, as anybody would fetch it. */
async function fetchPicture(
  client: Client,
  task: Task,
  add: (leg: 'download', state: 'ok' | 'failed', reason: string, ms: number) => void,
): Promise<void> {
  const startedAt = systemClock.monotonicMs();
  const elapsed = () => Math.round(systemClock.monotonicMs() - startedAt);
  const image = task.images[0];
  const base = task.urls.get.slice(0, -`/v1/tasks/${task.id}`.length);
  try {
    if (!image) return add('download', 'failed', 'the task has no picture', 0);
    const path = image.url.startsWith(base) ? image.url.slice(base.length) : new URL(image.url).pathname;
    const { bytes } = await client.call('GET', path);
    add('download', 'ok', `${image.width}x${image.height}, ${bytes.length} bytes`, elapsed());
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    add('download', 'failed', error.problem.detail || error.problem.title, elapsed());
  }
}

/** The smallest square near 512 pixels that the model makes. */
function sizeFor({ drawbridge: { capabilities } }: Model): string {
  const { min_side: least, max_side: most, multiple } = capabilities.sizes;
  const side = Math.min(most, Math.max(least, Math.ceil(WANTED_SIDE / multiple) * multiple));
  return `${side}x${side}`;
}
