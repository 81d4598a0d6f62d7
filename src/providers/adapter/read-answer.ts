// Reads a service's answer whole, and what it says of pictures: a refusal counts even where its words cannot be read.
import type { OutboundResponse } from '../../kernel/outbound.ts';

const LONGEST_URL = 8192;

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** The body; null for one of a refusal that cannot be read. Throws `OutboundError` for a success that breaks off. */
export async function readAnswer(response: OutboundResponse, maxBytes: number): Promise<string | null> {
  if (isSuccess(response.status)) return response.readText(maxBytes);
  // What a refusal says is a help, not the point: its status stands without it.
  return response.readText(maxBytes).catch(() => null);
}

/** The address of a picture, if `value` is one. */
export function pictureUrl(value: unknown): string | null {
  if (typeof value !== 'string' || value.length > LONGEST_URL) return null;
  return /^https?:\/\//i.test(value) && URL.canParse(value) ? value : null;
}
