// Every call that saving a picture makes to the operating system fails once, the first, the second, … until a save meets no
// fault any more. After each: nothing partial is visible, no row lacks its file, and the next save works.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, test } from 'node:test';
import { type Answer, injectionUnavailable, SavingProcess, traced } from './disk-injector.ts';

const skip = injectionUnavailable();
/** What the process uses to wake itself goes through write too; a fault there ends it, which must do no harm either. */
const CALLS = 'openat,mkdir,write,pwrite64,fchmod,fsync,rename';
const EXPECTED = new Set(['storage_full', 'storage_unavailable', 'database_unavailable']);
/** A save makes fewer calls of each kind. */
const MOST_CALLS = 80;

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

describe('G16: each call of a save fails once', { skip }, () => {
  const processes: SavingProcess[] = [];
  after(() => Promise.all(processes.map((one) => one.close())));

  async function started(): Promise<{ saving: SavingProcess; good: Set<string> }> {
    const saving = new SavingProcess();
    processes.push(saving);
    await saving.start();
    const first = await saving.ask('save');
    return { saving, good: new Set([first.sha256, first.thumb.sha256]) };
  }

  /** Every visible file is one of the two that a save makes, whole. */
  function requireWholeFiles({ root }: SavingProcess, good: ReadonlySet<string>, what: string): void {
    for (const path of globSync(join(root, '{original,final,hd,thumb}/*/*')))
      assert.ok(good.has(sha256(path)), `${what}: ${path} is not whole`);
  }

  async function requireRowsWithFiles(saving: SavingProcess, what: string): Promise<void> {
    const { checks } = await saving.ask('check');
    const files = checks.find(({ name }: Answer) => name === 'media.files');
    assert.deepEqual([files.state, files.examples], ['ok', []], what);
  }

  /** Breaks the Nth call; returns how many calls were broken, and the first of them. */
  async function breakOne(
    saving: SavingProcess,
    good: ReadonlySet<string>,
    call: string,
    error: string,
    when: number,
  ) {
    const what = `${error} at ${call} ${when}`;
    const { result, broken } = await traced(saving.pid, { calls: call, fault: { call, error, when } }, () =>
      saving.ask('save'),
    );
    if (result?.ok === false) assert.ok(EXPECTED.has(result.code), `${what}: ${result.code}`);
    requireWholeFiles(saving, good, what);
    const next = await saving.ask('save');
    assert.equal(next?.ok, true, `${what}: the next save: ${JSON.stringify(next)}`);
    return { broken, result };
  }

  for (const call of ['openat', 'mkdir', 'fchmod', 'fsync', 'rename', 'pwrite64']) {
    test(`F1 F2: ENOSPC and EIO at every ${call}`, async () => {
      const { saving, good } = await started();
      let failed = 0;
      for (const error of ['ENOSPC', 'EIO']) {
        for (let when = 1; ; when += 1) {
          assert.ok(when < MOST_CALLS);
          const { broken, result } = await breakOne(saving, good, call, error, when);
          if (broken.length === 0) break;
          if (result?.ok !== true) failed += 1;
        }
        await requireRowsWithFiles(saving, `${error} at ${call}`);
      }
      assert.ok(failed > 0, 'no fault reached anything that matters');
    });
  }

  test('F1 F2: ENOSPC and EIO while the bytes of a picture are written', async () => {
    const { saving, good } = await started();
    const { log } = await traced(saving.pid, { calls: 'write' }, () => saving.ask('save'));
    const lines = log.split('\n');
    const hit = lines.find((line) => line.includes('/.staging/')) ?? assert.fail(log);
    const thread = hit.split(' ')[0] ?? '';
    const place = lines.filter((line) => line.startsWith(`${thread} `)).indexOf(hit) + 1;
    for (const error of ['ENOSPC', 'EIO']) {
      let hits = 0;
      // How often the process wakes itself before it writes differs by a few.
      for (let when = Math.max(1, place - 2); when <= place + 4; when += 1) {
        const { broken, result } = await breakOne(saving, good, 'write', error, when);
        if (!broken.some((line) => line.includes('/.staging/'))) continue;
        hits += 1;
        assert.notEqual(result?.ok, true, 'a write that failed was taken for one that worked');
        break;
      }
      assert.ok(hits > 0, `no write of the picture was broken with ${error}`);
    }
    await requireRowsWithFiles(saving, 'write');
  });

  test('F2: a file whose fsync failed is not synced again, and its bytes are written anew', async () => {
    const { saving } = await started();
    for (let when = 1; ; when += 1) {
      assert.ok(when < MOST_CALLS, 'no fsync of a picture was broken');
      const fault = { call: 'fsync', error: 'EIO', when };
      const { broken, log } = await traced(saving.pid, { calls: CALLS, fault }, () => saving.ask('save'));
      const path = broken.map((line) => /<([^>]*\.part)>/.exec(line)?.[1]).find(Boolean);
      if (!path) continue;
      const later = log
        .split('\n')
        .slice(log.split('\n').findIndex((line) => line.includes('(INJECTED)')) + 1);
      assert.deepEqual(
        later.filter((line) => line.includes(path) && /fsync|rename/.test(line)),
        [],
      );
      assert.equal(globSync(path).length, 0, 'the file whose sync failed is still there');
      break;
    }
  });
});

test('R6 F5: a picture is written, synced, renamed and its folder synced, in this order, before its row is committed', {
  skip,
}, async () => {
  const saving = new SavingProcess();
  try {
    await saving.start();
    await saving.ask('save');
    const { result, log } = await traced(saving.pid, { calls: CALLS }, () => saving.ask('save'));
    for (const key of [result.key, result.thumb.key]) {
      const lines = log.split('\n');
      const renamed = lines.findIndex((line) => line.includes('rename(') && line.includes(key));
      const staged = /rename\("([^"]+)", "([^"]+)"/.exec(lines[renamed] ?? '') ?? assert.fail(log);
      const [, from = '', to = ''] = staged;
      const folder = to.slice(0, to.lastIndexOf('/'));
      const lastWrite = lines.findLastIndex((line) => line.includes('write(') && line.includes(`<${from}>`));
      const synced = lines.findIndex((line) => line.includes('fsync(') && line.includes(`<${from}>`));
      const folderSynced = lines.findIndex(
        (line, index) => index > renamed && line.includes('fsync(') && line.includes(`<${folder}>`),
      );
      const committed = lines.findLastIndex((line) => line.includes('fsync(') && line.includes('.db-wal>'));
      // The thumbnail's bytes are written by the image process, which ended its work before this one synced them.
      const order = [lastWrite, synced, renamed, folderSynced, committed];
      assert.ok(synced >= 0 && folderSynced >= 0 && committed >= 0, log);
      assert.deepEqual(
        [...order].sort((a, b) => a - b),
        order,
        log,
      );
    }
  } finally {
    await saving.close();
  }
});

test('G16: EIO and ENOSPC at every write and sync of the database: what was confirmed is there, what was not said so', {
  skip,
}, async () => {
  const saving = new SavingProcess();
  try {
    await saving.start();
    const confirmed: string[] = [];
    let refused = 0;
    for (const [call, error] of [
      ['pwrite64', 'EIO'],
      ['pwrite64', 'ENOSPC'],
      ['fsync', 'EIO'],
    ] as const) {
      for (let when = 1; ; when += 1) {
        assert.ok(when < MOST_CALLS);
        const name = `${call}-${error}-${when}`;
        const { result, broken } = await traced(
          saving.pid,
          { calls: call, fault: { call, error, when } },
          () => saving.ask(`mark ${name}`),
        );
        if (result?.ok === true) confirmed.push(name);
        else {
          refused += 1;
          assert.ok(EXPECTED.has(result?.code), `${name}: ${result?.code}`);
        }
        const next = await saving.ask(`mark after-${name}`);
        assert.equal(next?.ok, true, `after ${name}: ${JSON.stringify(next)}`);
        confirmed.push(`after-${name}`);
        if (broken.length === 0) break;
      }
    }
    assert.ok(refused >= 3, `${refused} commits were refused`);
    await saving.kill();
    const db = new DatabaseSync(join(saving.dataDir, 'drawbridge.db'));
    const found = new Set(
      db
        .prepare('select name from operation_marks')
        .all()
        .map((row) => row.name),
    );
    assert.deepEqual(
      confirmed.filter((name) => !found.has(name)),
      [],
    );
    assert.deepEqual({ ...db.prepare('pragma integrity_check').get() }, { integrity_check: 'ok' });
    db.close();
  } finally {
    await saving.close();
  }
});
