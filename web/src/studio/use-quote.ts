// Price and time of the draft as the server would take it, asked again when something changes that they depend on.
import { useQuery } from '@tanstack/react-query';
import type { Model, Quote } from '../api/resources.ts';
import { toTaskRequest } from './model.ts';
import { type PricedRequest, quoteQuery } from './queries.ts';
import { useDraft } from './studio-context.ts';

/** `refusal` is why the server would refuse the request now, which the form says before it is sent. */
export function useQuote(model: Model | null): { quote: Quote | undefined; refusal: unknown } {
  const draft = useDraft();
  const { mode, n, aspect_ratio, images, style } = toTaskRequest(draft, model, '');
  const request: PricedRequest | null = model && {
    model: model.id,
    ...(mode === undefined ? {} : { mode }),
    ...(n === undefined ? {} : { n }),
    ...(aspect_ratio === undefined ? {} : { aspect_ratio }),
    ...(images === undefined ? {} : { images }),
    ...(style === undefined ? {} : { style }),
  };
  const { data, error, isPlaceholderData } = useQuery(quoteQuery(request));
  return { quote: isPlaceholderData ? undefined : data, refusal: error };
}
