// What the parts of the Studio share: the draft, the pictures on their way, the outbox, and how to bring the prompt into view.
import { createContext, useContext, useSyncExternalStore } from 'react';
import type { DraftStore } from './draft-store.ts';
import type { InputUploads, PictureUpload } from './input-upload.ts';
import type { Draft } from './model.ts';
import type { Outbox, OutboxEntry } from './outbox.ts';

export interface Studio {
  draft: DraftStore;
  inputs: InputUploads;
  outbox: Outbox;
  /** Replaces the draft by `draft`, offering to undo it where something unsent would be lost, and shows the prompt. */
  takeOver(draft: Draft): void;
  /** Scrolls to the prompt and puts the cursor at its end. */
  focusPrompt(): void;
  /** Opens the large view of a picture. */
  openPicture(imageId: string): void;
}

export const StudioContext = createContext<Studio | null>(null);

export function useStudio(): Studio {
  const studio = useContext(StudioContext);
  if (!studio) throw new Error('used outside of the Studio');
  return studio;
}

export function useDraft(): Draft {
  const { draft } = useStudio();
  return useSyncExternalStore(draft.subscribe, draft.get);
}

/** Requests on their way, newest first. */
export function useOutbox(): readonly OutboxEntry[] {
  const { outbox } = useStudio();
  return useSyncExternalStore(outbox.subscribe, outbox.get);
}

/** Pictures on their way to the server. */
export function useUploads(): readonly PictureUpload[] {
  const { inputs } = useStudio();
  return useSyncExternalStore(inputs.subscribe, inputs.get);
}
