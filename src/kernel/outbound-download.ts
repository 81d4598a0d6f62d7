// Downloads of pictures, bounded and with errors that tell a user nothing about the network behind this server.
import { AppError } from './errors.ts';
import { MOST_REDIRECTS, type Outbound } from './outbound.ts';
import type { AddressPolicy } from './outbound-address.ts';
import { OutboundError } from './outbound-error.ts';

/** A picture that trickles slower than this is given up; a phone line is a hundred times faster. */
const MIN_BYTES_PER_S = 1024;

export interface DownloadOptions {
  url: string;
  allow: AddressPolicy;
  /** Exact `host:port` pairs that may be fetched from although they are not public. */
  allowHosts?: readonly string[];
  maxBytes: number;
  /** A proxy's address to use instead of the environment's, or `direct` for none. */
  proxy?: string;
  purpose: string;
  signal: AbortSignal;
}

/** The body of a 200 answer. Throws `image_invalid` for any other, and OutboundError where the exchange failed. */
export async function download(
  outbound: Outbound,
  options: DownloadOptions,
): Promise<AsyncIterable<Uint8Array>> {
  const response = await outbound.request({
    method: 'GET',
    ...options,
    minBytesPerS: MIN_BYTES_PER_S,
    followRedirects: MOST_REDIRECTS,
  });
  if (response.status === 200) return response.body;
  response.discard();
  throw new AppError('image_invalid', {
    detail: `The address of the picture answered with status ${response.status}.`,
  });
}

/** As `download`, for an address that a caller gave: every failure is the caller's `image_invalid`, without a reason that maps our network. */
export async function downloadForCaller(
  outbound: Outbound,
  options: DownloadOptions,
): Promise<AsyncIterable<Uint8Array>> {
  const fail = (error: unknown): never => {
    throw error instanceof OutboundError
      ? new AppError('image_invalid', { detail: error.userDetail })
      : error;
  };
  const body = await download(outbound, options).catch(fail);
  return (async function* () {
    try {
      yield* body;
    } catch (error) {
      fail(error);
    }
  })();
}
