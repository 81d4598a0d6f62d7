// Which writer the configuration asks for. A chat service and the SDK under it are loaded only when one is configured.
import type { StoryWriter } from './chat.ts';
import { CHAT_SECTIONS, type ChatSection } from './chat-profiles.ts';
import type { ChatWorld } from './openai-chat.ts';

/** Whether a configured section is a chat service. */
export function isChatSection(name: string): name is ChatSection {
  return CHAT_SECTIONS.some((section) => section === name);
}

/**
 * The writer that the configuration asks for: the first chat service that has a section, else the demo writer.
 * `openWorld` is called only for a chat service. Throws `validation_failed` that names a wrong setting.
 */
export async function openStoryWriter(
  sections: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  openWorld: () => Promise<ChatWorld>,
): Promise<StoryWriter> {
  const section = CHAT_SECTIONS.find((name) => sections[name] !== undefined);
  if (!section) {
    const { createDemoWriter } = await import('./demo-writer.ts');
    return createDemoWriter();
  }
  const [{ parseChatSettings }, { createOpenAiChat }, { chatStoryWriter }] = await Promise.all([
    import('./chat-settings.ts'),
    import('./openai-chat.ts'),
    import('./chat-story-writer.ts'),
  ]);
  const settings = parseChatSettings(section, sections[section] ?? {});
  return chatStoryWriter(createOpenAiChat({ settings, ...(await openWorld()) }));
}
