// All providers that make pictures, for suites that run over each of them.
import { aiSdkDriver, aiSdkOpenAiDriver } from './ai-sdk-driver.ts';
import { comfyUiDriver } from './comfyui-driver.ts';
import type { Driver } from './driver.ts';
import { jimengDriver } from './jimeng-driver.ts';
import { kieDriver } from './kie-driver.ts';
import { openAiDriver } from './openai-driver.ts';
import { sandboxDriver } from './sandbox-driver.ts';

/** One for each provider, so that all can be configured at once. */
export const DRIVERS: readonly Driver[] = [
  openAiDriver,
  comfyUiDriver,
  jimengDriver,
  kieDriver,
  aiSdkDriver,
  sandboxDriver,
];

/** Also further dialects behind the same adapter, one at a time. */
export const ALL_DIALECTS: readonly Driver[] = [...DRIVERS, aiSdkOpenAiDriver];
