// The grid on the page: a list box with one option, the active item, since a canvas has no elements of its own. Arrows move,
// Enter opens, Space selects, Shift extends; a click opens, or selects while selecting.
import { type KeyboardEvent, type MouseEvent, useId, useLayoutEffect, useRef, useState } from 'react';
import type { BatchRoom, BatchState } from './batch-room.ts';
import { batchTexts } from './batch-text.ts';
import { CellGrid as Grid, type GridView } from './cell-grid.ts';
import type { ItemSelection } from './item-selection.ts';
import { STATE_LETTERS } from './item-states.ts';

interface CellGridProps {
  room: BatchRoom;
  state: BatchState;
  view: GridView;
  selection: ItemSelection;
  isSelecting: boolean;
  onOpen(position: number): void;
}

export function CellGrid({ room, state, view, selection, isSelecting, onOpen }: CellGridProps) {
  const { t } = batchTexts.useText();
  const optionId = useId();
  const host = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const probe = useRef<HTMLDivElement>(null);
  const grid = useRef<Grid | null>(null);
  const [active, setActive] = useState(0);

  // With the first paint: what can be seen can be pressed.
  useLayoutEffect(() => {
    if (!host.current || !canvas.current || !probe.current) return;
    const made = new Grid({
      host: host.current,
      canvas: canvas.current,
      probe: probe.current,
      room,
      selection,
      onActive: setActive,
    });
    grid.current = made;
    return () => made.close();
  }, [room, selection]);

  useLayoutEffect(() => grid.current?.show(view), [view]);

  const count = grid.current?.count ?? room.cells.total;
  const shownPlace = view.positions ? view.positions.indexOf(active) : active;

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !grid.current) return;
    const from = grid.current.activePosition;
    grid.current.markFocus(true);
    if (event.key === 'Enter') {
      if (from >= 0) onOpen(from);
    } else if (event.key === ' ') {
      if (from >= 0) selection.toggle(from);
    } else if (!grid.current.step(event.key)) return;
    else if (event.shiftKey) selection.extend(view.positions, from, grid.current.activePosition);
    event.preventDefault();
  };

  const onClick = (event: MouseEvent<HTMLElement>) => {
    const from = grid.current?.activePosition ?? -1;
    const position = grid.current?.positionUnder(event.clientX, event.clientY) ?? -1;
    if (position < 0) return;
    grid.current?.activate(position);
    if (event.shiftKey) selection.extend(view.positions, from, position);
    else if (isSelecting || event.ctrlKey || event.metaKey) selection.toggle(position);
    else onOpen(position);
  };

  const stateName = active < 0 ? '' : t(`batch.state.${room.cells.nameAt(active)}`);
  const prompt = room.itemAt(active)?.prompt;
  return (
    <div
      ref={host}
      role="listbox"
      tabIndex={0}
      aria-label={t('batch.grid')}
      aria-multiselectable="true"
      aria-activedescendant={optionId}
      data-version={state.version}
      className="cell-grid"
      onKeyDown={onKeyDown}
      onClick={onClick}
      onFocus={() => grid.current?.markFocus(host.current?.matches(':focus-visible') ?? false)}
      onBlur={() => grid.current?.markFocus(false)}
      onPointerMove={(event) => {
        if (event.pointerType !== 'mouse' || !host.current) return;
        const position = grid.current?.positionUnder(event.clientX, event.clientY) ?? -1;
        const title =
          position < 0
            ? ''
            : t('batch.cell', { n: position + 1, state: t(`batch.state.${room.cells.nameAt(position)}`) });
        if (host.current.title !== title) host.current.title = title;
      }}
    >
      <div className="absolute -top-0.5 -left-0.5" aria-hidden="true">
        <canvas ref={canvas} />
      </div>
      <div ref={probe} className="cell-probe" aria-hidden="true">
        {STATE_LETTERS.map((letter) => (
          <i key={letter} className={`state-${letter}`} />
        ))}
        <i className="probe-ink text-ink" />
        <i className="probe-paper text-paper" />
        <i className="probe-sheet text-sheet" />
        <i className="probe-line text-line" />
        <i className="probe-soft text-soft" />
      </div>
      {active >= 0 && (
        <div
          id={optionId}
          role="option"
          tabIndex={-1}
          aria-selected={selection.get().has(active)}
          aria-setsize={count}
          aria-posinset={shownPlace + 1}
          className="sr-only"
        >
          {prompt
            ? t('batch.cell.prompt', { n: active + 1, state: stateName, prompt })
            : t('batch.cell', { n: active + 1, state: stateName })}
        </div>
      )}
    </div>
  );
}
