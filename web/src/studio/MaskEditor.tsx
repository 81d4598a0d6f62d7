// Painting over the part of a picture that may change, by mouse, finger, pen or keyboard; the mask is uploaded when it is used.
import { type KeyboardEvent, type PointerEvent, useLayoutEffect, useRef, useState } from 'react';
import { uploadPicture } from '../api/upload.ts';
import { ChoiceGroup } from '../ui/ChoiceGroup.tsx';
import { cssVariables } from '../ui/css-variables.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { useText } from '../ui/language.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { MaskCanvas, type MaskPoint } from './mask-canvas.ts';
import type { DraftInput } from './model.ts';
import { useStudio } from './studio-context.ts';
import { useAction } from './use-action.ts';

/** Width of the brush as a part of the picture's width. */
const BRUSHES: readonly number[] = [0.03, 0.08, 0.16];
const MIDDLE_BRUSH = 0.08;
const KEY_STEP = 0.02;
type Tool = 'brush' | 'erase';
const TOOLS: readonly Tool[] = ['brush', 'erase'];
/** For a picture whose size the page was not told. */
const UNKNOWN_SIDE_PX = 1024;

function pointOf(event: PointerEvent<HTMLCanvasElement>): MaskPoint {
  const box = event.currentTarget.getBoundingClientRect();
  return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
}

const clamp = (value: number) => Math.min(1, Math.max(0, value));

/** Where the arrow keys move the brush, or null for another key. */
function movedBy(key: string, { x, y }: MaskPoint): MaskPoint | null {
  const by: Record<string, [number, number]> = {
    ArrowLeft: [-KEY_STEP, 0],
    ArrowRight: [KEY_STEP, 0],
    ArrowUp: [0, -KEY_STEP],
    ArrowDown: [0, KEY_STEP],
  };
  const step = by[key];
  return step ? { x: clamp(x + step[0]), y: clamp(y + step[1]) } : null;
}

export function MaskEditor({ picture, onClose }: { picture: DraftInput; onClose(): void }) {
  const { t } = useText();
  const { draft } = useStudio();
  const canvas = useRef<HTMLCanvasElement>(null);
  const mask = useRef<MaskCanvas | null>(null);
  const [tool, setTool] = useState<Tool>('brush');
  const [size, setSize] = useState(MIDDLE_BRUSH);
  const [cursor, setCursor] = useState<MaskPoint>({ x: 0.5, y: 0.5 });
  const saving = useAction();
  const isKnown = picture.width > 1;
  const width = isKnown ? picture.width : UNKNOWN_SIDE_PX;
  const height = isKnown ? picture.height : UNKNOWN_SIDE_PX;

  useLayoutEffect(() => {
    if (canvas.current) mask.current = new MaskCanvas(canvas.current, width, height);
  }, [width, height]);

  const stroke = (to: MaskPoint) => mask.current?.stroke(to, size, tool === 'erase');
  const onKeyDown = (event: KeyboardEvent) => {
    const moved = movedBy(event.key, cursor);
    if (!moved && event.key !== ' ') return;
    event.preventDefault();
    if (moved) setCursor(moved);
    // With Shift, moving paints.
    if (!moved || event.shiftKey) stroke(moved ?? cursor);
    else mask.current?.lift();
  };
  const use = () =>
    saving.run(async () => {
      if (!mask.current || mask.current.isEmpty()) {
        draft.update({ mask: null });
        return onClose();
      }
      const never = new AbortController().signal;
      const upload = await uploadPicture(await mask.current.toBlob(), 'mask.png', () => {}, never);
      draft.update({
        mask: { kind: 'upload', id: upload.id, url: upload.thumb_url, name: '', width, height },
      });
      draft.flush();
      onClose();
    });

  return (
    <Dialog
      title={t('mask.title')}
      onClose={onClose}
      shape="wide"
      footer={
        <>
          <button type="button" className="button button-quiet" onClick={() => mask.current?.clear()}>
            {t('mask.clear')}
          </button>
          <button type="button" className="button button-lamp" aria-disabled={saving.isBusy} onClick={use}>
            {t(saving.isBusy ? 'mask.saving' : 'mask.use')}
          </button>
        </>
      }
    >
      <div className="flex flex-wrap gap-4">
        <ChoiceGroup
          legend={t('mask.title')}
          hideLegend
          choices={TOOLS}
          value={tool}
          onChange={setTool}
          draw={(choice) => <span className="px-3">{t(`mask.${choice}`)}</span>}
        />
        <ChoiceGroup
          legend={t('mask.brush')}
          hideLegend
          choices={BRUSHES}
          value={size}
          onChange={setSize}
          name={(choice) => `${t('mask.brush')} ${Math.round(choice * 100)} %`}
          draw={(choice) => (
            <span className="brush-dot" style={cssVariables({ '--dot': `${choice * 9}rem` })} />
          )}
        />
      </div>
      <div
        className="relative mx-auto max-w-full bg-mat"
        style={cssVariables({ '--ratio': width / height, '--x': cursor.x, '--y': cursor.y, '--brush': size })}
      >
        <img src={picture.url} alt="" className="mask-picture" draggable={false} />
        <canvas
          ref={canvas}
          tabIndex={0}
          role="img"
          aria-label={`${t('mask.canvas')} ${t('mask.keys')}`}
          className="absolute inset-0 size-full cursor-crosshair touch-none text-lamp opacity-60"
          onKeyDown={onKeyDown}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            mask.current?.lift();
            stroke(pointOf(event));
          }}
          onPointerMove={(event) => {
            if (event.buttons !== 0) stroke(pointOf(event));
          }}
          onPointerUp={() => mask.current?.lift()}
        />
        <span className="mask-cursor" />
      </div>
      <p className="text-sm text-soft">{t('mask.keys')}</p>
      {saving.problem && <ProblemNote problem={saving.problem} />}
    </Dialog>
  );
}
