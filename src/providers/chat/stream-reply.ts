// Reads the parts of one streamed reply into its text, how it ended, and what it used. Thoughts are dropped, text is
// bounded, and a stream that stops without saying why is not taken for a whole one.
import type { OpenAICompatibleProvider } from '@ai-sdk/openai-compatible';
import { OutboundError } from '../../kernel/outbound-error.ts';
import { errorFieldsOf } from '../adapter/openai-style.ts';
import { ProviderError } from '../provider.ts';
import { type ClassifyContext, classifyAnswer, classifyThrown } from './classify.ts';
import { MAX_ANSWER_CHARS } from './structured-answer.ts';

type SdkModel = ReturnType<OpenAICompatibleProvider['chatModel']>;
type SdkStream = Awaited<ReturnType<SdkModel['doStream']>>['stream'];
type SdkPart = SdkStream extends ReadableStream<infer Part> ? Part : never;

export interface Reply {
  /** The arguments of the tool if it was called, else the text. */
  text: string;
  ending: 'complete' | 'too_long' | 'refused' | 'broken';
  inputTokens: number;
  outputTokens: number;
}

export interface ReplyWish {
  /** The one tool that was offered; calls of others are ignored. */
  schemaName: string;
  onText: ((answerSoFar: string) => void) | undefined;
}

/** Reads until the end. Throws `ProviderError` for an error in the stream, a lost connection, or too much text. */
export async function readReply(
  stream: SdkStream,
  wish: ReplyWish,
  context: () => ClassifyContext,
): Promise<Reply> {
  const reader = stream.getReader();
  const reading = new Reading(wish, context);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return reading.reply();
      reading.take(value);
    }
  } catch (error) {
    // The answer may be whole although its connection was not ended as announced.
    if (error instanceof OutboundError && error.kind === 'truncated') return reading.reply();
    throw classifyThrown(error);
  } finally {
    // Ends the request when the reader left early; after a whole stream it does nothing.
    reader.cancel().catch(() => {});
  }
}

/** The usage that Moonshot puts into its last choice. */
function usageInChoice(raw: unknown): { prompt_tokens?: unknown; completion_tokens?: unknown } | null {
  const choices = (raw as { choices?: unknown } | null)?.choices;
  const usage = Array.isArray(choices) ? (choices[0] as { usage?: unknown } | undefined)?.usage : null;
  return typeof usage === 'object' ? usage : null;
}

const count = (value: unknown): number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.round(value) : 0;

class Reading {
  readonly #wish: ReplyWish;
  readonly #context: () => ClassifyContext;
  #text = '';
  #tool = '';
  #toolId: string | null = null;
  #ending: Reply['ending'] = 'broken';
  #inputTokens = 0;
  #outputTokens = 0;
  #hasProblem = false;

  constructor(wish: ReplyWish, context: () => ClassifyContext) {
    this.#wish = wish;
    this.#context = context;
  }

  take(part: SdkPart): void {
    switch (part.type) {
      case 'raw':
        this.#takeRaw(part.rawValue);
        break;
      case 'text-delta':
        this.#text = this.#grown(this.#text, part.delta);
        break;
      case 'tool-input-start':
        if (part.toolName === this.#wish.schemaName) this.#toolId ??= part.id;
        break;
      case 'tool-input-delta':
        if (part.id === this.#toolId) this.#tool = this.#grown(this.#tool, part.delta);
        break;
      case 'tool-call':
        if (part.toolCallId === this.#toolId) this.#tool = part.input;
        break;
      case 'error':
        this.#hasProblem = true;
        break;
      case 'finish':
        this.#finish(part);
        break;
    }
  }

  reply(): Reply {
    const text = this.#tool.trim() === '' ? this.#text : this.#tool;
    const ending = this.#hasProblem && this.#ending === 'complete' ? 'broken' : this.#ending;
    return { text, ending, inputTokens: this.#inputTokens, outputTokens: this.#outputTokens };
  }

  #takeRaw(raw: unknown): void {
    const said = (raw as { error?: unknown } | null)?.error;
    if (said) throw classifyAnswer(errorFieldsOf(raw) ?? {}, this.#context());
    const usage = usageInChoice(raw);
    if (!usage) return;
    this.#inputTokens = count(usage.prompt_tokens);
    this.#outputTokens = count(usage.completion_tokens);
  }

  #finish({ finishReason, usage }: Extract<SdkPart, { type: 'finish' }>): void {
    this.#inputTokens = count(usage.inputTokens.total) || this.#inputTokens;
    this.#outputTokens = count(usage.outputTokens.total) || this.#outputTokens;
    const endings: Record<string, Reply['ending']> = {
      stop: 'complete',
      'tool-calls': 'complete',
      length: 'too_long',
      'content-filter': 'refused',
    };
    this.#ending = endings[finishReason.unified] ?? 'broken';
  }

  #grown(text: string, delta: string): string {
    const grown = text + delta;
    if (grown.length > MAX_ANSWER_CHARS) {
      throw new ProviderError('bad_answer', 'unknown', 'The model wrote far more than was asked for.');
    }
    this.#wish.onText?.(grown);
    return grown;
  }
}
