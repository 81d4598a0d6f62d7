// The slot for the pictures to start from: empty, uploading with bytes and a stop, filled with a way out, or failed with a
// reason and a way to try again.
import { lazy, Suspense, useId, useRef, useState } from 'react';
import { formatBytes } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { useText } from '../ui/language.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import type { PictureUpload } from './input-upload.ts';
import { type DraftInput, type FormCapabilities, fitDraft, takesPictures } from './model.ts';
import { useDraft, useStudio, useUploads } from './studio-context.ts';

const ACCEPTED = 'image/png,image/jpeg,image/webp,image/gif,image/avif';

const MaskEditor = lazy(() => import('./MaskEditor.tsx').then(({ MaskEditor }) => ({ default: MaskEditor })));

function Filled({ picture, onReplace }: { picture: DraftInput; onReplace: (() => void) | null }) {
  const { t } = useText();
  const { draft } = useStudio();
  const name = picture.name || t('image.result');
  const look = 'size-14 shrink-0 rounded-control bg-mat object-cover';
  return (
    <div className="flex items-center gap-3">
      {picture.url === '' ? (
        <span className={`${look} flex items-center justify-center`}>
          <Icon name="link" />
        </span>
      ) : (
        <img src={picture.url} alt={t('image.alt', { name })} className={look} />
      )}
      <p className="min-w-0 grow truncate text-sm">{name}</p>
      {onReplace && (
        <button type="button" className="button button-quiet" onClick={onReplace}>
          {t('image.replace')}
        </button>
      )}
      <button
        type="button"
        className="button button-quiet button-icon"
        aria-label={t('image.remove')}
        onClick={() =>
          draft.update({ inputs: draft.get().inputs.filter(({ id }) => id !== picture.id), mask: null })
        }
      >
        <Icon name="close" />
      </button>
    </div>
  );
}

function Uploading({ upload }: { upload: PictureUpload }) {
  const { t, locale } = useText();
  const { inputs } = useStudio();
  const percent = Math.round((upload.sentBytes / Math.max(1, upload.totalBytes)) * 100);
  const sent = formatBytes(upload.sentBytes, locale);
  return (
    <div className="flex items-center gap-3">
      <img
        src={upload.previewUrl}
        alt=""
        className="size-14 rounded-control bg-mat object-cover opacity-60"
      />
      <div className="figures min-w-0 grow text-sm">
        <p>{t('image.uploading', { percent })}</p>
        <progress
          className="h-1.5 w-full accent-lamp"
          value={percent}
          max={100}
          aria-label={t('image.uploading', { percent })}
        />
        <p className="text-soft">
          {t('image.uploading.of', { sent, total: formatBytes(upload.totalBytes, locale) })}
        </p>
      </div>
      <button
        type="button"
        className="button button-quiet button-icon"
        aria-label={t('image.cancel')}
        onClick={() => inputs.cancel(upload.key)}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}

function Failed({ upload }: { upload: PictureUpload }) {
  const { t } = useText();
  const { inputs } = useStudio();
  if (!upload.problem) return null;
  return (
    <div role="alert">
      <ProblemNote problem={upload.problem}>
        {upload.problem.code !== 'image' && (
          <button type="button" className="button" onClick={() => void inputs.tryAgain(upload.key)}>
            {t('app.retry')}
          </button>
        )}
        <button type="button" className="button button-quiet" onClick={() => inputs.cancel(upload.key)}>
          {t('app.dismiss')}
        </button>
      </ProblemNote>
    </div>
  );
}

/** What may change in the first picture: the whole of it, or what was painted over. */
function MaskRow({ picture }: { picture: DraftInput }) {
  const { t } = useText();
  const { draft } = useStudio();
  const { mask } = useDraft();
  const [open, setOpen] = useState(false);
  return (
    <div className="flex flex-wrap items-center gap-1">
      <button type="button" className="button button-quiet" onClick={() => setOpen(true)}>
        <Icon name="brush" className="size-4.5" />
        {t(mask ? 'mask.edit' : 'mask.add')}
      </button>
      {mask && (
        <button type="button" className="button button-quiet" onClick={() => draft.update({ mask: null })}>
          {t('mask.remove')}
        </button>
      )}
      {open && (
        <Suspense fallback={null}>
          <MaskEditor picture={picture} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </div>
  );
}

export function ImageSlot({ capabilities }: { capabilities: FormCapabilities }) {
  const { t } = useText();
  const { inputs } = useStudio();
  const draft = useDraft();
  const uploads = useUploads();
  const picker = useRef<HTMLInputElement>(null);
  const pickerId = useId();
  const choose = () => picker.current?.click();
  const usable = takesPictures(capabilities);
  const limit = usable ? capabilities.max_input_images : 1;
  inputs.limit = limit;
  const used = fitDraft(draft, capabilities).inputs;
  const shown = usable ? used : draft.inputs.slice(-1);
  const running = uploads.filter(({ problem }) => problem === null);
  const [first] = shown;
  if (!usable && shown.length === 0 && uploads.length === 0) return null;
  const hasRoom = usable && shown.length + running.length < limit;
  return (
    <div className="flex flex-col gap-2">
      <input
        ref={picker}
        id={pickerId}
        type="file"
        accept={ACCEPTED}
        multiple={limit > 1}
        className="hidden"
        aria-label={t('image.choose')}
        onChange={(event) => {
          for (const file of [...(event.currentTarget.files ?? [])].slice(0, limit))
            void inputs.take(file, file.name);
          event.currentTarget.value = '';
        }}
      />
      {shown
        .filter(() => limit > 1 || running.length === 0)
        .map((picture) => (
          <Filled key={picture.id} picture={picture} onReplace={limit === 1 ? choose : null} />
        ))}
      {uploads.map((upload) =>
        upload.problem ? (
          <Failed key={upload.key} upload={upload} />
        ) : (
          <Uploading key={upload.key} upload={upload} />
        ),
      )}
      {hasRoom && (
        <button
          type="button"
          className="flex min-h-11 items-center gap-3 rounded-control border border-dashed border-edge px-3 py-1.5 text-left hover:bg-well"
          onClick={choose}
        >
          <Icon name="input" />
          <span className="min-w-0 grow font-medium">
            {t(shown.length === 0 ? 'image.label' : 'image.another')}
          </span>
          <span className="text-sm text-soft">{t('image.hint')}</span>
        </button>
      )}
      {usable && capabilities.mask && first && <MaskRow picture={first} />}
    </div>
  );
}
