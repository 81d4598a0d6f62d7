// Small views of reference pictures. An upload can be shown by whoever has its address, and the server tells that once: this
// device remembers it. Elsewhere the picture works as well, and is only not seen.
import { useQuery } from '@tanstack/react-query';
import { readImage } from '../studio/queries.ts';
import { readStored, writeStored } from '../ui/stored.ts';

const STORED = 'drawbridge.story.pictures';
const MOST_KNOWN = 60;

function readKnown(): [id: string, url: string][] {
  try {
    const value: unknown = JSON.parse(readStored(STORED) ?? '[]');
    if (!Array.isArray(value)) return [];
    return value.filter((row): row is [string, string] => Array.isArray(row) && row.length === 2);
  } catch {
    return [];
  }
}

/** Remembers where a picture that was just chosen can be seen. */
export function rememberPicture(id: string, url: string): void {
  const others = readKnown().filter(([known]) => known !== id);
  writeStored(STORED, JSON.stringify([...others, [id, url]].slice(-MOST_KNOWN)));
}

/** The address of a small view, or null where this device does not know it (yet). */
export function usePictureUrl(id: string | null): string | null {
  const known = id === null ? undefined : readKnown().find(([one]) => one === id)?.[1];
  const { data } = useQuery({
    queryKey: ['image', id],
    queryFn: () => readImage(id ?? ''),
    enabled: known === undefined && id !== null && id.startsWith('img_'),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  return known ?? data?.thumb_url ?? null;
}
