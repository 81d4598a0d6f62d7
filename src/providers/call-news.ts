// What the outcomes of real calls say about providers, as events for their breakers.
import { type ChannelKey, isTroubled, judge } from './breaker.ts';
import type { BreakerBoard } from './breaker-board.ts';
import type { ProviderError } from './provider.ts';
import type { ProviderCounters } from './provider-counters.ts';
import { reasonOf } from './provider-errors.ts';

/** A call to a provider whose outcome says something about the provider. */
export interface ProviderCallNews {
  provider: string;
  /** The provider's own name of the model. */
  model: string;
  credential: string | null;
  taskId: string;
  /** When the call began, by the Clock. */
  startedAt: number;
}

export interface CallNewsOptions {
  board: BreakerBoard;
  counters: ProviderCounters;
  /** Whether a provider has several accounts, each with a breaker of its own. */
  isOneOfSeveral(provider: string): boolean;
  /** Called when a model's breaker opens. */
  onOpened(provider: string): void;
}

export class CallNews {
  readonly #options: CallNewsOptions;

  constructor(options: CallNewsOptions) {
    this.#options = options;
  }

  async success(news: ProviderCallNews): Promise<void> {
    const { board } = this.#options;
    for (const key of keysOf(news)) {
      if (isTroubled(board.get(key))) await board.apply(key, { type: 'success', startedAt: news.startedAt });
    }
  }

  async failure(news: ProviderCallNews, error: ProviderError): Promise<void> {
    const { board, counters, isOneOfSeveral } = this.#options;
    const { provider, credential, startedAt } = news;
    const own: ChannelKey = { provider, scope: 'provider', name: '' };
    const isOne = credential !== null && isOneOfSeveral(provider);
    const paying: ChannelKey = isOne ? { provider, scope: 'credential', name: credential } : own;
    switch (judge(error.kind)) {
      case 'answered':
        return this.#answered(news);
      case 'throttle':
        counters.add('throttled', provider);
        await board.apply(paying, { type: 'throttle', retryAfterMs: error.retryAfterMs });
        return;
      case 'park': {
        counters.add('parked', provider);
        // A probe proves that a credential is accepted, but not that there is credit: that takes a task.
        const proof = error.kind === 'quota_exhausted' ? 'trial' : 'probe';
        await board.apply(paying, { type: 'park', reason: reasonOf(error), startedAt, proof });
        return;
      }
      case 'failure':
        return this.#failed(news, own, error);
    }
  }

  async #answered(news: ProviderCallNews): Promise<void> {
    const { board } = this.#options;
    for (const key of keysOf(news)) {
      if (board.get(key).state === 'half_open')
        await board.apply(key, { type: 'answered', taskId: news.taskId });
    }
  }

  async #failed(news: ProviderCallNews, own: ChannelKey, error: ProviderError): Promise<void> {
    const { board, onOpened } = this.#options;
    const { provider, model, taskId, startedAt } = news;
    const failure = { type: 'failure', reason: reasonOf(error), startedAt, taskId } as const;
    if (board.get(own).state === 'half_open') await board.apply(own, failure);
    const key: ChannelKey = { provider, scope: 'model', name: model };
    const { before, after } = await board.apply(key, failure);
    if (before.state === 'closed' && after.state === 'open') onOpened(provider);
  }
}

/** The breakers that a call has to do with. */
function keysOf({ provider, model, credential }: ProviderCallNews): ChannelKey[] {
  const keys: ChannelKey[] = [
    { provider, scope: 'provider', name: '' },
    { provider, scope: 'model', name: model },
  ];
  return credential === null ? keys : [...keys, { provider, scope: 'credential', name: credential }];
}
