// What the tests of adapters ask for, and how they look at what came of it.
import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type GenerationRequest, type LocalFile, ProviderError } from '../../src/providers/provider.ts';

/** A picture from a text: one, square, without any wish beyond. */
export function requestFor(model: string, changes: Partial<GenerationRequest> = {}): GenerationRequest {
  return {
    mode: 'text-to-image',
    model,
    prompt: 'a paper boat',
    negativePrompt: null,
    width: 1024,
    height: 1024,
    n: 1,
    seed: 7,
    strength: null,
    images: [],
    mask: null,
    ...changes,
  };
}

/** The failure of a call, which must show no secret (canaries), address or markup. */
export async function failureOf(promise: Promise<unknown>): Promise<ProviderError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof ProviderError, String(error));
    assert.doesNotMatch(error.message, /canary|127\.0\.0\.1|<html/i);
    return error;
  }
  assert.fail('it did not fail');
}

/** An input picture in a folder of its own, which goes with the test. */
export async function inputPicture(t: TestContext, bytes: Buffer): Promise<LocalFile> {
  const folder = await mkdtemp(join(tmpdir(), 'drawbridge-input-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'in.png');
  await writeFile(path, bytes);
  return { path, bytes: bytes.length, mime: 'image/png' };
}

/** Keeps what it is given as files of `folder`. */
export function spoolInto(folder: string): (source: AsyncIterable<Uint8Array>) => Promise<LocalFile> {
  let files = 0;
  return async (source) => {
    files += 1;
    const path = join(folder, `spooled-${files}`);
    await writeFile(path, source);
    return { path, bytes: (await stat(path)).size, mime: 'image/png' };
  };
}
