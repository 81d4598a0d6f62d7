// The scrubber at the right edge: the whole list from newest to oldest as one track with its years, a handle where the
// screen is, and a way to jump to a day. A slider for the keyboard and for readers.
import { type PointerEvent, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { cssVariables } from '../ui/css-variables.ts';
import type { GalleryIndex } from './gallery-index.ts';
import type { GalleryRoom } from './gallery-room.ts';
import { galleryTexts } from './gallery-text.ts';

/** Year marks closer together than this, as a share of the track, are left out. */
const LEAST_GAP = 0.045;
/** Below this many pictures a scroll bar is enough. */
export const LEAST_PICTURES = 60;
const SHOWN_AFTER_SCROLL_MS = 1_400;
const DAY_MS = 86_400_000;
const DAYS_OF_KEY: Record<string, number> = {
  ArrowDown: 1,
  ArrowLeft: 1,
  ArrowUp: -1,
  ArrowRight: -1,
  PageDown: 30,
  PageUp: -30,
};

interface ScrubberProps {
  room: GalleryRoom;
  onJump(ordinal: number): void;
}

/** Where each year begins on the track, as shares of it, newest first; too close ones left out. */
export function yearMarks(index: GalleryIndex): { year: number; share: number }[] {
  const marks: { year: number; share: number }[] = [];
  let last = Number.NaN;
  for (const run of index.days) {
    const year = new Date(run.day * DAY_MS).getUTCFullYear();
    if (year === last) continue;
    last = year;
    const share = run.first / Math.max(1, index.count);
    if (share - (marks.at(-1)?.share ?? -1) >= LEAST_GAP) marks.push({ year, share });
  }
  return marks;
}

function useRecently(value: number): boolean {
  const [recent, setRecent] = useState(false);
  const first = useRef(value);
  useEffect(() => {
    if (first.current === value) return;
    setRecent(true);
    const timer = setTimeout(() => setRecent(false), SHOWN_AFTER_SCROLL_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return recent;
}

export function Scrubber({ room, onJump }: ScrubberProps) {
  const { index } = room;
  const at = useSyncExternalStore(room.subscribeTop, room.getTop);
  const { t, locale } = galleryTexts.useText();
  const track = useRef<HTMLDivElement>(null);
  const [dragged, setDragged] = useState<number | null>(null);
  const moving = useRecently(at);
  const last = Math.max(1, index.count - 1);
  const ordinal = dragged ?? Math.min(at, last);
  const date = useMemo(
    () =>
      new Intl.DateTimeFormat(locale, { year: 'numeric', month: 'short', day: 'numeric', timeZone: 'UTC' }),
    [locale],
  );
  const handleShare = ordinal / last;
  const marks = yearMarks(index);
  // One year alone says nothing about where to go; one that the handle lies on cannot be read.
  const years = marks.length > 1 ? marks : [];
  const dateText = date.format(index.dateOf(ordinal));

  const follow = (event: PointerEvent) => {
    const box = track.current?.getBoundingClientRect();
    if (!box) return;
    const share = Math.min(1, Math.max(0, (event.clientY - box.top) / box.height));
    const target = Math.round(share * last);
    setDragged(target);
    onJump(target);
  };
  return (
    <div
      ref={track}
      className={`scrubber ${moving || dragged !== null ? 'scrubber-moving' : ''}`}
      role="slider"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label={t('gallery.date.scrub')}
      aria-valuemin={0}
      aria-valuemax={last}
      aria-valuenow={ordinal}
      aria-valuetext={dateText}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        follow(event);
      }}
      onPointerMove={(event) => {
        if (dragged !== null) follow(event);
      }}
      onPointerUp={() => setDragged(null)}
      onPointerCancel={() => setDragged(null)}
      onKeyDown={(event) => {
        const days = DAYS_OF_KEY[event.key];
        if (event.key === 'Home') onJump(0);
        else if (event.key === 'End') onJump(last);
        else if (days !== undefined) onJump(index.firstOn(index.dateOf(ordinal) - days * DAY_MS));
        else return;
        event.preventDefault();
      }}
    >
      {years.map(({ year, share }) => (
        <span
          key={year}
          className="scrubber-year figures"
          hidden={Math.abs(share - handleShare) < LEAST_GAP / 2}
          style={cssVariables({ '--share': share })}
        >
          {year}
        </span>
      ))}
      <span className="scrubber-handle" style={cssVariables({ '--share': handleShare })}>
        <span className="scrubber-date">{dateText}</span>
      </span>
    </div>
  );
}
