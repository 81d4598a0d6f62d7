// What lies in the store after a picture was published is compared with what was written, before anybody pays for it.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { AppError } from '../../src/kernel/errors.ts';
import { DiskStore } from '../../src/media/disk-store.ts';
import { newMediaKey, type StagedFile } from '../../src/media/media-store.ts';

const BYTES = Buffer.from('the bytes of a picture');

async function* chunk(): AsyncGenerator<Uint8Array> {
  yield BYTES;
}

/** Publishes a file that is not what was measured when it was staged, as after a cut or a flipped bit. */
async function assertRefused(verifyHash: boolean, spoil: (staged: StagedFile) => StagedFile): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'drawbridge-stored-'));
  try {
    const store = new DiskStore({ root, clock: systemClock, minFreeBytes: 0, verifyHash });
    await store.attach(null);
    const key = newMediaKey('png');
    const staged = await store.stage(chunk(), { maxBytes: BYTES.length });
    const hasCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
    await assert.rejects(store.publish(spoil(staged), 'final', key), hasCode('storage_unavailable'));
    await assert.rejects(store.open('final', key), hasCode('not_found'));
    await store.publish(staged, 'final', key);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

test('R6: a file of another size than was written is not published', () =>
  assertRefused(false, (staged) => ({ ...staged, bytes: staged.bytes + 1 })));

test('R6: a file with other bytes than were written is not published where that is checked', () =>
  assertRefused(true, (staged) => ({ ...staged, sha256: '0'.repeat(64) })));
