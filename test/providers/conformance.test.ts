// What every provider must do, through the whole program and against its own fake: each row is written once and run for each
// provider. The fake's own log decides: no job is made twice (P1), no request repeated (S13), no credential goes astray (P3),
// and no secret is shown (K1); the last two are checked at the end of every row.
import assert from 'node:assert/strict';
import { flatPng } from '../../src/media/test-pictures.ts';
import { open } from './kit.ts';
import { assertFailed, assertSucceeded, row } from './rows.ts';

row('S13 P1 P3: one task is one request, one job, one picture and one charge', async (t, driver) => {
  const play = await open(t, driver);
  const task = await play.ended(await play.create());
  assertSucceeded(task);
  assert.equal(task.provider, driver.provider);
  assert.deepEqual([await play.submits(), await play.jobs()], [1, 1]);
  const picture = await fetch(task.images[0].url);
  assert.equal(picture.status, 200);
  assert.match(picture.headers.get('content-type') ?? '', /^image\//);
  const lacksDownloads = Object.values(driver.faults).some(
    (fault) => fault.at === 'nowhere' && fault.lacks === 'downloads',
  );
  if (lacksDownloads) assert.equal(play.stage.downloads(), 0, 'the picture came inside an answer');
});

row('what it can do is what its models say', async (t, driver) => {
  const { app } = await open(t, driver);
  const models = (await app.request('GET', '/v1/models')).json.data;
  const model = models.find(({ id }: { id: string }) => id === driver.model);
  const { modes, cancel, progress } = model.drawbridge.capabilities;
  assert.deepEqual({ imageToImage: modes.includes('image-to-image'), cancel, progress }, driver.can);
  const adapter = app.app.providers.adapter(driver.provider);
  const own = adapter?.models.find(({ name }) => name === driver.model)?.capabilities;
  assert.deepEqual([own?.lookup, own?.cancel], [driver.canLookUp, adapter?.cancel !== undefined]);
  for (const fault of Object.values(driver.faults)) {
    if (fault.at !== 'nowhere') continue;
    if (fault.lacks === 'address') assert.deepEqual(adapter?.endpoints, []);
    if (fault.lacks === 'credentials')
      assert.deepEqual([driver.secrets, adapter?.credentials], [[], undefined]);
    if (fault.lacks === 'polls')
      assert.deepEqual(
        [own?.cancel, own?.progress, own?.lookup, own?.callback],
        [false, false, false, false],
      );
  }
});

row('a picture from a picture, or a refusal before anything is sent', async (t, driver) => {
  const play = await open(t, driver);
  const images = [{ b64: flatPng(512, 512).toString('base64') }];
  if (driver.can.imageToImage) {
    assertSucceeded(await play.ended(await play.create('', { images })));
    assert.equal(await play.submits(), 1);
    return;
  }
  const body = { prompt: 'a fox', model: driver.model, size: '512x512', images };
  const answer = await play.app.request('POST', '/v1/tasks', body);
  assert.equal(answer.status, 422, answer.text);
  assert.equal(await play.submits(), 0);
});

row('X3: a cancel stops the job where it can be stopped, and says so where it cannot', async (t, driver) => {
  const play = await open(t, driver);
  const gate = Promise.withResolvers<void>();
  const isHeld = driver.can.cancel ? null : { status: 500, after: gate.promise };
  if (isHeld) play.stage.next('submit', [isHeld]);
  const { work } = play.stage;
  play.stage.work = () => {};
  const id = await play.create('[sandbox:delay=10m]');
  await play.run(async () => (await play.submits()) === 1, 'the submit', 0);
  assert.ok((await play.app.request('POST', `/v1/tasks/${id}/cancel`)).status < 300);
  if (driver.can.cancel) {
    const task = await play.ended(id);
    assert.deepEqual([task.status, task.cost.captured], ['cancelled', 0]);
  } else {
    assert.equal(
      (await play.show(id)).status === 'cancelled',
      false,
      'what may be painting is not called cancelled',
    );
    gate.resolve();
    assertFailed(await play.ended(id), 'submit_unknown');
  }
  if (work) play.stage.work = work;
  assert.equal(await play.submits(), 1, 'P2: nothing is sent after a cancel');
});

row('progress is shown where there is any, never goes back, and ends at the end', async (t, driver) => {
  const play = await open(t, driver);
  play.stage.hold?.();
  const id = await play.create('[sandbox:delay=30s]');
  const seen: number[] = [];
  let steps = 0;
  await play.run(async () => {
    const task = await play.show(id);
    if (typeof task.progress === 'number') seen.push(task.progress);
    const isUnderWay = seen.some((fraction) => fraction > 0 && fraction < 1);
    if (driver.can.progress && !isUnderWay && task.phase === 'waiting' && play.stage.step && steps < 3) {
      steps += 1;
      play.stage.step();
    }
    if (isUnderWay && play.stage.finish) play.stage.finish();
    return ['succeeded', 'failed'].includes(task.status);
  }, 'the end of the task');
  assertSucceeded(await play.show(id));
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
  );
  assert.equal(
    seen.some((fraction) => fraction > 0 && fraction < 1),
    driver.can.progress,
  );
});

row('S1: a service that is away gets its task when it is back, once', async (t, driver) => {
  const play = await open(t, driver);
  if (!play.wire) {
    const task = await play.ended(await play.create('[sandbox:fault=unreachable times=1]'));
    assertSucceeded(task);
    return assert.equal(await play.jobs(), 1);
  }
  await play.wire.cut();
  const id = await play.create();
  await play.run(async () => (await play.show(id)).waiting_reason !== null, 'the reason');
  const waiting = await play.show(id);
  assert.equal(waiting.finished_at, null, 'what was not sent is no failure');
  assert.equal(await play.submits(), 0);
  await play.wire.mend();
  assertSucceeded(await play.ended(id));
  assert.equal(await play.submits(), 1);
});
