// The sandbox's models, as data.
import type { Capabilities, ProviderModel } from '../provider.ts';

export const SANDBOX_CAPABILITIES: Capabilities = {
  modes: ['text-to-image', 'image-to-image', 'upscale'],
  sizes: { minSide: 64, maxSide: 2048, maxPixels: 4_194_304, multiple: 1 },
  aspectRatios: ['1:1', '4:3', '3:4', '3:2', '2:3', '16:9', '9:16'],
  maxImages: 8,
  maxInputImages: 4,
  negativePrompt: true,
  seed: true,
  mask: true,
  strength: true,
  cancel: true,
  progress: true,
  lookup: true,
  idempotentSubmit: true,
  callback: false,
};

export type SandboxModelName = 'sandbox' | 'sandbox-slow' | 'sandbox-flaky';

/** `priceMicros` is the price of one picture in micro-credits; `slowSeconds` is what `sandbox-slow` takes. */
export function sandboxModels(priceMicros: number, slowSeconds: number): readonly ProviderModel[] {
  const model = (name: SandboxModelName, en: string, zh: string, typicalSeconds: number): ProviderModel => ({
    name,
    title: { en, zh },
    capabilities: SANDBOX_CAPABILITIES,
    priceMicros,
    typicalSeconds,
  });
  return [
    model('sandbox', 'Sandbox', '沙盒', 1),
    model('sandbox-slow', 'Sandbox, slow', '沙盒(慢速)', slowSeconds),
    model('sandbox-flaky', 'Sandbox, flaky', '沙盒(故障演练)', 1),
  ];
}
