// The buttons and keys of the large view that every room has: favourite, link, download, details, and the room's own actions in
// a menu. Keys act only while nothing lies over the picture.
import { CopyButton } from '../ui/CopyButton.tsx';
import { Icon } from '../ui/Icon.tsx';
import { Menu, type MenuItem } from '../ui/Menu.tsx';
import { type Shortcut, useShortcuts } from '../ui/shortcuts.ts';
import { lightboxTexts } from './lightbox-text.ts';

export interface LightboxToolsProps {
  url: string;
  downloadUrl: string;
  /** null where pictures are not marked, as in the trash. */
  favourite: { isOn: boolean; toggle(): void } | null;
  infoOpen: boolean;
  onInfo(): void;
  items: readonly MenuItem[];
  /** The room's own keys, beside those of the buttons. */
  shortcuts: readonly Shortcut[];
}

/** Whether the large view is the innermost layer: keys must not reach through a dialog above it. */
function isOnTop(): boolean {
  return [...document.querySelectorAll('dialog[open]')].at(-1)?.classList.contains('lightbox') === true;
}

function download(url: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = '';
  link.click();
}

function useKeys({ downloadUrl, favourite, onInfo, shortcuts }: LightboxToolsProps): void {
  const { t } = lightboxTexts.useText();
  const all: Shortcut[] = [
    { keys: 'i', label: t('lightbox.info'), run: onInfo },
    { keys: 'd', label: t('lightbox.download'), run: () => download(downloadUrl) },
    ...['f', '.'].map((keys) => ({
      keys,
      label: t('lightbox.favourite'),
      run: () => favourite?.toggle(),
    })),
    ...shortcuts,
  ];
  const guarded = all.map((shortcut) => ({
    ...shortcut,
    run: (event: KeyboardEvent) => {
      if (isOnTop()) shortcut.run(event);
    },
  }));
  useShortcuts(t('lightbox.keys'), guarded, 'dialog');
}

export function LightboxTools(props: LightboxToolsProps) {
  const { url, downloadUrl, favourite, infoOpen, onInfo, items } = props;
  const { t } = lightboxTexts.useText();
  useKeys(props);
  return (
    <>
      {favourite && (
        <button
          type="button"
          className="lightbox-button"
          aria-label={t('lightbox.favourite')}
          aria-pressed={favourite.isOn}
          onClick={favourite.toggle}
        >
          <Icon name="heart" className={favourite.isOn ? 'size-5 fill-current' : 'size-5'} />
        </button>
      )}
      <CopyButton text={url} icon="link" className="lightbox-button max-sm:hidden">
        <span className="sr-only">{t('lightbox.copyLink')}</span>
      </CopyButton>
      <a className="lightbox-button" href={downloadUrl} download="" aria-label={t('lightbox.download')}>
        <Icon name="download" />
      </a>
      <button
        type="button"
        className="lightbox-button"
        aria-label={t('lightbox.info')}
        aria-pressed={infoOpen}
        onClick={onInfo}
      >
        <Icon name="info" />
      </button>
      {items.length > 0 && (
        <Menu
          name={t('lightbox.more')}
          label={<Icon name="more" />}
          items={items}
          className="lightbox-button"
        />
      )}
    </>
  );
}
