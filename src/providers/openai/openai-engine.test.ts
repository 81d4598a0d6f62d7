// The whole program over a service that streams, or refuses to: one task makes one picture, whichever it is.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startTestApp } from '../../../test/harness/app.ts';
import { answer, errorBody, FakeOpenAi, streamEvent, streamed } from '../../../test/harness/fake-openai.ts';
import { systemClock } from '../../kernel/clock.ts';
import { createMemoryLogger } from '../../kernel/log.ts';
import { createOutbound } from '../../kernel/outbound.ts';
import { flatPng } from '../../media/test-pictures.ts';
import { createOpenAiProvider } from './openai.ts';
import { parseOpenAiSettings } from './openai-settings.ts';

const PICTURE = flatPng(64, 64);

async function open(t: TestContext) {
  const fake = await FakeOpenAi.start();
  fake.picture = PICTURE;
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock: systemClock, log });
  const { settings, lane } = parseOpenAiSettings({
    api_key: 'key',
    base_url: fake.baseUrl,
    models: 'gpt-image-2',
    stream: 'on',
  });
  const adapter = createOpenAiProvider({ settings, outbound, clock: systemClock, log });
  const app = await startTestApp({ providers: [{ adapter, lane }] });
  t.after(async () => {
    await app.close();
    await outbound.close();
    await fake.close();
  });
  const paint = async () =>
    (
      await app.request(
        'POST',
        '/v1/tasks',
        { prompt: 'a lighthouse', model: 'gpt-image-2' },
        { prefer: 'wait=30' },
      )
    ).json;
  return { fake, paint };
}

test('S8 S13: a service without streams is asked once with and once without, and paints one picture', async (t) => {
  const { fake, paint } = await open(t);
  fake.script.push(answer(400, errorBody('unknown_parameter', "Unknown parameter: 'stream'.")));
  const task = await paint();
  assert.equal(task.status, 'succeeded', JSON.stringify(task.error));
  assert.equal(task.images.length, 1);
  assert.deepEqual(
    fake.jobs.map(({ fields }) => fields.stream),
    [true, undefined],
  );
});

test('a streamed picture is kept; a stream that breaks off before it is never sent again', async (t) => {
  const { fake, paint } = await open(t);
  const b64_json = PICTURE.toString('base64');
  const partial = streamEvent('image_generation.partial_image', { partial_image_index: 0, b64_json });
  fake.script.push(streamed([partial, streamEvent('image_generation.completed', { b64_json })]));
  const whole = await paint();
  assert.equal(whole.status, 'succeeded', JSON.stringify(whole.error));
  fake.script.push(streamed([partial], 'cut'));
  const cut = await paint();
  assert.equal(cut.error.code, 'submit_unknown');
  assert.equal(cut.cost.captured, 0);
  assert.equal(fake.jobs.length, 2);
});
