// A picture, large, with its neighbours: the frame that every room can use. It shows what it is given; what comes before and
// after, the address and the actions belong to the caller. Esc and the close button ask to close; focus is the caller's too,
// since only it knows where the picture hangs.
import { type KeyboardEvent, type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { Icon } from '../ui/Icon.tsx';
import { lightboxTexts } from './lightbox-text.ts';
import './lightbox.css';
import { type StageHandle, type StagePicture, ZoomStage } from './ZoomStage.tsx';

export interface LightboxProps {
  /** null while it is being looked for. */
  picture: StagePicture | null;
  /** Instead of the picture, for instance why there is none. */
  notice?: ReactNode;
  /** Such as `3 of 12,431`. */
  position: string;
  hasPrevious: boolean;
  hasNext: boolean;
  /** Files to have ready: the neighbours. */
  preload: readonly string[];
  /** Buttons in the bar. */
  actions?: ReactNode;
  /** Beside the picture, or below it on phones. */
  panel?: ReactNode;
  onStep(by: number): void;
  onClose(): void;
  /** The file could not be loaded. */
  onBroken(): void;
}

const ZOOM_STEP = 1.5;

/** Fetches neighbours while the eye rests on this one; given up when the neighbours change. */
function usePreload(urls: readonly string[]): void {
  const key = urls.join('\n');
  useEffect(() => {
    const images = key === '' ? [] : key.split('\n').map((url) => Object.assign(new Image(), { src: url }));
    return () => {
      for (const image of images) if (!image.complete) image.src = '';
    };
  }, [key]);
}

function useModal() {
  const dialog = useRef<HTMLDialogElement>(null);
  // Before the next frame, so that no key pressed meanwhile reaches the page below.
  useLayoutEffect(() => {
    const element = dialog.current;
    if (!element?.open) element?.showModal();
    // Not the first button: the picture is what was opened, and the keys work from anywhere inside.
    element?.focus();
    return () => element?.close();
  }, []);
  return dialog;
}

export function Lightbox(props: LightboxProps) {
  const { picture, position, hasPrevious, hasNext, onStep, onClose } = props;
  const { t } = lightboxTexts.useText();
  const dialog = useModal();
  const stage = useRef<StageHandle | null>(null);
  const [isZoomed, setZoomed] = useState(false);
  usePreload(props.preload);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    const inPanel = (event.target as Element).closest('.lightbox-panel') !== null;
    if (event.key === 'ArrowLeft') onStep(-1);
    else if (event.key === 'ArrowRight') onStep(1);
    else if (event.key === 'ArrowUp' && !inPanel) onStep(-1);
    else if (event.key === 'ArrowDown' && !inPanel) onStep(1);
    else if (event.key === '+' || event.key === '=') stage.current?.zoomBy(ZOOM_STEP);
    else if (event.key === '-') stage.current?.zoomBy(1 / ZOOM_STEP);
    else if (event.key === '0') stage.current?.reset();
    else return;
    event.preventDefault();
  };
  const arrow = (by: -1 | 1) => (
    <button
      type="button"
      className={`lightbox-button lightbox-arrow ${by < 0 ? 'left-2' : 'right-2'}`}
      aria-label={t(by < 0 ? 'lightbox.previous' : 'lightbox.next')}
      onClick={() => onStep(by)}
    >
      <Icon name={by < 0 ? 'left' : 'right'} />
    </button>
  );
  return (
    <dialog
      ref={dialog}
      className="lightbox"
      tabIndex={-1}
      aria-label={t('lightbox.label')}
      onKeyDown={onKeyDown}
      onCancel={(event) => {
        if (event.target !== dialog.current) return;
        event.preventDefault();
        onClose();
      }}
    >
      <div className="lightbox-bar">
        <p className="figures truncate px-2 text-sm" aria-live="polite">
          {position}
        </p>
        <div className="ml-auto flex items-center">
          {picture && !props.notice && (
            <button
              type="button"
              className="lightbox-button max-sm:hidden"
              aria-label={t(isZoomed ? 'lightbox.zoom.fit' : 'lightbox.zoom.in')}
              onClick={() =>
                isZoomed ? stage.current?.reset() : stage.current?.zoomBy(ZOOM_STEP * ZOOM_STEP)
              }
            >
              <Icon name={isZoomed ? 'zoomOut' : 'zoomIn'} />
            </button>
          )}
          {props.actions}
          <button type="button" className="lightbox-button" aria-label={t('app.close')} onClick={onClose}>
            <Icon name="close" />
          </button>
        </div>
      </div>
      <div className="lightbox-middle">
        <div className="relative min-h-0 min-w-0 grow">
          {props.notice ??
            (picture && (
              <ZoomStage picture={picture} handle={stage} onZoomed={setZoomed} onBroken={props.onBroken} />
            ))}
          {hasPrevious && arrow(-1)}
          {hasNext && arrow(1)}
        </div>
        {props.panel}
      </div>
    </dialog>
  );
}
