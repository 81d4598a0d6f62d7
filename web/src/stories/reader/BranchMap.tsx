// The map of a story: every page of the tree, what was read, what is made ahead, and where the reader is. One tab stop; arrows
// move, Enter opens a page. Long paths run straight down; only forks step aside.
import { type KeyboardEvent, useMemo, useRef, useState } from 'react';
import { cssVariables } from '../../ui/css-variables.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import type { Story, StoryPage } from '../story-api.ts';
import type { ReaderText } from './reader-text.ts';
import { type MapRow, mapRows } from './story-tree.ts';

interface BranchMapProps {
  story: Story;
  current: StoryPage;
  text: ReaderText;
  lang: string;
  onOpen(page: StoryPage): void;
  onClose(): void;
}

type Sign = 'here' | 'read' | 'ready' | 'making' | 'failed';

function signOf(page: StoryPage, current: StoryPage): Sign {
  if (page.id === current.id) return 'here';
  if (page.writing.status === 'failed' && page.text === '') return 'failed';
  if (page.opened) return 'read';
  return page.text === '' ? 'making' : 'ready';
}

/** The lines that tie the pages together: decoration, since level and order say the same. */
function Threads({ row }: { row: MapRow }) {
  const { lane, passing, thread, hasChildren, isFolded } = row;
  const at = (one: number) => cssVariables({ '--at': one });
  return (
    <span className="map-threads" aria-hidden="true">
      {passing.map((one) => (
        <span key={one} className="map-thread" style={at(one)} />
      ))}
      {thread === 'fork' && <span className="map-thread map-thread-fork" style={at(lane - 1)} />}
      {thread === 'straight' && <span className="map-thread map-thread-in" style={at(lane)} />}
      {hasChildren && !isFolded && <span className="map-thread map-thread-out" style={at(lane)} />}
    </span>
  );
}

function Row({ row, props, isActive }: { row: MapRow; props: BranchMapProps; isActive: boolean }) {
  const { page } = row;
  const { current, text, story } = props;
  const sign = signOf(page, current);
  const { t } = text;
  const title = page.choice ?? (page.title || story.title);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree around it hears the keys.
    <div
      role="treeitem"
      tabIndex={isActive ? 0 : -1}
      // biome-ignore lint/a11y/noAutofocus: the dialog opens where the reader is, not on its close button.
      autoFocus={isActive}
      aria-level={row.level}
      aria-posinset={row.place}
      aria-setsize={row.count}
      aria-selected={sign === 'here'}
      aria-current={sign === 'here' ? 'page' : undefined}
      {...(row.hasChildren ? { 'aria-expanded': !row.isFolded } : {})}
      className="map-row"
      data-page={page.id}
      data-sign={sign}
      style={cssVariables({ '--lane': row.lane })}
      onClick={() => props.onOpen(page)}
    >
      <Threads row={row} />
      <span className="map-dot" aria-hidden="true" />
      <span className="min-w-0 grow">
        <span className="map-title" lang={props.lang}>
          {title}
        </span>
        <span className="map-meta figures">
          {t('reader.map.page', { number: page.number })} · {t(`reader.map.${sign}`)}
          {row.isFolded && ` · ${t('reader.map.folded')}`}
        </span>
      </span>
      {page.picture.image && (
        <img
          src={page.picture.image.thumb_url ?? page.picture.image.url}
          alt=""
          loading="lazy"
          className="map-picture"
        />
      )}
    </div>
  );
}

/** Where a key leads from a row: another row, or a fold. */
function stepOf(rows: readonly MapRow[], at: number, key: string): { to?: number; fold?: boolean } {
  const row = rows[at];
  if (!row) return {};
  if (key === 'ArrowDown') return { to: at + 1 };
  if (key === 'ArrowUp') return { to: at - 1 };
  if (key === 'Home') return { to: 0 };
  if (key === 'End') return { to: rows.length - 1 };
  if (key === 'ArrowRight') return row.isFolded ? { fold: false } : row.hasChildren ? { to: at + 1 } : {};
  if (key !== 'ArrowLeft') return {};
  if (row.hasChildren && !row.isFolded) return { fold: true };
  return { to: rows.findIndex(({ page }) => page.id === row.page.parent_id) };
}

export function BranchMap(props: BranchMapProps) {
  const { story, current, text, onClose, onOpen } = props;
  const { t } = text;
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const [activeId, setActiveId] = useState(current.id);
  const tree = useRef<HTMLDivElement>(null);
  const rows = useMemo(() => mapRows(story.pages, folded), [story.pages, folded]);
  const shownActive = rows.some(({ page }) => page.id === activeId) ? activeId : rows[0]?.page.id;
  const move = (id: string) => {
    setActiveId(id);
    tree.current?.querySelector<HTMLElement>(`[data-page="${CSS.escape(id)}"]`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = rows.findIndex(({ page }) => page.id === shownActive);
    const row = rows[at];
    if (!row) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      onOpen(row.page);
      return;
    }
    const { to, fold } = stepOf(rows, at, event.key);
    if (fold !== undefined) {
      const next = new Set(folded);
      if (fold) next.add(row.page.id);
      else next.delete(row.page.id);
      setFolded(next);
    }
    const target = to === undefined ? undefined : rows[to];
    if (target) move(target.page.id);
    if (to !== undefined || fold !== undefined) event.preventDefault();
  };
  const readCount = story.pages.filter(({ opened }) => opened).length;
  const aheadCount = story.pages.length - readCount;
  return (
    <Dialog title={t('reader.map')} onClose={onClose} shape="drawer">
      <p className="figures text-sm text-soft">
        {t('reader.map.count', { n: readCount })}
        {aheadCount > 0 && ` · ${t('reader.map.count.ready', { n: aheadCount })}`}
      </p>
      <div
        ref={tree}
        role="tree"
        tabIndex={-1}
        aria-label={t('reader.map')}
        className="map"
        onKeyDown={onKeyDown}
      >
        {rows.map((row) => (
          <Row key={row.page.id} row={row} props={props} isActive={row.page.id === shownActive} />
        ))}
      </div>
      <p className="text-sm text-soft pointer-coarse:hidden">{t('reader.map.keys')}</p>
    </Dialog>
  );
}
