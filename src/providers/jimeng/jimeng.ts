// jimeng (即梦, Dreamina) through a jimeng-api server: pictures come in the answer to the submit itself, which stays silent
// for minutes. There is no job id, no cancel and no way to ask later, so an outcome that is not known stays unknown.
// Each call carries one session id, in turn; the service's own random choice among several is never used.
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/log.ts';
import type { Outbound, OutboundRequest } from '../../kernel/outbound.ts';
import { OutboundError } from '../../kernel/outbound-error.ts';
import {
  type GenerationRequest,
  type Output,
  type ProviderAdapter,
  ProviderError,
  type SubmitCall,
  type SubmitResult,
} from '../provider.ts';
import { classify, type Judgement } from './classify.ts';
import type { JimengSettings } from './jimeng-settings.ts';
import { type JimengModel, jimengModels, MOST_INPUT_IMAGES, shapeFor, toProviderModel } from './models.ts';
import { toJson, toMultipart } from './request-body.ts';
import { type Session, type SessionState, Sessions, secretPartsOf } from './sessions.ts';

/** Answers hold addresses of pictures, not pictures. */
const MAX_ANSWER_BYTES = 1024 * 1024;
const MAX_INPUT_BYTES = 100 * 1024 * 1024;
/** A session that works is not asked about more often: each check is a call to jimeng under that account. */
const CHECK_INTERVAL_MS = 5 * 60_000;
/** The check does not see risk control; asking again at once would only prolong it. */
const RESTRICTED_REST_MS = 15 * 60_000;
const LONGEST_URL = 8192;
const FIX =
  'Log in to jimeng in a browser, copy the cookie "sessionid", set it as JIMENG_SESSION_ID, and restart.';

export interface JimengOptions {
  settings: JimengSettings;
  outbound: Outbound;
  clock: Clock;
  log: Logger;
}

/** What one exchange brought: the parsed body of a success, or the judgement on its failure. */
type Exchange = { body: Record<string, unknown> | unknown[] } | Judgement;

/** The adapter; it does nothing until it is called. */
export function createJimengProvider(options: JimengOptions): ProviderAdapter {
  return new JimengProvider(options);
}

class JimengProvider implements ProviderAdapter {
  readonly name = 'jimeng';
  readonly models;
  readonly endpoints: readonly string[];
  readonly #options: JimengOptions;
  readonly #table: readonly JimengModel[];
  readonly #sessions: Sessions;
  readonly #secrets: readonly string[];

  constructor(options: JimengOptions) {
    const { settings, clock } = options;
    this.#options = options;
    this.endpoints = [settings.baseUrl];
    this.#sessions = new Sessions(settings.sessionIds, clock.now());
    // Longest first, so that masking one part does not leave the rest of another.
    this.#secrets = settings.sessionIds.flatMap(secretPartsOf).sort((a, b) => b.length - a.length);
    const regions = this.#sessions.all.map(({ region }) => region);
    this.#table = jimengModels(settings.dialect, regions, settings.models);
    this.models = this.#table.map((model) => toProviderModel(model, settings.dialect, settings.priceMicros));
  }

  async submit(call: SubmitCall): Promise<SubmitResult> {
    const { request, signal } = call;
    const model = this.#table.find(({ name }) => name === request.model);
    if (!model) throw new ProviderError('invalid_request', 'no', 'jimeng serves no model of this name.');
    const large = request.images.some(({ bytes }) => bytes > MAX_INPUT_BYTES);
    if (large || request.images.length > MOST_INPUT_IMAGES) {
      throw new ProviderError('invalid_request', 'no', 'jimeng takes at most 10 pictures of 100 MB each.');
    }
    const session = this.#sessions.next(model.regions, this.#options.clock.now());
    if (!session) throw this.#noSession(model);
    const answer = await this.#exchange(this.#submission(request, model, session), signal);
    if ('error' in answer) {
      if (answer.session) this.#setAside(session, answer.session);
      throw this.#withSessions(answer, session);
    }
    this.#sessions.mark(session, 'ok', this.#options.clock.now());
    return { state: 'done', jobId: null, outputs: outputsOf(answer.body) };
  }

  async poll(): Promise<never> {
    throw new ProviderError('invalid_request', 'unknown', 'jimeng has no jobs that could be asked about.');
  }

  /** Asks the server, and each session that was not found working lately. Costs no points. */
  async probe({ signal }: { signal: AbortSignal }): Promise<{ note: string | null }> {
    const { clock } = this.#options;
    const sessions = this.#sessions.all;
    if (sessions.length === 0) throw this.#noSession(null);
    await this.#ping(signal);
    const now = clock.now();
    const due = sessions.filter(
      ({ state, checkedAt }) => state !== 'ok' || checkedAt === null || now - checkedAt >= CHECK_INTERVAL_MS,
    );
    const points = await Promise.all(due.map((session) => this.#check(session, signal)));
    const working = sessions.filter(({ state }) => state === 'ok');
    if (working.length === 0) throw this.#noSession(null);
    const known = points.filter((one) => one !== null);
    const left = known.length > 0 ? `${known.reduce((sum, one) => sum + one, 0)} points left` : null;
    const some =
      working.length < sessions.length
        ? `${working.length} of ${sessions.length} sessions work (${this.#brokenSessions()})`
        : null;
    return { note: [some, left].filter((part) => part !== null).join('; ') || null };
  }

  async close(): Promise<void> {}

  #submission(request: GenerationRequest, model: JimengModel, { credential }: Session): OutboundRequest {
    const { settings } = this.#options;
    const fields =
      settings.dialect === 'jimeng-free-api'
        ? { width: request.width, height: request.height }
        : {
            ...(request.negativePrompt ? { negative_prompt: request.negativePrompt } : {}),
            ...shapeFor(model, request),
          };
    const all = { model: model.name, prompt: request.prompt, ...fields, response_format: 'url' };
    const withPictures = request.images.length > 0;
    const sent = withPictures
      ? toMultipart(all, 'images', request.images)
      : { headers: { 'content-type': 'application/json' }, body: toJson(all) };
    return {
      method: 'POST',
      url: `${settings.baseUrl}/v1/images/${withPictures ? 'compositions' : 'generations'}`,
      purpose: 'jimeng submit',
      allow: 'configured',
      headers: { ...sent.headers, accept: 'application/json', authorization: `Bearer ${credential}` },
      body: sent.body,
      connectTimeoutMs: settings.connectTimeoutMs,
      // The answer is held back until the pictures are there: no silence is too long but the whole.
      idleTimeoutMs: settings.submitTimeoutMs,
      totalTimeoutMs: settings.submitTimeoutMs,
      maxBytes: MAX_ANSWER_BYTES,
    };
  }

  /** One request and its answer. Never throws for what the other side did. */
  async #exchange(request: OutboundRequest, signal: AbortSignal): Promise<Exchange> {
    const { outbound, clock } = this.#options;
    const startedAtMs = clock.monotonicMs();
    const context = () => ({ elapsedMs: clock.monotonicMs() - startedAtMs, secrets: this.#secrets });
    try {
      const response = await outbound.request({ ...request, signal });
      const isSuccess = response.status >= 200 && response.status < 300;
      const text = isSuccess
        ? await response.readText(MAX_ANSWER_BYTES)
        : // What a refusal says is a help, not the point: its status stands without it.
          await response.readText(MAX_ANSWER_BYTES).catch(() => null);
      const body = isSuccess && text !== null ? successBody(text) : null;
      if (body) return { body };
      const header = response.headers['retry-after'];
      const retryAfter = (Array.isArray(header) ? header[0] : header) ?? null;
      return classify({ status: response.status, text, retryAfter, now: clock.now() }, context());
    } catch (error) {
      if (error instanceof OutboundError) return classify({ error, status: null }, context());
      throw error;
    }
  }

  #query(path: string, request: Partial<OutboundRequest>, signal: AbortSignal): Promise<Exchange> {
    const { baseUrl, connectTimeoutMs, queryTimeoutMs } = this.#options.settings;
    const query: OutboundRequest = {
      method: 'POST',
      url: `${baseUrl}${path}`,
      purpose: 'jimeng check',
      allow: 'configured',
      connectTimeoutMs,
      idleTimeoutMs: queryTimeoutMs,
      totalTimeoutMs: queryTimeoutMs,
      maxBytes: MAX_ANSWER_BYTES,
      ...request,
    };
    return this.#exchange(query, signal);
  }

  /** The server itself; throws when it does not answer as jimeng-api does. */
  async #ping(signal: AbortSignal): Promise<void> {
    const { outbound, settings, clock } = this.#options;
    const elapsedMs = 0;
    try {
      const response = await outbound.request({
        method: 'GET',
        url: `${settings.baseUrl}/ping`,
        purpose: 'jimeng ping',
        allow: 'configured',
        connectTimeoutMs: settings.connectTimeoutMs,
        idleTimeoutMs: settings.queryTimeoutMs,
        totalTimeoutMs: settings.queryTimeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
        signal,
      });
      const text = await response.readText(MAX_ANSWER_BYTES);
      const isPong = settings.dialect === 'jimeng-free-api' || text.trim() === 'pong';
      if (response.status === 200 && isPong) return;
      const failure = { status: response.status, text, retryAfter: null, now: clock.now() };
      throw classify(failure, { elapsedMs, secrets: this.#secrets }).error;
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error;
      throw classify({ error, status: null }, { elapsedMs, secrets: this.#secrets }).error;
    }
  }

  /** Brings one session's state up to date; answers with its points where they are told. */
  async #check(session: Session, signal: AbortSignal): Promise<number | null> {
    const { clock, log } = this.#options;
    const { credential, position } = session;
    const json = { 'content-type': 'application/json' };
    const checked = await this.#query(
      '/token/check',
      { headers: json, body: toJson({ token: credential }) },
      signal,
    );
    // The server itself said no, which tells nothing about the session.
    if ('error' in checked) throw checked.error;
    const live = Array.isArray(checked.body) ? undefined : checked.body.live;
    if (live !== true) {
      // `false` also stands for a network failure, so it alone sets no session aside.
      if (this.#sessions.isUsable(session)) this.#sessions.mark(session, 'doubtful', clock.now());
      return null;
    }
    const asked = await this.#query(
      '/token/points',
      { headers: { authorization: `Bearer ${credential}` } },
      signal,
    );
    const points = 'body' in asked ? pointsOf(asked.body) : null;
    // The service claims the daily points itself when it draws, so a session without any is not useless yet.
    if (session.state === 'exhausted' && (points ?? 0) <= 0) return points;
    if (session.state === 'restricted' && clock.now() - session.since < RESTRICTED_REST_MS) return points;
    if (!this.#sessions.isUsable(session)) log.info({ session: position }, 'a jimeng session works again');
    this.#sessions.mark(session, 'ok', clock.now());
    return points;
  }

  #setAside(session: Session, state: SessionState): void {
    this.#sessions.mark(session, state, this.#options.clock.now());
    this.#options.log.warn({ session: session.position, state }, 'a jimeng session was set aside');
  }

  /** `session 2 expired, session 3 exhausted`. */
  #brokenSessions(): string {
    return this.#sessions.all
      .filter(({ state }) => state !== 'ok')
      .map(({ position, state }) => `session ${position} ${state}`)
      .join(', ');
  }

  /** Says which session failed and whether others go on. */
  #withSessions({ error, session: state }: Judgement, session: Session): ProviderError {
    if (state === null) return error;
    const total = this.#sessions.all.length;
    const left = this.#sessions.all.filter((one) => this.#sessions.isUsable(one)).length;
    const which = total === 1 ? '' : ` This was session ${session.position} of ${total}.`;
    const next = left > 0 ? ' The others are used.' : state === 'expired' ? ` ${FIX}` : '';
    return new ProviderError(error.kind, error.created, `${error.message}${which}${next}`, {
      ...(error.retryAfterMs === null ? {} : { retryAfterMs: error.retryAfterMs }),
      cause: error.cause,
    });
  }

  /** Why nobody can take a call; `model` limits the question to the regions that serve it. */
  #noSession(model: JimengModel | null): ProviderError {
    const able = this.#sessions.all.filter(({ region }) => model === null || model.regions.includes(region));
    const all = able.length === 1 ? 'The jimeng session' : `All ${able.length} jimeng sessions`;
    const has = (state: SessionState) => able.some((session) => session.state === state);
    if (this.#sessions.all.length === 0) {
      return new ProviderError('credentials_missing', 'no', `jimeng has no session id. ${FIX}`);
    }
    if (able.length === 0) {
      const message = 'No jimeng session is of a region that serves this model.';
      return new ProviderError('invalid_request', 'no', message);
    }
    if (has('exhausted')) {
      return new ProviderError(
        'quota_exhausted',
        'no',
        `${all} cannot draw now: no points left (${this.#brokenSessions()}). Points come back daily.`,
      );
    }
    if (has('restricted')) {
      const message = `${all} cannot draw now: jimeng restricts them (${this.#brokenSessions()}).`;
      return new ProviderError('unavailable', 'no', message);
    }
    return new ProviderError(
      'credentials_expired',
      'no',
      `${all} did not pass jimeng's check: expired, or jimeng-api cannot reach jimeng. ${FIX}`,
    );
  }
}

/** A JSON object or array without the marks of a failure; null for anything else. */
function successBody(text: string): Record<string, unknown> | unknown[] | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof body !== 'object' || body === null || 'code' in body || 'error' in body) return null;
  return body as Record<string, unknown> | unknown[];
}

/** The pictures' addresses; extras beyond what was asked for are the engine's to keep. */
function outputsOf(body: Record<string, unknown> | unknown[]): Output[] {
  const data = Array.isArray(body) ? null : body.data;
  const unreadable = () =>
    new ProviderError('bad_answer', 'unknown', 'The answer of jimeng-api holds no list of pictures.');
  if (!Array.isArray(data)) throw unreadable();
  const outputs = data.flatMap((item: unknown): Output[] => {
    const url = typeof item === 'object' && item !== null && 'url' in item ? item.url : null;
    return typeof url === 'string' && isPictureUrl(url) ? [{ url, seed: null }] : [];
  });
  if (outputs.length === 0 && data.length > 0) throw unreadable();
  return outputs;
}

function isPictureUrl(text: string): boolean {
  return text.length <= LONGEST_URL && /^https?:\/\//i.test(text) && URL.canParse(text);
}

/** The sum of points in an answer that also repeats the credential, which is why nothing else is kept of it. */
function pointsOf(body: Record<string, unknown> | unknown[]): number | null {
  const first: unknown = Array.isArray(body) ? body[0] : null;
  if (typeof first !== 'object' || first === null || !('points' in first)) return null;
  const { points } = first;
  if (typeof points !== 'object' || points === null || !('totalCredit' in points)) return null;
  return typeof points.totalCredit === 'number' ? points.totalCredit : null;
}
