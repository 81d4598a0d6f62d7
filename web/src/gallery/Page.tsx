// The gallery: the wall and what stands around it. The address holds the filter and the picture shown large; the list and the
// selection live in the room; the wall keeps its own cells.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { lazy, type RefObject, Suspense, useEffect, useRef, useState } from 'react';
import { sessionQuery } from '../account/queries.ts';
import { Icon } from '../ui/Icon.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { DeleteDialog, type DeleteTarget } from './DeleteDialog.tsx';
import { EmptyGallery } from './EmptyGallery.tsx';
import { FilterDialog } from './FilterDialog.tsx';
import './gallery.css';
import { GalleryLightbox } from './GalleryLightbox.tsx';
import { type GalleryActions, useGalleryActions } from './gallery-actions.ts';
import { facetsQuery, type GalleryFacets, type GalleryRow } from './gallery-api.ts';
import type { GalleryRoom, RoomState } from './gallery-room.ts';
import type { FilterName, GalleryFilter, GallerySearch } from './gallery-search.ts';
import { galleryTexts } from './gallery-text.ts';
import { Heading } from './Heading.tsx';
import { type Remix, remix } from './remix.ts';
import { LEAST_PICTURES, Scrubber } from './Scrubber.tsx';
import { SelectionBar } from './SelectionBar.tsx';
import { Toolbar } from './Toolbar.tsx';
import {
  useCovered,
  useFocusBack,
  useHref,
  useNavigation,
  useNews,
  usePlace,
  useRoom,
} from './use-gallery.ts';
import { useGalleryKeys } from './use-gallery-keys.ts';
import { type WallHandle, WallView } from './WallView.tsx';

const shell = getRouteApi('/shell/gallery');
const ShareDialog = lazy(() =>
  import('../share/ShareDialog.tsx').then(({ ShareDialog }) => ({ default: ShareDialog })),
);

type HandleRef = RefObject<WallHandle | null>;

function downloadAll(urls: readonly string[]): void {
  for (const url of urls) {
    const link = document.createElement('a');
    link.href = url;
    link.download = '';
    link.click();
  }
}

/** Everything that the page can do, for its parts. */
interface PageContext {
  search: GallerySearch;
  navigation: ReturnType<typeof useNavigation>;
  room: GalleryRoom;
  state: RoomState;
  facets: GalleryFacets | undefined;
  actions: GalleryActions;
  onRemix(row: GalleryRow, what: Remix): void;
  share(ids: readonly string[]): void;
  remove(target: DeleteTarget): void;
}

/** What lies over the wall. */
function Layers(props: {
  page: PageContext;
  filtersOpen: boolean;
  closeFilters(): void;
  deleting: DeleteTarget | null;
  closeDelete(): void;
  shared: readonly string[] | null;
  closeShare(): void;
}) {
  const { page, deleting, shared } = props;
  const { search, navigation, room, state, facets, actions } = page;
  return (
    <>
      {search.view !== undefined && (
        <GalleryLightbox
          room={room}
          state={state}
          view={search.view}
          actions={actions}
          onShow={(id) => navigation.show(id, true)}
          onClose={navigation.close}
          onRemix={page.onRemix}
          onShare={page.share}
          onDelete={page.remove}
        />
      )}
      {props.filtersOpen && (
        <FilterDialog
          filter={navigation.filter}
          facets={facets}
          onFilter={navigation.change}
          onClose={props.closeFilters}
        />
      )}
      {deleting !== null && (
        <DeleteDialog
          room={room}
          target={deleting}
          actions={actions}
          onClose={props.closeDelete}
          onDeleted={() => {
            // The picture shown large may be among them.
            if (search.view !== undefined) navigation.close();
          }}
        />
      )}
      {shared !== null && (
        <Suspense fallback={null}>
          <ShareDialog imageIds={shared} onClose={props.closeShare} />
        </Suspense>
      )}
    </>
  );
}

/** What stands in place of the wall, or floats over it, by the state of the list. */
function Notices({ page }: { page: PageContext }) {
  const { t } = galleryTexts.useText();
  const { room, state } = page;
  return (
    <>
      {state.newCount > 0 && (
        <button
          type="button"
          className="button button-lamp gallery-new"
          onClick={() => {
            window.scrollTo({ top: 0, behavior: 'instant' });
            void room.reload(true);
          }}
        >
          <Icon name="up" className="size-4.5" />
          {t('gallery.new', { n: state.newCount })}
        </button>
      )}
      {state.phase === 'failed' && state.problem && (
        <ProblemNote problem={state.problem} className="mx-auto max-w-xl py-10">
          <button type="button" className="button button-lamp" onClick={() => void room.open()}>
            {t('app.retry')}
          </button>
        </ProblemNote>
      )}
      {state.phase === 'loading' && (
        <p role="status" className="sr-only">
          {t('gallery.loading')}
        </p>
      )}
    </>
  );
}

function Body({ page, handle, coveredPx }: { page: PageContext; handle: HandleRef; coveredPx(): number }) {
  const { navigation, room, state, search } = page;
  const { filter } = navigation;
  const hrefOf = useHref(search);
  const start = usePlace(room, filter, handle);
  if (state.phase === 'ready' && state.isComplete && room.index.count === 0)
    return (
      <EmptyGallery
        filter={filter}
        onClear={() => navigation.change(clearingOf(filter))}
        onLeaveTrash={() => navigation.change({ trashed: undefined })}
      />
    );
  const hasScrubber = room.index.count >= LEAST_PICTURES;
  return (
    <div className={hasScrubber ? 'gallery-with-scrubber' : ''}>
      <WallView
        room={room}
        state={state}
        handle={handle}
        coveredPx={coveredPx}
        hrefOf={hrefOf}
        start={start}
        onOpen={(ordinal) => {
          const row = room.rows.get(ordinal);
          if (row) navigation.show(row.id, false);
        }}
      />
      {hasScrubber && state.total > 0 && (
        <Scrubber room={room} onJump={(ordinal) => handle.current?.wall()?.reveal(ordinal, true)} />
      )}
    </div>
  );
}

export function GalleryPage() {
  const search = shell.useSearch();
  const { t } = galleryTexts.useText();
  const navigation = useNavigation(search);
  const { filter, change, toStudio } = navigation;
  const { room, state } = useRoom(filter);
  const { data: facets } = useQuery(facetsQuery(filter));
  const { data: session } = useQuery(sessionQuery);
  const client = useQueryClient();
  const actions = useGalleryActions(room);
  const handle: HandleRef = useRef<WallHandle | null>(null);
  const { bar, coveredPx } = useCovered();
  const [filtersOpen, setFiltersOpen] = useState(false);
  const [deleting, setDeleting] = useState<DeleteTarget | null>(null);
  const [shared, setShared] = useState<readonly string[] | null>(null);
  useNews(room);
  useFocusBack(search.view, room, handle);
  useEffect(() => {
    document.title = `${t(filter.trashed ? 'gallery.trash' : 'gallery.title')} · Drawbridge`;
  }, [t, filter.trashed]);

  const onRemix = (row: GalleryRow, what: Remix) =>
    void remix(client, session?.account.id ?? '', row, what).then(toStudio, actions.fail);
  const download = (rows: readonly GalleryRow[]) => downloadAll(rows.map((row) => row.download_url));
  useGalleryKeys({
    room,
    handle,
    actions,
    isTrash: filter.trashed === true,
    onOpen: (row) => navigation.show(row.id, false),
    onRemix,
    onShare: setShared,
    onDelete: setDeleting,
    onDownload: download,
  });
  const page: PageContext = {
    search,
    navigation,
    room,
    state,
    facets,
    actions,
    onRemix,
    share: setShared,
    remove: setDeleting,
  };
  return (
    <div className="mx-auto max-w-[160rem] px-1.5 pb-6 sm:px-6">
      <div ref={bar} className="gallery-bar">
        <Toolbar
          filter={filter}
          facets={facets}
          onFilter={change}
          onOpenFilters={() => setFiltersOpen(true)}
        />
        <Heading
          room={room}
          state={state}
          facets={facets}
          onJumpTo={(ordinal) => handle.current?.wall()?.reveal(ordinal, true)}
          onEmptyTrash={() => setDeleting('everything')}
        />
      </div>
      <Notices page={page} />
      <Body page={page} handle={handle} coveredPx={coveredPx} />
      {state.selected > 0 && (
        <SelectionBar
          room={room}
          state={state}
          actions={actions}
          onShare={() => void room.selectedRows().then((rows) => setShared(rows.map(({ id }) => id)))}
          onDelete={() => setDeleting('selection')}
          onDownload={() => void room.selectedRows().then(download)}
        />
      )}
      <Layers
        page={page}
        filtersOpen={filtersOpen}
        closeFilters={() => setFiltersOpen(false)}
        deleting={deleting}
        closeDelete={() => setDeleting(null)}
        shared={shared}
        closeShare={() => setShared(null)}
      />
    </div>
  );
}

function clearingOf(filter: GalleryFilter): Partial<Record<FilterName, undefined>> {
  const { trashed: _stays, ...rest } = filter;
  return Object.fromEntries(Object.keys(rest).map((name) => [name, undefined]));
}
