// The built-in sandbox for the conformance suite: no address, no credential and no download; its faults are asked for in the
// prompt, and its job log is a file.
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { readJobLog } from '../../src/providers/sandbox/job-log.ts';
import type { Driver, Fault, Stage } from './driver.ts';

const told = (fault: string): Fault => ({ at: 'prompt', words: `[sandbox:fault=${fault}]` });
const once = (fault: string): Fault => ({ at: 'prompt', words: `[sandbox:fault=${fault} times=1]` });
const without = (lacks: 'address' | 'credentials' | 'downloads'): Fault => ({ at: 'nowhere', lacks });

async function start(_t: TestContext): Promise<Stage> {
  return {
    url: '',
    moveTo: () => {},
    serve: () => {},
    next: () => {},
    submits: () => 0,
    jobs: () => 0,
    polls: () => 0,
    downloads: () => 0,
  };
}

/** Jobs that were made in a data folder. */
export async function sandboxJobs(dataDir: string): Promise<number> {
  return (await readJobLog(join(dataDir, 'sandbox'))).length;
}

export const sandboxDriver: Driver = {
  name: 'sandbox',
  provider: 'sandbox',
  model: 'sandbox-flaky',
  secrets: [],
  can: { imageToImage: true, cancel: true, progress: true },
  canLookUp: true,
  settings: () => ({ env: {} }),
  start,
  faults: {
    'reset after body': told('submit_timeout_created'),
    'status 524': once('submit_timeout_absent'),
    'status 500 page': without('address'),
    'rate limit': once('rate_limited'),
    'expired credential': without('credentials'),
    'empty account': without('credentials'),
    'refused content': told('content_blocked'),
    'page instead of answer': without('address'),
    'truncated answer': without('address'),
    'answer without id': without('address'),
    redirect: without('address'),
    'corrupt picture': told('corrupt'),
    'huge picture': without('address'),
    'truncated download': without('downloads'),
    'silent download': without('downloads'),
    'expired address': without('downloads'),
    'page instead of picture': without('downloads'),
    'failed polls': told('poll_error'),
  },
};
