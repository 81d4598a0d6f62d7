// The dialog that makes a link for pictures and shows those that there are. Opens in any room: it brings its own texts.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useId, useRef, useState } from 'react';
import { CopyButton } from '../ui/CopyButton.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { Icon } from '../ui/Icon.tsx';
import { QrDetails } from '../ui/QrDetails.tsx';
import { ShareEntry } from './ShareEntry.tsx';
import { ShareForm } from './ShareForm.tsx';
import { MAX_SHARE_IMAGES, type Share, sharesOfQuery } from './share-api.ts';
import { shareTexts } from './share-text.ts';

export interface ShareDialogProps {
  imageIds: readonly string[];
  /** The story to share; its pictures are then the ids, which find the links that show it. */
  story?: { id: string; title: string };
  onClose(): void;
}

export function ShareDialog(props: ShareDialogProps) {
  const [isLoaded, setLoaded] = useState(false);
  useEffect(() => {
    let isHere = true;
    void shareTexts.load().then(() => isHere && setLoaded(true));
    return () => {
      isHere = false;
    };
  }, []);
  return isLoaded ? <LoadedDialog {...props} /> : null;
}

function LoadedDialog({ imageIds, story, onClose }: ShareDialogProps) {
  const { t } = shareTexts.useText();
  const form = useId();
  const shared = imageIds.slice(0, MAX_SHARE_IMAGES);
  const [made, setMade] = useState<Share | null>(null);
  const [isBusy, setBusy] = useState(false);
  const footer = made ? (
    <button type="button" className="button" onClick={() => setMade(null)}>
      {t('share.another')}
    </button>
  ) : (
    <button type="submit" form={form} className="button button-lamp" disabled={isBusy}>
      {t(isBusy ? 'share.submitting' : 'share.submit')}
    </button>
  );
  return (
    <Dialog
      title={story ? t('share.story.title') : t('share.title', { n: shared.length })}
      onClose={onClose}
      footer={footer}
    >
      {made ? (
        <Ready share={made} />
      ) : (
        <>
          <p className="text-soft">{t(story ? 'share.story.lead' : 'share.lead')}</p>
          {!story && imageIds.length > shared.length && (
            <p className="rounded-control bg-glow px-3 py-2 text-sm">
              {t('share.tooMany', { limit: MAX_SHARE_IMAGES })}
            </p>
          )}
          <ShareForm
            id={form}
            imageIds={shared}
            {...(story ? { story } : {})}
            onMade={setMade}
            onBusy={setBusy}
          />
        </>
      )}
      {shared.length > 0 && (
        <Existing imageIds={shared} storyId={story?.id ?? null} except={made?.id ?? null} />
      )}
    </Dialog>
  );
}

/** The new link, selected, so that it can be copied by hand as well. */
function Ready({ share }: { share: Share }) {
  const { t } = shareTexts.useText();
  const id = useId();
  const address = useRef<HTMLInputElement>(null);
  useEffect(() => address.current?.select(), []);
  return (
    <div className="flex flex-col gap-3">
      <label htmlFor={id} className="eyebrow">
        {t('share.ready')}
      </label>
      <input
        id={id}
        ref={address}
        className="field font-mono text-sm"
        readOnly
        value={share.url}
        onFocus={(event) => event.currentTarget.select()}
      />
      <div className="flex flex-wrap gap-2">
        <CopyButton text={share.url} icon="link" className="button button-lamp">
          {t('share.copy')}
        </CopyButton>
        <a className="button" href={share.url} target="_blank" rel="noreferrer">
          <Icon name="eye" />
          {t('share.open')}
        </a>
      </div>
      <QrDetails url={share.url} />
    </div>
  );
}

interface ExistingProps {
  imageIds: readonly string[];
  /** Only links of this story, or of anything. */
  storyId: string | null;
  except: string | null;
}

function Existing({ imageIds, storyId, except }: ExistingProps) {
  const { t } = shareTexts.useText();
  const { data } = useQuery(sharesOfQuery(imageIds));
  const others = (data ?? []).filter(
    ({ id, source }) => id !== except && (storyId === null || source.id === storyId),
  );
  if (others.length === 0) return null;
  return (
    <section className="border-t border-line pt-4">
      <h3 className="eyebrow">
        {storyId === null ? t('share.existing', { n: imageIds.length }) : t('share.story.existing')}
      </h3>
      <ul>
        {others.map((share) => (
          <ShareEntry key={share.id} share={share} />
        ))}
      </ul>
    </section>
  );
}
