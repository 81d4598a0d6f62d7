// The wall in the page: lays out when the list, the width or the arrangement changes, and keeps what is at the top of the
// screen there. The cells themselves are the Wall's; this part never renders them.
import { type RefObject, useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from 'react';
import { thumbhashBackground } from '../studio/thumbhash-url.ts';
import { RATIO_OF_CLASS } from './gallery-index.ts';
import type { GalleryRoom, RoomState } from './gallery-room.ts';
import { galleryTexts } from './gallery-text.ts';
import { useViewSettings, wallSize } from './view-settings.ts';
import { type CellLook, landing, Wall } from './wall.ts';
import { listenToWall } from './wall-input.ts';
import { layOutWall } from './wall-layout.ts';

export interface WallHandle {
  /** The wall, once it stands. */
  wall(): Wall | null;
}

interface WallViewProps {
  room: GalleryRoom;
  state: RoomState;
  handle: RefObject<WallHandle | null>;
  /** The bottom edge of what covers the top of the wall, in px. */
  coveredPx(): number;
  hrefOf(id: string): string;
  onOpen(ordinal: number): void;
  /** Where to begin, for a page that was left and came back. */
  start: { ordinal: number; offsetPx: number } | null;
}

const PHONE = '(width < 40rem)';
/** What stands at the lower edge of a phone's screen: the rooms, and the bar of the selection. */
const ROOMS_BAR_PX = 72;
const SELECTION_BAR_PX = 110;

/** The longest name that is read out for a picture. */
const LABEL_CHARS = 160;

function useLook({ room, hrefOf }: WallViewProps): (ordinal: number) => CellLook | null {
  const { t } = galleryTexts.useText();
  return (ordinal) => {
    const row = room.rows.get(ordinal);
    if (!row) return null;
    const label = row.prompt.slice(0, LABEL_CHARS) || t('gallery.picture');
    const stacked = row.stack?.count ?? 0;
    return {
      href: hrefOf(row.id),
      label: row.favourite ? `${label} (${t('gallery.favouriteMark')})` : label,
      selectLabel: t('gallery.select', { prompt: label }),
      thumbUrl: row.damage ? null : row.thumb_url,
      blur: thumbhashBackground(row.thumbhash),
      selected: room.selection.has(ordinal),
      favourite: row.favourite,
      badge:
        stacked > 0
          ? t('gallery.badge.stack', { n: stacked })
          : row.kind === 'hd'
            ? t('gallery.badge.hd')
            : '',
      fault: row.damage ? t('gallery.damaged') : '',
    };
  };
}

function useWidth(host: RefObject<HTMLDivElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (!host.current) return;
    setWidth(host.current.clientWidth);
    const watcher = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    watcher.observe(host.current);
    return () => watcher.disconnect();
  }, [host]);
  return width;
}

export function WallView(props: WallViewProps) {
  const { room, state, handle } = props;
  const { t, language } = galleryTexts.useText();
  const host = useRef<HTMLDivElement>(null);
  const wall = useRef<Wall | null>(null);
  const shown = useRef<number | null>(null);
  const begun = useRef<GalleryRoom | null>(null);
  const latest = useRef({ ...props, look: useLook(props) });
  latest.current = { ...props, look: useLook(props) };
  const settings = useViewSettings();
  const width = useWidth(host);
  useImperativeHandle(handle, () => ({ wall: () => wall.current }), []);

  useLayoutEffect(() => {
    if (!host.current) return;
    const abort = new AbortController();
    const made = new Wall(host.current, {
      look: (ordinal) => latest.current.look(ordinal),
      coveredPx: () => latest.current.coveredPx(),
      coveredBelowPx: () =>
        matchMedia(PHONE).matches ? ROOMS_BAR_PX + (room.selection.size > 0 ? SELECTION_BAR_PX : 0) : 0,
      onNeed: (first, end) => room.rows.want(first, end),
      onMoved: (ordinal) => room.noteTop(ordinal),
    });
    listenToWall(
      host.current,
      made,
      room,
      { open: (ordinal) => latest.current.onOpen(ordinal) },
      abort.signal,
    );
    const stopRows = room.onRows((first, end) => made.refresh(first, end));
    wall.current = made;
    shown.current = null;
    return () => {
      abort.abort();
      stopRows();
      made.destroy();
      wall.current = null;
    };
  }, [room]);

  // Texts are replaced when those of errors have come, too: the wall must stay.
  useLayoutEffect(() => {
    if (wall.current) wall.current.label = t('gallery.list');
  }, [room, t]);

  const { version } = state;
  useLayoutEffect(() => {
    const made = wall.current;
    if (!made || width === 0) return;
    const startMs = performance.now();
    const layout = layOutWall(
      settings.style,
      room.index.classes,
      room.index.count,
      RATIO_OF_CLASS,
      wallSize(settings, width, window.innerHeight),
    );
    // Read by bench/gallery-browser.ts.
    performance.measure('gallery-layout', { start: startMs });
    const isNewList = shown.current !== version;
    const before = made.place();
    const remap = room.remap;
    // A place beyond the first block is reached when the rest of the list is here.
    const { start, state: now } = latest.current;
    const isStart =
      start !== null && begun.current !== room && (now.isComplete || start.ordinal < room.index.count);
    if (isStart) begun.current = room;
    const at = isStart
      ? start
      : !isNewList
        ? before
        : remap === null
          ? { ordinal: 0, offsetPx: 0 }
          : { ordinal: landing(remap, before.ordinal, room.index.count), offsetPx: before.offsetPx };
    shown.current = version;
    made.setLayout(layout, at, isNewList ? remap : (ordinal) => ordinal);
  }, [room, version, width, settings]);

  const isSelecting = state.selected > 0;
  useEffect(() => {
    host.current?.classList.toggle('wall-selecting', isSelecting);
  }, [isSelecting]);

  // The words on the cells are written by hand, so a new language must be told.
  useEffect(() => wall.current?.refresh(), [language]);

  return <div ref={host} className="wall" data-wall="" />;
}
