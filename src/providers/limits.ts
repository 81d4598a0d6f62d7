// Request rates as token buckets: a bucket refills evenly and holds a tenth of a minute's requests, so that a pause is not
// answered by a burst of a whole minute.

/** What a bucket may save up, as a share of a minute's requests. */
const BURST_SHARE = 0.1;
const MS_PER_MINUTE = 60_000;

export interface Bucket {
  tokens: number;
  refilledAt: number;
}

/** The most tokens that a bucket of this rate holds. */
export function bucketSize(perMinute: number): number {
  return Math.max(1, Math.floor(perMinute * BURST_SHARE));
}

/** The bucket as it is `now`; a new one is full. A clock that went back refills nothing and takes nothing away. */
export function refill(bucket: Bucket | null, perMinute: number, now: number): Bucket {
  const size = bucketSize(perMinute);
  if (!bucket) return { tokens: size, refilledAt: now };
  const gained = (Math.max(0, now - bucket.refilledAt) * perMinute) / MS_PER_MINUTE;
  return { tokens: Math.min(size, bucket.tokens + gained), refilledAt: now };
}

/** Milliseconds until the bucket has a whole token. */
export function untilNextTokenMs(bucket: Bucket, perMinute: number): number {
  return bucket.tokens >= 1 ? 0 : Math.ceil(((1 - bucket.tokens) * MS_PER_MINUTE) / perMinute);
}
