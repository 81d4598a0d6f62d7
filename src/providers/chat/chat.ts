// The interfaces between stories and whoever writes them: a chat model that answers in a given shape, and a story writer,
// which a chat model or the built-in demo writer can be.
// What a writer returns is a stranger's text: it fits its schema and has no meaning but as plain text.
import type { z } from 'zod';
import type { ProbeResult } from '../provider.ts';

export interface ChatMessage {
  role: 'user' | 'assistant';
  content: string;
}

/** How a shape was asked for, strictest first. */
export type Rung = 'json_schema' | 'json_object' | 'tool' | 'text';

export interface CompletionRequest<T> {
  system: string;
  messages: readonly ChatMessage[];
  /** What the answer must be: an object at the top, without transforms (`overwrite` is fine). */
  schema: z.ZodType<T>;
  /** Letters, digits and underscores. */
  schemaName: string;
  maxOutputTokens: number;
  signal: AbortSignal;
  /** The unchecked answer so far, each time it grows; begins anew when the model is asked again. */
  onText?: ((answerSoFar: string) => void) | undefined;
}

/** Of all requests that an answer took; 0 where the service does not say. */
export interface ChatUsage {
  inputTokens: number;
  outputTokens: number;
  requests: number;
}

export interface Completion<T> {
  value: T;
  usage: ChatUsage;
  /** The service's own name for it. */
  model: string;
  /** How each request asked, in order; the last one was answered well. */
  rungs: readonly Rung[];
}

export interface ChatModel {
  readonly name: string;
  /** The base address that its calls go to. */
  readonly endpoints: readonly string[];
  /** Integer micro-credits for one answer. */
  readonly priceMicros: number;
  /** Throws `ProviderError`; an answer that does not fit after one repair is `bad_answer`. */
  complete<T>(request: CompletionRequest<T>): Promise<Completion<T>>;
  /** Costs nothing; throws `ProviderError` when the key is refused, the account is empty or nothing answers. */
  probe(call: { signal: AbortSignal }): Promise<ProbeResult>;
}

export const STORY_LANGUAGES = ['en', 'zh', 'es', 'fr', 'de', 'ja'] as const;
export type StoryLanguage = (typeof STORY_LANGUAGES)[number];

/** Pages on one path through a story. */
export const FEWEST_STORY_PAGES = 2;
export const MOST_STORY_PAGES = 12;
export const MOST_OUTLINES = 5;
/** Longer ideas are cut by whoever takes them from a user. */
export const MOST_IDEA_CHARS = 2000;

export interface StoryCharacter {
  name: string;
  /** How it looks, the same on every picture. */
  look: string;
}

export interface OutlinePage {
  title: string;
  /** What happens on it, in one or two sentences. */
  summary: string;
}

/** A proposal, which its reader may edit and reorder. */
export interface StoryOutline {
  title: string;
  summary: string;
  characters: readonly StoryCharacter[];
  pages: readonly OutlinePage[];
  /** The writer's own note about how to go on; opaque, kept unchanged, may be empty. */
  plan: string;
}

/** What every question about a story has. */
export interface StoryRequest {
  idea: string;
  language: StoryLanguage;
  /** How its pictures look, in the user's words; null leaves it to the writer. */
  style: string | null;
  /** The same seed gives the same text by the demo writer; a model may ignore it. */
  seed: number;
  signal: AbortSignal;
}

export interface OutlinesRequest extends StoryRequest {
  /** Pages of each proposal, 2 to 12. */
  pages: number;
  /** Proposals, 1 to 5. */
  count: number;
}

/** A page that was read, and how its reader went on. */
export interface PathStep {
  text: string;
  choice: string;
}

export interface PageRequest extends StoryRequest {
  outline: StoryOutline;
  /** The pages before this one; it is page `path.length` (from 0) of the outline. */
  path: readonly PathStep[];
  /** The story's text so far, each time it grows; begins anew when it had to be written again. */
  onText?: ((textSoFar: string) => void) | undefined;
}

export interface RegenerateRequest extends PageRequest {
  /** What is to be told differently; its choices and its picture stay. */
  current: StoryPage;
}

export interface StoryPage {
  text: string;
  /** How it can go on, two or three; empty on the last page. */
  choices: readonly string[];
  /** For a picture model: what is to be seen, with the looks of its characters. */
  picturePrompt: string;
  /** For who cannot see the picture, in the story's language. */
  altText: string;
}

export interface Written<T> {
  value: T;
  /** True: no language model wrote this, but the built-in demo writer. Readers are told. */
  byDemoWriter: boolean;
  model: string;
  usage: ChatUsage;
}

export interface StoryWriter {
  readonly name: string;
  readonly byDemoWriter: boolean;
  readonly endpoints: readonly string[];
  /** Integer micro-credits for one answer of any kind. */
  readonly priceMicros: number;
  /** All three throw `ProviderError`. */
  outlines(request: OutlinesRequest): Promise<Written<readonly StoryOutline[]>>;
  page(request: PageRequest): Promise<Written<StoryPage>>;
  /** The same moment in other words. */
  regenerateText(request: RegenerateRequest): Promise<Written<string>>;
  probe(call: { signal: AbortSignal }): Promise<ProbeResult>;
}
