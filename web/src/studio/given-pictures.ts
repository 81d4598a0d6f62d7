// Reads what was dropped or pasted: picture files, a picture of ours (dragged, or the link of one), or a copied <img>.

import type { DraftInput } from './model.ts';
import { readImage } from './queries.ts';

/** What a dragged picture of ours carries: its id, and enough to show it. */
export const OWN_PICTURE = 'application/x-drawbridge-picture';

export type Given =
  | { kind: 'files'; files: File[] }
  | { kind: 'picture'; input: DraftInput }
  | { kind: 'own-link'; imageId: string }
  | { kind: 'address'; url: string };

const IMAGE_ID = /\bimg_[0-9a-z]{8,40}\b/i;

function parseOwn(json: string): DraftInput | null {
  try {
    const value = JSON.parse(json) as Partial<DraftInput>;
    if (typeof value.id !== 'string' || typeof value.url !== 'string') return null;
    const { id, url, width = 1, height = 1 } = value;
    return { kind: 'image', id, url, name: '', width, height };
  } catch {
    return null;
  }
}

/** A link to one of our pictures' pages, such as `…/?view=img_…`: its picture's id. */
function ownLink(text: string): string | null {
  try {
    const url = new URL(text);
    return url.origin === location.origin ? (IMAGE_ID.exec(url.pathname + url.search)?.[0] ?? null) : null;
  } catch {
    return null;
  }
}

/** The address of the only thing in a copied piece of a page, if that is a picture. */
function onlyImage(html: string): string | null {
  const page = new DOMParser().parseFromString(html, 'text/html');
  const images = page.querySelectorAll('img[src]');
  if (images.length !== 1 || page.body.textContent?.trim() !== '') return null;
  const source = images[0]?.getAttribute('src') ?? '';
  return /^https?:/i.test(source) ? source : null;
}

/** What the transfer holds, or null when it is nothing for a picture slot. Only readable during the event. */
export function readTransfer(transfer: DataTransfer | null): Given | null {
  if (!transfer) return null;
  const own = parseOwn(transfer.getData(OWN_PICTURE));
  if (own) return { kind: 'picture', input: own };
  const files = [...transfer.files];
  const pictures = files.filter((file) => file.type.startsWith('image/'));
  if (files.length > 0) return { kind: 'files', files: pictures.length > 0 ? pictures : files.slice(0, 1) };
  const text = (transfer.getData('text/uri-list') || transfer.getData('text/plain')).trim();
  const linked = ownLink(text);
  if (linked) return { kind: 'own-link', imageId: linked };
  const address = onlyImage(transfer.getData('text/html'));
  return address ? { kind: 'address', url: address } : null;
}

/** Whether a drag may bring something for a picture slot; what it is can only be read when it is dropped. */
export function maybePicture(transfer: DataTransfer | null): boolean {
  const types = transfer?.types ?? [];
  return types.includes('Files') || types.includes(OWN_PICTURE) || types.includes('text/uri-list');
}

/** Puts a picture of ours into a drag, so that it can be dropped on a slot. */
export function carryPicture(
  transfer: DataTransfer,
  image: { id: string; url: string; width: number; height: number },
): void {
  transfer.effectAllowed = 'copy';
  transfer.setData(OWN_PICTURE, JSON.stringify(image));
}

/** The picture that a file was downloaded from, by the name that our downloads have; null for any other file. */
export function downloadedImage(fileName: string): string | null {
  const id = /^drawbridge-([0-9a-f]{32})\b/i.exec(fileName)?.[1];
  return id === undefined ? null : `img_${id.toLowerCase()}`;
}

/** A picture of ours as an input, read from the server. */
export async function inputOfImage(imageId: string): Promise<DraftInput> {
  const { id, thumb_url: url, width, height } = await readImage(imageId);
  return { kind: 'image', id, url, name: '', width, height };
}
