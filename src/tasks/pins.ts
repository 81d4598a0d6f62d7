// What an attempt is pinned to (rule R3, fault row S15): the addresses and the account it was sent with. When today's provider
// is not the one that has the job, nothing of the job is sent to it; the task waits until it is back, or until its deadline.
import { type ProviderAdapter, ProviderError } from '../providers/provider.ts';
import { sayRemark } from './remarks.ts';

export interface Pins {
  /** Base addresses when the attempt began; null in attempts of older versions. */
  endpoints: readonly string[] | null;
  credential: string | null;
  /** Whether the provider's own job id is known, which leads to the one of several addresses that has the job. */
  hasJob: boolean;
}

/** Nothing was sent: the provider that has the job is not the one that is configured. */
export class ProviderAwayError extends ProviderError {
  constructor(reason: string) {
    super('unreachable', 'no', reason);
  }
}

/** The endpoints of an attempt as they are stored. */
export function parseEndpoints(text: string | null): readonly string[] | null {
  return text === null ? null : (JSON.parse(text) as string[]);
}

/** Why a call about this attempt must not be made, in plain words; null when it may. */
export function whyAway(name: string, adapter: ProviderAdapter | null, pins: Pins | null): string | null {
  if (!adapter) return sayRemark('provider_gone', { provider: name });
  if (!pins) return null;
  const { endpoints, credential, hasJob } = pins;
  const today = new Set(adapter.endpoints);
  const isThere = (address: string) => today.has(address);
  // Without a job id, only all the addresses together can say that there is no job.
  if (endpoints && endpoints.length > 0 && !(hasJob ? endpoints.some(isThere) : endpoints.every(isThere)))
    return sayRemark('address_gone', { provider: name, addresses: endpoints.join(', ') });
  if (credential !== null && !adapter.credentials?.some(({ id }) => id === credential))
    return sayRemark('account_gone', { provider: name });
  return null;
}

/** Stands in for a provider that is away: every call fails without a byte being sent. */
export function awayAdapter(name: string, reason: string): ProviderAdapter {
  const refuse = () => Promise.reject(new ProviderAwayError(reason));
  return {
    name,
    models: [],
    endpoints: [],
    submit: refuse,
    poll: refuse,
    lookup: refuse,
    cancel: refuse,
    probe: refuse,
    close: async () => {},
  };
}
