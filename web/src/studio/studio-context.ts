// What the parts of the Studio share: the draft, the outbox, and how to bring the prompt into view.
import { createContext, useContext, useSyncExternalStore } from 'react';
import type { DraftStore } from './draft-store.ts';
import type { InputUpload, UploadStatus } from './input-upload.ts';
import type { Draft } from './model.ts';
import type { Outbox, OutboxEntry } from './outbox.ts';

export interface Studio {
  draft: DraftStore;
  input: InputUpload;
  outbox: Outbox;
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

/** How the upload of the input picture is going. */
export function useInputUpload(): UploadStatus {
  const { input } = useStudio();
  return useSyncExternalStore(input.subscribe, input.get);
}
