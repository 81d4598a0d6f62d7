// The sandbox's bad outcomes in the engine's terms: the faults it was asked for, and what goes wrong in earnest.
import { type PollResult, ProviderError } from '../provider.ts';
import { type FaultKind, timeoutCreated } from './faults.ts';
import { PaintError } from './painter.ts';

/** What a rate-limited submission is asked to wait. */
const RETRY_AFTER_MS = 2000;

/** Throws the faults after which no job exists. */
export function throwBeforeJob(fault: FaultKind, clientRef: string): void {
  switch (fault) {
    case 'unreachable':
      throw new ProviderError('unreachable', 'no', 'The sandbox pretends that it cannot be reached');
    case 'rate_limited':
      throw new ProviderError('rate_limited', 'no', 'The sandbox pretends to have too many requests', {
        retryAfterMs: RETRY_AFTER_MS,
      });
    case 'unavailable':
      throw new ProviderError('unavailable', 'no', 'The sandbox pretends to be down');
    case 'content_blocked':
      throw new ProviderError(
        'content_blocked',
        'no',
        'The sandbox pretends that its filter refused the prompt',
      );
    case 'submit_timeout':
    case 'submit_timeout_created':
    case 'submit_timeout_absent':
      if (!timeoutCreated(fault, clientRef))
        throw new ProviderError('timeout', 'unknown', 'The sandbox did not answer in time');
  }
}

/** A cancelled job will deliver nothing more. */
export function cancelledResult(): PollResult {
  return { state: 'failed', error: new ProviderError('unavailable', 'yes', 'The job was cancelled') };
}

/** What a failed painting means to the engine: the job has failed, or should be asked about later. */
export function paintFailure(error: unknown): PollResult {
  if (!(error instanceof PaintError)) throw error;
  switch (error.reason) {
    case 'input-missing':
    case 'input-invalid':
      return { state: 'failed', error: new ProviderError('invalid_request', 'yes', error.message) };
    case 'failed':
      return {
        state: 'failed',
        error: new ProviderError('unavailable', 'yes', 'The sandbox could not paint the picture', {
          cause: error,
        }),
      };
    case 'disk':
      throw new ProviderError('unavailable', 'yes', 'The sandbox could not write the picture to its disk', {
        cause: error,
      });
    case 'closed':
      throw new ProviderError('unavailable', 'yes', 'The sandbox has been closed');
  }
}
