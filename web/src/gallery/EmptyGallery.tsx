// What stands where no pictures are: it says why, and what to do.
import { Link } from '@tanstack/react-router';
import { Bridge } from '../ui/Bridge.tsx';
import { type GalleryFilter, isNarrowed } from './gallery-search.ts';
import { galleryTexts } from './gallery-text.ts';

interface EmptyGalleryProps {
  filter: GalleryFilter;
  onClear(): void;
  onLeaveTrash(): void;
}

export function EmptyGallery({ filter, onClear, onLeaveTrash }: EmptyGalleryProps) {
  const { t } = galleryTexts.useText();
  const kind = isNarrowed(filter) ? 'noMatch' : filter.trashed ? 'trashEmpty' : 'empty';
  return (
    <div className="mx-auto flex max-w-xl flex-col items-start gap-4 px-3 py-[10dvh]">
      <Bridge progress={kind === 'empty' ? 0.25 : 0} className="-ml-1 w-28 text-soft" />
      <h2 className="text-2xl font-semibold tracking-tight text-balance">{t(`gallery.${kind}.title`)}</h2>
      <p className="text-lg text-soft">{t(`gallery.${kind}.text`)}</p>
      {kind === 'empty' && (
        <>
          <Link to="/" className="button button-lamp">
            {t('gallery.empty.action')}
          </Link>
          <p className="text-soft">{t('gallery.empty.hint')}</p>
        </>
      )}
      {kind === 'noMatch' && (
        <button type="button" className="button button-lamp" onClick={onClear}>
          {t('gallery.filters.clear')}
        </button>
      )}
      {kind === 'trashEmpty' && (
        <button type="button" className="button" onClick={onLeaveTrash}>
          {t('gallery.trash.leave')}
        </button>
      )}
    </div>
  );
}
