// A button with a menu of actions: arrows, Home, End and first letters move, Enter and Space act, Esc closes.
import type { KeyboardEvent, ReactNode } from 'react';
import { Icon, type IconName } from './Icon.tsx';
import { Popover } from './Popover.tsx';

export interface MenuItem {
  label: string;
  icon?: IconName;
  /** Acts, or leads to `href`. */
  run?(): void;
  href?: string;
  /** The file name under which `href` is saved. */
  download?: boolean;
  isDanger?: boolean;
}

export interface MenuProps {
  /** The name of the button and the menu. */
  name: string;
  label: ReactNode;
  items: readonly MenuItem[];
  className?: string;
}

const ITEM = '[role="menuitem"]';

function step(items: readonly HTMLElement[], key: string): HTMLElement | undefined {
  const at = items.indexOf(document.activeElement as HTMLElement);
  if (key === 'ArrowDown') return items[(at + 1) % items.length];
  if (key === 'ArrowUp') return items[(at <= 0 ? items.length : at) - 1];
  if (key === 'Home') return items[0];
  if (key === 'End') return items.at(-1);
  if (key.length !== 1) return undefined;
  const starts = (item: HTMLElement) => item.textContent?.trim().toLowerCase().startsWith(key.toLowerCase());
  return [...items.slice(at + 1), ...items.slice(0, at + 1)].find(starts);
}

function onKeyDown(event: KeyboardEvent<HTMLElement>): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.key === ' ') return;
  const next = step([...event.currentTarget.querySelectorAll<HTMLElement>(ITEM)], event.key);
  if (!next) return;
  event.preventDefault();
  event.stopPropagation();
  next.focus();
}

function Item({ item, close }: { item: MenuItem; close(): void }) {
  const inside = (
    <>
      {item.icon && <Icon name={item.icon} className="size-4.5" />}
      {item.label}
    </>
  );
  const look = `menu-item ${item.isDanger ? 'text-alarm' : ''}`;
  if (item.href !== undefined)
    return (
      <a
        role="menuitem"
        tabIndex={-1}
        className={look}
        href={item.href}
        {...(item.download ? { download: '' } : {})}
        onClick={close}
      >
        {inside}
      </a>
    );
  return (
    <button
      type="button"
      role="menuitem"
      tabIndex={-1}
      className={look}
      onClick={() => {
        // Closed first, so that what the action opens gets the focus and gives it back to the menu's button.
        close();
        item.run?.();
      }}
    >
      {inside}
    </button>
  );
}

export function Menu({ name, label, items, className }: MenuProps) {
  return (
    <Popover
      label={label}
      name={name}
      title={name}
      role="menu"
      {...(className === undefined ? {} : { className })}
      onOpen={(panel) => panel.querySelector<HTMLElement>(ITEM)?.focus()}
    >
      {(close) => (
        // biome-ignore lint/a11y/noStaticElementInteractions: the menu around it has the role; this only hears its keys.
        <div className="flex flex-col p-1.5" onKeyDown={onKeyDown}>
          {items.map((item) => (
            <Item key={item.label} item={item} close={close} />
          ))}
        </div>
      )}
    </Popover>
  );
}
