// ComfyUI for the conformance suite: a job is found by our own reference, runs until the fake is told to go on, and tells its
// steps over a WebSocket.
import type { ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { startFakeComfyui } from '../harness/fake-comfyui.ts';
import { type Answer, type Driver, type Fault, httpFaults, type Stage, send } from './driver.ts';

const KEY = 'canarycomfyui0123456789abcdef';
const KINDS = { submit: 'POST /prompt', poll: 'GET /history', download: 'GET /view' };
const refusal = (status: number, body: unknown, error?: string): Fault => ({
  at: 'submit',
  answers: [{ status, body }],
  ...(error === undefined ? {} : { error }),
});

/** An answer that gets lost belongs to a job that was made. */
function loseAnswer(response: ServerResponse): 'normal' {
  response.end = () => response.destroy();
  return 'normal';
}

async function start(t: TestContext): Promise<Stage> {
  const fake = await startFakeComfyui();
  t.after(() => fake.close());
  const count = (kind: string) => fake.requests.filter((line) => line.startsWith(kind)).length;
  /** The next job runs step by step. */
  let isHeld = false;
  return {
    url: fake.url,
    moveTo: () => {},
    serve(picture) {
      fake.picture = picture;
    },
    next(at, answers) {
      const scriptFor = (answer: Answer) => async (_request: unknown, response: ServerResponse) => {
        if (at === 'submit' && answer.cut === 'reset') return loseAnswer(response);
        await send(response, answer);
        return undefined;
      };
      fake.next(KINDS[at], ...answers.map(scriptFor));
    },
    submits: () => count(KINDS.submit),
    jobs: () => fake.jobs.length,
    polls: () => count('GET /history') + count('GET /queue'),
    downloads: () => count(KINDS.download),
    work() {
      if (fake.waiting > 0 && !isHeld) fake.finishNext();
    },
    hold() {
      isHeld = true;
    },
    step() {
      if (fake.waiting > 0) fake.startNext();
      if (isHeld) fake.step();
    },
    finish() {
      if (isHeld) fake.finishNext();
      isHeld = false;
    },
  };
}

export const comfyUiDriver: Driver = {
  name: 'comfyui',
  provider: 'comfyui',
  model: 'comfyui',
  secrets: [KEY],
  can: { imageToImage: true, cancel: true, progress: true },
  canLookUp: true,
  settings: (url) => ({ env: { COMFYUI_URL: url, COMFYUI_API_KEY: KEY } }),
  start,
  faults: httpFaults({
    expired: refusal(401, {}),
    quota: refusal(402, {}),
    // It judges no contents: a workflow that it refuses is the nearest that it has.
    refused: refusal(
      400,
      { error: { type: 'invalid_prompt', message: `Bad at /root/${KEY}` } },
      'provider_rejected',
    ),
    withoutId: refusal(200, {}),
    success: { prompt_id: 'b8f1', number: 1, node_errors: {} },
  }),
};
