// The ComfyUI adapter over fake servers, with a fake clock, and everything a job reports written down.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { createMemoryLogger, type MemoryLogger } from '../../src/kernel/log.ts';
import { createOutbound } from '../../src/kernel/outbound.ts';
import { type ComfyuiAdapter, createComfyuiProvider } from '../../src/providers/comfyui/comfyui.ts';
import { parseComfyuiSettings } from '../../src/providers/comfyui/comfyui-settings.ts';
import type {
  GenerationRequest,
  LocalFile,
  PollResult,
  Preview,
  SubmitResult,
} from '../../src/providers/provider.ts';
import { FakeClock } from './clock.ts';
import { type ComfyuiVersion, type FakeComfyui, startFakeComfyui } from './fake-comfyui.ts';

export const TEXT_REQUEST: GenerationRequest = {
  mode: 'text-to-image',
  model: 'comfyui',
  prompt: 'a red fox in the snow',
  negativePrompt: null,
  width: 512,
  height: 512,
  n: 1,
  seed: 41,
  strength: null,
  images: [],
  mask: null,
};

/** What a watched job reported. */
export interface Watched {
  fractions: number[];
  previews: Preview[];
  wakes: number;
  stop(): void;
}

export interface AdapterHarness {
  adapter: ComfyuiAdapter;
  clock: FakeClock;
  log: MemoryLogger;
  /** Texts of the files that were spooled. */
  spooled: string[];
  submit(clientRef: string, request?: Partial<GenerationRequest>): Promise<SubmitResult>;
  /** A submit that must be accepted. */
  accept(clientRef: string, request?: Partial<GenerationRequest>): Promise<string>;
  poll(jobId: string, request?: Partial<GenerationRequest>): Promise<PollResult>;
  watch(jobId: string): Watched;
  probe(): Promise<string | null>;
}

/** Starts fake servers and closes them with the test. */
export async function startFakes(
  t: TestContext,
  count: number,
  version: ComfyuiVersion = '0.27.1',
): Promise<FakeComfyui[]> {
  const fakes = await Promise.all(Array.from({ length: count }, () => startFakeComfyui(version)));
  t.after(() => Promise.all(fakes.map((fake) => fake.close())));
  return fakes;
}

/** An adapter over servers that are there already; closed with the test. */
export function openAdapter(
  t: TestContext,
  fakes: readonly FakeComfyui[],
  settings: Record<string, unknown> = {},
): AdapterHarness {
  const clock = new FakeClock();
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock, log });
  const parsed = parseComfyuiSettings({ url: fakes.map(({ url }) => url).join(','), ...settings });
  const adapter = createComfyuiProvider({ settings: parsed.settings, outbound, clock, log });
  t.after(async () => {
    await adapter.close();
    await outbound.close();
  });
  const { signal } = new AbortController();
  const spooled: string[] = [];
  const spool = async (source: AsyncIterable<Uint8Array>): Promise<LocalFile> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of source) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    spooled.push(bytes.toString());
    return { path: `spool-${spooled.length}`, bytes: bytes.length, mime: 'image/png' };
  };
  const submit: AdapterHarness['submit'] = (clientRef, request = {}) =>
    adapter.submit({
      signal,
      clientRef,
      request: { ...TEXT_REQUEST, ...request },
      spool,
      onProgress: () => {},
      onPreview: () => {},
      callbackUrl: null,
    });
  return {
    adapter,
    clock,
    log,
    spooled,
    submit,
    async accept(clientRef, request) {
      const result = await submit(clientRef, request);
      assert.ok(result.state === 'accepted');
      return result.jobId;
    },
    poll: (jobId, request = {}) =>
      adapter.poll({ signal, clientRef: 'any', jobId, request: { ...TEXT_REQUEST, ...request }, spool }),
    watch(jobId) {
      const watched: Watched = { fractions: [], previews: [], wakes: 0, stop: () => {} };
      const stop = adapter.watch?.({
        signal,
        clientRef: 'any',
        jobId,
        onProgress: (fraction) => watched.fractions.push(fraction),
        onPreview: (preview) => watched.previews.push(preview),
        onWake: () => {
          watched.wakes += 1;
        },
      });
      watched.stop = stop ?? (() => {});
      return watched;
    },
    probe: async () => (await adapter.probe({ signal })).note,
  };
}
