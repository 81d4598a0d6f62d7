// The normalised request of a task, as its row keeps it, and the prompts that a provider gets from it.

/** What `params` holds: the request, normalised, with its input pictures frozen as stored files. */
export interface TaskParams {
  width: number;
  height: number;
  negativePrompt: string | null;
  seed: number;
  strength: number | null;
  inputs: InputPicture[];
  mask: InputPicture | null;
  deadlineMs: number;
  unitMicros: number;
  /** For `upscale`: the picture that the result is a variant of. */
  parentImageId: string | null;
  /** Who is told when the task ends; the webhooks slice reads it. */
  webhook?: { url: string; baseUrl: string | null };
  /** The caller named the provider: no other does it. */
  isPinned?: boolean;
  /** What its pictures come from, where the credential does not say it. */
  origin?: 'story';
  style?: TaskStyle;
  /** For an item of a batch: its row in the source, and which try this is, from 1. */
  batch?: { row: number | null; tries: number };
}

/** A style as it was when the task was accepted, merged with its prompt: later changes of the style change no task. */
export interface TaskStyle {
  id: string;
  names: { en: string; zh: string };
  /** What the provider gets instead of the task's own prompt. */
  prompt: string;
  /** Joined to the task's own where the model takes one. */
  negativePrompt: string | null;
}

/** What a provider is asked for; `takesNegative`: whether its model has negative prompts. */
export function finalPrompts(
  { prompt, params }: { prompt: string; params: TaskParams },
  takesNegative: boolean,
): { prompt: string; negativePrompt: string | null } {
  const { style, negativePrompt } = params;
  if (!style) return { prompt, negativePrompt };
  const parts = [negativePrompt, takesNegative ? style.negativePrompt : null].filter(Boolean);
  return { prompt: style.prompt, negativePrompt: parts.length === 0 ? null : parts.join(', ') };
}

/** An input picture as a stored file: an upload's or a finished picture's id, and where its bytes are. */
export interface InputPicture {
  id: string;
  kind: 'original' | 'final' | 'hd';
  key: string;
  width: number;
  height: number;
  mime: string;
}
