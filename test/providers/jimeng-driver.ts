// jimeng for the conformance suite: addresses of pictures come with the answer to the submit, and nothing can be asked later.
import type { TestContext } from 'node:test';
import { fakePictures, startFakeJimeng } from '../harness/fake-jimeng.ts';
import { type Driver, type Fault, httpFaults, type Stage } from './driver.ts';

const SESSION = 'canaryjimeng0123456789abcdef';
/** The service says 200 to everything. */
const envelope = (code: number, message: string): Fault => ({
  at: 'submit',
  answers: [{ body: { code, message, data: null } }],
});

async function start(t: TestContext): Promise<Stage> {
  const fake = await startFakeJimeng(t);
  return {
    url: fake.url,
    moveTo(url) {
      fake.url = url;
    },
    serve(picture) {
      fake.picture = picture;
    },
    next(at, answers) {
      if (at === 'submit') return void fake.script.push(...answers);
      // It paints four at once; one is enough to see what becomes of it.
      fake.script.push({ body: fakePictures(1, `${fake.url}/files`) });
      fake.fileScript.push(...answers);
    },
    submits: () => fake.submissions.length,
    jobs: () => fake.submissions.length,
    polls: () => 0,
    downloads: () => fake.downloads.length,
  };
}

export const jimengDriver: Driver = {
  name: 'jimeng',
  provider: 'jimeng',
  model: 'jimeng-4.5',
  secrets: [SESSION],
  can: { imageToImage: true, cancel: false, progress: false },
  canLookUp: false,
  settings: (url) => ({ env: { JIMENG_URL: url, JIMENG_SESSION_ID: SESSION } }),
  start,
  faults: httpFaults({
    expired: envelope(-2002, `[登录失效]: ${SESSION}`),
    quota: envelope(-2009, `[积分不足]: ${SESSION}`),
    refused: envelope(-2006, '[内容违规]: 10.1.2.3'),
    withoutId: {
      at: 'submit',
      answers: [{ body: { created: 1_795_320_000, data: [] } }],
      // It says that it is done, with nothing to show.
      error: 'image_invalid',
    },
    success: fakePictures(1),
    lacks: ['polls'],
  }),
};
