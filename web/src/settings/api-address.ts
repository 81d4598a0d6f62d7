// Which server the page talks to: the one that served it, by the session cookie, or another one with an API key, kept on this
// device. A page keeps the server it was loaded with: a change is saved and takes effect with the next load.
import { readStored, writeStored } from '../ui/stored.ts';

export interface OtherServer {
  /** Ends with a slash, so that API paths can be resolved against it. */
  url: string;
  /** Null after signing out. */
  key: string | null;
}

const STORED = 'drawbridge.server';
let known: OtherServer | null | undefined;

function readOtherServer(): OtherServer | null {
  try {
    const value = JSON.parse(readStored(STORED) ?? 'null') as Partial<OtherServer> | null;
    const { url, key } = value ?? {};
    // Only tested addresses are ever stored.
    return typeof url === 'string' ? { url, key: typeof key === 'string' ? key : null } : null;
  } catch {
    return null;
  }
}

/** The other server that this page talks to, or null for the one that served it. */
export function otherServer(): OtherServer | null {
  known ??= readOtherServer();
  return known;
}

/** Remembers the server for the next load of the page, null for the page's own; false when the browser keeps nothing. */
export function saveOtherServer(server: OtherServer | null): boolean {
  return writeStored(STORED, server === null ? null : JSON.stringify(server));
}
