// KIE AI for the conformance suite: a task has an id, is asked about, and its picture is downloaded.
import type { TestContext } from 'node:test';
import { startFakeKie } from '../harness/fake-kie.ts';
import { type Driver, type Fault, httpFaults, type Stage } from './driver.ts';

const KEY = 'canarykie0123456789abcdef';
/** Most refusals come with HTTP 200. */
const envelope = (code: number, msg: string): Fault => ({
  at: 'submit',
  answers: [{ body: { code, msg: `${msg} ${KEY}`, data: null } }],
});

async function start(t: TestContext): Promise<Stage> {
  const fake = await startFakeKie(t);
  const count = (leg: string) => fake.calls.filter((call) => call.leg === leg).length;
  return {
    url: fake.url,
    moveTo(url) {
      fake.url = url;
    },
    serve(picture) {
      fake.picture = picture;
    },
    next(at, answers) {
      const script = { submit: fake.script.create, poll: fake.script.poll, download: fake.fileScript }[at];
      script.push(...answers);
    },
    submits: () => count('create'),
    jobs: () => count('create'),
    polls: () => count('poll'),
    downloads: () => fake.downloads.length,
  };
}

export const kieDriver: Driver = {
  name: 'kie',
  provider: 'kie',
  model: 'nano-banana-2',
  secrets: [KEY],
  can: { imageToImage: true, cancel: false, progress: false },
  canLookUp: false,
  settings: (url) => ({ env: { KIE_AI_API_KEY: KEY, KIE_AI_BASE_URL: url } }),
  start,
  faults: httpFaults({
    expired: envelope(401, 'You do not have access permissions'),
    quota: envelope(402, 'Credits insufficient'),
    refused: envelope(422, 'Your prompt was flagged as sensitive'),
    withoutId: { at: 'submit', answers: [{ body: { code: 200, msg: 'success', data: {} } }] },
    success: { code: 200, msg: 'success', data: { taskId: 'task_0' } },
  }),
};
