// The gallery's keys: on the selection, or on the picture that has the focus. Registered in one place, so that the help knows.
import { useLayoutEffect } from 'react';
import { useShortcuts } from '../ui/shortcuts.ts';
import { hasOpenDialog } from '../ui/top-layer.ts';
import type { DeleteTarget } from './DeleteDialog.tsx';
import type { GalleryActions } from './gallery-actions.ts';
import type { GalleryRow } from './gallery-api.ts';
import type { GalleryRoom } from './gallery-room.ts';
import { galleryTexts } from './gallery-text.ts';
import type { Remix } from './remix.ts';
import type { WallHandle } from './WallView.tsx';

interface GalleryKeys {
  room: GalleryRoom;
  handle: { current: WallHandle | null };
  actions: GalleryActions;
  isTrash: boolean;
  onOpen(row: GalleryRow): void;
  onRemix(row: GalleryRow, what: Remix): void;
  onShare(ids: readonly string[]): void;
  onDelete(target: DeleteTarget): void;
  onDownload(rows: readonly GalleryRow[]): void;
}

export function useGalleryKeys(keys: GalleryKeys): void {
  const { room, handle, actions, isTrash } = keys;
  const { t } = galleryTexts.useText();

  /** The picture with the focus. */
  const focused = (): { ordinal: number; row: GalleryRow } | null => {
    const wall = handle.current?.wall();
    const ordinal = wall?.ordinalAt(document.activeElement) ?? -1;
    const row = room.rows.get(ordinal);
    return row ? { ordinal, row } : null;
  };
  const withFocused = (run: (row: GalleryRow, ordinal: number) => void) => () => {
    const one = focused();
    if (one) run(one.row, one.ordinal);
  };
  const favourite = () => {
    if (isTrash) return;
    if (room.selection.size > 0) void actions.run('favourite', 'selection');
    else withFocused((row) => void actions.toggleFavourite(row.id, !row.favourite))();
  };
  const remove = () => {
    const one = focused();
    const target =
      room.selection.size > 0 ? 'selection' : one ? { ordinal: one.ordinal, id: one.row.id } : null;
    if (target === null) return;
    if (isTrash) keys.onDelete(target);
    else void actions.run('trash', target);
  };
  const share = () => {
    if (isTrash) return;
    if (room.selection.size > 0) void room.markedIds().then(keys.onShare);
    else withFocused((row) => keys.onShare([row.id]))();
  };
  const shown = (key: string, label: string) => ({ keys: key, label, isShownOnly: true, run: () => {} });
  useShortcuts(t('gallery.keys'), [
    {
      keys: '/',
      label: t('gallery.keys.search'),
      run: () => document.getElementById('gallery-search')?.focus(),
    },
    shown('ArrowRight', t('gallery.keys.move')),
    shown('ArrowDown', t('gallery.keys.down')),
    shown('Enter', t('gallery.keys.open')),
    shown('Space', t('gallery.keys.select')),
    shown('Shift+ArrowRight', t('gallery.keys.range')),
    { keys: 'f', label: t('gallery.keys.favourite'), run: favourite },
    { keys: '.', label: t('gallery.keys.favourite'), run: favourite },
    { keys: 'p', label: t('gallery.usePrompt'), run: withFocused((row) => keys.onRemix(row, 'prompt')) },
    { keys: 'r', label: t('gallery.useAll'), run: withFocused((row) => keys.onRemix(row, 'all')) },
    { keys: 'd', label: t('gallery.download'), run: withFocused((row) => keys.onDownload([row])) },
    { keys: 'i', label: t('gallery.info'), run: withFocused((row) => keys.onOpen(row)) },
    { keys: 's', label: t('gallery.share'), run: share },
    { keys: 'Delete', label: t(isTrash ? 'gallery.deleteForever' : 'gallery.toTrash'), run: remove },
  ]);

  useLayoutEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const isFree =
        !event.defaultPrevented && !hasOpenDialog() && !document.querySelector(':popover-open.popover');
      if (event.key !== 'Escape' || !isFree || room.selection.size === 0) return;
      room.selection.clear();
      room.noteSelection();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [room]);
}
