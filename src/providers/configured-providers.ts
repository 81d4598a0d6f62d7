// Which configured sections have an adapter, how each section is checked, and how its adapter is opened behind a door of
// its own. Adapters are loaded only when they are configured.
import type { Clock } from '../kernel/clock.ts';
import { meansUse, nameOfField } from '../kernel/config-externals.ts';
import type { ConfigIssue } from '../kernel/config-sources.ts';
import { AppError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import type { Outbound } from '../kernel/outbound.ts';
import { hostAndPort } from '../kernel/outbound-address.ts';
import { countingCalls } from './adapter-calls.ts';
import { parseLaneSettings } from './lane-settings.ts';
import type { ProviderAdapter } from './provider.ts';
import { proxyOfSection, throughProxy } from './provider-proxy.ts';
import type { LaneSettings, ProviderEntry } from './providers.ts';

/** A provider's section of the configuration, as text from the environment or as written in drawbridge.yaml. */
export type RawSection = Readonly<Record<string, unknown>>;
export type RawSections = Readonly<Record<string, RawSection>>;

export interface AdapterWorld {
  outbound: Outbound;
  clock: Clock;
  log: Logger;
}

/** A section that was checked. */
interface Prepared {
  lane: LaneSettings;
  /** It writes texts and makes no pictures. */
  isChat?: boolean;
  open(world: AdapterWorld): ProviderAdapter | Promise<ProviderAdapter>;
}

/** Checks a section; throws `validation_failed` that begins with `providers.<name>.<field>` and shows no value. */
type Prepare = (raw: RawSection) => Promise<Prepared>;

/** Answers that a language model writes at once. */
const CHAT_CONCURRENCY = 4;

/** The operator's own addresses: results on exactly these hosts and ports may be fetched, in a LAN too. */
function trustedHostsOf(raw: RawSection): string[] {
  const nested = Array.isArray(raw.models) ? raw.models.map((model) => model?.base_url) : [];
  const addresses = [raw.url, raw.base_url, ...nested].flatMap((value) =>
    typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value.map(String) : [],
  );
  return addresses.flatMap((address) => {
    const text = address.trim();
    const withScheme = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
    return URL.canParse(withScheme) ? [hostAndPort(new URL(withScheme))] : [];
  });
}

/** In the order in which they offer models: the first to serve a name keeps it. */
const ADAPTERS: Readonly<Record<string, Prepare>> = {
  async openai(raw) {
    const { createOpenAiProvider } = await import('./openai/openai.ts');
    const { parseOpenAiSettings } = await import('./openai/openai-settings.ts');
    const { settings, lane } = parseOpenAiSettings(raw);
    return { lane, open: (world) => createOpenAiProvider({ settings, ...world }) };
  },
  async comfyui(raw) {
    const { createComfyuiProvider } = await import('./comfyui/comfyui.ts');
    const { parseComfyuiSettings } = await import('./comfyui/comfyui-settings.ts');
    const { settings, lane } = parseComfyuiSettings(raw);
    return { lane, open: (world) => createComfyuiProvider({ settings, ...world }) };
  },
  async jimeng(raw) {
    const { createJimengProvider } = await import('./jimeng/jimeng.ts');
    const { parseJimengSettings } = await import('./jimeng/jimeng-settings.ts');
    const { settings, lane } = parseJimengSettings(raw);
    return { lane, open: (world) => createJimengProvider({ settings, ...world }) };
  },
  async kie(raw) {
    const { createKieProvider } = await import('./kie/kie.ts');
    const { parseKieSettings } = await import('./kie/kie-settings.ts');
    const { settings, lane } = parseKieSettings(raw);
    return { lane, open: (world) => createKieProvider({ settings, ...world }) };
  },
  async ai_sdk(raw) {
    const { createAiSdkProvider, loadAiSdkModels } = await import('./ai-sdk/ai-sdk.ts');
    const { parseAiSdkSettings } = await import('./ai-sdk/ai-sdk-settings.ts');
    const { settings, lane } = parseAiSdkSettings(raw);
    // A package that is missing is found here, where the other mistakes of the configuration are.
    const models = await loadAiSdkModels(settings, process.cwd());
    return { lane, open: (world) => createAiSdkProvider({ settings, models, ...world }) };
  },
  moonshot: (raw) => prepareChat('moonshot', raw),
  chat: (raw) => prepareChat('chat', raw),
};

async function prepareChat(name: 'moonshot' | 'chat', raw: RawSection): Promise<Prepared> {
  const { parseChatSettings } = await import('./chat/chat-settings.ts');
  const settings = parseChatSettings(name, raw);
  return {
    lane: { concurrency: CHAT_CONCURRENCY, deadlineMs: settings.totalTimeoutMs },
    isChat: true,
    async open(world) {
      const { createOpenAiChat } = await import('./chat/openai-chat.ts');
      const { chatProvider } = await import('./chat-provider.ts');
      return chatProvider(name, createOpenAiChat({ settings, ...world }));
    },
  };
}

/** Whether a section's name is one that this version can use. */
export function hasAdapter(name: string): boolean {
  return Object.hasOwn(ADAPTERS, name);
}

/** The sections in use, in the operator's order of offering: those with an adapter and a value that means its use. */
export function sectionsInUse(sections: RawSections): string[] {
  return Object.keys(ADAPTERS).filter((name) =>
    Object.entries(sections[name] ?? {}).some(
      ([field, value]) => value !== '' && value !== null && meansUse('providers', name, field),
    ),
  );
}

async function prepare(name: string, raw: RawSection): Promise<Prepared & { proxy: string | null }> {
  const prepareAdapter = ADAPTERS[name];
  if (!prepareAdapter) throw new AppError('not_found', { detail: `There is no provider "${name}".` });
  const prepared = await prepareAdapter(raw);
  return {
    ...prepared,
    lane: parseLaneSettings(name, raw, prepared.lane),
    proxy: proxyOfSection(name, raw),
  };
}

/** Checks one section and opens its adapter, every call of which goes through its own proxy. Throws what is wrong, in plain words. */
export async function openEntry(
  name: string,
  raw: RawSection,
  openWorld: () => Promise<AdapterWorld>,
): Promise<ProviderEntry> {
  const { lane, proxy, open, isChat = false } = await prepare(name, raw);
  const world = await openWorld();
  const adapter = await open({ ...world, outbound: throughProxy(world.outbound, proxy) });
  return { adapter: countingCalls(adapter), lane, proxy, isChat, trustedHosts: trustedHostsOf(raw) };
}

/** `providers.openai.base_url must be …` → the name that the reader set it by, where from, and what is wrong. */
export function explainRefusal(
  error: AppError,
  name: string,
  origins: Readonly<Record<string, string>>,
): ConfigIssue {
  const [, field, rest] = /^providers\.[a-z_]+\.([a-z_]+):?\s+(.*)$/s.exec(error.message) ?? [];
  if (field === undefined) return { key: `providers.${name}`, text: error.message };
  const key = `providers.${name}.${field}`;
  const origin = origins[key];
  const shown = origin?.includes('.yaml') ? key : nameOfField(name, field);
  return {
    key: shown,
    text: `${shown} (${origin ?? 'set at run time or by default'}) ${rest?.replace(/\.?$/, '.')}`,
  };
}

/** What is wrong with the sections in use, each with where its value came from; empty when every adapter could be opened. */
export async function findSectionProblems(
  sections: RawSections,
  origins: Readonly<Record<string, string>>,
): Promise<ConfigIssue[]> {
  const checked = await Promise.all(
    sectionsInUse(sections).map(async (name): Promise<ConfigIssue[]> => {
      try {
        await prepare(name, sections[name] ?? {});
        return [];
      } catch (error) {
        if (error instanceof AppError) return [explainRefusal(error, name, origins)];
        throw error;
      }
    }),
  );
  return checked.flat();
}
