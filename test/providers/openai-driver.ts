// The OpenAI-style provider for the conformance suite: the picture is inside the answer to the submit, and nothing can be
// asked later.
import type { TestContext } from 'node:test';
import { errorBody, FakeOpenAi } from '../harness/fake-openai.ts';
import { type Answer, type Driver, httpFaults, type Stage, send } from './driver.ts';

const KEY = 'sk-canary-openai-4f1c9d2e7b8a6035';
const refusal = (status: number, code: string): { at: 'submit'; answers: Answer[] } => ({
  at: 'submit',
  answers: [{ status, body: errorBody(code, `No. Key ${KEY} at 10.1.2.3.`) }],
});

async function start(t: TestContext): Promise<Stage> {
  const fake = await FakeOpenAi.start();
  t.after(() => fake.close());
  return {
    url: fake.baseUrl.replace(/\/v1$/, ''),
    moveTo: () => {},
    serve(picture) {
      fake.picture = picture;
    },
    next(_at, answers) {
      fake.script.push(
        ...answers.map((answer) => (response: Parameters<typeof send>[0]) => send(response, answer)),
      );
    },
    submits: () => fake.jobs.length,
    jobs: () => fake.jobs.length,
    polls: () => 0,
    downloads: () =>
      fake.requests.filter((line) => line.startsWith('GET') && !line.endsWith('/models')).length,
  };
}

export const openAiDriver: Driver = {
  name: 'openai',
  provider: 'openai',
  model: 'gpt-image-1',
  secrets: [KEY],
  can: { imageToImage: true, cancel: false, progress: false },
  canLookUp: false,
  settings: (url) => ({
    env: { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: `${url}/v1`, OPENAI_MODELS: 'gpt-image-1' },
  }),
  start,
  faults: httpFaults({
    expired: refusal(401, 'invalid_api_key'),
    quota: refusal(429, 'insufficient_quota'),
    refused: refusal(400, 'moderation_blocked'),
    withoutId: { at: 'submit', answers: [{ body: { created: 1_795_320_000, data: [] } }] },
    success: { created: 1_795_320_000, data: [{ b64_json: 'iVBORw0KGgo='.repeat(100) }] },
    lacks: ['polls', 'downloads'],
  }),
};
