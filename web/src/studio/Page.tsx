// The Studio: composer beside the feed, one draft and one outbox per account, and pictures dropped or pasted anywhere.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, useCanGoBack, useRouter } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { sessionQuery } from '../account/queries.ts';
import { lightboxTexts } from '../lightbox/lightbox-text.ts';
import type { StudioSearch } from '../pages/routes.tsx';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { currentText, useText } from '../ui/language.ts';
import { randomUuid } from '../ui/random-id.ts';
import { readStored, writeStored } from '../ui/stored.ts';
import { showToast } from '../ui/toast.tsx';
import { Composer } from './Composer.tsx';
import { DropOverlay } from './DropOverlay.tsx';
import { type DraftStore, openDraft } from './draft-store.ts';
import { Feed } from './Feed.tsx';
import { InputUploads } from './input-upload.ts';
import { type Draft, EMPTY_DRAFT, hasContent } from './model.ts';
import { Outbox } from './outbox.ts';
import { refreshPrompts } from './prompt-history.ts';
import { createTask } from './queries.ts';
import { type Studio, StudioContext, useOutbox } from './studio-context.ts';
import { ToPrompt } from './ToPrompt.tsx';

const shell = getRouteApi('/shell/');
const StudioLightbox = lazy(async () => {
  const [{ StudioLightbox }] = await Promise.all([import('./StudioLightbox.tsx'), lightboxTexts.load()]);
  return { default: StudioLightbox };
});

/**
 * The large view as the address names it (`?view=`). When it closes, the focus goes back to the picture in the feed, or to
 * whatever it was closed for.
 */
function LargeView({ view }: { view: string | undefined }) {
  const router = useRouter();
  const navigate = shell.useNavigate();
  const canGoBack = useCanGoBack();
  const after = useRef<(() => void) | undefined>(undefined);
  const shown = useRef<string | undefined>(undefined);
  // Before the next frame, so that no key falls between the two.
  useLayoutEffect(() => {
    const closed = shown.current;
    shown.current = view;
    if (view !== undefined || closed === undefined) return;
    document.querySelector<HTMLElement>(`[data-image="${CSS.escape(closed)}"]`)?.focus();
    after.current?.();
    after.current = undefined;
  }, [view]);
  if (view === undefined) return null;
  return (
    <Suspense fallback={null}>
      <StudioLightbox
        view={view}
        onShow={(id) => void navigate({ search: { view: id }, replace: true, resetScroll: false })}
        onClose={(then) => {
          after.current = then;
          if (canGoBack) router.history.back();
          else void navigate({ search: {}, replace: true, resetScroll: false });
        }}
      />
    </Suspense>
  );
}

function Layout({ search }: { search: StudioSearch }) {
  const { t } = useText();
  useRoomTitle(t('room.studio'), useOutbox().filter((entry) => entry.state === 'sending').length);
  return (
    <div className="mx-auto grid max-w-[100rem] grid-cols-[minmax(0,1fr)] gap-x-8 gap-y-6 px-3 py-4 sm:px-6 sm:py-6 lg:grid-cols-[23rem_minmax(0,1fr)] xl:grid-cols-[26rem_minmax(0,1fr)]">
      <h1 className="sr-only">{t('room.studio')}</h1>
      <Composer />
      <Feed />
      <LargeView view={search.view} />
      <ToPrompt />
      <DropOverlay />
    </div>
  );
}

function focusPrompt(): void {
  const prompt = document.getElementById('prompt') as HTMLTextAreaElement | null;
  prompt?.scrollIntoView({ block: 'center' });
  prompt?.focus({ preventScroll: true });
  prompt?.setSelectionRange(prompt.value.length, prompt.value.length);
}

/** Replaces the draft; where something that was never sent would be lost, it can be had back. */
function takeOver(store: DraftStore, draft: Draft): void {
  const before = store.get();
  store.replace(draft);
  focusPrompt();
  if (before.isSent || !hasContent(before) || before.prompt === draft.prompt) return;
  const { t } = currentText();
  showToast({
    text: t('draft.replaced'),
    action: { label: t('app.undo'), run: () => store.replace(before) },
  });
}

/** What an address such as `/?prompt=…&model=…&style=…` asks to start from; it then leaves the address. */
function useAddressDraft(studio: Studio, search: StudioSearch, leave: () => void): void {
  const { prompt, model, style } = search;
  const leaveNow = useRef(leave);
  leaveNow.current = leave;
  useEffect(() => {
    if (prompt === undefined && model === undefined && style === undefined) return;
    const before = studio.draft.get();
    studio.takeOver({
      ...before,
      isSent: false,
      prompt: prompt ?? before.prompt,
      model: model ?? before.model,
      style: style ?? before.style,
    });
    leaveNow.current();
  }, [studio, prompt, model, style]);
}

/** Says once that a draft came back, and how to be rid of it. */
function useRestoredNote({ draft }: Studio): void {
  useEffect(() => {
    if (!draft.wasRestored) return;
    draft.wasRestored = false;
    const restored = draft.get();
    const { t } = currentText();
    return showToast({
      text: t('draft.restored'),
      action: {
        label: t('draft.discard'),
        run: () => {
          draft.replace({ ...restored, ...CLEARED });
          showToast({
            text: t('draft.discarded'),
            action: { label: t('app.undo'), run: () => draft.replace(restored) },
          });
        },
      },
    });
  }, [draft]);
}

/** What starting afresh clears; the model and the shape are habits, and stay. */
const CLEARED: Partial<Draft> = {
  prompt: EMPTY_DRAFT.prompt,
  negativePrompt: EMPTY_DRAFT.negativePrompt,
  seed: EMPTY_DRAFT.seed,
  style: EMPTY_DRAFT.style,
  inputs: EMPTY_DRAFT.inputs,
  mask: EMPTY_DRAFT.mask,
};

function StudioRoom({ accountId, draft }: { accountId: string; draft: DraftStore }) {
  const client = useQueryClient();
  const navigate = shell.useNavigate();
  const search = shell.useSearch();
  const goTo = useRef(navigate);
  goTo.current = navigate;

  const studio = useMemo((): Studio => {
    const outboxKey = `drawbridge.outbox.${accountId}`;
    return {
      draft,
      inputs: new InputUploads(draft, accountId),
      outbox: new Outbox({
        read: () => readStored(outboxKey),
        write: (json) => writeStored(outboxKey, json),
        nowMs: () => Date.now(),
        newKey: randomUuid,
        send: async (request, key) => {
          await createTask(client, request, key);
          refreshPrompts(client);
        },
        pause: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
      }),
      takeOver: (next) => takeOver(draft, next),
      focusPrompt,
      openPicture: (imageId) => void goTo.current({ search: { view: imageId }, resetScroll: false }),
    };
  }, [accountId, client, draft]);

  useAddressDraft(studio, search, () => {
    void navigate({ search: search.view ? { view: search.view } : {}, replace: true });
  });
  useRestoredNote(studio);
  useEffect(() => {
    studio.outbox.resume();
    void studio.inputs.resume();
    const flush = () => studio.draft.flush();
    window.addEventListener('pagehide', flush);
    document.addEventListener('visibilitychange', flush);
    return () => {
      flush();
      studio.inputs.pause();
      window.removeEventListener('pagehide', flush);
      document.removeEventListener('visibilitychange', flush);
    };
  }, [studio]);

  return (
    <StudioContext.Provider value={studio}>
      <Layout search={search} />
    </StudioContext.Provider>
  );
}

export function StudioPage() {
  const { data: session } = useQuery(sessionQuery);
  const accountId = session?.account.id ?? '';
  const [opened, setOpened] = useState<{ accountId: string; draft: DraftStore } | null>(null);
  useEffect(() => {
    let isCurrent = true;
    void openDraft(accountId).then((draft) => isCurrent && setOpened({ accountId, draft }));
    return () => {
      isCurrent = false;
    };
  }, [accountId]);
  // Without its draft the form would be typed into and then overwritten.
  if (opened?.accountId !== accountId) return null;
  return <StudioRoom key={accountId} {...opened} />;
}
