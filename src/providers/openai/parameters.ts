// From a request, the settings and the model's profile to the fields of a call: what the model does not take is left out,
// so that no call is spent on being told.
import type { GenerationRequest } from '../provider.ts';
import { OPTION_NAMES, type OptionName, profileOf } from './models.ts';
import type { OpenAiSettings } from './openai-settings.ts';
import { sizeFor } from './size.ts';

export type Fields = Readonly<Record<string, string | number | boolean>>;

/** Formats that `output_compression` is for. */
const COMPRESSED_FORMATS: ReadonlySet<string> = new Set(['jpeg', 'webp']);
/** Where the official clients stream and nothing else answers. */
const OPENAI_HOST = /(?:^|\.)api\.openai\.com$/;
/** Options that only one of the two calls takes. */
const ONLY_FOR: Readonly<Partial<Record<OptionName, 'generation' | 'edit'>>> = {
  moderation: 'generation',
  input_fidelity: 'edit',
};

/** All fields of a call but those of its files; `partialImages` is null for a call without a stream. */
export function fieldsOf(
  request: GenerationRequest,
  settings: OpenAiSettings,
  partialImages: number | null,
): Fields {
  const profile = profileOf(request.model);
  const isEdit = request.images.length > 0;
  const call = isEdit ? 'edit' : 'generation';
  const options = OPTION_NAMES.flatMap((name): [string, string][] => {
    const value = settings.options[name];
    const isTaken = value !== undefined && profile.options[name]?.includes(value);
    return isTaken && (ONLY_FOR[name] ?? call) === call ? [[name, value]] : [];
  });
  const sent: Readonly<Record<string, string>> = Object.fromEntries(options);
  const { outputCompression } = settings;
  const isCompressed = COMPRESSED_FORMATS.has(sent.output_format ?? '');
  const standing = profile.responseFormat === 'omit' ? null : profile.responseFormat;
  const format = profile.responseFormat === 'never' ? null : (settings.responseFormat ?? standing);
  return {
    model: request.model,
    prompt: request.prompt,
    n: request.n,
    size: sizeFor(profile, request.width, request.height, isEdit),
    ...sent,
    ...(isCompressed && outputCompression !== null ? { output_compression: outputCompression } : {}),
    ...(format === null ? {} : { response_format: format }),
    ...(partialImages === null ? {} : { stream: true, partial_images: partialImages }),
  };
}

/**
 * How many unfinished pictures to ask for, or null for no stream. Only one picture is streamed: events do not say which
 * picture they belong to. Elsewhere than at OpenAI it must be asked for, since a relay that passes `stream` on but cannot
 * read the answer fails after the picture was painted and charged.
 */
export function partialImagesFor(request: GenerationRequest, settings: OpenAiSettings): number | null {
  const { stream, partialImages, baseUrl } = settings;
  if (stream === 'off' || request.n !== 1) return null;
  const isKnown = profileOf(request.model).streams && OPENAI_HOST.test(new URL(baseUrl).hostname);
  return stream === 'on' || isKnown ? partialImages : null;
}
