// The blurred stand-in of a picture as a data URL, decoded once per hash.
import { thumbHashToDataURL } from 'thumbhash';

const MAX_REMEMBERED = 500;
const remembered = new Map<string, string>();

/** A CSS `url(…)` for a base64 thumbhash, or null when there is none or it cannot be read. */
export function thumbhashBackground(base64: string | null): string | null {
  if (!base64) return null;
  const known = remembered.get(base64);
  if (known) return known;
  try {
    const background = `url(${thumbHashToDataURL(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)))})`;
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(base64, background);
    return background;
  } catch {
    return null;
  }
}
