// One item of a batch: its pictures, what went wrong and what to do about it, and how it was asked for.
import { Link } from '@tanstack/react-router';
import { type ReactNode, useEffect, useState } from 'react';
import { type Problem, problemOf } from '../api/problem.ts';
import { thumbhashBackground } from '../studio/thumbhash-url.ts';
import { useAction } from '../studio/use-action.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { cssVariables } from '../ui/css-variables.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { formatCredits } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { remarkText } from '../ui/remark.ts';
import { useShortcuts } from '../ui/shortcuts.ts';
import { type BatchItem, retryItems } from './batch-api.ts';
import type { BatchRoom, BatchState } from './batch-room.ts';
import { batchTexts } from './batch-text.ts';
import { StateSign } from './StateSign.tsx';

/** How often an item that waits or is made is read again: what it waits for changes without its state. */
const REREAD_MS = 3_000;

/** The item, read anew whenever its state changes. */
function useItem(room: BatchRoom, position: number, letter: string) {
  const [item, setItem] = useState<BatchItem | null>(room.itemAt(position) ?? null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    setItem(room.itemAt(position) ?? null);
    setProblem(null);
    const read = () =>
      room.readItem(position, abort.signal).then(setItem, (error: unknown) => {
        if (!abort.signal.aborted) setProblem(problemOf(error));
      });
    void read();
    const isOpen = letter === 'q' || letter === 'r';
    const timer = isOpen ? setInterval(() => !document.hidden && void read(), REREAD_MS) : undefined;
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [room, position, letter]);
  return { item, problem };
}

function Pictures({ item }: { item: BatchItem }) {
  const { t } = batchTexts.useText();
  const pictures = item.images.filter(({ trashed }) => !trashed);
  if (pictures.length === 0) return null;
  return (
    <ul className="flex flex-col gap-4">
      {pictures.map((image, at) => {
        const background = thumbhashBackground(image.thumbhash);
        return (
          <li key={image.id} style={cssVariables({ '--ratio': image.width / image.height })}>
            <Link
              to="/gallery"
              search={{ view: image.id }}
              className="picture-frame block"
              style={background ? { backgroundImage: background } : {}}
              aria-label={t('item.gallery')}
            >
              <img
                src={image.url}
                alt={t('item.picture', { n: at + 1, item: item.position + 1 })}
                width={image.width}
                height={image.height}
                decoding="async"
              />
            </Link>
            <p className="flex items-center gap-3 text-sm">
              <a className="flex min-h-11 items-center gap-1.5" href={image.download_url} download="">
                <Icon name="download" className="size-4.5" />
                {t('item.download')}
              </a>
              <span className="figures ml-auto text-soft">
                {image.width} × {image.height}
              </span>
            </p>
          </li>
        );
      })}
    </ul>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-soft">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </>
  );
}

function Facts({ item }: { item: BatchItem }) {
  const { t, locale } = batchTexts.useText();
  const { captured } = item.cost;
  return (
    <dl className="figures grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1.5 text-sm">
      <Fact name={t('item.model')}>
        {item.model} · {item.provider}
      </Fact>
      <Fact name={t('item.size')}>{item.size.replace('x', '\u00a0×\u00a0')}</Fact>
      <Fact name={t('item.seed')}>{item.seed}</Fact>
      {item.style && <Fact name={t('item.style')}>{item.style.name}</Fact>}
      {Object.entries(item.fields).map(([name, value]) => (
        <Fact key={name} name={name}>
          {String(value)}
        </Fact>
      ))}
      {item.tries > 1 && <Fact name={t('item.tries')}>{item.tries}</Fact>}
      <Fact name={t('item.cost')}>
        {captured > 0
          ? t('item.cost.credits', { amount: formatCredits(captured, locale) })
          : t('item.cost.none')}
      </Fact>
      <Fact name={t('item.task')}>
        <CopyButton text={item.task_id} className="flex min-h-6 max-w-full items-center gap-1.5">
          <span className="truncate font-mono text-xs">{item.task_id}</span>
        </CopyButton>
      </Fact>
    </dl>
  );
}

interface DrawerProps {
  room: BatchRoom;
  state: BatchState;
  position: number;
  /** Leads to the item before or after it among those shown; false where there is none. */
  onStep(by: 1 | -1): void;
  onClose(): void;
}

export function ItemDrawer({ room, state, position, onStep, onClose }: DrawerProps) {
  const text = batchTexts.useText();
  const { t } = text;
  const letter = room.cells.letterAt(position);
  const name = room.cells.nameAt(position);
  const { item, problem } = useItem(room, position, letter);
  const action = useAction();
  useShortcuts(
    t('batches.keys'),
    [
      { keys: 'ArrowLeft', label: t('item.previous'), run: () => onStep(-1) },
      { keys: 'ArrowRight', label: t('item.next'), run: () => onStep(1) },
    ],
    'dialog',
  );
  const retry = () => action.run(async () => room.take(await retryItems(room.id, [position])));
  const retryButton = (
    <button type="button" className="button button-lamp" aria-disabled={action.isBusy} onClick={retry}>
      <Icon name="again" className="size-4.5" />
      {t('item.retry')}
    </button>
  );
  const waiting = item?.waiting ?? null;
  const note =
    letter === 'q'
      ? state.status === 'paused'
        ? t('item.waiting.paused')
        : waiting
          ? null
          : t('item.waiting')
      : letter === 'r'
        ? t('item.running')
        : letter === 'c'
          ? t('item.cancelled')
          : null;
  const title =
    item?.row == null
      ? t('item.title', { n: position + 1 })
      : t('item.title.row', { n: position + 1, row: item.row });
  return (
    <Dialog
      title={title}
      onClose={onClose}
      shape="drawer"
      footer={
        <>
          <button
            type="button"
            className="button button-icon"
            aria-label={t('item.previous')}
            onClick={() => onStep(-1)}
          >
            <Icon name="left" />
          </button>
          <button
            type="button"
            className="button button-icon"
            aria-label={t('item.next')}
            onClick={() => onStep(1)}
          >
            <Icon name="right" />
          </button>
        </>
      }
    >
      <p className="batch-filter font-medium" data-item-state={name}>
        <StateSign state={name} />
        {t(`batch.state.${name}`)}
      </p>
      {note && <p className="text-soft">{note}</p>}
      {waiting && (
        <p data-item-waiting={waiting.code}>{remarkText(waiting, item?.waiting_reason ?? '', text)}</p>
      )}
      {letter === 'c' && <div>{retryButton}</div>}
      {item?.error && (
        <ProblemNote
          problem={{
            ...item.error,
            status: 0,
            requestId: null,
            fields: [],
          }}
        >
          {letter === 'f' && retryButton}
        </ProblemNote>
      )}
      {(problem ?? action.problem) && <ProblemNote problem={(problem ?? action.problem) as Problem} />}
      {item && (
        <>
          <Pictures item={item} />
          <section>
            <div className="flex items-center justify-between">
              <h3 className="eyebrow">{t('item.prompt')}</h3>
              <CopyButton text={item.prompt}>{t('app.copy')}</CopyButton>
            </div>
            <p className="max-h-60 overflow-y-auto rounded-control bg-well p-3 whitespace-pre-line">
              {item.prompt}
            </p>
          </section>
          <Facts item={item} />
        </>
      )}
    </Dialog>
  );
}
