// Pictures dropped or pasted anywhere become the input picture, and a stray drop never navigates away.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Icon } from '../ui/Icon.tsx';
import { useText } from '../ui/language.ts';
import { maybePicture, readTransfer } from './given-pictures.ts';
import { takesPictures } from './model.ts';
import { modelsQuery } from './queries.ts';
import { useGivenPictures } from './use-given-pictures.ts';

export function DropOverlay() {
  const { t } = useText();
  const take = useGivenPictures();
  const [over, setOver] = useState(false);
  const { data: models = [] } = useQuery(modelsQuery);
  const wanted = models.some((model) => takesPictures(model.drawbridge.capabilities));

  useEffect(() => {
    const onOver = (event: DragEvent) => {
      if (!maybePicture(event.dataTransfer)) return;
      event.preventDefault();
      if (event.dataTransfer) event.dataTransfer.dropEffect = wanted ? 'copy' : 'none';
      setOver(wanted);
    };
    const onLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const onDrop = (event: DragEvent) => {
      setOver(false);
      if (!maybePicture(event.dataTransfer)) return;
      event.preventDefault();
      const given = readTransfer(event.dataTransfer);
      if (wanted && given) take(given);
    };
    const onPaste = (event: ClipboardEvent) => {
      const given = wanted ? readTransfer(event.clipboardData) : null;
      if (!given) return;
      event.preventDefault();
      take(given);
    };
    const stop = () => setOver(false);
    document.addEventListener('dragover', onOver);
    document.addEventListener('dragleave', onLeave);
    document.addEventListener('drop', onDrop);
    document.addEventListener('dragend', stop);
    document.addEventListener('paste', onPaste);
    return () => {
      document.removeEventListener('dragover', onOver);
      document.removeEventListener('dragleave', onLeave);
      document.removeEventListener('drop', onDrop);
      document.removeEventListener('dragend', stop);
      document.removeEventListener('paste', onPaste);
    };
  }, [take, wanted]);

  if (!over) return null;
  return (
    <div className="pointer-events-none fixed inset-0 z-40 flex items-center justify-center bg-shade p-6 text-white">
      <p className="flex items-center gap-3 rounded-sheet border-2 border-dashed border-lamp px-8 py-12 text-xl font-semibold">
        <Icon name="input" className="size-7" />
        {t('image.drop')}
      </p>
    </div>
  );
}
