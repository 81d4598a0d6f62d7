// The pages of an outline in their order: each with a title and what happens, moved by its handle (dragged, or with the arrow
// keys) or by its menu, added and taken away.
import { type KeyboardEvent, useRef } from 'react';
import { announce } from '../ui/announce.tsx';
import { Icon } from '../ui/Icon.tsx';
import { Menu, type MenuItem } from '../ui/Menu.tsx';
import { showToast } from '../ui/toast.tsx';
import { useReorder } from '../ui/use-reorder.ts';
import { GrowingText } from './GrowingText.tsx';
import {
  type EditedPage,
  FEWEST_PAGES,
  MAX_SUMMARY_CHARS,
  MAX_TITLE_CHARS,
  MOST_PAGES,
  moved,
  withoutPage,
  withPageAfter,
} from './outline-edit.ts';
import { storyTexts } from './story-text.ts';

interface PageRowsProps {
  pages: readonly EditedPage[];
  onChange(pages: readonly EditedPage[]): void;
  language: string;
}

interface RowProps {
  page: EditedPage;
  at: number;
  count: number;
  language: string;
  className: string;
  onChange(change: Partial<EditedPage>): void;
  onMove(to: number): void;
  onGrab: ReturnType<typeof useReorder>['begin'];
  menu: readonly MenuItem[];
}

function Row({ page, at, count, language, className, onChange, onMove, onGrab, menu }: RowProps) {
  const { t } = storyTexts.useText();
  const number = at + 1;
  const called = page.title.trim() || t('page.number', { n: number });
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: count - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    onMove(Math.min(count - 1, Math.max(0, to)));
  };
  return (
    <li className={`page-row ${className}`} data-page-row={number}>
      <button
        type="button"
        className="grip-handle page-handle figures font-semibold hover:bg-well"
        aria-label={t('page.move', { title: called, n: number, count })}
        aria-describedby="page-move-hint"
        onPointerDown={(event) => onGrab(event, at)}
        onKeyDown={onKeyDown}
      >
        <span aria-hidden="true" className="grip" />
        {number}
      </button>
      <GrowingText
        isLine
        className="font-semibold"
        aria-label={t('page.title', { n: number })}
        placeholder={t('page.title.placeholder')}
        lang={language}
        maxLength={MAX_TITLE_CHARS}
        value={page.title}
        aria-invalid={page.title.trim() === ''}
        data-page-title=""
        onText={(title) => onChange({ title })}
      />
      <Menu
        name={t('page.more', { title: called })}
        label={<Icon name="more" />}
        className="button button-quiet button-icon"
        items={menu}
      />
      <GrowingText
        className="page-summary min-h-16"
        aria-label={t('page.summary', { n: number })}
        placeholder={t('page.summary.placeholder')}
        lang={language}
        maxLength={MAX_SUMMARY_CHARS}
        value={page.summary}
        onText={(summary) => onChange({ summary })}
      />
    </li>
  );
}

export function PageRows({ pages, onChange, language }: PageRowsProps) {
  const { t } = storyTexts.useText();
  const list = useRef<HTMLOListElement>(null);
  const newest = useRef(pages);
  newest.current = pages;
  const focusRow = (at: number, part: string) =>
    requestAnimationFrame(() =>
      list.current?.querySelectorAll<HTMLElement>(`[data-page-row] ${part}`)[at]?.focus(),
    );
  const move = (from: number, to: number) => {
    const next = moved(newest.current, from, to);
    if (next === newest.current) return;
    onChange(next);
    const title = next[to]?.title.trim() || t('page.number', { n: from + 1 });
    announce(t('page.moved', { title, n: to + 1, count: next.length }));
    // A row that moved in the page may have lost the focus on its way.
    focusRow(to, '.page-handle');
  };
  const add = (at: number) => {
    onChange(withPageAfter(newest.current, at));
    focusRow(at + 1, '[data-page-title]');
  };
  const remove = (at: number) => {
    const [row] = newest.current.slice(at, at + 1);
    if (!row) return;
    onChange(withoutPage(newest.current, at));
    focusRow(Math.min(at, pages.length - 2), '.page-handle');
    showToast({
      text: t('page.removed', { title: row.title.trim() || t('page.number', { n: at + 1 }) }),
      action: {
        label: t('app.undo'),
        run: () => newest.current.length < MOST_PAGES && onChange(newest.current.toSpliced(at, 0, row)),
      },
    });
  };
  const { drag, begin } = useReorder(list, move);
  const menuOf = (at: number): MenuItem[] => [
    ...(at > 0 ? [{ label: t('page.up'), icon: 'up' as const, run: () => move(at, at - 1) }] : []),
    ...(at < pages.length - 1
      ? [{ label: t('page.down'), icon: 'down' as const, run: () => move(at, at + 1) }]
      : []),
    ...(pages.length < MOST_PAGES
      ? [{ label: t('page.add'), icon: 'prompt' as const, run: () => add(at) }]
      : []),
    ...(pages.length > FEWEST_PAGES
      ? [{ label: t('page.remove'), icon: 'trash' as const, isDanger: true, run: () => remove(at) }]
      : []),
  ];
  const lookOf = (at: number): string => {
    if (!drag) return '';
    if (at === drag.from) return 'page-row-dragged';
    if (at !== drag.to) return '';
    return drag.to < drag.from ? 'page-row-before' : 'page-row-after';
  };
  return (
    <div className="flex flex-col items-start gap-3">
      <p id="page-move-hint" className="text-sm text-soft">
        {t('page.move.hint')}
      </p>
      <ol ref={list} className="flex w-full flex-col gap-2.5">
        {pages.map((page, at) => (
          <Row
            key={page.key}
            page={page}
            at={at}
            count={pages.length}
            language={language}
            className={lookOf(at)}
            onChange={(change) =>
              onChange(pages.map((one) => (one.key === page.key ? { ...one, ...change } : one)))
            }
            onMove={(to) => move(at, to)}
            onGrab={begin}
            menu={menuOf(at)}
          />
        ))}
      </ol>
      {pages.length < MOST_PAGES ? (
        <button type="button" className="button" onClick={() => add(pages.length - 1)}>
          <Icon name="prompt" className="size-4.5" />
          {t('page.addLast')}
        </button>
      ) : (
        <p className="text-sm text-soft">{t('page.most', { n: MOST_PAGES })}</p>
      )}
    </div>
  );
}
