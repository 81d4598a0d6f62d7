// The gallery's large view: neighbours are those of the wall it was opened from, the address names the picture, and closing
// gives the focus back to its cell. A picture that is not in the list (an old link, another filter) is shown all the same.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { InfoPanel } from '../lightbox/InfoPanel.tsx';
import { imageQuery } from '../lightbox/image-query.ts';
import { Lightbox } from '../lightbox/Lightbox.tsx';
import { LightboxTools } from '../lightbox/LightboxTools.tsx';
import { lightboxTexts } from '../lightbox/lightbox-text.ts';
import { Damaged, Gone } from '../lightbox/notices.tsx';
import { useInfoOpen } from '../lightbox/use-info-open.ts';
import type { MenuItem } from '../ui/Menu.tsx';
import type { Shortcut } from '../ui/shortcuts.ts';
import type { GalleryActions } from './gallery-actions.ts';
import type { GalleryAction, GalleryRow } from './gallery-api.ts';
import type { GalleryRoom, RoomState } from './gallery-room.ts';
import { galleryTexts } from './gallery-text.ts';
import type { Remix } from './remix.ts';

/** Neighbours on each side whose files are fetched before they are asked for. */
const PRELOAD = 2;

export interface GalleryLightboxProps {
  room: GalleryRoom;
  state: RoomState;
  view: string;
  actions: GalleryActions;
  onShow(id: string): void;
  onClose(): void;
  onRemix(row: GalleryRow, what: Remix): void;
  onShare(ids: readonly string[]): void;
  onDelete(target: { ordinal: number; id: string }): void;
}

/** Draws again when rows come or change. */
function useRows(room: GalleryRoom): void {
  const [, draw] = useState(0);
  useEffect(() => room.onRows(() => draw((n) => n + 1)), [room]);
}

/** Where the picture is in the list: undefined while it is looked for, -1 when it is not there. */
function useOrdinal(room: GalleryRoom, state: RoomState, view: string): number | undefined {
  const [found, setFound] = useState<{ view: string; version: number; ordinal: number } | null>(null);
  const { version, isComplete } = state;
  useEffect(() => {
    if (!isComplete) return;
    let isWanted = true;
    void room.locate(view).then((ordinal) => {
      if (isWanted) setFound({ view, version, ordinal });
    });
    return () => {
      isWanted = false;
    };
  }, [room, view, version, isComplete]);
  return found?.view === view && found.version === version ? found.ordinal : undefined;
}

interface ToolsProps extends GalleryLightboxProps {
  row: GalleryRow;
  ordinal: number;
  infoOpen: boolean;
  onInfo(): void;
}

/** What the gallery does with the picture, as menu and as keys. */
function useActions({
  row,
  ordinal,
  room,
  actions,
  onRemix,
  onShare,
  onDelete,
  onShow,
  onClose,
}: ToolsProps) {
  const { t } = galleryTexts.useText();
  const target = { ordinal, id: row.id };
  /** For what takes the picture out of the list: the next one follows, as a pile is worked through. */
  const runAndGoOn = async (action: GalleryAction) => {
    if (ordinal < 0) return;
    const next = room.rows.get(ordinal + 1) ?? room.rows.get(ordinal - 1);
    if (!(await actions.run(action, target))) return;
    if (next) onShow(next.id);
    else onClose();
  };
  const isTrash = row.trashed_at !== null;
  const trash = () => {
    if (isTrash) onDelete(target);
    else void runAndGoOn('trash');
  };
  const shortcuts: Shortcut[] = [
    { keys: 'Delete', label: t(isTrash ? 'gallery.deleteForever' : 'gallery.toTrash'), run: trash },
    ...(isTrash
      ? []
      : [
          { keys: 'p', label: t('gallery.usePrompt'), run: () => onRemix(row, 'prompt') },
          { keys: 'r', label: t('gallery.useAll'), run: () => onRemix(row, 'all') },
          { keys: 's', label: t('gallery.share'), run: () => onShare([row.id]) },
        ]),
  ];
  const items: MenuItem[] = isTrash
    ? [
        { label: t('gallery.restore'), icon: 'again', run: () => void runAndGoOn('restore') },
        { label: t('gallery.deleteForever'), icon: 'trash', run: trash, isDanger: true },
      ]
    : [
        { label: t('gallery.usePrompt'), icon: 'prompt', run: () => onRemix(row, 'prompt') },
        { label: t('gallery.useAll'), icon: 'again', run: () => onRemix(row, 'all') },
        { label: t('gallery.useAsInput'), icon: 'input', run: () => onRemix(row, 'input') },
        { label: t('gallery.share'), icon: 'share', run: () => onShare([row.id]) },
        { label: t('gallery.toTrash'), icon: 'trash', run: trash, isDanger: true },
      ];
  return { shortcuts, items, isTrash };
}

function Tools(props: ToolsProps) {
  const { row, actions, infoOpen, onInfo } = props;
  const { shortcuts, items, isTrash } = useActions(props);
  const favourite = {
    isOn: row.favourite,
    toggle: () => void actions.toggleFavourite(row.id, !row.favourite),
  };
  return (
    <LightboxTools
      url={row.url}
      downloadUrl={row.download_url}
      favourite={isTrash ? null : favourite}
      infoOpen={infoOpen}
      onInfo={onInfo}
      items={items}
      shortcuts={shortcuts}
    />
  );
}

export function GalleryLightbox(props: GalleryLightboxProps) {
  const { room, state, view, onShow, onClose } = props;
  const { t } = lightboxTexts.useText();
  useRows(room);
  const ordinal = useOrdinal(room, state, view);
  const inList = ordinal === undefined || ordinal < 0 ? undefined : room.rows.get(ordinal);
  const needsOwn = inList?.id !== view;
  const own = useQuery({ ...imageQuery(view), enabled: needsOwn });
  const row = needsOwn ? own.data : inList;
  const [brokenId, setBrokenId] = useState('');
  const [infoOpen, toggleInfo] = useInfoOpen();
  const at = ordinal ?? -1;

  useEffect(() => {
    if (at >= 0) room.rows.want(Math.max(0, at - PRELOAD), at + PRELOAD + 1);
  }, [room, at]);

  const neighbours = at < 0 ? [] : [1, -1, 2, -2].flatMap((by) => room.rows.get(at + by) ?? []);
  const step = (by: number) => {
    const target = at + by;
    if (at < 0 || target < 0 || target >= room.index.count) return;
    const known = room.rows.get(target);
    if (known) onShow(known.id);
    else void room.rowAt(target).then((found) => found && onShow(found.id));
  };
  const notice =
    !row && own.isError ? (
      <Gone error={own.error} />
    ) : row && (row.damage || brokenId === row.id) ? (
      <Damaged
        row={row}
        onRepaired={() => {
          setBrokenId('');
          void room.reload();
        }}
      />
    ) : undefined;
  return (
    <Lightbox
      picture={row ? { ...row, thumb_url: row.damage ? null : row.thumb_url, alt: row.prompt } : null}
      notice={notice}
      position={at < 0 ? '' : t('lightbox.position', { n: at + 1, count: room.index.count })}
      hasPrevious={at > 0}
      hasNext={at >= 0 && at < room.index.count - 1}
      preload={neighbours.filter((neighbour) => !neighbour.damage).map((neighbour) => neighbour.url)}
      actions={row && <Tools {...props} row={row} ordinal={at} infoOpen={infoOpen} onInfo={toggleInfo} />}
      panel={row && infoOpen && <InfoPanel row={row} onShow={onShow} />}
      onStep={step}
      onClose={onClose}
      onBroken={() => setBrokenId(view)}
    />
  );
}
