// Where a program on this machine finds a server that listens on a host and port.

/** Hosts that mean every address of the machine; nobody can connect to them by that name everywhere. */
export const EVERY_HOST: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** `host:port` for a browser or program on the same machine, as it stands in a URL. */
export function localAuthority(host: string, port: number): string {
  const name = EVERY_HOST.has(host) ? '127.0.0.1' : host;
  return `${name.includes(':') ? `[${name}]` : name}:${port}`;
}
