// Short notes that come and go, with an action such as Undo. They stand in the top layer, above dialogs and inside the topmost one, are read out
// politely, and wait while somebody points at them or has the focus in them.
import { useEffect, useRef, useSyncExternalStore } from 'react';
import { Icon } from './Icon.tsx';
import { useText } from './language.ts';

/** Long enough to read and to undo. */
const SHOWN_MS = 10_000;
const MOST_AT_ONCE = 3;

export interface ToastOptions {
  text: string;
  /** What can be done about it; the toast leaves when it is. */
  action?: { label: string; run(): void };
  /** How long it stays, in ms; 10 s without. */
  shownMs?: number;
  tone?: 'plain' | 'alarm';
}

interface Toast extends ToastOptions {
  id: number;
}

let toasts: readonly Toast[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

function change(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

const dismiss = (id: number) => change(toasts.filter((toast) => toast.id !== id));

/** Shows a note and returns how to take it away early. */
export function showToast(options: ToastOptions): () => void {
  lastId += 1;
  const id = lastId;
  change([...toasts, { ...options, id }].slice(-MOST_AT_ONCE));
  return () => dismiss(id);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function ToastNote({ toast }: { toast: Toast }) {
  const { t } = useText();
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const { id, shownMs = SHOWN_MS } = toast;
  const pause = () => {
    if (timer.current !== null) clearTimeout(timer.current);
  };
  const start = () => {
    pause();
    timer.current = setTimeout(() => dismiss(id), shownMs);
  };
  const startNow = useRef(start);
  useEffect(() => {
    startNow.current();
    return () => {
      if (timer.current !== null) clearTimeout(timer.current);
    };
  }, []);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: pointing only stops the clock; every action is a button.
    <div
      className={`toast ${toast.tone === 'alarm' ? 'text-alarm' : ''}`}
      onPointerEnter={pause}
      onPointerLeave={start}
      onFocus={pause}
      onBlur={start}
    >
      <p className="min-w-0 grow py-1.5">{toast.text}</p>
      {toast.action && (
        <button
          type="button"
          className="button button-quiet underline underline-offset-4"
          onClick={() => {
            dismiss(id);
            toast.action?.run();
          }}
        >
          {toast.action.label}
        </button>
      )}
      <button
        type="button"
        className="button button-quiet button-icon"
        aria-label={t('app.dismiss')}
        onClick={() => dismiss(id)}
      >
        <Icon name="close" className="size-4.5" />
      </button>
    </div>
  );
}

let settle = () => {};

/** To be called when a dialog has opened or closed, so that the notes stay on top and can be clicked. */
export function settleToasts(): void {
  settle();
}

/** Everything outside of a modal dialog is inert, so the notes stand inside the topmost one, above all that was opened before. */
function standOnTop(layer: HTMLElement, home: HTMLElement): void {
  const dialog = [...document.querySelectorAll<HTMLElement>('dialog[open]:modal')].at(-1);
  const host = dialog && toasts.length > 0 ? dialog : home;
  if (layer.matches(':popover-open')) layer.hidePopover();
  if (layer.parentElement !== host) host.append(layer);
  if (toasts.length > 0) layer.showPopover();
}

/** The place of all toasts; once on the page. */
export function Toaster() {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  const layer = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = layer.current;
    const home = element?.parentElement;
    if (!element || !home) return;
    settle = () => standOnTop(element, home);
    // Closing does not bubble; a dialog that is not our Dialog part is heard on the way down.
    document.addEventListener('close', settleToasts, true);
    return () => {
      settle = () => {};
      document.removeEventListener('close', settleToasts, true);
      // Back where it came from, so that it leaves the page with its part.
      home.append(element);
    };
  }, []);
  useEffect(() => settle(), [shown]);
  return (
    <div ref={layer} popover="manual" role="status" className="toasts">
      {shown.map((toast) => (
        <ToastNote key={toast.id} toast={toast} />
      ))}
    </div>
  );
}
