// What can be done with the selected pictures, within reach of the thumb. It says exactly how many it is about.
import { useState } from 'react';
import { Icon } from '../ui/Icon.tsx';
import type { GalleryActions } from './gallery-actions.ts';
import type { GalleryAction } from './gallery-api.ts';
import type { GalleryRoom, RoomState } from './gallery-room.ts';
import { isNarrowed } from './gallery-search.ts';
import { galleryTexts } from './gallery-text.ts';

interface SelectionBarProps {
  room: GalleryRoom;
  state: RoomState;
  actions: GalleryActions;
  onShare(): void;
  onDelete(): void;
  onDownload(): void;
}

/** Browsers ask before a page downloads many files. */
export const MOST_DOWNLOADS = 20;
/** A link shows at most this many. */
export const MOST_SHARED = 50;

export function SelectionBar({ room, state, actions, onShare, onDelete, onDownload }: SelectionBarProps) {
  const { t } = galleryTexts.useText();
  const [busy, setBusy] = useState(false);
  const { selected: n } = state;
  const isTrash = room.filter.trashed === true;
  const run = async (action: GalleryAction) => {
    setBusy(true);
    await actions.run(action, 'selection');
    setBusy(false);
  };
  const tool = (
    icon: Parameters<typeof Icon>[0]['name'],
    label: string,
    act: () => void,
    isDanger = false,
  ) => (
    <button
      type="button"
      className={`button button-quiet min-w-11 ${isDanger ? 'text-alarm' : ''}`}
      aria-label={label}
      title={label}
      onClick={() => {
        if (!busy) act();
      }}
    >
      <Icon name={icon} />
      <span className="max-lg:sr-only">{label}</span>
    </button>
  );
  return (
    <section className="selection-bar" aria-label={t('gallery.selected.bar')} aria-busy={busy}>
      <div className="flex min-w-0 items-center gap-1">
        <button
          type="button"
          className="button button-quiet button-icon"
          aria-label={t('gallery.selectNone')}
          onClick={() => {
            room.selection.clear();
            room.noteSelection();
          }}
        >
          <Icon name="close" />
        </button>
        <p className="figures min-w-0 truncate font-semibold" role="status">
          {busy ? t('gallery.working') : t('gallery.selected', { n })}
        </p>
        {n < room.index.count && state.isComplete && (
          <button
            type="button"
            className="button button-quiet underline underline-offset-4"
            onClick={() => {
              room.selection.selectAll();
              room.noteSelection();
            }}
          >
            {t(isNarrowed(room.filter) ? 'gallery.selectAll.matching' : 'gallery.selectAll', {
              n: room.index.count,
            })}
          </button>
        )}
      </div>
      <div className="flex items-center justify-end max-sm:justify-around">
        {isTrash ? (
          <>
            {tool('again', t('gallery.restore'), () => void run('restore'))}
            {tool('trash', t('gallery.deleteForever'), onDelete, true)}
          </>
        ) : (
          <>
            {tool('heart', t('gallery.favourite'), () => void run('favourite'))}
            {n <= MOST_DOWNLOADS && tool('download', t('gallery.download'), onDownload)}
            {n <= MOST_SHARED && tool('share', t('gallery.share'), onShare)}
            {tool('trash', t('gallery.toTrash'), () => void run('trash'), true)}
          </>
        )}
      </div>
    </section>
  );
}
