// The outline of the story that is shown, as it is edited here: one draft for as long as the page is open.
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useSyncExternalStore } from 'react';
import { systemTimers } from '../live/stream.ts';
import { currentText } from '../ui/language.ts';
import { readStored, writeStored } from '../ui/stored.ts';
import { showToast } from '../ui/toast.tsx';
import { type DraftState, OutlineDraft } from './outline-draft.ts';
import { type Story, setOutline, takeStory } from './story-api.ts';

/** Followed by the story's id. */
const UNSAVED_STORED = 'drawbridge.story.outline.';
const nothing = () => () => {};

export interface EditedStory {
  draft: OutlineDraft;
  state: DraftState;
}

/**
 * null until the story has an outline. What waits to be saved is saved when the page is left or hidden; what cannot be (something is
 * empty, or there is no server) is kept on this device and comes back with the page.
 */
export function useOutline(story: Story | undefined): EditedStory | null {
  const client = useQueryClient();
  const kept = useRef<{ id: string; draft: OutlineDraft } | null>(null);
  if (story?.outline && kept.current?.id !== story.id) {
    const { id } = story;
    const draft = new OutlineDraft(story.outline, {
      async save(outline) {
        const saved = await setOutline(id, { outline });
        takeStory(client, saved);
        return saved.outline ?? outline;
      },
      after: systemTimers.after,
    });
    kept.current = { id, draft };
  }
  const draft = story?.outline ? (kept.current?.draft ?? null) : null;
  const outline = story?.outline ?? null;
  useEffect(() => {
    if (draft && outline) draft.adopt(outline);
  }, [draft, outline]);
  const id = story?.id;
  useEffect(() => {
    if (!draft || id === undefined) return;
    const key = `${UNSAVED_STORED}${id}`;
    if (draft.restore(readStored(key))) showToast({ text: currentText().t('draft.restored') });
    const keep = () => void writeStored(key, draft.unsaved());
    const save = () => {
      keep();
      void draft.flush().then(keep);
    };
    const onHide = () => document.hidden && save();
    document.addEventListener('visibilitychange', onHide);
    window.addEventListener('pagehide', keep);
    return () => {
      document.removeEventListener('visibilitychange', onHide);
      window.removeEventListener('pagehide', keep);
      save();
    };
  }, [draft, id]);
  const state = useSyncExternalStore(draft?.subscribe ?? nothing, () => draft?.get() ?? null);
  return draft && state ? { draft, state } : null;
}
