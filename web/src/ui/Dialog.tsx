// A modal layer on <dialog>: a centred sheet or a drawer at the side, a bottom sheet on phones. Esc, the close button and a
// click beside it close it; focus goes back to where it was. It is open for as long as it is on the page.
import { type ReactNode, useId, useLayoutEffect, useRef } from 'react';
import { Icon } from './Icon.tsx';
import { useText } from './language.ts';
import { settleToasts } from './toast.tsx';
import { rememberFocus } from './top-layer.ts';

export interface DialogProps {
  title: string;
  onClose(): void;
  children: ReactNode;
  /** Buttons at the lower edge, always in sight. */
  footer?: ReactNode;
  shape?: 'sheet' | 'wide' | 'drawer';
}

export function Dialog({ title, onClose, children, footer, shape = 'sheet' }: DialogProps) {
  const { t } = useText();
  const dialog = useRef<HTMLDialogElement>(null);
  const pressedBeside = useRef(false);
  const titleId = useId();
  // Before the next frame, so that no key pressed meanwhile reaches the page below.
  useLayoutEffect(() => {
    const element = dialog.current;
    const giveFocusBack = rememberFocus();
    if (!element?.open) element?.showModal();
    settleToasts();
    return () => {
      element?.close();
      settleToasts();
      giveFocusBack();
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the click beside the sheet has its key, Esc, which `cancel` handles.
    <dialog
      ref={dialog}
      className={`dialog dialog-${shape}`}
      aria-labelledby={titleId}
      onCancel={(event) => {
        if (event.target !== dialog.current) return;
        event.preventDefault();
        onClose();
      }}
      onPointerDown={(event) => {
        pressedBeside.current = event.target === dialog.current;
      }}
      onClick={(event) => {
        // Only a press that began beside the sheet: selecting text and letting go outside must not close it.
        if (event.target === dialog.current && pressedBeside.current) onClose();
      }}
    >
      <div className="flex max-h-[inherit] min-h-0 grow flex-col">
        <header className="flex items-center gap-3 border-b border-line py-1.5 pr-2 pl-5">
          <h2 id={titleId} className="min-w-0 grow truncate text-base font-semibold">
            {title}
          </h2>
          <button
            type="button"
            className="button button-quiet button-icon"
            aria-label={t('app.close')}
            onClick={onClose}
          >
            <Icon name="close" />
          </button>
        </header>
        <div className="flex min-h-0 grow flex-col gap-4 overflow-y-auto overscroll-contain p-5">
          {children}
        </div>
        {footer && (
          <footer className="flex flex-wrap justify-end gap-2 border-t border-line px-5 py-3">
            {footer}
          </footer>
        )}
      </div>
    </dialog>
  );
}
