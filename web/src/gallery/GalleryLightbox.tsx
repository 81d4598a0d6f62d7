// The gallery's large view: neighbours are those of the wall it was opened from, the address names the picture, and closing
// gives the focus back to its cell. A picture that is not in the list (an old link, another filter) is shown all the same.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { problemOf } from '../api/problem.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { Icon } from '../ui/Icon.tsx';
import { Menu, type MenuItem } from '../ui/Menu.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { type Shortcut, useShortcuts } from '../ui/shortcuts.ts';
import { readStored, writeStored } from '../ui/stored.ts';
import type { GalleryActions } from './gallery-actions.ts';
import { type GalleryAction, type GalleryRow, imageQuery, repairImage } from './gallery-api.ts';
import type { GalleryRoom, RoomState } from './gallery-room.ts';
import { galleryTexts } from './gallery-text.ts';
import { InfoPanel } from './InfoPanel.tsx';
import { Lightbox, type LightboxPicture } from './Lightbox.tsx';
import type { Remix } from './remix.ts';

const INFO_STORED = 'drawbridge.gallery.info';
/** Neighbours on each side whose files are fetched before they are asked for. */
const PRELOAD = 2;
const WIDE = '(min-width: 60rem)';

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

function toPicture(row: GalleryRow): LightboxPicture {
  return {
    id: row.id,
    url: row.url,
    thumbUrl: row.damage ? null : row.thumb_url,
    thumbhash: row.thumbhash,
    width: row.width,
    height: row.height,
    alt: row.prompt,
    downloadUrl: row.download_url,
  };
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

function Damaged({ row, onRepaired }: { row: GalleryRow; onRepaired(): void }) {
  const { t } = galleryTexts.useText();
  const [outcome, setOutcome] = useState<'asking' | 'none' | null>(null);
  const repair = async () => {
    setOutcome('asking');
    const answer = await repairImage(row.id).catch(() => ({ outcome: 'damaged' as const }));
    setOutcome('none');
    if (answer.outcome !== 'damaged') onRepaired();
  };
  const isDamaged = Boolean(row.damage);
  const canRepair = row.damage ? row.damage.repair === 'possible' : true;
  return (
    <div className="lightbox-notice">
      <Icon name="alert" className="size-8" />
      <h2 className="text-xl font-semibold">
        {t(isDamaged ? 'gallery.damaged.title' : 'gallery.unloaded.title')}
      </h2>
      <p>{t(isDamaged ? 'gallery.damaged.text' : 'gallery.unloaded.text')}</p>
      {canRepair && outcome !== 'none' ? (
        <button
          type="button"
          className="button"
          aria-disabled={outcome === 'asking'}
          onClick={() => {
            if (outcome === null) void repair();
          }}
        >
          {t(outcome === 'asking' ? 'gallery.working' : 'gallery.damaged.repair')}
        </button>
      ) : (
        <p role="status">{t('gallery.damaged.none')}</p>
      )}
    </div>
  );
}

interface ToolsProps extends GalleryLightboxProps {
  row: GalleryRow;
  ordinal: number;
  infoOpen: boolean;
  onInfo(): void;
}

/** Keys of the large view must not reach through a dialog above it. */
function isOnTop(): boolean {
  return [...document.querySelectorAll('dialog[open]')].at(-1)?.classList.contains('lightbox') === true;
}

function useTools({
  row,
  ordinal,
  room,
  actions,
  onRemix,
  onShare,
  onDelete,
  onInfo,
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
  const download = () => {
    const link = document.createElement('a');
    link.href = row.download_url;
    link.download = '';
    link.click();
  };
  const favourite = () => void actions.toggleFavourite(row.id, !row.favourite);
  const trash = () => {
    if (isTrash) onDelete(target);
    else void runAndGoOn('trash');
  };
  const shortcuts: Shortcut[] = [
    { keys: 'i', label: t('gallery.info'), run: onInfo },
    { keys: 'd', label: t('gallery.download'), run: download },
    { keys: 'Delete', label: t(isTrash ? 'gallery.deleteForever' : 'gallery.toTrash'), run: trash },
    ...(isTrash
      ? []
      : [
          { keys: 'f', label: t('gallery.favourite'), run: favourite },
          { keys: '.', label: t('gallery.favourite'), run: favourite },
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
  const guarded = shortcuts.map((shortcut) => ({
    ...shortcut,
    run: (event: KeyboardEvent) => {
      if (isOnTop()) shortcut.run(event);
    },
  }));
  return { shortcuts: guarded, items, favourite, isTrash };
}

function Tools(props: ToolsProps) {
  const { row, infoOpen, onInfo } = props;
  const { t } = galleryTexts.useText();
  const { shortcuts, items, favourite, isTrash } = useTools(props);
  useShortcuts(t('gallery.keys.large'), shortcuts, 'dialog');
  return (
    <>
      {!isTrash && (
        <button
          type="button"
          className="lightbox-button"
          aria-label={t('gallery.favourite')}
          aria-pressed={row.favourite}
          onClick={favourite}
        >
          <Icon name="heart" className={row.favourite ? 'size-5 fill-current' : 'size-5'} />
        </button>
      )}
      <CopyButton text={row.url} icon="link" className="lightbox-button max-sm:hidden">
        <span className="sr-only">{t('gallery.copyLink')}</span>
      </CopyButton>
      <a className="lightbox-button" href={row.download_url} download="" aria-label={t('gallery.download')}>
        <Icon name="download" />
      </a>
      <button
        type="button"
        className="lightbox-button"
        aria-label={t('gallery.info')}
        aria-pressed={infoOpen}
        onClick={onInfo}
      >
        <Icon name="info" />
      </button>
      <Menu name={t('gallery.more')} label={<Icon name="more" />} items={items} className="lightbox-button" />
    </>
  );
}

export function GalleryLightbox(props: GalleryLightboxProps) {
  const { room, state, view, onShow, onClose } = props;
  const { t } = galleryTexts.useText();
  useRows(room);
  const ordinal = useOrdinal(room, state, view);
  const inList = ordinal === undefined || ordinal < 0 ? undefined : room.rows.get(ordinal);
  const needsOwn = inList?.id !== view;
  const own = useQuery({ ...imageQuery(view), enabled: needsOwn });
  const row = needsOwn ? own.data : inList;
  const [brokenId, setBrokenId] = useState('');
  const [infoOpen, setInfoOpen] = useState(
    () => readStored(INFO_STORED) === 'open' && matchMedia(WIDE).matches,
  );
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
  const toggleInfo = () => {
    writeStored(INFO_STORED, infoOpen ? null : 'open');
    setInfoOpen(!infoOpen);
  };
  const isGone = !row && own.isError;
  const notice = isGone ? (
    <div className="lightbox-notice">
      {problemOf(own.error).status === 404 ? (
        <>
          <h2 className="text-xl font-semibold">{t('gallery.gone.title')}</h2>
          <p>{t('gallery.gone.text')}</p>
        </>
      ) : (
        <ProblemNote problem={problemOf(own.error)} />
      )}
    </div>
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
      picture={row ? toPicture(row) : null}
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
