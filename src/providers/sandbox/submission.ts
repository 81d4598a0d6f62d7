// What a submission must be to become a job, and how its input files are remembered: by path and content.
// Invariant: an input that changed after it was accepted is never painted from.
import { type GenerationRequest, type LocalFile, ProviderError } from '../provider.ts';
import { hashFile, type LoggedInput, type LoggedJob } from './job-log.ts';
import { SANDBOX_CAPABILITIES } from './models.ts';
import { PaintError } from './painter.ts';

/** A real provider refuses what it cannot do, too. */
export function checkRequest(request: GenerationRequest): void {
  const refuse = (message: string) => new ProviderError('invalid_request', 'no', message);
  const { sizes, maxImages, maxInputImages } = SANDBOX_CAPABILITIES;
  const { width, height, n, mode, images, model } = request;
  if (!['sandbox', 'sandbox-slow', 'sandbox-flaky'].includes(model))
    throw refuse('The sandbox has no such model');
  const sides = [width, height];
  if (sides.some((side) => !Number.isInteger(side) || side < sizes.minSide || side > sizes.maxSide)) {
    throw refuse(`Each side must be a whole number from ${sizes.minSide} to ${sizes.maxSide} pixels`);
  }
  if (width * height > sizes.maxPixels) throw refuse(`A picture may have at most ${sizes.maxPixels} pixels`);
  if (!Number.isInteger(n) || n < 1 || n > maxImages)
    throw refuse(`A job makes from 1 to ${maxImages} pictures`);
  if (images.length > maxInputImages) throw refuse(`A job takes at most ${maxInputImages} input images`);
  if (mode !== 'text-to-image' && images.length === 0) throw refuse('This mode needs an input image');
}

/** The request as the log keeps it. Throws `ProviderError` where an input cannot be read. */
export async function loggedRequest(request: GenerationRequest): Promise<LoggedJob['request']> {
  const { mode, prompt, negativePrompt, width, height, n, seed, strength } = request;
  const images = await Promise.all(request.images.map(loggedInput));
  const mask = request.mask ? await loggedInput(request.mask) : null;
  return { mode, prompt, negative_prompt: negativePrompt, width, height, n, seed, strength, images, mask };
}

async function loggedInput(file: LocalFile): Promise<LoggedInput> {
  try {
    return { path: file.path, bytes: file.bytes, mime: file.mime, sha256: await hashFile(file.path) };
  } catch (cause) {
    throw new ProviderError('invalid_request', 'no', 'An input image cannot be read', { cause });
  }
}

/** Where the logged input is now: at its logged path, or (after a restart) where the engine has put the same bytes. */
export async function pathOf(input: LoggedInput, current: LocalFile | null | undefined): Promise<string> {
  for (const path of [input.path, current?.path]) {
    if (path && (await hashFile(path).catch(() => null)) === input.sha256) return path;
  }
  throw new PaintError('input-missing', 'An input image is no longer there');
}
