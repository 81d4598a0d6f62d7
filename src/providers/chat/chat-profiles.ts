// What is known about chat services and their models, as data: which names to prefer when none is set, which of the
// differing fields they take, and how they can be asked for JSON. Nothing here decides; openai-chat.ts does.
import type { Rung } from './chat.ts';

/** Sections of `providers` that hold a chat service, strongest first. */
export const CHAT_SECTIONS = ['moonshot', 'chat'] as const;
export type ChatSection = (typeof CHAT_SECTIONS)[number];

export type TokenField = 'max_completion_tokens' | 'max_tokens';

export interface ModelProfile {
  names: RegExp;
  tokenField: TokenField;
  /** Ways to ask for JSON, strictest first. */
  ladder: readonly Rung[];
  /** Whether a tool may be demanded by name; otherwise it is only offered. */
  demandsTools: boolean;
  /** Fields that keep a model from thinking aloud at length, which a page of a story does not need. */
  thinking: Readonly<Record<string, unknown>>;
  /** Tokens that it spends on thinking, on top of the answer's. */
  thinkingTokens: number;
}

export interface ServiceProfile {
  defaultBaseUrl: string | null;
  /** Names to take if nothing is set, best first. */
  preferred: readonly RegExp[];
  /** Names never taken by themselves: on their way out, or not for prose. */
  avoided: RegExp;
  /** What is taken when the service does not list its models; null where nothing can be assumed. */
  fallbackModel: string | null;
  /** Where the account's balance can be read, below the base URL. */
  balancePath: string | null;
  /** Added to a refused key's message. */
  refusedKeyHint: string;
  needsKey: boolean;
}

const FULL_LADDER: readonly Rung[] = ['json_schema', 'json_object', 'tool', 'text'];
/** A thinking model's room beside its answer. */
const THINKING_TOKENS = 16_384;

export const SERVICES: Readonly<Record<ChatSection, ServiceProfile>> = {
  moonshot: {
    defaultBaseUrl: 'https://api.moonshot.ai/v1',
    preferred: [/^kimi-k2\.6$/, /^kimi-k2\.[7-9](?!\d)(?!-code)/, /^kimi-k[3-9]/],
    avoided: /^(?:kimi-k2(?:\.5)?(?:-|$)|kimi-latest|kimi-thinking|moonshot-v1)|code|preview/,
    fallbackModel: 'kimi-k2.6',
    balancePath: '/users/me/balance',
    refusedKeyHint:
      'Keys of platform.kimi.ai work at https://api.moonshot.ai/v1 only, keys of platform.kimi.com (China) at ' +
      'https://api.moonshot.cn/v1 only: check the base URL too.',
    needsKey: true,
  },
  chat: {
    defaultBaseUrl: null,
    preferred: [/^gpt-\d.*-mini$/, /(?:^|\/)(?:gpt-|claude|gemini|qwen|deepseek|glm|llama|mistral|kimi)/i],
    avoided:
      /embed|tts|whisper|transcri|speech|audio|realtime|image|dall-e|moderation|rerank|ocr|vision-preview|code|search|guard|video|sora/i,
    fallbackModel: null,
    balancePath: null,
    refusedKeyHint: 'Check that the key belongs to this base URL.',
    needsKey: false,
  },
};

const GENERIC: ModelProfile = {
  names: /^/,
  tokenField: 'max_tokens',
  ladder: FULL_LADDER,
  demandsTools: true,
  thinking: {},
  thinkingTokens: 0,
};

const MODELS: readonly ModelProfile[] = [
  {
    ...GENERIC,
    names: /^kimi-k[3-9]/,
    tokenField: 'max_completion_tokens',
    thinking: { reasoning_effort: 'low' },
    thinkingTokens: THINKING_TOKENS,
  },
  {
    ...GENERIC,
    names: /^kimi-k2\.[56]/,
    tokenField: 'max_completion_tokens',
    demandsTools: false,
    thinking: { thinking: { type: 'disabled' } },
  },
  {
    ...GENERIC,
    names: /^kimi-/,
    tokenField: 'max_completion_tokens',
    demandsTools: false,
    thinkingTokens: THINKING_TOKENS,
  },
  {
    ...GENERIC,
    names: /^(?:gpt-[5-9]|o\d)/,
    tokenField: 'max_completion_tokens',
    thinking: { reasoning_effort: 'low' },
    thinkingTokens: THINKING_TOKENS,
  },
  { ...GENERIC, names: /reason|think|-r1\b/i, thinkingTokens: THINKING_TOKENS },
];

/** The first profile that knows the name, else the generic one: minimal and portable. */
export function modelProfile(model: string): ModelProfile {
  return MODELS.find(({ names }) => names.test(model)) ?? GENERIC;
}

/** The model to take when none is set, from the names that the service lists; null when none will do. */
export function chooseModel(service: ServiceProfile, names: readonly string[]): string | null {
  const usable = names.filter((name) => !service.avoided.test(name));
  for (const pattern of service.preferred) {
    const found = usable.find((name) => pattern.test(name));
    if (found !== undefined) return found;
  }
  return usable[0] ?? service.fallbackModel;
}
