// One picture as large as the screen allows: blurred stand-in, thumbnail, then the file; zoomed by wheel, pinch, double
// click or keys, moved by dragging. Its box has its size before any byte arrives.
import { type RefObject, useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from 'react';
import { thumbhashBackground } from '../studio/thumbhash-url.ts';
import { bound, FITTED, fit, type Size, type Zoom, zoomAt } from './zoom.ts';

export interface StagePicture {
  id: string;
  url: string;
  thumb_url: string | null;
  thumbhash: string | null;
  width: number;
  height: number;
  alt: string;
}

export interface StageHandle {
  zoomBy(factor: number): void;
  reset(): void;
}

interface ZoomStageProps {
  picture: StagePicture;
  handle: RefObject<StageHandle | null>;
  onZoomed(isZoomed: boolean): void;
  onBroken(): void;
}

const WHEEL_STEP = 0.0022;
const DOUBLE_CLICK_SCALE = 2.5;

interface Finger {
  x: number;
  y: number;
}

/** Follows pointers and the wheel on the stage, until the signal. */
function listenForZooming(
  stage: HTMLElement,
  zoomOf: () => Zoom,
  sizes: () => { fitted: Size; stage: Size },
  set: (zoom: Zoom) => void,
  signal: AbortSignal,
): void {
  const fingers = new Map<number, Finger>();
  const fromCentre = (x: number, y: number) => {
    const box = stage.getBoundingClientRect();
    return { x: x - box.left - box.width / 2, y: y - box.top - box.height / 2 };
  };
  const by = (factor: number, x: number, y: number) => {
    const { fitted, stage: size } = sizes();
    set(zoomAt(zoomOf(), factor, fromCentre(x, y), fitted, size));
  };
  stage.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      by(Math.exp(-event.deltaY * WHEEL_STEP * (event.ctrlKey ? 4 : 1)), event.clientX, event.clientY);
    },
    { signal, passive: false },
  );
  stage.addEventListener(
    'dblclick',
    (event) => {
      const { fitted, stage: size } = sizes();
      if (zoomOf().scale > 1) set(bound(FITTED, fitted, size));
      else by(DOUBLE_CLICK_SCALE, event.clientX, event.clientY);
    },
    { signal },
  );
  stage.addEventListener(
    'pointerdown',
    (event) => {
      if ((event.target as Element).closest('button') || event.button !== 0) return;
      fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (zoomOf().scale > 1 || fingers.size > 1) stage.setPointerCapture(event.pointerId);
    },
    { signal },
  );
  stage.addEventListener(
    'pointermove',
    (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const now = { x: event.clientX, y: event.clientY };
      const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
      fingers.set(event.pointerId, now);
      if (other) {
        const apart = (finger: Finger) => Math.max(1, Math.hypot(finger.x - other.x, finger.y - other.y));
        by(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
      } else if (zoomOf().scale > 1) {
        const { fitted, stage: size } = sizes();
        const { scale, x, y } = zoomOf();
        set(bound({ scale, x: x + now.x - before.x, y: y + now.y - before.y }, fitted, size));
      }
    },
    { signal },
  );
  const lift = (event: PointerEvent) => fingers.delete(event.pointerId);
  stage.addEventListener('pointerup', lift, { signal });
  stage.addEventListener('pointercancel', lift, { signal });
}

export function ZoomStage({ picture, handle, onZoomed, onBroken }: ZoomStageProps) {
  const stage = useRef<HTMLDivElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const zoom = useRef<Zoom>(FITTED);
  const [loaded, setLoaded] = useState('');
  const latest = useRef({ picture, onZoomed });
  latest.current = { picture, onZoomed };

  const sizes = useRef(() => {
    const size = { width: stage.current?.clientWidth ?? 1, height: stage.current?.clientHeight ?? 1 };
    return { fitted: fit(latest.current.picture, size), stage: size };
  });
  const set = useRef((next: Zoom) => {
    const wasZoomed = zoom.current.scale > 1;
    zoom.current = next;
    if (box.current)
      box.current.style.transform =
        next.scale === 1 ? '' : `translate(${next.x}px, ${next.y}px) scale(${next.scale})`;
    stage.current?.classList.toggle('stage-zoomed', next.scale > 1);
    if (wasZoomed !== next.scale > 1) latest.current.onZoomed(next.scale > 1);
  });
  useImperativeHandle(handle, () => ({
    zoomBy(factor) {
      const { fitted, stage: size } = sizes.current();
      set.current(zoomAt(zoom.current, factor, { x: 0, y: 0 }, fitted, size));
    },
    reset: () => set.current(FITTED),
  }));

  useLayoutEffect(() => {
    const place = () => {
      const { fitted, stage: size } = sizes.current();
      if (!box.current) return;
      box.current.style.width = `${fitted.width}px`;
      box.current.style.height = `${fitted.height}px`;
      set.current(bound(zoom.current, fitted, size));
    };
    place();
    const watcher = new ResizeObserver(place);
    if (stage.current) watcher.observe(stage.current);
    return () => watcher.disconnect();
  }, []);
  useLayoutEffect(() => {
    set.current(FITTED);
    const { fitted } = sizes.current();
    if (!box.current) return;
    box.current.style.width = `${fitted.width}px`;
    box.current.style.height = `${fitted.height}px`;
  }, [picture.id]);
  useEffect(() => {
    const element = stage.current;
    if (!element) return;
    const abort = new AbortController();
    listenForZooming(
      element,
      () => zoom.current,
      sizes.current,
      (next) => set.current(next),
      abort.signal,
    );
    return () => abort.abort();
  }, []);

  const blur = thumbhashBackground(picture.thumbhash);
  return (
    <div ref={stage} className="stage">
      <div ref={box} className="stage-box" style={blur ? { backgroundImage: blur } : {}}>
        {picture.thumb_url && loaded !== picture.id && (
          <img key={`thumb-${picture.id}`} src={picture.thumb_url} alt="" className="stage-picture" />
        )}
        <img
          key={picture.id}
          src={picture.url}
          alt={picture.alt}
          draggable={false}
          className={`stage-picture stage-full ${loaded === picture.id ? 'stage-loaded' : ''}`}
          onLoad={() => setLoaded(picture.id)}
          onError={onBroken}
        />
      </div>
    </div>
  );
}
