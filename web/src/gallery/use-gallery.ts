// What the gallery's page is made of besides what it shows: the list of the address's filter, the news, the address itself,
// the place that is kept over visits, and the focus that returns.
import { getRouteApi, useCanGoBack, useRouter } from '@tanstack/react-router';
import { useEffect, useLayoutEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import { listenLive } from '../live/live-events.ts';
import { listKey } from './first-look.ts';
import { GalleryRoom, type RoomState } from './gallery-room.ts';
import type { FilterName, GalleryFilter, GallerySearch } from './gallery-search.ts';
import { readPlace, writePlace } from './stored-place.ts';
import type { WallHandle } from './WallView.tsx';

const shell = getRouteApi('/shell/gallery');
/** Finished tasks come in bursts; the count of new pictures is asked for once after them. */
const NEWS_PAUSE_MS = 1_200;

/** The room of a filter; another filter is another room. */
export function useRoom(filter: GalleryFilter): { room: GalleryRoom; state: RoomState } {
  const key = listKey(filter);
  const room = useMemo(() => new GalleryRoom(filter), [key]);
  // Before the frame: what is here already shall be in it.
  useLayoutEffect(() => {
    void room.open();
    return () => room.close();
  }, [room]);
  return { room, state: useSyncExternalStore(room.subscribe, room.get) };
}

/** Asks what is new after tasks have finished and after the line was down. */
export function useNews(room: GalleryRoom): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | null = null;
    const ask = () => {
      timer ??= setTimeout(() => {
        timer = null;
        void room.noteNews();
      }, NEWS_PAUSE_MS);
    };
    const stop = listenLive({
      onEvent(event) {
        const isPicture = event.name.startsWith('task.') && /"status":\s*"succeeded"/.test(event.data);
        if (isPicture || event.name === 'reset') ask();
      },
      // What was finished between reading the list and the opening of the line was told to nobody.
      onOpened: ask,
      onReconnected: ask,
    });
    return () => {
      stop();
      if (timer !== null) clearTimeout(timer);
    };
  }, [room]);
}

export function useCovered() {
  const bar = useRef<HTMLDivElement>(null);
  const covered = useRef(() => {
    const header = document.querySelector('header')?.getBoundingClientRect().height ?? 0;
    return header + (bar.current?.getBoundingClientRect().height ?? 0);
  });
  useEffect(() => {
    const header = document.querySelector('header');
    if (!header) return;
    const tell = () =>
      document.documentElement.style.setProperty('--header', `${header.getBoundingClientRect().height}px`);
    const watcher = new ResizeObserver(tell);
    watcher.observe(header);
    return () => watcher.disconnect();
  }, []);
  return { bar, coveredPx: covered.current };
}

/** The address of a picture's large view, cheap enough for every cell. */
export function useHref(search: GallerySearch): (id: string) => string {
  const router = useRouter();
  return useMemo(() => {
    const mark = 'picture-id';
    const { href } = router.buildLocation({ to: '/gallery', search: { ...search, view: mark } });
    const full = router.history.createHref(href);
    return (id: string) => full.replace(mark, id);
  }, [router, search]);
}

export function useNavigation(search: GallerySearch) {
  const navigate = shell.useNavigate();
  const router = useRouter();
  const canGoBack = useCanGoBack();
  const { view: _view, ...filter } = search;
  return {
    filter: filter as GalleryFilter,
    change(change: Partial<Record<FilterName, string | true | undefined>>) {
      const next = Object.fromEntries(
        Object.entries({ ...filter, ...change }).filter(([, value]) => value !== undefined),
      );
      // Words are typed letter by letter; Back shall not go through them one by one.
      const onlyWords = Object.keys(change).every((name) => name === 'q') && filter.q !== undefined;
      void navigate({ search: next as GallerySearch, replace: onlyWords, resetScroll: false });
    },
    show(view: string, replace: boolean) {
      void navigate({ search: { ...search, view }, replace, resetScroll: false });
    },
    close() {
      if (canGoBack) router.history.back();
      else void navigate({ search: filter as GallerySearch, replace: true, resetScroll: false });
    },
    toStudio: () => router.navigate({ to: '/' }),
  };
}

/** Keeps the place on the wall over reloads and visits to other rooms, and begins other lists at the top. */
export function usePlace(room: GalleryRoom, filter: GalleryFilter, handle: { current: WallHandle | null }) {
  const key = listKey(filter);
  const start = useMemo(() => readPlace(key), [room]);
  useEffect(() => {
    const before = history.scrollRestoration;
    history.scrollRestoration = 'manual';
    return () => {
      history.scrollRestoration = before;
    };
  }, []);
  useEffect(() => {
    if (!start) window.scrollTo({ top: 0, behavior: 'instant' });
    const keep = () => {
      const place = handle.current?.wall()?.place();
      if (place && room.index.count > 0) writePlace(key, place);
    };
    window.addEventListener('pagehide', keep);
    return () => {
      keep();
      window.removeEventListener('pagehide', keep);
    };
  }, [room, start, key, handle]);
  return start;
}

/** Gives the focus back to the cell as the large view closes: before the next frame, so that no key falls between the two. */
export function useFocusBack(
  view: string | undefined,
  room: GalleryRoom,
  handle: { current: WallHandle | null },
) {
  const last = useRef<string | undefined>(undefined);
  useLayoutEffect(() => {
    const closed = last.current;
    last.current = view;
    if (view !== undefined || closed === undefined) return;
    const ordinal = room.rows.find((row) => row.id === closed);
    const wall = handle.current?.wall();
    if (ordinal >= 0) wall?.focus(ordinal);
    else if (wall && room.index.count > 0) wall.focus(wall.focused);
  }, [view, room, handle]);
}
