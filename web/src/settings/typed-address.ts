// Reads the address of a server as people type it.

/** Names and addresses as hosts have them; some browsers take nearly anything else, too, and escape it. */
const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])$/i;

/**
 * What people type as an address, such as `192.168.1.20:8080` or `https://pictures.example/draw`, as the address that paths
 * are resolved against; null when it is none. Without a scheme it is http, which is what a server in the local network speaks.
 */
export function parseServerAddress(typed: string): string | null {
  const text = typed.trim().normalize('NFKC');
  if (text === '') return null;
  try {
    const url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') return null;
    if (!HOST.test(url.hostname) || url.username !== '' || url.password !== '') return null;
    url.search = '';
    url.hash = '';
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/`;
    return url.href;
  } catch {
    return null;
  }
}
