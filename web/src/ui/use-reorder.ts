// Moving rows of a list by dragging a handle, with mouse, pen or finger. Nothing moves before the hand lets go: a line shows where
// the row would come. Esc gives up.
import { type PointerEvent as ReactPointerEvent, type RefObject, useEffect, useRef, useState } from 'react';

export interface Drag {
  from: number;
  to: number;
}

/** So near to the upper or lower edge of the window, where bars stand, the page scrolls along. */
const EDGE_PX = 140;
const SCROLL_STEP_PX = 14;

/** The place that a row would come to, with the hand at `clientY`. */
function placeAt(rows: readonly HTMLElement[], from: number, clientY: number): number {
  let place = from;
  for (const [at, row] of rows.entries()) {
    const { top, height } = row.getBoundingClientRect();
    const middle = top + height / 2;
    if (at < from && clientY < middle) return at;
    if (at > from && clientY > middle) place = at;
  }
  return place;
}

/** `list` holds the rows as its children. Returns the drag under way and what begins one. */
export function useReorder(
  list: RefObject<HTMLElement | null>,
  onMove: (from: number, to: number) => void,
): { drag: Drag | null; begin(event: ReactPointerEvent<HTMLElement>, from: number): void } {
  const [drag, setDrag] = useState<Drag | null>(null);
  const stop = useRef(() => {});
  const move = useRef(onMove);
  move.current = onMove;
  useEffect(() => () => stop.current(), []);

  const begin = (event: ReactPointerEvent<HTMLElement>, from: number) => {
    if (event.button !== 0) return;
    // Neither a selection nor the browser's own drag; the handle keeps the focus for the keys.
    event.preventDefault();
    event.currentTarget.focus();
    stop.current();
    const abort = new AbortController();
    const { signal } = abort;
    const { pointerId } = event;
    let current: Drag = { from, to: from };
    let clientY = event.clientY;
    let frame = 0;
    const show = () => {
      const rows = [...(list.current?.children ?? [])] as HTMLElement[];
      const to = placeAt(rows, from, clientY);
      if (to !== current.to) {
        current = { from, to };
        setDrag(current);
      }
    };
    const scroll = () => {
      const step = clientY < EDGE_PX ? -SCROLL_STEP_PX : clientY > innerHeight - EDGE_PX ? SCROLL_STEP_PX : 0;
      if (step !== 0) {
        scrollBy(0, step);
        show();
      }
      frame = requestAnimationFrame(scroll);
    };
    const end = (isTaken: boolean) => {
      abort.abort();
      cancelAnimationFrame(frame);
      stop.current = () => {};
      setDrag(null);
      if (isTaken && current.to !== from) move.current(from, current.to);
    };
    stop.current = () => end(false);
    setDrag(current);
    frame = requestAnimationFrame(scroll);
    const mine = (handler: (moved: PointerEvent) => void) => (moved: PointerEvent) => {
      if (moved.pointerId === pointerId) handler(moved);
    };
    addEventListener(
      'pointermove',
      mine((moved) => {
        clientY = moved.clientY;
        show();
      }),
      { signal },
    );
    addEventListener(
      'pointerup',
      mine(() => end(true)),
      { signal },
    );
    addEventListener(
      'pointercancel',
      mine(() => end(false)),
      { signal },
    );
    addEventListener('keydown', (key) => key.key === 'Escape' && end(false), { signal });
  };
  return { drag, begin };
}
