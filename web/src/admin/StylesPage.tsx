// Styles by category as people see them: order, names, templates, covers, and what is switched off.
import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { call } from '../api/client.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { announce } from '../ui/announce.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { Icon } from '../ui/Icon.tsx';
import { Menu } from '../ui/Menu.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { useReorder } from '../ui/use-reorder.ts';
import { answerOf, type Style, type StyleCategory } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { Answered, Ask, FailedNote, Field, Heading, Nothing, State } from './parts.tsx';
import { StyleDialog } from './StyleDialog.tsx';
import { type StyleOrder, withCategoryMoved, withStyleAt, withStyleMoved } from './style-order.ts';
import { type AdminAction, useAdminAction } from './use-action.ts';

type Opened =
  | { kind: 'style'; style: Style | null; categoryId: string }
  | { kind: 'category'; category: StyleCategory | null }
  | { kind: 'remove'; path: string; name: string; count: number };

interface Tools {
  action: AdminAction;
  open(opened: Opened): void;
  /** Resolves to whether the order was stored. */
  order(next: StyleOrder): Promise<boolean>;
}

function CategoryDialog({ category, onClose }: { category: StyleCategory | null; onClose(): void }) {
  const { t } = adminTexts.useText();
  const { run, isBusy, problem } = useAdminAction();
  const [en, setEn] = useState(category?.names.en ?? '');
  const [zh, setZh] = useState(category?.names.zh ?? '');
  const save = async () => {
    const body = { names: { en, zh } };
    const done = await run(
      () =>
        category
          ? call('PATCH', `v1/admin/style-categories/${category.id}`, { body })
          : call('POST', 'v1/admin/style-categories', { body }),
      t('saved'),
    );
    if (done) onClose();
  };
  return (
    <Dialog
      title={t(category ? 'category.edit' : 'category.new')}
      onClose={onClose}
      footer={
        <button type="submit" form="category" className="button button-lamp" aria-disabled={isBusy}>
          {t('save')}
        </button>
      }
    >
      <form
        id="category"
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Field label={t('style.en')}>
          {(id) => (
            <input
              id={id}
              required
              className="field"
              value={en}
              onInput={(event) => setEn(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label={t('style.zh')}>
          {(id) => (
            <input
              id={id}
              required
              className="field"
              value={zh}
              onInput={(event) => setZh(event.currentTarget.value)}
            />
          )}
        </Field>
      </form>
      {problem && <ProblemNote problem={problem} />}
    </Dialog>
  );
}

interface StyleRowProps {
  style: Style;
  categories: readonly StyleCategory[];
  tools: Tools;
  at: number;
  count: number;
  look: string;
  onMove(to: number): void;
  onGrab: ReturnType<typeof useReorder>['begin'];
}

function StyleRow({ style, categories, tools, at, count, look, onMove, onGrab }: StyleRowProps) {
  const { t } = adminTexts.useText();
  const { action, open, order } = tools;
  const path = `v1/admin/styles/${style.id}`;
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: count - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    onMove(Math.min(count - 1, Math.max(0, to)));
  };
  return (
    <li className={`admin-row ${look}`}>
      <span className="relative z-1 flex items-center gap-2">
        <button
          type="button"
          className="grip-handle -ml-2"
          aria-label={t('style.drag', { name: style.name })}
          data-style={style.id}
          onPointerDown={(event) => onGrab(event, at)}
          onKeyDown={onKeyDown}
        >
          <span aria-hidden="true" className="grip" />
        </button>
        {style.cover_url ? (
          <img src={style.cover_url} alt="" loading="lazy" className="size-11 rounded-control object-cover" />
        ) : (
          <span className="size-11 rounded-control bg-mat" />
        )}
      </span>
      <div className="min-w-0">
        <button
          type="button"
          className="card-link block max-w-full truncate text-left font-medium"
          onClick={() => open({ kind: 'style', style, categoryId: style.category_id })}
        >
          {style.name}
        </button>
        <p className="truncate text-sm text-soft">{style.prompt_template}</p>
      </div>
      <span className="relative z-1 flex items-center gap-2">
        {!style.enabled && <State tone="off">{t('style.off')}</State>}
        <Menu
          name={t('people.actions', { name: style.name })}
          label={<Icon name="more" />}
          className="button button-quiet button-icon"
          items={[
            { label: t('style.up'), icon: 'up', run: () => order(withStyleMoved(categories, style.id, -1)) },
            {
              label: t('style.down'),
              icon: 'down',
              run: () => order(withStyleMoved(categories, style.id, 1)),
            },
            {
              label: t(style.enabled ? 'style.switchOff' : 'style.switchOn'),
              run: () =>
                void action.run(() => call('PATCH', path, { body: { enabled: !style.enabled } }), t('saved')),
            },
            {
              label: t('style.remove'),
              isDanger: true,
              run: () => open({ kind: 'remove', path, name: style.name, count: 1 }),
            },
          ]}
        />
      </span>
    </li>
  );
}

/** The styles of a category in their order: moved by their handles, dragged or with the arrow keys. */
function StyleList({
  category,
  categories,
  tools,
}: {
  category: StyleCategory;
  categories: readonly StyleCategory[];
  tools: Tools;
}) {
  const { t } = adminTexts.useText();
  const list = useRef<HTMLUListElement>(null);
  const { id, styles } = category;
  // A row that moved in the page may have lost the focus on its way.
  const focused = useRef<string | null>(null);
  useEffect(() => {
    const handle = styles.length > 0 && focused.current !== null && document.activeElement === document.body;
    if (handle) list.current?.querySelector<HTMLElement>(`[data-style="${focused.current}"]`)?.focus();
    focused.current = null;
  }, [styles]);
  const move = (from: number, to: number) => {
    const style = styles[from];
    if (!style || to === from) return;
    focused.current = style.id;
    const moved = t('style.moved', { name: style.name, place: to + 1, count: styles.length });
    void tools.order(withStyleAt(categories, id, from, to)).then((isStored) => {
      if (isStored) announce(moved);
    });
  };
  const { drag, begin } = useReorder(list, move);
  const lookOf = (at: number): string => {
    if (!drag) return '';
    if (at === drag.from) return 'admin-dragged';
    if (at !== drag.to) return '';
    return drag.to < drag.from ? 'admin-drop-before' : 'admin-drop-after';
  };
  return (
    <ul ref={list} className="sheet">
      {styles.map((style, at) => (
        <StyleRow
          key={style.id}
          style={style}
          categories={categories}
          tools={tools}
          at={at}
          count={styles.length}
          look={lookOf(at)}
          onMove={(to) => move(at, to)}
          onGrab={begin}
        />
      ))}
    </ul>
  );
}

function Category({
  category,
  categories,
  tools,
}: {
  category: StyleCategory;
  categories: readonly StyleCategory[];
  tools: Tools;
}) {
  const { t } = adminTexts.useText();
  const { action, open, order } = tools;
  const path = `v1/admin/style-categories/${category.id}`;
  return (
    <section aria-label={category.name} className="mb-6">
      <div className="mb-2 flex items-center gap-2">
        <h2 className="grow text-base font-semibold">
          {category.name} <span className="figures font-normal text-soft">{category.styles.length}</span>
        </h2>
        {!category.enabled && <State tone="off">{t('style.off')}</State>}
        <button
          type="button"
          className="button button-quiet"
          onClick={() => open({ kind: 'style', style: null, categoryId: category.id })}
        >
          {t('style.new')}
        </button>
        <Menu
          name={t('people.actions', { name: category.name })}
          label={<Icon name="more" />}
          className="button button-quiet button-icon"
          items={[
            { label: t('category.edit'), run: () => open({ kind: 'category', category }) },
            {
              label: t('style.up'),
              icon: 'up',
              run: () => order(withCategoryMoved(categories, category.id, -1)),
            },
            {
              label: t('style.down'),
              icon: 'down',
              run: () => order(withCategoryMoved(categories, category.id, 1)),
            },
            {
              label: t(category.enabled ? 'style.switchOff' : 'style.switchOn'),
              run: () =>
                void action.run(
                  () => call('PATCH', path, { body: { enabled: !category.enabled } }),
                  t('saved'),
                ),
            },
            {
              label: t('style.remove'),
              isDanger: true,
              run: () => open({ kind: 'remove', path, name: category.name, count: category.styles.length }),
            },
          ]}
        />
      </div>
      {category.styles.length === 0 ? (
        <Nothing>{t('category.empty')}</Nothing>
      ) : (
        <StyleList category={category} categories={categories} tools={tools} />
      )}
    </section>
  );
}

export function StylesPage() {
  const { t } = adminTexts.useText();
  useRoomTitle(t('nav.styles'));
  const query = useQuery(answerOf<{ categories: StyleCategory[] }>('v1/admin/styles'));
  const action = useAdminAction();
  const [opened, open] = useState<Opened | null>(null);
  const tools: Tools = {
    action,
    open,
    order: (body) => action.run(() => call('PUT', 'v1/admin/style-order', { body })),
  };
  const close = () => open(null);
  return (
    <>
      <Heading title={t('nav.styles')} lead={t('styles.lead')}>
        <button type="button" className="button" onClick={() => open({ kind: 'category', category: null })}>
          {t('category.new')}
        </button>
      </Heading>
      {action.problem && <FailedNote problem={action.problem} />}
      <Answered query={query}>
        {({ categories }) => (
          <>
            {categories.map((category) => (
              <Category key={category.id} category={category} categories={categories} tools={tools} />
            ))}
          </>
        )}
      </Answered>
      {opened?.kind === 'style' && (
        <StyleDialog style={opened.style} categoryId={opened.categoryId} onClose={close} />
      )}
      {opened?.kind === 'category' && <CategoryDialog category={opened.category} onClose={close} />}
      {opened?.kind === 'remove' && (
        <Ask
          title={t('style.removeNamed', { name: opened.name })}
          text={t('style.remove.hint', { count: opened.count })}
          label={t('style.removeNamed', { name: opened.name })}
          isDanger
          action={() => call('DELETE', opened.path)}
          onClose={close}
        />
      )}
    </>
  );
}
