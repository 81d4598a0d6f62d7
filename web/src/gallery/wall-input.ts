// What pointers and keys do on the wall: open, select, ranges by Shift and by a finger that rests and then moves, arrows
// by rows. Everything a pointer can do here, the keyboard can do too.
import { isComposing } from '../ui/keys.ts';
import type { GalleryRoom } from './gallery-room.ts';
import type { Wall } from './wall.ts';

const LONG_PRESS_MS = 450;
const STEADY_PX = 10;
/** How near to the screen's edge a selecting finger makes the page move, and how far it moves per frame. */
const EDGE_PX = 90;
const EDGE_STEP_PX = 14;

export interface WallActions {
  open(ordinal: number): void;
}

interface Press {
  ordinal: number;
  x: number;
  y: number;
  timer: ReturnType<typeof setTimeout>;
}

/** Listens on the wall's element until the signal. */
export function listenToWall(
  host: HTMLElement,
  wall: Wall,
  room: GalleryRoom,
  actions: WallActions,
  signal: AbortSignal,
): void {
  host.addEventListener('click', (event) => onClick(event, wall, room, actions), { signal });
  host.addEventListener('keydown', (event) => onKeyDown(event, wall, room), { signal });
  listenForDragging(host, wall, room, signal);
}

function onClick(event: MouseEvent, wall: Wall, room: GalleryRoom, actions: WallActions): void {
  const ordinal = wall.ordinalAt(event.target);
  if (ordinal < 0 || !room.rows.get(ordinal)) {
    event.preventDefault();
    return;
  }
  const isCheck = (event.target as Element).closest('.wall-check') !== null;
  // The middle button and its like open a tab of their own, as with every link.
  if (event.button !== 0) return;
  event.preventDefault();
  const { selection } = room;
  if (event.shiftKey) selection.extendTo(ordinal);
  else if (isCheck || event.ctrlKey || event.metaKey || selection.size > 0) selection.toggle(ordinal);
  else {
    actions.open(ordinal);
    return;
  }
  room.noteSelection();
}

function targetOf(event: KeyboardEvent, wall: Wall, at: number): number | null {
  const last = (wall.layout?.count ?? 1) - 1;
  const vertical = (from: number, direction: -1 | 1) => wall.layout?.vertical(from, direction) ?? from;
  switch (event.key) {
    case 'ArrowLeft':
      return at - 1;
    case 'ArrowRight':
      return at + 1;
    case 'ArrowUp':
      return vertical(at, -1);
    case 'ArrowDown':
      return vertical(at, 1);
    case 'Home':
      return 0;
    case 'End':
      return last;
    case 'PageUp':
      return at - wall.screenful();
    case 'PageDown':
      return at + wall.screenful();
    default:
      return null;
  }
}

function onKeyDown(event: KeyboardEvent, wall: Wall, room: GalleryRoom): void {
  if (event.altKey || isComposing(event) || wall.ordinalAt(event.target) < 0) return;
  const at = wall.focused;
  const { selection } = room;
  if (event.key === 'a' && (event.ctrlKey || event.metaKey)) selection.selectAll();
  else if (event.ctrlKey || event.metaKey) return;
  else if (event.key === ' ') {
    if (event.shiftKey) selection.extendTo(at);
    else selection.toggle(at);
  } else {
    const target = targetOf(event, wall, at);
    if (target === null) return;
    event.preventDefault();
    const next = Math.min(Math.max(0, target), (wall.layout?.count ?? 1) - 1);
    wall.focus(next);
    if (!event.shiftKey) return;
    selection.extendFrom(at, next);
  }
  event.preventDefault();
  room.noteSelection();
}

/** A finger that rests selects; when it then moves, everything it passes, and the page moves at the edges. */
function listenForDragging(host: HTMLElement, wall: Wall, room: GalleryRoom, signal: AbortSignal): void {
  let press: Press | null = null;
  let finger: { x: number; y: number } | null = null;

  const letGo = () => {
    if (press) clearTimeout(press.timer);
    press = null;
  };
  const extend = () => {
    if (!finger) return;
    const ordinal = wall.ordinalAt(document.elementFromPoint(finger.x, finger.y));
    if (ordinal < 0) return;
    room.selection.extendTo(ordinal);
    room.noteSelection();
  };
  const moveAtEdge = () => {
    if (!finger) return;
    const fromBottom = window.innerHeight - finger.y;
    const step = finger.y < EDGE_PX * 2 ? -EDGE_STEP_PX : fromBottom < EDGE_PX * 2 ? EDGE_STEP_PX : 0;
    if (step !== 0) {
      window.scrollBy({ top: step, behavior: 'instant' });
      extend();
    }
    requestAnimationFrame(moveAtEdge);
  };

  host.addEventListener(
    'touchstart',
    (event) => {
      letGo();
      const touch = event.touches[0];
      const ordinal = wall.ordinalAt(event.target);
      if (!touch || event.touches.length > 1 || ordinal < 0) return;
      const timer = setTimeout(() => {
        letGo();
        finger = { x: touch.clientX, y: touch.clientY };
        room.selection.toggle(ordinal);
        room.noteSelection();
        navigator.vibrate?.(12);
        requestAnimationFrame(moveAtEdge);
      }, LONG_PRESS_MS);
      press = { ordinal, x: touch.clientX, y: touch.clientY, timer };
    },
    { signal, passive: true },
  );
  host.addEventListener(
    'touchmove',
    (event) => {
      const touch = event.touches[0];
      if (!touch) return;
      if (finger) {
        event.preventDefault();
        finger = { x: touch.clientX, y: touch.clientY };
        extend();
      } else if (press && Math.hypot(touch.clientX - press.x, touch.clientY - press.y) > STEADY_PX) letGo();
    },
    { signal, passive: false },
  );
  const end = (event: TouchEvent) => {
    letGo();
    // The click that would follow would open or unselect the picture.
    if (finger && event.cancelable) event.preventDefault();
    finger = null;
  };
  host.addEventListener('touchend', end, { signal, passive: false });
  host.addEventListener('touchcancel', end, { signal, passive: false });
  host.addEventListener(
    'contextmenu',
    (event) => {
      if (finger || press) event.preventDefault();
    },
    { signal },
  );
  signal.addEventListener('abort', () => {
    letGo();
    finger = null;
  });
}
