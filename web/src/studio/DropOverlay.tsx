// Pictures dropped or pasted anywhere become the input picture, and a stray drop never navigates away.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Icon } from '../ui/Icon.tsx';
import { useText } from '../ui/language.ts';
import { modelsQuery } from './queries.ts';
import { useStudio } from './studio-context.ts';

const hasFiles = (transfer: DataTransfer | null) => transfer?.types.includes('Files') ?? false;
const firstFile = (transfer: DataTransfer | null) =>
  [...(transfer?.files ?? [])].find((file) => file.type.startsWith('image/')) ?? transfer?.files[0] ?? null;

export function DropOverlay() {
  const { t } = useText();
  const { input } = useStudio();
  const [over, setOver] = useState(false);
  const { data: models = [] } = useQuery(modelsQuery);
  const wanted = models.some((model) => model.drawbridge.capabilities.max_input_images > 0);

  useEffect(() => {
    const onOver = (event: DragEvent) => {
      if (!hasFiles(event.dataTransfer)) return;
      event.preventDefault();
      if (event.dataTransfer) event.dataTransfer.dropEffect = wanted ? 'copy' : 'none';
      setOver(wanted);
    };
    const onLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const onDrop = (event: DragEvent) => {
      if (!hasFiles(event.dataTransfer)) return;
      event.preventDefault();
      setOver(false);
      const file = firstFile(event.dataTransfer);
      if (wanted && file) void input.take(file, file.name);
    };
    const onPaste = (event: ClipboardEvent) => {
      const file = firstFile(event.clipboardData);
      if (!wanted || !file) return;
      event.preventDefault();
      void input.take(file, file.name || t('image.pasted'));
    };
    document.addEventListener('dragover', onOver);
    document.addEventListener('dragleave', onLeave);
    document.addEventListener('drop', onDrop);
    document.addEventListener('paste', onPaste);
    return () => {
      document.removeEventListener('dragover', onOver);
      document.removeEventListener('dragleave', onLeave);
      document.removeEventListener('drop', onDrop);
      document.removeEventListener('paste', onPaste);
    };
  }, [input, t, wanted]);

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
