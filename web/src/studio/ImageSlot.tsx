// The slot for the picture to start from: empty, uploading with bytes and a stop, filled with a way out, or failed with a reason.
import { useId, useRef } from 'react';
import { formatBytes } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { useText } from '../ui/language.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import type { DraftInput } from './model.ts';
import { useDraft, useInputUpload, useStudio } from './studio-context.ts';

const ACCEPTED = 'image/png,image/jpeg,image/webp,image/gif,image/avif';

function Filled({ picture, onReplace }: { picture: DraftInput; onReplace(): void }) {
  const { t } = useText();
  const { draft } = useStudio();
  const name = picture.name || t('image.result');
  return (
    <div className="flex items-center gap-3">
      <img
        src={picture.url}
        alt={t('image.alt', { name })}
        className="size-16 rounded-control bg-mat object-cover"
      />
      <p className="min-w-0 grow truncate text-sm">{name}</p>
      <button type="button" className="button button-quiet" onClick={onReplace}>
        {t('image.replace')}
      </button>
      <button
        type="button"
        className="button button-quiet button-icon"
        aria-label={t('image.remove')}
        onClick={() => draft.update({ input: null })}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}

function Uploading(props: { name: string; previewUrl: string; sentBytes: number; totalBytes: number }) {
  const { t, locale } = useText();
  const { input } = useStudio();
  const percent = Math.round((props.sentBytes / Math.max(1, props.totalBytes)) * 100);
  const sent = formatBytes(props.sentBytes, locale);
  return (
    <div className="flex items-center gap-3">
      <img src={props.previewUrl} alt="" className="size-16 rounded-control bg-mat object-cover opacity-60" />
      <div className="figures min-w-0 grow text-sm">
        <p>{t('image.uploading', { percent })}</p>
        <progress
          className="h-1.5 w-full accent-lamp"
          value={percent}
          max={100}
          aria-label={t('image.uploading', { percent })}
        />
        <p className="text-soft">
          {t('image.uploading.of', { sent, total: formatBytes(props.totalBytes, locale) })}
        </p>
      </div>
      <button
        type="button"
        className="button button-quiet button-icon"
        aria-label={t('image.cancel')}
        onClick={() => input.cancel()}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}

/** `usable` is false when the chosen model would ignore the picture. */
export function ImageSlot({ usable }: { usable: boolean }) {
  const { t } = useText();
  const { input } = useStudio();
  const { input: picture } = useDraft();
  const upload = useInputUpload();
  const picker = useRef<HTMLInputElement>(null);
  const pickerId = useId();
  const choose = () => picker.current?.click();
  if (!usable && !picture) return null;
  return (
    <div className="flex flex-col gap-2">
      <input
        ref={picker}
        id={pickerId}
        type="file"
        accept={ACCEPTED}
        className="hidden"
        aria-label={t('image.choose')}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = '';
          if (file) void input.take(file, file.name);
        }}
      />
      {upload.state === 'uploading' ? (
        <Uploading {...upload} />
      ) : picture ? (
        <Filled picture={picture} onReplace={choose} />
      ) : (
        <button
          type="button"
          className="flex min-h-14 items-center gap-3 rounded-control border border-dashed border-edge px-4 py-2 text-left hover:bg-well"
          onClick={choose}
        >
          <Icon name="input" />
          <span>
            <span className="font-medium">{t('image.label')}</span>
            <span className="block text-sm text-soft">{t('image.hint')}</span>
          </span>
        </button>
      )}
      {upload.state === 'failed' && (
        <div role="alert">
          <ProblemNote problem={upload.problem}>
            <button type="button" className="button button-quiet" onClick={() => input.cancel()}>
              {t('app.dismiss')}
            </button>
          </ProblemNote>
        </div>
      )}
      {!usable && picture && <p className="text-sm text-alarm">{t('image.unsupported')}</p>}
    </div>
  );
}
