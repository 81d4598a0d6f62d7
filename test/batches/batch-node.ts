// `drawbridge serve` with one more provider, to be killed: it knows every job by its own reference, for ever, and paints a small
// picture in a time that is set, so that what is measured is Drawbridge.
import { Readable } from 'node:stream';
import { MessageChannel } from 'node:worker_threads';
import sharp from 'sharp';
import { createApp } from '../../src/app.ts';
import { runCli } from '../../src/cli/cli.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { findSectionProblems } from '../../src/providers/configured-providers.ts';
import type { ProviderAdapter } from '../../src/providers/provider.ts';

export const MODEL = 'batch-painter';
export const PRICE_CREDITS = 0.25;
export const CONCURRENCY = 16;
const { BATCH_PAINT_MS = '20' } = process.env;

function painter(picture: Buffer): ProviderAdapter {
  const capabilities = {
    modes: ['text-to-image' as const],
    sizes: { minSide: 16, maxSide: 1024, maxPixels: 1_048_576, multiple: 1 },
    aspectRatios: ['1:1'],
    maxImages: 1,
    maxInputImages: 0,
    negativePrompt: false,
    seed: true,
    mask: false,
    strength: false,
    cancel: false,
    progress: false,
    callback: false,
    lookup: true,
    idempotentSubmit: true,
  };
  const title = { en: MODEL, zh: MODEL };
  const priceMicros = PRICE_CREDITS * 1_000_000;
  return {
    name: MODEL,
    endpoints: [],
    models: [{ name: MODEL, title, capabilities, priceMicros, typicalSeconds: 1 }],
    submit: async ({ clientRef }) => ({
      state: 'accepted',
      jobId: clientRef,
      pollAfterMs: Number(BATCH_PAINT_MS),
    }),
    poll: async ({ spool }) => ({
      state: 'done',
      outputs: [{ file: await spool(Readable.from([picture])), seed: 1 }],
    }),
    lookup: async ({ clientRef }) => ({ state: 'found', jobId: clientRef }),
    probe: async () => ({ note: null }),
    close: async () => {},
  };
}

async function main(): Promise<void> {
  new MessageChannel().port1.on('message', () => {});
  const picture = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#369' } })
    .png()
    .toBuffer();
  const exitCode = await runCli(process.argv.slice(2), {
    createApp: (options) =>
      createApp({
        ...options,
        clock: systemClock,
        providers: [
          { adapter: painter(picture), lane: { concurrency: CONCURRENCY, deadlineMs: 5 * 60_000 } },
        ],
      }),
    findProviderProblems: ({ providerSections, origins }) => findSectionProblems(providerSections(), origins),
    contracts: async () => [],
    dataCopies: () => Promise.reject(new Error('This server makes no copies')),
  });
  process.exit(exitCode);
}

if (import.meta.main) await main();
