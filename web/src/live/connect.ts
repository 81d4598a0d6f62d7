// The page's end of the live stream: through the shared worker where the browser has one, otherwise in the page itself
// (then closed while the tab is hidden, so that hidden tabs do not use up the browser's connections).
import { apiUrl } from '../api/client.ts';
import { otherServer } from '../settings/api-address.ts';
import {
  earlyAttemptsOf,
  type FromWorker,
  fetchStream,
  type StreamSource,
  type ToWorker,
} from './messages.ts';
import type { ServerEvent } from './sse.ts';
import { type LiveState, LiveStream, systemTimers } from './stream.ts';

export interface LiveHandlers {
  onEvent(event: ServerEvent): void;
  onState(state: LiveState): void;
}

export interface LiveConnection {
  /** Ends the stream for every tab, since its session is gone. */
  signOut(): void;
  close(): void;
}

function connectThroughWorker(source: StreamSource, handlers: LiveHandlers): LiveConnection {
  const worker = new SharedWorker(new URL('./worker.ts', import.meta.url), {
    type: 'module',
    // One worker for each server: what it remembers of a stream belongs to that one.
    name: source.access ? `drawbridge ${source.url}` : 'drawbridge',
  });
  const send = (message: ToWorker) => worker.port.postMessage(message);
  const join = () => send({ kind: 'open', source });
  const leave = () => send({ kind: 'leave' });
  const wake = () => {
    if (!document.hidden) send({ kind: 'wake' });
  };
  worker.port.onmessage = (message: MessageEvent<FromWorker>) => {
    if (message.data.kind === 'state') handlers.onState(message.data.state);
    else handlers.onEvent(message.data.event);
  };
  join();
  window.addEventListener('pagehide', leave);
  window.addEventListener('pageshow', join);
  window.addEventListener('online', wake);
  document.addEventListener('visibilitychange', wake);
  return {
    signOut: () => send({ kind: 'sign-out' }),
    close() {
      leave();
      worker.port.close();
      window.removeEventListener('pagehide', leave);
      window.removeEventListener('pageshow', join);
      window.removeEventListener('online', wake);
      document.removeEventListener('visibilitychange', wake);
    },
  };
}

function connectInPage(source: StreamSource, handlers: LiveHandlers): LiveConnection {
  const stream = new LiveStream({
    open: (lastEventId, signal) => fetchStream(source, lastEventId, signal),
    onEvent: handlers.onEvent,
    onState: handlers.onState,
    timers: systemTimers,
    earlyAttempts: () => earlyAttemptsOf(source),
  });
  const followVisibility = () => (document.hidden ? stream.stop() : stream.start());
  const wake = () => stream.wake();
  followVisibility();
  document.addEventListener('visibilitychange', followVisibility);
  window.addEventListener('online', wake);
  return {
    signOut: () => stream.stop(),
    close() {
      stream.stop();
      document.removeEventListener('visibilitychange', followVisibility);
      window.removeEventListener('online', wake);
    },
  };
}

/** Follows the account's task events until closed. */
export function connectLive(handlers: LiveHandlers): LiveConnection {
  const key = otherServer()?.key ?? null;
  const source: StreamSource = {
    url: apiUrl('v1/events?topics=tasks'),
    access: key === null ? null : { key, ticketUrl: apiUrl('v1/stream-tickets') },
  };
  return typeof SharedWorker === 'function'
    ? connectThroughWorker(source, handlers)
    : connectInPage(source, handlers);
}
