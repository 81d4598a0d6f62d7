// A light layer beside its button: closes on Esc or a click elsewhere (the browser does both), stays within the screen, and
// is a bottom sheet on phones. Its content exists only while it is open.
import { type ReactNode, type ToggleEvent, useId, useRef, useState } from 'react';
import { placeBeside } from './place-beside.ts';

export interface PopoverProps {
  /** What the button shows. */
  label: ReactNode;
  /** The button's name where what it shows is no text. */
  name?: string;
  /** Gets a function that closes the layer. */
  children(close: () => void): ReactNode;
  /** The name of the layer. */
  title: string;
  role?: 'dialog' | 'menu';
  className?: string;
  panelClassName?: string;
  onOpen?(panel: HTMLElement): void;
}

export function Popover(props: PopoverProps) {
  const panelId = useId();
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const onToggle = (event: ToggleEvent<HTMLDivElement>) => {
    // A popover inside this one reports here too.
    if (event.target !== panel.current) return;
    setOpen(event.newState === 'open');
    if (event.newState === 'open')
      // Once the content is there.
      requestAnimationFrame(() => {
        if (!panel.current || !button.current) return;
        placeBeside(panel.current, button.current);
        props.onOpen?.(panel.current);
      });
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className={props.className ?? 'button button-quiet'}
        popoverTarget={panelId}
        aria-label={props.name}
        aria-haspopup={props.role ?? 'dialog'}
        aria-expanded={open}
      >
        {props.label}
      </button>
      {/* biome-ignore lint/a11y/useAriaPropsSupportedByRole: the role, dialog or menu, is given below. */}
      <div
        ref={panel}
        id={panelId}
        popover="auto"
        role={props.role ?? 'dialog'}
        aria-label={props.title}
        className={`popover ${props.panelClassName ?? ''}`}
        onToggle={onToggle}
      >
        {open && props.children(() => panel.current?.hidePopover())}
      </div>
    </>
  );
}
