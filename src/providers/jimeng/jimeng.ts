// jimeng (即梦, Dreamina) through a jimeng-api server: pictures come in the answer to the submit itself, which stays silent
// for minutes. There is no job id, no cancel and no way to ask later, so an outcome that is not known stays unknown.
// Each call carries one session id, the attempt's own or the next in turn; the service's random choice is never used.
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/log.ts';
import type { Outbound, OutboundRequest } from '../../kernel/outbound.ts';
import { OutboundError } from '../../kernel/outbound-error.ts';
import { isSuccess, readAnswer } from '../adapter/read-answer.ts';
import {
  type Credential,
  type GenerationRequest,
  type ProbeResult,
  type ProviderAdapter,
  ProviderError,
  type SubmitCall,
  type SubmitResult,
} from '../provider.ts';
import { outputsOf, pointsOf, type SuccessBody, successBody } from './answers.ts';
import { classify, type Judgement, RESTRICTED_REST_MS } from './classify.ts';
import type { JimengSettings } from './jimeng-settings.ts';
import { type JimengModel, jimengModels, MOST_INPUT_IMAGES, shapeFor, toProviderModel } from './models.ts';
import { toJson, toMultipart } from './request-body.ts';
import { brokenSessions, noSession, sessionFault, unfitSession, withSession } from './session-faults.ts';
import { type Session, type SessionState, Sessions, secretPartsOf } from './sessions.ts';

/** Answers hold addresses of pictures, not pictures. */
const MAX_ANSWER_BYTES = 1024 * 1024;
const MAX_INPUT_BYTES = 100 * 1024 * 1024;
/** A session that works is not asked about more often: each check is a call to jimeng under that account. */
const CHECK_INTERVAL_MS = 5 * 60_000;

export interface JimengOptions {
  settings: JimengSettings;
  outbound: Outbound;
  clock: Clock;
  log: Logger;
}

type ProbeCall = Parameters<ProviderAdapter['probe']>[0];

/** What one exchange brought: the parsed body of a success, or the judgement on its failure. */
type Exchange = { body: SuccessBody } | Judgement;

/** The adapter; it does nothing until it is called. */
export function createJimengProvider(options: JimengOptions): ProviderAdapter {
  return new JimengProvider(options);
}

class JimengProvider implements ProviderAdapter {
  readonly name = 'jimeng';
  readonly models;
  readonly endpoints: readonly string[];
  /**
   * Absent for a single session, which there is nothing to choose from, and where not every session serves every model:
   * then only the adapter's own turn knows which can take a call.
   */
  readonly credentials?: readonly Credential[];
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
    const { all } = this.#sessions;
    if (
      all.length > 1 &&
      this.#table.every((model) => all.every(({ region }) => model.regions.includes(region)))
    ) {
      this.credentials = all.map((session) => ({ id: session.id, label: this.#sessions.label(session) }));
    }
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
    const session = this.#sessionFor(model, call.credential ?? null);
    const answer = await this.#exchange(this.#submission(request, model, session), signal);
    if ('error' in answer) {
      if (answer.session) this.#setAside(session, answer.session);
      else if (answer.isEnded) this.#sessions.mark(session, 'ok', this.#options.clock.now());
      if (answer.isEnded) return { state: 'failed', jobId: null, error: answer.error };
      throw withSession(answer, session, this.#sessions);
    }
    this.#sessions.mark(session, 'ok', this.#options.clock.now());
    return { state: 'done', jobId: null, outputs: outputsOf(answer.body) };
  }

  async poll(): Promise<never> {
    throw new ProviderError('invalid_request', 'unknown', 'jimeng has no jobs that could be asked about.');
  }

  /**
   * Asks the server, and the session of `credential`, or without one each that was not found working lately. Costs no
   * points. Throws when that session, or every one, cannot draw.
   */
  async probe({ signal, credential }: ProbeCall): Promise<ProbeResult> {
    const sessions = this.#sessions.all;
    const one = credential == null ? null : this.#sessions.find(credential);
    if (one === undefined) throw unfitSession(one);
    if (sessions.length === 0) throw noSession(this.#sessions, null);
    await this.#ping(signal);
    if (one !== null) return this.#probeOne(one, signal);
    await Promise.all(
      sessions.filter((session) => this.#isDue(session)).map((due) => this.#check(due, signal)),
    );
    const working = sessions.filter(({ state }) => state === 'ok');
    if (working.length === 0) throw noSession(this.#sessions, null);
    const known = working.flatMap(({ points }) => (points === null ? [] : [points]));
    const left = known.length > 0 ? `${known.reduce((sum, points) => sum + points, 0)} points left` : null;
    const some =
      working.length < sessions.length
        ? `${working.length} of ${sessions.length} sessions work (${brokenSessions(this.#sessions)})`
        : null;
    return { note: [some, left].filter((part) => part !== null).join('; ') || null };
  }

  async #probeOne(session: Session, signal: AbortSignal): Promise<ProbeResult> {
    if (this.#isDue(session)) await this.#check(session, signal);
    const fault = sessionFault(session, this.#sessions);
    if (fault) throw fault;
    return { note: session.points === null ? null : `${session.points} points left` };
  }

  #isDue({ state, checkedAt }: Session): boolean {
    const now = this.#options.clock.now();
    return state !== 'ok' || checkedAt === null || now - checkedAt >= CHECK_INTERVAL_MS;
  }

  /** The session that the attempt is pinned to, or the next in turn. Throws when it cannot take this model. */
  #sessionFor(model: JimengModel, credential: string | null): Session {
    if (credential === null) {
      const next = this.#sessions.next(model.regions, this.#options.clock.now());
      if (next) return next;
      throw noSession(this.#sessions, model);
    }
    const pinned = this.#sessions.find(credential);
    if (pinned && model.regions.includes(pinned.region)) return pinned;
    throw unfitSession(pinned);
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
      const text = await readAnswer(response, MAX_ANSWER_BYTES);
      const body = isSuccess(response.status) && text !== null ? successBody(text) : null;
      if (body) return { body };
      const { status, headers } = response;
      return classify({ status, text, headers, nowMs: clock.now() }, context());
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
      const { status, headers } = response;
      const failure = { status, text, headers, nowMs: clock.now() };
      throw classify(failure, { elapsedMs, secrets: this.#secrets }).error;
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error;
      throw classify({ error, status: null }, { elapsedMs, secrets: this.#secrets }).error;
    }
  }

  /** Brings one session's state and points up to date. Throws when the server itself fails, which tells nothing of it. */
  async #check(session: Session, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const { credential, position } = session;
    const headers = { 'content-type': 'application/json' };
    const checked = await this.#query(
      '/token/check',
      { headers, body: toJson({ token: credential }) },
      signal,
    );
    if ('error' in checked) throw checked.error;
    const isLive = !Array.isArray(checked.body) && checked.body.live === true;
    const authorization = `Bearer ${credential}`;
    const asked = await this.#query('/token/points', { headers: { authorization } }, signal);
    session.points = 'body' in asked ? pointsOf(asked.body) : null;
    session.isOffline = 'error' in asked && asked.isOffline;
    session.checkedAt = clock.now();
    // A check says no for a lost network as well; what it was shows in the answer to the other question.
    if (!isLive) return this.#doubt(session, 'error' in asked ? asked.session : null);
    // The service claims the daily points itself when it draws, so a session without any is not useless yet.
    if (session.state === 'exhausted' && (session.points ?? 0) <= 0) return;
    if (session.state === 'restricted' && clock.now() - session.since < RESTRICTED_REST_MS) return;
    if (!this.#sessions.isUsable(session)) log.info({ session: position }, 'a jimeng session works again');
    this.#sessions.mark(session, 'ok', clock.now());
  }

  #doubt(session: Session, state: SessionState | null): void {
    if (!this.#sessions.isUsable(session)) return;
    if (state === 'expired') this.#setAside(session, state);
    else this.#sessions.mark(session, 'doubtful', this.#options.clock.now());
  }

  #setAside(session: Session, state: SessionState): void {
    this.#sessions.mark(session, state, this.#options.clock.now());
    this.#options.log.warn({ session: session.position, state }, 'a jimeng session was set aside');
  }
}
