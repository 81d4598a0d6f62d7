// Which configured sections have an adapter, and how each is opened. Adapters are loaded only when they are configured.
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';
import type { Outbound } from '../kernel/outbound.ts';
import { hostAndPort } from '../kernel/outbound-address.ts';
import type { ProviderEntry } from './providers.ts';

type RawSection = Readonly<Record<string, unknown>>;

export interface AdapterWorld {
  outbound: Outbound;
  clock: Clock;
  log: Logger;
}

type Open = (raw: RawSection, world: AdapterWorld) => Promise<Pick<ProviderEntry, 'adapter' | 'lane'>>;

/** The operator's own addresses: results on exactly these hosts and ports may be fetched, in a LAN too. */
function trustedHostsOf(raw: RawSection): string[] {
  const addresses = [raw.url, raw.base_url].flatMap((value) =>
    typeof value === 'string' ? value.split(',') : [],
  );
  return addresses.flatMap((address) => {
    const text = address.trim();
    return URL.canParse(text) ? [hostAndPort(new URL(text))] : [];
  });
}

/** In the order in which they offer models: the first to serve a name keeps it. */
const ADAPTERS: Readonly<Record<string, Open>> = {
  async openai(raw, world) {
    const { createOpenAiProvider } = await import('./openai/openai.ts');
    const { parseOpenAiSettings } = await import('./openai/openai-settings.ts');
    const { settings, lane } = parseOpenAiSettings(raw);
    return { adapter: createOpenAiProvider({ settings, ...world }), lane };
  },
  async comfyui(raw, world) {
    const { createComfyuiProvider } = await import('./comfyui/comfyui.ts');
    const { parseComfyuiSettings } = await import('./comfyui/comfyui-settings.ts');
    const { settings, lane } = parseComfyuiSettings(raw);
    return { adapter: createComfyuiProvider({ settings, ...world }), lane };
  },
  async jimeng(raw, world) {
    const { createJimengProvider } = await import('./jimeng/jimeng.ts');
    const { parseJimengSettings } = await import('./jimeng/jimeng-settings.ts');
    const { settings, lane } = parseJimengSettings(raw);
    return { adapter: createJimengProvider({ settings, ...world }), lane };
  },
  async kie(raw, world) {
    const { createKieProvider } = await import('./kie/kie.ts');
    const { parseKieSettings } = await import('./kie/kie-settings.ts');
    const { settings, lane } = parseKieSettings(raw);
    return { adapter: createKieProvider({ settings, ...world }), lane };
  },
};

/** Whether a configured section is one that this version can use. */
export function hasAdapter(name: string): boolean {
  return Object.hasOwn(ADAPTERS, name);
}

/** Opens the adapters of all configured sections that have one. Throws what is wrong with a section, in plain words. */
export async function openConfiguredProviders(
  sections: Readonly<Record<string, RawSection>>,
  openWorld: () => Promise<AdapterWorld>,
): Promise<ProviderEntry[]> {
  const wanted = Object.entries(ADAPTERS).filter(([name]) => sections[name] !== undefined);
  if (wanted.length === 0) return [];
  const world = await openWorld();
  return Promise.all(
    wanted.map(async ([name, open]) => {
      const raw = sections[name] ?? {};
      return { ...(await open(raw, world)), trustedHosts: trustedHostsOf(raw) };
    }),
  );
}
