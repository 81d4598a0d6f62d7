// A chat model behind any OpenAI-style API. It asks for a given shape on the strictest rung that the model takes, climbs
// down when a rung is refused and remembers it, checks the answer by its schema, shows the model its own errors once,
// and then fails honestly. Nothing is repeated for any other reason.
import type { OpenAICompatibleProvider } from '@ai-sdk/openai-compatible';
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/log.ts';
import type { Outbound } from '../../kernel/outbound.ts';
import { readStart } from '../../kernel/outbound-body.ts';
import { OutboundError } from '../../kernel/outbound-error.ts';
import { errorFieldsOf, jsonOf } from '../adapter/openai-style.ts';
import { isSuccess } from '../adapter/read-answer.ts';
import { type ProbeResult, ProviderError } from '../provider.ts';
import type { ChatMessage, ChatModel, ChatUsage, Completion, CompletionRequest, Rung } from './chat.ts';
import { ChatRefusal, chatDoor, MAX_ERROR_BYTES, requestTo } from './chat-door.ts';
import { chooseModel, type ModelProfile, modelProfile, SERVICES, type TokenField } from './chat-profiles.ts';
import type { ChatSettings } from './chat-settings.ts';
import { type ClassifyContext, classifyStatus, classifyThrown, contentBlocked } from './classify.ts';
import { shortened } from './hostile-text.ts';
import { type Reply, readReply } from './stream-reply.ts';
import { jsonSchemaOf, readStructuredAnswer } from './structured-answer.ts';

/** Relays list thousands of models. */
const MAX_MODEL_LIST_BYTES = 2 * 1024 * 1024;
const PROBE_TIMEOUT_MS = 15_000;
/** What the model is shown of its own wrong answer. */
const MAX_SHOWN_ANSWER_CHARS = 12_000;
/** Statuses of a refusal that may be about the way of asking. */
const ADAPTABLE_STATUSES: ReadonlySet<number> = new Set([400, 404, 415, 422, 501]);

export interface ChatWorld {
  outbound: Outbound;
  clock: Clock;
  log: Logger;
}

export interface OpenAiChatOptions extends ChatWorld {
  settings: ChatSettings;
}

type SdkModel = ReturnType<OpenAICompatibleProvider['chatModel']>;
type SdkCall = Parameters<SdkModel['doStream']>[0];

/** What a model has refused so far: kept for as long as the process lives. */
interface Adaptation {
  rung: number;
  tokenField: TokenField;
  sendsThinking: boolean;
  sendsUsageWish: boolean;
}

/** Builds the model; nothing is sent, and the SDK is not loaded, before the first call. */
export function createOpenAiChat(options: OpenAiChatOptions): ChatModel {
  return new OpenAiChat(options);
}

class OpenAiChat implements ChatModel {
  readonly name: string;
  readonly endpoints: readonly string[];
  readonly priceMicros: number;
  readonly #options: OpenAiChatOptions;
  readonly #adaptations = new Map<string, Adaptation>();
  #chosen: string | null = null;

  constructor(options: OpenAiChatOptions) {
    this.#options = options;
    this.name = options.settings.section;
    this.endpoints = [options.settings.baseUrl];
    this.priceMicros = options.settings.priceMicros;
  }

  async complete<T>(request: CompletionRequest<T>): Promise<Completion<T>> {
    this.#requireKey();
    const model = await this.#model(request.signal);
    const profile = modelProfile(model);
    const usage: ChatUsage = { inputTokens: 0, outputTokens: 0, requests: 0 };
    const rungs: Rung[] = [];
    let messages = request.messages;
    let isRepair = false;
    for (;;) {
      const { reply, rung } = await this.#askAdapting(model, profile, request, messages, (asked) => {
        usage.requests += 1;
        rungs.push(asked);
      });
      usage.inputTokens += reply.inputTokens;
      usage.outputTokens += reply.outputTokens;
      const answer = judged(reply, request);
      if (answer.ok) return { value: answer.value, usage, model, rungs };
      const { log } = this.#options;
      log.warn(
        { model, rung, problems: answer.problems, is_repair: isRepair },
        'a model answered in the wrong shape',
      );
      if (isRepair) {
        const text = `The model's answer did not have the shape asked for, even after one correction (${answer.problems[0]}).`;
        throw new ProviderError('bad_answer', 'unknown', text);
      }
      isRepair = true;
      messages = [...request.messages, ...repairMessages(reply, answer.problems)];
    }
  }

  async probe({ signal }: { signal: AbortSignal }): Promise<ProbeResult> {
    this.#requireKey();
    const { settings } = this.#options;
    const names = await this.#listModels(signal);
    const notes: string[] = [];
    if (names === null) notes.push('the service does not list its models');
    else if (settings.model !== null && !names.includes(settings.model)) {
      notes.push(`not listed by the service: ${settings.model}`);
    }
    if (settings.model === null) {
      this.#chosen = chooseModel(SERVICES[settings.section], names ?? []);
      notes.push(this.#chosen === null ? 'no model is set, and none can be chosen' : `model ${this.#chosen}`);
    }
    const balance = await this.#balance(signal);
    if (balance !== null && balance <= 0) {
      const text = 'The account at the writing service has no credit left.';
      throw new ProviderError('quota_exhausted', 'no', text);
    }
    if (balance !== null) notes.push(`balance ${balance}`);
    return { note: notes.length > 0 ? notes.join('; ') : null };
  }

  #requireKey(): void {
    const { settings } = this.#options;
    if (settings.apiKey !== '' || !SERVICES[settings.section].needsKey) return;
    throw new ProviderError('credentials_missing', 'no', 'The API key of the writing service is not set.');
  }

  #context(): ClassifyContext {
    const { settings, clock } = this.#options;
    return {
      nowMs: clock.now(),
      secrets: [settings.apiKey, settings.proxy ?? ''],
      refusedKeyHint: SERVICES[settings.section].refusedKeyHint,
    };
  }

  async #get(path: string, signal: AbortSignal) {
    const { settings, outbound } = this.#options;
    try {
      const response = await outbound.request({
        ...requestTo(settings, path),
        method: 'GET',
        purpose: `${settings.section} probe`,
        idleTimeoutMs: PROBE_TIMEOUT_MS,
        totalTimeoutMs: PROBE_TIMEOUT_MS,
        maxBytes: MAX_MODEL_LIST_BYTES,
        signal,
      });
      const { status, headers } = response;
      if (isSuccess(status)) {
        return { status, headers, body: await response.readText(MAX_MODEL_LIST_BYTES) };
      }
      return { status, headers, body: await readStart(response, MAX_ERROR_BYTES) };
    } catch (error) {
      throw withoutJob(classifyThrown(error));
    }
  }

  /** Names that the service lists; null when it does not list any. Throws when it refuses the key or is not there. */
  async #listModels(signal: AbortSignal): Promise<string[] | null> {
    const { status, headers, body } = await this.#get('/models', signal);
    const value = jsonOf(body);
    if (isSuccess(status)) {
      const data = (value as { data?: unknown } | null | undefined)?.data;
      if (!Array.isArray(data)) {
        const text = 'The base URL answers, but not like an OpenAI-style service.';
        throw new ProviderError('bad_answer', 'no', text);
      }
      const names = data.map((entry: { id?: unknown } | null) => entry?.id);
      return names.filter((name): name is string => typeof name === 'string' && name.length <= 200);
    }
    if (status === 404 || status === 405) return null;
    throw withoutJob(classifyStatus({ status, headers, fields: errorFieldsOf(value) }, this.#context()));
  }

  /** What is left on the account; null where the service does not say, or not in the known way. */
  async #balance(signal: AbortSignal): Promise<number | null> {
    const path = SERVICES[this.#options.settings.section].balancePath;
    if (path === null) return null;
    try {
      const { status, body } = await this.#get(path, signal);
      const data =
        status === 200 ? (jsonOf(body) as { data?: { available_balance?: unknown } } | null)?.data : null;
      const left = data?.available_balance;
      return typeof left === 'number' && Number.isFinite(left) ? left : null;
    } catch {
      // It is a courtesy of the service: the list of models has already proved that the key works.
      return null;
    }
  }

  async #model(signal: AbortSignal): Promise<string> {
    const { settings } = this.#options;
    if (settings.model !== null) return settings.model;
    if (this.#chosen !== null) return this.#chosen;
    const names = (await this.#listModels(signal)) ?? [];
    const chosen = chooseModel(SERVICES[settings.section], names);
    if (chosen === null) {
      const text = `No model is set in providers.${settings.section}.model, and the service lists none to choose.`;
      throw new ProviderError('invalid_request', 'no', text);
    }
    this.#chosen = chosen;
    return chosen;
  }

  #adaptation(model: string, profile: ModelProfile): Adaptation {
    const known = this.#adaptations.get(model);
    if (known) return known;
    const { tokenField } = profile;
    const fresh: Adaptation = { rung: 0, tokenField, sendsThinking: true, sendsUsageWish: true };
    this.#adaptations.set(model, fresh);
    return fresh;
  }

  /** Asks on the highest rung left, leaving out what this model refuses. Throws `ProviderError`. */
  async #askAdapting<T>(
    model: string,
    profile: ModelProfile,
    request: CompletionRequest<T>,
    messages: readonly ChatMessage[],
    onAsk: (rung: Rung) => void,
  ): Promise<{ reply: Reply; rung: Rung }> {
    const adaptation = this.#adaptation(model, profile);
    for (;;) {
      const asked = { ...adaptation };
      const rung = profile.ladder[asked.rung] ?? 'text';
      onAsk(rung);
      try {
        return { reply: await this.#ask(model, profile, asked, rung, request, messages), rung };
      } catch (error) {
        if (!(error instanceof ChatRefusal)) throw classifyThrown(error);
        if (adapt(adaptation, asked, profile, rung, error)) {
          this.#options.log.info({ model, asked_by: rung, ...adaptation }, 'a model refused a way of asking');
          continue;
        }
        // A model that was only chosen may have gone: the next call looks again.
        if (error.status === 404) this.#chosen = null;
        throw error.error;
      }
    }
  }

  async #ask<T>(
    model: string,
    profile: ModelProfile,
    adaptation: Adaptation,
    rung: Rung,
    request: CompletionRequest<T>,
    messages: readonly ChatMessage[],
  ): Promise<Reply> {
    // Loaded at the first question, since most processes never ask one.
    const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
    const { settings, outbound } = this.#options;
    const service = createOpenAICompatible({
      name: 'chat',
      baseURL: settings.baseUrl,
      fetch: chatDoor(outbound, settings, () => this.#context()),
      includeUsage: adaptation.sendsUsageWish,
      supportsStructuredOutputs: rung === 'json_schema',
      transformRequestBody: ({ max_tokens, ...body }) => ({
        ...body,
        [adaptation.tokenField]: max_tokens,
        ...(adaptation.sendsThinking ? profile.thinking : {}),
      }),
    });
    const { stream } = await service.chatModel(model).doStream({
      prompt: promptOf(rung, request, messages),
      maxOutputTokens: request.maxOutputTokens + profile.thinkingTokens,
      includeRawChunks: true,
      abortSignal: request.signal,
      ...shapeOf(rung, profile, request),
    });
    const reply = await readReply(stream, { schemaName: request.schemaName, onText: request.onText }, () =>
      this.#context(),
    );
    return reply;
  }
}

/** The same failure of a call that creates nothing. */
function withoutJob({ kind, message, retryAfterMs, cause }: ProviderError): ProviderError {
  if (cause instanceof OutboundError && cause.kind === 'too_large') {
    return new ProviderError('bad_answer', 'no', 'The list of models is too long to read; set the model.');
  }
  return new ProviderError(kind, 'no', message, { retryAfterMs, cause });
}

function promptOf<T>(
  rung: Rung,
  request: CompletionRequest<T>,
  messages: readonly ChatMessage[],
): SdkCall['prompt'] {
  const shape = {
    json_schema: 'Answer with one JSON object.',
    tool: `Give your answer by calling the function ${request.schemaName}, once.`,
    json_object: '',
    text: '',
  }[rung];
  const inWords = `Answer with one JSON object and nothing else. It must fit this JSON schema:\n${JSON.stringify(jsonSchemaOf(request.schema, false))}`;
  const fence = rung === 'text' ? '\nPut it in a code block that begins with ```json.' : '';
  return [
    { role: 'system', content: `${request.system}\n\n${shape === '' ? inWords + fence : shape}` },
    ...messages.map(({ role, content }) => ({ role, content: [{ type: 'text' as const, text: content }] })),
  ];
}

/** How the request itself asks for the shape. */
function shapeOf<T>(rung: Rung, profile: ModelProfile, request: CompletionRequest<T>): Partial<SdkCall> {
  const name = request.schemaName;
  if (rung === 'json_object') return { responseFormat: { type: 'json' } };
  if (rung === 'text') return {};
  if (rung === 'json_schema') {
    return { responseFormat: { type: 'json', name, schema: jsonSchemaOf(request.schema, true) } };
  }
  return {
    tools: [{ type: 'function', name, inputSchema: jsonSchemaOf(request.schema, true) }],
    toolChoice: profile.demandsTools ? { type: 'tool', toolName: name } : { type: 'auto' },
  };
}

/** Leaves out what the refusal names; false when it names nothing that could be left out. */
function adapt(
  adaptation: Adaptation,
  asked: Adaptation,
  profile: ModelProfile,
  rung: Rung,
  { status, fields, error }: ChatRefusal,
): boolean {
  if (error.kind !== 'invalid_request' || !ADAPTABLE_STATUSES.has(status)) return false;
  const said = `${fields?.param ?? ''} ${fields?.code ?? ''} ${fields?.message ?? ''}`;
  const isAboutRung =
    rung === 'tool'
      ? /\btools?\b|tool_choice|function/i.test(said)
      : rung !== 'text' &&
        /response_format|json_schema|json_object|structured|json mode|\bschema\b/i.test(said);
  if (isAboutRung) {
    // Another call may have climbed down meanwhile.
    adaptation.rung = Math.max(adaptation.rung, asked.rung + 1);
    return asked.rung + 1 < profile.ladder.length;
  }
  if (asked.sendsUsageWish && /stream_options|include_usage/i.test(said)) {
    adaptation.sendsUsageWish = false;
    return true;
  }
  if (asked.sendsThinking && Object.keys(profile.thinking).some((name) => said.includes(name))) {
    adaptation.sendsThinking = false;
    return true;
  }
  const other: TokenField = asked.tokenField === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
  if (asked.tokenField === profile.tokenField && said.includes(asked.tokenField)) {
    adaptation.tokenField = other;
    return true;
  }
  return false;
}

/** The answer's value or its problems. Throws what no correction can mend. */
function judged<T>(reply: Reply, { schema, maxOutputTokens }: CompletionRequest<T>) {
  if (reply.ending === 'refused') throw contentBlocked();
  const answer = readStructuredAnswer(reply.text, schema, reply.ending === 'complete');
  if (answer.ok || reply.ending === 'complete') return answer;
  const text =
    reply.ending === 'too_long'
      ? `The model's answer did not end within ${maxOutputTokens} tokens.`
      : "The model's answer broke off before its end.";
  throw new ProviderError('bad_answer', 'unknown', text);
}

function repairMessages(reply: Reply, problems: readonly string[]): ChatMessage[] {
  const said = shortened(reply.text, MAX_SHOWN_ANSWER_CHARS) || '(nothing)';
  const errors = problems.map((problem) => `- ${problem}`).join('\n');
  const content = `This answer does not have the shape asked for:\n${errors}\nGive the whole answer again, corrected.`;
  return [
    { role: 'assistant', content: said },
    { role: 'user', content },
  ];
}
