// Whether what was sent can be had where it is meant to be: some files of each kind are fetched through the target's public
// address and compared byte for byte. A kind that is served from another folder is named with its addresses.
import { createHash } from 'node:crypto';
import type { SyncKind } from '../kernel/config-sync.ts';
import type { Outbound } from '../kernel/outbound.ts';
import { OutboundError } from '../kernel/outbound-error.ts';
import type { SourceFile, Target } from './target.ts';

const SAMPLES_OF_KIND = 3;
/** Smaller ones are fetched first; a sample of this size is fetched still. */
const LARGEST_SAMPLE_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 30_000;

export interface Sample {
  kind: SyncKind;
  url: string;
  /** `signed`: pictures there need a signature, so nothing is known. */
  result: 'ok' | 'missing' | 'other_bytes' | 'refused' | 'unreachable';
  /** HTTP status, or null when no answer came. */
  status: number | null;
}

export interface PublicCheck {
  samples: Sample[];
  /** Kinds of which no sample could be had as it was sent. */
  wrong: { kind: SyncKind; urls: string[]; place: string; why: Sample['result'] }[];
}

const encoded = (path: string) => path.split('/').map(encodeURIComponent).join('/');

/** Where a file is read from: as it lies in its folder, and as a Drawbridge serves the pictures of its store. */
export function addressesOf(publicUrl: string | null, { kind, path, isImmutable }: SourceFile): string[] {
  if (publicUrl === null) return [];
  if (!isImmutable) return [`${publicUrl}/${kind === 'files' ? '' : `${kind}/`}${encoded(path)}`];
  const key = path.slice(path.lastIndexOf('/') + 1);
  // `https://pictures.example.com` and `https://pictures.example.com/media` are both meant well.
  const media = publicUrl.endsWith('/media') ? publicUrl : `${publicUrl}/media`;
  return [`${media}/${kind}/${key}`, `${publicUrl}/${kind}/${encoded(path)}`];
}

async function sha256Of(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of bytes) hash.update(chunk);
  return hash.digest('hex');
}

async function fetchSample(outbound: Outbound, file: SourceFile, url: string): Promise<Sample> {
  const base = { kind: file.kind, url };
  try {
    const answer = await outbound.request({
      method: 'GET',
      url,
      // What comes must be the very bytes of the file, not a compressed or converted form.
      headers: { 'accept-encoding': 'identity', 'cache-control': 'no-cache' },
      purpose: 'sync sample',
      allow: 'configured',
      totalTimeoutMs: TIMEOUT_MS,
      maxBytes: LARGEST_SAMPLE_BYTES,
    });
    const { status } = answer;
    if (status !== 200) {
      answer.discard();
      return { ...base, status, result: status === 404 || status === 410 ? 'missing' : 'refused' };
    }
    const [there, here] = [await sha256Of(answer.body), await sha256Of(file.read())];
    return { ...base, status, result: `${there}` === `${here}` ? 'ok' : 'other_bytes' };
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    return { ...base, status: null, result: error.kind === 'too_large' ? 'other_bytes' : 'unreachable' };
  }
}

/** Some files of each kind, the smallest of them first. */
function samplesOf(files: readonly SourceFile[]): SourceFile[] {
  const byKind = Map.groupBy(
    files.filter(({ bytes }) => bytes <= LARGEST_SAMPLE_BYTES),
    ({ kind }) => kind,
  );
  return [...byKind.values()].flatMap((own) =>
    own.toSorted((a, b) => a.bytes - b.bytes).slice(0, SAMPLES_OF_KIND),
  );
}

/** Fetches samples of what lies at the target now. Files without a public address are left out. */
export async function checkPublicly(
  outbound: Outbound,
  target: Target,
  files: readonly SourceFile[],
): Promise<PublicCheck> {
  const samples: Sample[] = [];
  const wrong: PublicCheck['wrong'] = [];
  const chosen = Map.groupBy(samplesOf(files), ({ kind }) => kind);
  for (const [kind, own] of chosen) {
    const tried: Sample[] = [];
    for (const file of own) {
      const results: Sample[] = [];
      for (const url of target.publicUrls(file)) {
        results.push(await fetchSample(outbound, file, url));
        if (results.at(-1)?.result === 'ok') break;
      }
      const best = results.find(({ result }) => result === 'ok') ?? results[0];
      if (best) samples.push(best);
      tried.push(...results);
    }
    if (tried.length === 0 || tried.some(({ result }) => result === 'ok')) continue;
    const why = tried.find(({ result }) => result === 'other_bytes')?.result ?? tried[0]?.result ?? 'missing';
    wrong.push({ kind, urls: tried.map(({ url }) => url), place: target.place(kind), why });
  }
  return { samples, wrong };
}
