// One call to KIE AI: sent with an account's key, read within its caps, and either the envelope of a success or a
// `ProviderError`. Nothing is sent twice.
import type { Clock } from '../../kernel/clock.ts';
import type { Outbound, OutboundRequest } from '../../kernel/outbound.ts';
import { OutboundError } from '../../kernel/outbound-error.ts';
import { isSuccess, readAnswer } from '../adapter/read-answer.ts';
import type { KieAccount } from './accounts.ts';
import { classify, type Envelope, type FailureContext, readEnvelope } from './classify.ts';
import type { KieSettings } from './kie-settings.ts';

/** Answers repeat the whole request, but hold no pictures. */
const MAX_ANSWER_BYTES = 1024 * 1024;

export interface KieCall {
  request: Pick<OutboundRequest, 'method' | 'url' | 'purpose' | 'headers' | 'body'>;
  account: KieAccount;
  signal: AbortSignal;
  /** What is known beforehand about a task; null where the failure decides. */
  created: FailureContext['created'];
  /** Longest whole call; that of any other call unless given. */
  totalTimeoutMs?: number;
  /** Accepts data although the envelope's code is no success. */
  isAnswer?(data: unknown): boolean;
}

export interface KieClientOptions {
  settings: KieSettings;
  outbound: Outbound;
  clock: Clock;
}

export class KieClient {
  readonly #options: KieClientOptions;

  constructor(options: KieClientOptions) {
    this.#options = options;
  }

  /** The envelope of a success; throws `ProviderError` for everything else. */
  async call({ request, account, signal, created, totalTimeoutMs, isAnswer }: KieCall): Promise<Envelope> {
    const { outbound, clock, settings } = this.#options;
    const context = { created, secrets: settings.apiKeys };
    try {
      const response = await outbound.request({
        ...request,
        allow: 'configured',
        headers: {
          ...request.headers,
          accept: 'application/json',
          authorization: `Bearer ${account.apiKey}`,
        },
        connectTimeoutMs: settings.connectTimeoutMs,
        idleTimeoutMs: settings.idleTimeoutMs,
        totalTimeoutMs: totalTimeoutMs ?? settings.callTimeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
        signal,
      });
      const { status, headers } = response;
      const text = await readAnswer(response, MAX_ANSWER_BYTES);
      const envelope = readEnvelope(text);
      if (isSuccess(status) && (envelope.code === 200 || isAnswer?.(envelope.data))) return envelope;
      throw classify({ status, text, headers, nowMs: clock.now() }, context);
    } catch (error) {
      if (error instanceof OutboundError) throw classify({ error, status: null }, context);
      throw error;
    }
  }
}
