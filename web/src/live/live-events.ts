// The tab's one event stream, kept by the shell for all rooms: whoever wants events listens here instead of opening a stream.
import { onSignedOut } from '../api/client.ts';
import { connectLive } from './connect.ts';
import { setLiveState } from './live-status.ts';
import type { ServerEvent } from './sse.ts';

export interface LiveListener {
  /** Every event of the account, `reset` included, after which everything shown must be read again. */
  onEvent?(event: ServerEvent): void;
  /** The line is open for the first time; what was read before may have changed since, unheard. */
  onOpened?(): void;
  /** The line is back after a gap; what happened meanwhile is replayed, but what is shown should be read again once. */
  onReconnected?(): void;
}

const listeners = new Set<LiveListener>();

/** Listens until the returned function is called. */
export function listenLive(listener: LiveListener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Opens the stream for as long as somebody is signed in; returns how to close it. */
export function keepLive(): () => void {
  let hadOpened = false;
  let wasLost = false;
  const connection = connectLive({
    onEvent(event) {
      for (const listener of listeners) listener.onEvent?.(event);
    },
    onState(state) {
      setLiveState(state, Date.now());
      if (state !== 'open') {
        wasLost = hadOpened;
        return;
      }
      if (!hadOpened) for (const listener of listeners) listener.onOpened?.();
      if (hadOpened && wasLost) for (const listener of listeners) listener.onReconnected?.();
      hadOpened = true;
      wasLost = false;
    },
  });
  const stopListening = onSignedOut(() => connection.signOut());
  return () => {
    stopListening();
    connection.close();
  };
}
