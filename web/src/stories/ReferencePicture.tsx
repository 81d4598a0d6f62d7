// The reference picture of one character: from a file (chosen or dropped) or from the gallery, seen small, and taken away again.
import { type DragEvent, lazy, Suspense, useRef, useState } from 'react';
import { maybePicture, readTransfer } from '../studio/given-pictures.ts';
import { Icon } from '../ui/Icon.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { rememberPicture, usePictureUrl } from './known-pictures.ts';
import { useReferenceUpload } from './reference-upload.ts';
import { storyTexts } from './story-text.ts';

const GalleryPicker = lazy(() =>
  import('./GalleryPicker.tsx').then(({ GalleryPicker }) => ({ default: GalleryPicker })),
);

const ACCEPTED = 'image/png,image/jpeg,image/webp';

interface ReferencePictureProps {
  /** Of the character, for whom the picture stands. */
  name: string;
  imageId: string | null;
  onChange(imageId: string | null): void;
}

function View({ imageId, name }: Pick<ReferencePictureProps, 'imageId' | 'name'>) {
  const { t } = storyTexts.useText();
  const url = usePictureUrl(imageId);
  const [brokenUrl, setBrokenUrl] = useState<string | null>(null);
  const isSeen = url !== null && url !== brokenUrl;
  return (
    <span className={`reference ${imageId === null ? 'reference-empty' : ''}`}>
      {isSeen ? (
        <img
          src={url}
          alt={t('character.picture.alt', { name })}
          className="size-full object-cover"
          onError={() => setBrokenUrl(url)}
        />
      ) : (
        <Icon name={imageId === null ? 'account' : 'picture'} className="size-7" />
      )}
    </span>
  );
}

export function ReferencePicture({ name, imageId, onChange }: ReferencePictureProps) {
  const { t } = storyTexts.useText();
  const picker = useRef<HTMLInputElement>(null);
  const [isPicking, setPicking] = useState(false);
  const [isOver, setOver] = useState(false);
  const upload = useReferenceUpload(onChange);
  const takeDrop = (event: DragEvent<HTMLElement>) => {
    event.preventDefault();
    setOver(false);
    const given = readTransfer(event.dataTransfer);
    const file = given?.kind === 'files' ? given.files[0] : undefined;
    if (file) upload.take(file);
    else if (given?.kind === 'picture') {
      rememberPicture(given.input.id, given.input.url);
      onChange(given.input.id);
    } else if (given?.kind === 'own-link') onChange(given.imageId);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a way beside the two buttons, which do the same.
    <div
      className={`flex flex-col gap-2 ${isOver ? 'reference-over' : ''}`}
      onDragOver={(event) => {
        if (!maybePicture(event.dataTransfer)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={takeDrop}
    >
      <input
        ref={picker}
        type="file"
        accept={ACCEPTED}
        className="hidden"
        aria-label={t('character.picture.upload', { name })}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file) upload.take(file);
          event.currentTarget.value = '';
        }}
      />
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <View imageId={imageId} name={name} />
        {upload.progress === null ? (
          <div className="flex min-w-0 grow flex-wrap items-center gap-1">
            <button
              type="button"
              className="button button-quiet"
              aria-label={t('character.picture.upload', { name })}
              onClick={() => picker.current?.click()}
            >
              <Icon name="input" className="size-4.5" />
              {t('character.picture.upload.short')}
            </button>
            <button
              type="button"
              className="button button-quiet"
              aria-label={t('character.picture.gallery', { name })}
              onClick={() => setPicking(true)}
            >
              <Icon name="gallery" className="size-4.5" />
              {t('character.picture.gallery.short')}
            </button>
            {imageId !== null && (
              <button
                type="button"
                className="button button-quiet"
                aria-label={t('character.picture.remove', { name })}
                onClick={() => onChange(null)}
              >
                <Icon name="close" className="size-4.5" />
                {t('character.picture.remove.short')}
              </button>
            )}
          </div>
        ) : (
          <div className="figures flex min-w-0 grow items-center gap-3 text-sm">
            <progress
              className="h-1.5 min-w-0 grow accent-lamp"
              value={upload.progress}
              max={1}
              aria-label={t('character.picture.uploading', { name })}
            />
            <button type="button" className="button button-quiet" onClick={upload.cancel}>
              {t('app.cancel')}
            </button>
          </div>
        )}
      </div>
      {upload.problem && (
        <div role="alert">
          <ProblemNote problem={upload.problem}>
            <button type="button" className="button button-quiet" onClick={upload.cancel}>
              {t('app.dismiss')}
            </button>
          </ProblemNote>
        </div>
      )}
      {isPicking && (
        <Suspense fallback={null}>
          <GalleryPicker
            onClose={() => setPicking(false)}
            onChoose={(image) => {
              rememberPicture(image.id, image.thumb_url);
              onChange(image.id);
              setPicking(false);
            }}
          />
        </Suspense>
      )}
    </div>
  );
}
