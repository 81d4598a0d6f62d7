// Binds the contracts of the prompt history to its verbs.
import { toTimestamp } from '../kernel/clock.ts';
import { type BoundRoute, bindRoute } from '../kernel/route.ts';
import type { PromptHistory } from './prompt-history.ts';
import {
  clearPromptsRoute,
  listPromptsRoute,
  type PromptBody,
  removePromptRoute,
  updatePromptRoute,
} from './prompt-history-contract.ts';
import type { PromptRow } from './prompt-history-store.ts';

export function promptRoutes(prompts: PromptHistory): BoundRoute[] {
  return [
    bindRoute(listPromptsRoute, async ({ access, query }) => {
      const { rows, nextCursor } = await prompts.list({ ...query, accountId: access.accountId });
      return { status: 200 as const, body: { data: rows.map(toBody), next_cursor: nextCursor } };
    }),
    bindRoute(updatePromptRoute, async ({ access, params, body }) => ({
      status: 200 as const,
      body: toBody(await prompts.pin(params.id, access.accountId, body.pinned)),
    })),
    bindRoute(removePromptRoute, async ({ access, params }) => {
      await prompts.remove(params.id, access.accountId);
      return { status: 204 as const };
    }),
    bindRoute(clearPromptsRoute, async ({ access }) => ({
      status: 200 as const,
      body: { removed: await prompts.clear(access.accountId) },
    })),
  ];
}

function toBody(row: PromptRow): PromptBody {
  return {
    id: row.id,
    prompt: row.prompt,
    pinned: row.pinned === 1,
    task_id: row.task_id,
    last_used_at: toTimestamp(Number(row.last_used_at)),
  };
}
