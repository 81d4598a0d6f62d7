// The shared worker: one event stream for all tabs, since a browser allows six connections per origin on plain http.
// It closes the stream when the last page has left.
import {
  earlyAttemptsOf,
  type FromWorker,
  fetchStream,
  type StreamSource,
  type ToWorker,
} from './messages.ts';
import { LiveStream, systemTimers } from './stream.ts';

interface WorkerScope {
  onconnect: ((event: MessageEvent) => void) | null;
}

const ports = new Set<MessagePort>();
let source: StreamSource = { url: '', access: null };

function broadcast(message: FromWorker): void {
  for (const port of ports) port.postMessage(message);
}

const stream = new LiveStream({
  open: (lastEventId, signal) => fetchStream(source, lastEventId, signal),
  onEvent: (event) => broadcast({ kind: 'event', event }),
  onState: (state) => broadcast({ kind: 'state', state }),
  timers: systemTimers,
  earlyAttempts: () => earlyAttemptsOf(source),
});

function answer(port: MessagePort, message: ToWorker): void {
  if (message.kind === 'open') {
    source = message.source;
    ports.add(port);
    port.postMessage({ kind: 'state', state: stream.state } satisfies FromWorker);
    stream.start();
  } else if (message.kind === 'wake') {
    stream.wake();
  } else {
    if (message.kind === 'leave') ports.delete(port);
    if (message.kind === 'sign-out' || ports.size === 0) stream.stop();
  }
}

(self as unknown as WorkerScope).onconnect = (event) => {
  const port = event.ports[0];
  if (!port) return;
  port.onmessage = (message: MessageEvent<ToWorker>) => answer(port, message.data);
};
