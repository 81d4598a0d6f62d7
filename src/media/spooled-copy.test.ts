// A picture that came inside a provider's answer, when the run that stores it breaks off: the spooled file must be there for
// the run that takes it up.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openTestDb } from '../../test/harness/database.ts';
import { png } from '../../test/harness/scripted-provider.ts';
import { systemClock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { createMemoryLogger } from '../kernel/log.ts';
import { createMedia } from './media.ts';

test('a spooled picture outlives the copy that is stored, and one that is gone is said to be', async () => {
  const { db, close } = await openTestDb('sqlite-inline');
  const root = mkdtempSync(join(tmpdir(), 'drawbridge-spooled-'));
  const media = createMedia({ db, clock: systemClock, log: createMemoryLogger(), root, minFreeBytes: 0 });
  try {
    await media.start();
    const bytes = await png(1);
    const { path } = await media.spool(
      (async function* () {
        yield bytes;
      })(),
    );
    const first = await media.ingestResult({ path: await media.copySpooled(path) });
    assert.ok(existsSync(path));
    // As after a crash between the storing and the commit.
    const second = await media.ingestResult({ path: await media.copySpooled(path) });
    assert.equal(second.sha256, first.sha256);
    assert.notEqual(second.fileKey, first.fileKey);
    await media.discard(path);
    await assert.rejects(
      media.copySpooled(path),
      (error) => error instanceof AppError && error.code === 'image_invalid',
    );
    const elsewhere = join(root, '..', 'elsewhere.png');
    assert.equal(await media.copySpooled(elsewhere), elsewhere);
  } finally {
    await media.close();
    await close();
    rmSync(root, { recursive: true, force: true });
  }
});
