// Reads the list of models that a probe fetches: which of the offered models it lacks, and which will end.
import { type ProbeResult, ProviderError } from '../provider.ts';

const DATE = /^\d{4}-\d\d-\d\d$/;

/** What `list` says about the models offered here. Throws `bad_answer` when it is no list of models. */
export function readModelList(list: unknown, models: readonly string[]): ProbeResult {
  const data = (list as { data?: unknown } | null)?.data;
  if (!Array.isArray(data)) {
    throw new ProviderError(
      'bad_answer',
      'no',
      'The base URL answers, but not like an OpenAI-style service.',
    );
  }
  const entries = new Map<unknown, { shutdown_date?: unknown }>(
    data.map((entry) => [entry?.id, entry ?? {}]),
  );
  const missingModels = models.filter((model) => !entries.has(model));
  const ending = models.flatMap((model) => {
    const date = entries.get(model)?.shutdown_date;
    return typeof date === 'string' && DATE.test(date) ? [`${model} ends on ${date}`] : [];
  });
  const missing = missingModels.length > 0 ? [`not listed by the service: ${missingModels.join(', ')}`] : [];
  return { note: [...missing, ...ending].join('; ') || null, missingModels };
}
