// What jimeng-api answers when all went well, read by shape: anything that is not exactly that is no success.
import { pictureUrl } from '../adapter/read-answer.ts';
import { type Output, ProviderError } from '../provider.ts';

export type SuccessBody = Record<string, unknown> | unknown[];

/** A JSON object or array without the marks of a failure; null for anything else. */
export function successBody(text: string): SuccessBody | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof body !== 'object' || body === null || 'code' in body || 'error' in body) return null;
  return body as SuccessBody;
}

/** The pictures' addresses; extras beyond what was asked for are the engine's to keep. Throws `bad_answer`. */
export function outputsOf(body: SuccessBody): Output[] {
  const data = Array.isArray(body) ? null : body.data;
  const unreadable = () =>
    new ProviderError('bad_answer', 'unknown', 'The answer of jimeng-api holds no list of pictures.');
  if (!Array.isArray(data)) throw unreadable();
  const outputs = data.flatMap((item: unknown): Output[] => {
    const url = pictureUrl(typeof item === 'object' && item !== null && 'url' in item ? item.url : null);
    return url === null ? [] : [{ url, seed: null }];
  });
  if (outputs.length === 0 && data.length > 0) throw unreadable();
  return outputs;
}

/** The sum of points in an answer that also repeats the credential, which is why nothing else is kept of it. */
export function pointsOf(body: SuccessBody): number | null {
  const first: unknown = Array.isArray(body) ? body[0] : null;
  if (typeof first !== 'object' || first === null || !('points' in first)) return null;
  const { points } = first;
  if (typeof points !== 'object' || points === null || !('totalCredit' in points)) return null;
  return typeof points.totalCredit === 'number' ? points.totalCredit : null;
}
