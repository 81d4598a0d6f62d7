// Real providers by their environment names alone, through the whole program: a picture from an OpenAI-style server, its
// refusals as callers see them, and a key that appears nowhere.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestApp, type TestApp } from '../harness/app.ts';
import { answer, errorBody, FakeOpenAi } from '../harness/fake-openai.ts';
import { png } from '../harness/scripted-provider.ts';

const CANARY = 'sk-canary-4f1c9d2e7b8a6035';
let fake: FakeOpenAi;
let app: TestApp;

before(async () => {
  fake = await FakeOpenAi.start();
  fake.picture = await png(7);
  app = await startTestApp({ env: { OPENAI_API_KEY: CANARY, OPENAI_BASE_URL: fake.baseUrl } });
});

after(async () => {
  await app.close();
  await fake.close();
});

const paint = (fields: object = {}) =>
  app.request('POST', '/v1/tasks', { prompt: 'a lighthouse', ...fields }, { prefer: 'wait=30' });

test('OPENAI_API_KEY and OPENAI_BASE_URL alone give the default model a real provider', async () => {
  const models = (await app.request('GET', '/v1/models')).json.data;
  const chosen = models.find((model: { drawbridge: { is_default: boolean } }) => model.drawbridge.is_default);
  assert.equal(chosen.owned_by, 'openai');
  assert.equal(chosen.drawbridge.provider_state, 'healthy');
  const { status, json } = await paint();
  assert.equal(status, 200, JSON.stringify(json));
  assert.equal(json.status, 'succeeded', JSON.stringify(json.error));
  assert.equal(json.provider, 'openai');
  assert.equal(json.cost.captured, chosen.drawbridge.price_credits);
  const picture = await fetch(json.images[0].url);
  assert.equal(picture.headers.get('content-type'), 'image/png');
  assert.equal(fake.jobs.length, 1);
  assert.equal(fake.jobs[0]?.authorization, `Bearer ${CANARY}`);
});

test('S8: a refused content fails at once, is not sent again and costs nothing', async () => {
  const before = fake.jobs.length;
  fake.script.push(answer(400, errorBody('moderation_blocked', 'Your request was rejected.')));
  const { json } = await paint();
  assert.equal(json.error.code, 'content_blocked');
  assert.equal(json.cost.captured, 0);
  assert.equal(fake.jobs.length, before + 1);
});

test('S3: a gateway page after the request was sent is never answered with a second job', async () => {
  const before = fake.jobs.length;
  fake.script.push(answer(524, '<html><title>524: A timeout occurred</title></html>'));
  const { json } = await paint();
  assert.equal(json.error.code, 'submit_unknown');
  assert.doesNotMatch(JSON.stringify(json), /<html/);
  assert.equal(json.cost.captured, 0);
  assert.equal(fake.jobs.length, before + 1);
});

test('readiness counts the real provider, and the key is in no log and no answer', async () => {
  assert.equal((await app.request('GET', '/readyz')).status, 200);
  const seen = [
    app.log.text(),
    (await app.request('GET', '/v1/admin/status')).text,
    (await app.request('GET', '/v1/tasks')).text,
    (await app.request('GET', '/metrics')).text,
  ].join('\n');
  assert.ok(!seen.includes(CANARY), 'K1: a secret was shown');
});
