// Asks before pictures are deleted for ever, with the exact number.
import { useState } from 'react';
import { Dialog } from '../ui/Dialog.tsx';
import type { ActionTarget, GalleryActions } from './gallery-actions.ts';
import type { GalleryRoom } from './gallery-room.ts';
import { galleryTexts } from './gallery-text.ts';

export type DeleteTarget = ActionTarget;

interface DeleteDialogProps {
  room: GalleryRoom;
  target: DeleteTarget;
  actions: GalleryActions;
  onClose(): void;
  onDeleted(): void;
}

export function DeleteDialog({ room, target, actions, onClose, onDeleted }: DeleteDialogProps) {
  const { t } = galleryTexts.useText();
  const [busy, setBusy] = useState(false);
  const n = target === 'everything' ? room.index.count : target === 'selection' ? room.selection.size : 1;
  const confirm = async () => {
    setBusy(true);
    const isDone = await actions.run('delete_forever', target);
    onClose();
    if (isDone) onDeleted();
  };
  return (
    <Dialog
      title={t('gallery.delete.title')}
      onClose={onClose}
      footer={
        <>
          <button type="button" className="button" onClick={onClose}>
            {t('gallery.cancel')}
          </button>
          <button
            type="button"
            className="button border-alarm text-alarm"
            aria-disabled={busy}
            onClick={() => {
              if (!busy) void confirm();
            }}
          >
            {busy ? t('gallery.working') : t('gallery.delete.confirm', { n })}
          </button>
        </>
      }
    >
      <p>{t('gallery.delete.text', { n })}</p>
    </Dialog>
  );
}
