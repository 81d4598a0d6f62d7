// A package of the AI SDK (fal's dialect) for the conformance suite: addresses of pictures come with the answer to the submit.
import type { TestContext } from 'node:test';
import { startFakeImageService } from '../harness/fake-image-service.ts';
import { type Driver, type Fault, httpFaults, type Stage } from './driver.ts';

const KEY = 'canaryfal0123456789abcdef';
const refusal = (status: number, detail: string): Fault => ({
  at: 'submit',
  answers: [{ status, body: { detail: `${detail} ${KEY}` } }],
});

async function start(t: TestContext): Promise<Stage> {
  const fake = await startFakeImageService(t);
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
      // Checks are reads too: what is meant for downloads waits until there is something to download.
      fake.onSubmit = () => {
        fake.onSubmit = () => {};
        fake.readScript.push(...answers);
      };
    },
    submits: () => fake.submits.length,
    jobs: () => fake.submits.length,
    polls: () => 0,
    downloads: () => fake.reads.filter(({ path }) => path.startsWith('/files/')).length,
  };
}

export const aiSdkDriver: Driver = {
  name: 'ai_sdk',
  provider: 'ai_sdk',
  model: 'flux',
  secrets: [KEY],
  can: { imageToImage: false, cancel: false, progress: false },
  canLookUp: false,
  settings: (url) => ({
    env: {},
    yaml: `  ai_sdk: {package: '@ai-sdk/fal', api_key: ${KEY}, models: [{model: fal-ai/flux/schnell, name: flux, base_url: '${url}'}]}\n`,
  }),
  start,
  faults: httpFaults({
    expired: refusal(401, 'Invalid credentials'),
    quota: refusal(403, 'User is locked. Reason: Exhausted balance.'),
    refused: refusal(422, 'The content was flagged by a content checker'),
    withoutId: {
      at: 'submit',
      answers: [{ body: { images: [], seed: 1, prompt: 'x' } }],
      // It says that it is done, with nothing to show.
      error: 'provider_rejected',
    },
    success: { images: [{ url: 'https://files.example/1.png' }], seed: 7, prompt: 'a paper boat' },
    lacks: ['polls'],
  }),
};

/** Another package and dialect behind the same adapter: OpenAI's, with the picture inside the answer. */
export const aiSdkOpenAiDriver: Driver = {
  ...aiSdkDriver,
  name: 'ai_sdk in OpenAI’s dialect',
  model: 'painter',
  settings: (url) => ({
    env: {},
    yaml: `  ai_sdk: {package: '@ai-sdk/openai-compatible', api_key: ${KEY}, models: [{model: painter-1, name: painter, base_url: '${url}/v1', max_input_images: 0}]}\n`,
  }),
  faults: httpFaults({
    expired: refusal(401, 'Incorrect API key provided'),
    quota: refusal(402, 'Insufficient balance'),
    refused: refusal(400, 'Rejected by our content policy'),
    withoutId: { at: 'submit', answers: [{ body: { created: 1, data: [] } }], error: 'provider_rejected' },
    success: { created: 1, data: [{ b64_json: 'iVBORw0KGgo='.repeat(100) }] },
    lacks: ['polls', 'downloads'],
  }),
};
