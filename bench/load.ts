// A load of POSTs with a fresh Idempotency-Key each, by autocannon in this process.
import autocannon from 'autocannon';

export interface LoadResult {
  perSecond: number;
  p99Ms: number;
}

/** Throws when any answer was not 202: a fast refusal is no accept. */
export async function load(options: {
  url: string;
  key: string;
  body: string;
  connections: number;
  seconds: number;
}): Promise<LoadResult> {
  let next = 0;
  const run = `${process.pid}-${performance.now().toString(36)}`;
  const result = await autocannon({
    url: options.url,
    connections: options.connections,
    duration: options.seconds,
    requests: [
      {
        method: 'POST',
        body: options.body,
        setupRequest: (request) => ({
          ...request,
          headers: {
            'content-type': 'application/json',
            authorization: `Bearer ${options.key}`,
            'idempotency-key': `${run}-${next++}`,
          },
        }),
      },
    ],
  });
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(
      `${result.non2xx} answers were refusals and ${result.errors} calls failed at ${options.url}`,
    );
  }
  return { perSecond: result['2xx'] / result.duration, p99Ms: result.latency.p99 };
}
