// The Studio: composer beside the feed, one draft and one outbox per account, and pictures dropped or pasted anywhere.
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useEffect, useMemo, useRef } from 'react';
import { sessionQuery } from '../account/queries.ts';
import type { StudioSearch } from '../pages/routes.tsx';
import { useText } from '../ui/language.ts';
import { randomUuid } from '../ui/random-id.ts';
import { readStored, writeStored } from '../ui/stored.ts';
import { Composer } from './Composer.tsx';
import { DropOverlay } from './DropOverlay.tsx';
import { DraftStore } from './draft-store.ts';
import { Feed } from './Feed.tsx';
import { InputUpload } from './input-upload.ts';
import { Lightbox } from './Lightbox.tsx';
import { tabTitle } from './model.ts';
import { Outbox } from './outbox.ts';
import { allTasks, createTask, tasksQuery } from './queries.ts';
import { type Studio, StudioContext, useOutbox } from './studio-context.ts';
import { ToPrompt } from './ToPrompt.tsx';
import { useLiveTasks } from './use-live-tasks.ts';

const shell = getRouteApi('/shell/');

function useTabTitle(): void {
  const { t } = useText();
  const { data } = useInfiniteQuery(tasksQuery);
  const sending = useOutbox().filter((entry) => entry.state === 'sending').length;
  const title = tabTitle(allTasks(data), sending, t('room.studio'));
  useEffect(() => {
    document.title = title;
  }, [title]);
}

function Layout({ search }: { search: StudioSearch }) {
  const { t } = useText();
  useTabTitle();
  useLiveTasks();
  return (
    <div className="mx-auto grid max-w-[100rem] gap-x-8 gap-y-6 px-3 py-4 sm:px-6 sm:py-6 lg:grid-cols-[23rem_minmax(0,1fr)] xl:grid-cols-[26rem_minmax(0,1fr)]">
      <h1 className="sr-only">{t('room.studio')}</h1>
      <Composer />
      <Feed />
      <Lightbox view={search.view ?? null} />
      <ToPrompt />
      <DropOverlay />
    </div>
  );
}

export function StudioPage() {
  const client = useQueryClient();
  const navigate = shell.useNavigate();
  const search = shell.useSearch();
  const { data: session } = useQuery(sessionQuery);
  const accountId = session?.account.id ?? '';
  const goTo = useRef(navigate);
  goTo.current = navigate;

  const studio = useMemo((): Studio => {
    const outboxKey = `drawbridge.outbox.${accountId}`;
    const draft = new DraftStore(accountId);
    return {
      draft,
      input: new InputUpload(draft),
      outbox: new Outbox({
        read: () => readStored(outboxKey),
        write: (json) => writeStored(outboxKey, json),
        nowMs: () => Date.now(),
        newKey: randomUuid,
        send: (request, key) => createTask(client, request, key),
        pause: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
      }),
      focusPrompt() {
        const prompt = document.getElementById('prompt') as HTMLTextAreaElement | null;
        prompt?.scrollIntoView({ block: 'center' });
        prompt?.focus({ preventScroll: true });
        prompt?.setSelectionRange(prompt.value.length, prompt.value.length);
      },
      openPicture: (imageId) => void goTo.current({ search: { view: imageId }, resetScroll: false }),
    };
  }, [accountId, client]);

  useEffect(() => {
    studio.outbox.resume();
    const flush = () => studio.draft.flush();
    window.addEventListener('pagehide', flush);
    document.addEventListener('visibilitychange', flush);
    return () => {
      flush();
      studio.input.cancel();
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
