// The line above the wall: how many pictures, what the trash holds, and the day that is on the screen, which also leads to
// any other day.
import { useMemo, useSyncExternalStore } from 'react';
import { formatBytes } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import type { GalleryFacets } from './gallery-api.ts';
import type { GalleryRoom, RoomState } from './gallery-room.ts';
import { galleryTexts } from './gallery-text.ts';

interface HeadingProps {
  room: GalleryRoom;
  state: RoomState;
  facets: GalleryFacets | undefined;
  onJumpTo(ordinal: number): void;
  onEmptyTrash(): void;
}

const isoDay = (dayMs: number) => new Date(dayMs).toISOString().slice(0, 10);

function DayButton({ room, onJumpTo }: HeadingProps) {
  const at = useSyncExternalStore(room.subscribeTop, room.getTop);
  const { t, locale } = galleryTexts.useText();
  const { index } = room;
  // Making one takes ten times as long as using it, and the day changes while the page scrolls.
  const date = useMemo(
    () => new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }),
    [locale],
  );
  const shownMs = index.dateOf(Math.min(at, index.count - 1));
  return (
    <label className="input-label button button-quiet ml-auto">
      <Icon name="calendar" className="size-4.5" />
      <span className="figures">{date.format(shownMs)}</span>
      <input
        type="date"
        aria-label={t('gallery.date.jump')}
        value={isoDay(shownMs)}
        max={isoDay(index.dateOf(0))}
        min={isoDay(index.dateOf(index.count - 1))}
        onClick={(event) => event.currentTarget.showPicker?.()}
        onChange={(event) => {
          const dayMs = Date.parse(event.currentTarget.value);
          if (!Number.isNaN(dayMs)) onJumpTo(index.firstOn(dayMs));
        }}
      />
    </label>
  );
}

export function Heading(props: HeadingProps) {
  const { room, state, facets } = props;
  const { t, locale } = galleryTexts.useText();
  const isTrash = room.filter.trashed === true;
  return (
    <div className="flex min-h-11 flex-wrap items-center gap-x-4 gap-y-1 pb-1">
      <h1 className={isTrash ? 'text-lg font-semibold' : 'sr-only'}>
        {t(isTrash ? 'gallery.trash' : 'gallery.title')}
      </h1>
      {state.phase === 'ready' && state.total > 0 && (
        <p className="figures text-soft" data-count="">
          {t('gallery.count', { n: state.total })}
        </p>
      )}
      {isTrash && facets && facets.trash.count > 0 && (
        <>
          <p className="text-sm text-soft">
            {t('gallery.trash.note', {
              n: facets.trash.keep_days,
              size: formatBytes(facets.trash.bytes, locale),
            })}
          </p>
          <button type="button" className="button button-quiet text-alarm" onClick={props.onEmptyTrash}>
            {t('gallery.trash.empty.action')}
          </button>
        </>
      )}
      {state.isPreparing && <p className="text-sm text-soft">{t('gallery.preparing')}</p>}
      {state.total > 0 && <DayButton {...props} />}
    </div>
  );
}
