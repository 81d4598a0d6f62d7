// One batch: its head, the filters, the grid and what lies over them. The address says what is shown and which item is open.
import { useQueryClient } from '@tanstack/react-query';
import { getRouteApi, useRouter } from '@tanstack/react-router';
import { useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { announce } from '../ui/announce.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { useShortcuts } from '../ui/shortcuts.ts';
import { readStored, writeStored } from '../ui/stored.ts';
import { hasOpenDialog } from '../ui/top-layer.ts';
import { BatchFilters } from './BatchFilters.tsx';
import { BatchHead } from './BatchHead.tsx';
import { BatchRoom } from './batch-room.ts';
import type { BatchSearch } from './batch-search.ts';
import { batchTexts } from './batch-text.ts';
import './batches.css';
import { CellGrid } from './CellGrid.tsx';
import type { GridView } from './cell-grid.ts';
import type { CellSize } from './grid-layout.ts';
import { ItemDrawer } from './ItemDrawer.tsx';
import { ItemSelection } from './item-selection.ts';
import { SelectionBar } from './SelectionBar.tsx';

const route = getRouteApi('/shell/batches/$batchId');
const SIZE_STORED = 'drawbridge.batch.size';
/** Up to so many, pictures are shown from the start. */
const FEW_ITEMS = 240;

function useBatch(id: string) {
  const room = useMemo(() => new BatchRoom(id), [id]);
  const selection = useMemo(() => new ItemSelection(), [id]);
  useEffect(() => {
    room.open();
    return () => room.close();
  }, [room]);
  return { room, selection, state: useSyncExternalStore(room.subscribe, room.get) };
}

function useCellSize(total: number): [CellSize, (size: CellSize) => void] {
  const [chosen, setChosen] = useState(() => readStored(SIZE_STORED));
  const usual = total <= FEW_ITEMS ? 'large' : 'small';
  const size = chosen === 'small' || chosen === 'large' ? chosen : usual;
  return [
    size,
    (next) => {
      writeStored(SIZE_STORED, next);
      setChosen(next);
    },
  ];
}

/** Says once that the batch has come to its end, and has the balance read again. */
function useEnd(room: BatchRoom, status: string, name: string, done: number, failed: number): void {
  const { t } = batchTexts.useText();
  const client = useQueryClient();
  const before = useRef({ room, status });
  useEffect(() => {
    const was = before.current.room === room ? before.current.status : '';
    const ended = was !== '' && was !== 'finished' && status === 'finished';
    before.current = { room, status };
    if (!ended || name === '') return;
    announce(t('batch.announce.finished', { name, done, failed }));
    void client.invalidateQueries({ queryKey: ['credits'] });
  }, [room, status, name, done, failed, t, client]);
}

function shownKeys(t: ReturnType<typeof batchTexts.useText>['t']) {
  const shown = (keys: string, label: string) => ({ keys, label, isShownOnly: true, run: () => {} });
  return [
    shown('ArrowRight', t('batch.keys.move')),
    shown('Enter', t('batch.keys.open')),
    shown('Space', t('batch.keys.select')),
    shown('Shift+ArrowRight', t('batch.keys.range')),
  ];
}

/** Which items are shown and which one is open, by the address; Back closes what was opened here. */
function useNavigation(batchId: string, search: BatchSearch, shownNow: () => readonly number[]) {
  const router = useRouter();
  const openedHere = useRef(false);
  const { show } = search;
  const go = (next: BatchSearch, replace: boolean) =>
    void router.navigate({
      to: '/batches/$batchId',
      params: { batchId },
      search: next,
      replace,
      resetScroll: false,
    });
  const openItem = (position: number) => {
    openedHere.current = true;
    go({ ...search, item: position + 1 }, false);
  };
  const closeItem = () => {
    if (openedHere.current) router.history.back();
    else go(show === undefined ? {} : { show }, true);
    openedHere.current = false;
  };
  const stepItem = (by: 1 | -1) => {
    const shown = shownNow();
    const now = (search.item ?? 1) - 1;
    // An item that has left the filter meanwhile still has neighbours in it.
    const next = by > 0 ? shown.find((at) => at > now) : shown.findLast((at) => at < now);
    if (next !== undefined) go({ ...search, item: next + 1 }, true);
  };
  const setShow = (next: typeof show) => go(next === undefined ? {} : { show: next }, true);
  return { openItem, closeItem, stepItem, setShow };
}

/** Esc that no layer above the page has taken. */
function useEscape(run: () => void): void {
  const newest = useRef(run);
  newest.current = run;
  useLayoutEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const isFree =
        !event.defaultPrevented && !hasOpenDialog() && !document.querySelector(':popover-open.popover');
      if (event.key === 'Escape' && isFree) newest.current();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, []);
}

export function BatchPage() {
  const { batchId } = route.useParams();
  const search = route.useSearch();
  const { t } = batchTexts.useText();
  const { room, selection, state } = useBatch(batchId);
  const [size, setSize] = useCellSize(state.counts?.total ?? 0);
  const [isSelecting, setSelecting] = useState(false);
  const { batch, counts } = state;
  const { show } = search;
  useEnd(
    room,
    state.phase === 'ready' ? state.status : '',
    batch?.name ?? '',
    counts?.succeeded ?? 0,
    counts?.failed ?? 0,
  );
  useEffect(() => {
    document.title = `${batch?.name ?? t('batches.title')} · Drawbridge`;
  }, [batch?.name, t]);

  // Only a filter depends on states; all items are always all items.
  const filterVersion = show === undefined ? (counts?.total ?? 0) : state.version;
  const view = useMemo<GridView>(
    () => ({ positions: show === undefined ? null : room.cells.positionsOf(show), status: show, size }),
    [room, show, size, filterVersion],
  );
  const shownNow = () => view.positions ?? Array.from({ length: room.cells.total }, (_, at) => at);

  const { openItem, closeItem, stepItem, setShow } = useNavigation(batchId, search, shownNow);

  useShortcuts(t('batches.keys'), [
    ...shownKeys(t),
    {
      keys: 'f',
      label: t('batch.keys.failed'),
      run: () => setShow(show === 'failed' ? undefined : 'failed'),
    },
  ]);
  useEscape(() => {
    selection.replace([]);
    setSelecting(false);
  });

  if (state.phase === 'failed' && state.problem)
    return (
      <ProblemNote problem={state.problem} className="mx-auto max-w-xl px-4 py-10">
        <button type="button" className="button button-lamp" onClick={() => room.refresh(true)}>
          {t('app.retry')}
        </button>
      </ProblemNote>
    );
  if (!batch || !counts)
    return (
      <p role="status" className="sr-only">
        {t('batch.loading')}
      </p>
    );
  const isEmpty = view.positions?.length === 0;
  return (
    <div className="mx-auto max-w-[100rem] px-3 pb-24 sm:px-6">
      <BatchHead room={room} state={state} batch={batch} counts={counts} />
      <BatchFilters
        counts={counts}
        show={show}
        onShow={setShow}
        size={size}
        onSize={setSize}
        isSelecting={isSelecting}
        onSelecting={setSelecting}
      />
      {isEmpty ? (
        <div className="flex flex-col items-start gap-3 py-10">
          <p className="text-lg text-soft">{t('batch.show.none')}</p>
          <button type="button" className="button" onClick={() => setShow(undefined)}>
            {t('batch.show.everything')}
          </button>
        </div>
      ) : (
        <CellGrid
          room={room}
          state={state}
          view={view}
          selection={selection}
          isSelecting={isSelecting}
          onOpen={openItem}
        />
      )}
      <SelectionBar
        room={room}
        selection={selection}
        isSelecting={isSelecting}
        shown={shownNow}
        onDone={() => setSelecting(false)}
      />
      {search.item !== undefined && search.item <= room.cells.total && (
        <ItemDrawer
          room={room}
          state={state}
          position={search.item - 1}
          onStep={stepItem}
          onClose={closeItem}
        />
      )}
    </div>
  );
}
