// A new batch: where its prompts come from, what holds for all, and the server's word on every row, price and time before
// anything starts. What was typed stays on this device until the batch is made.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link, useRouter } from '@tanstack/react-router';
import { useEffect, useId, useMemo, useRef, useState } from 'react';
import type { Model } from '../api/resources.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { modelsQuery, stylesQuery } from '../studio/queries.ts';
import { useAction } from '../studio/use-action.ts';
import { ChoiceGroup } from '../ui/ChoiceGroup.tsx';
import { formatCredits } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { isSubmitKey } from '../ui/keys.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { randomUuid } from '../ui/random-id.ts';
import { readStored, writeStored } from '../ui/stored.ts';
import { type BatchRequest, batchesQuery, createBatch } from './batch-api.ts';
import { batchTexts } from './batch-text.ts';
import './batches.css';
import { CheckPanel } from './CheckPanel.tsx';
import { BatchFields, CommonFields } from './CommonFields.tsx';
import { Columns, FileSource } from './FileSource.tsx';
import { MatrixSource } from './MatrixSource.tsx';
import {
  type BatchDraft,
  EMPTY_DRAFT,
  lineRange,
  linesOf,
  parseBatchDraft,
  SOURCES,
  type SourceFile,
  storedDraft,
  toRequest,
  withoutLines,
} from './new-batch.ts';
import { useCheck } from './use-check.ts';

const route = getRouteApi('/shell/batches/new');
const DRAFT_STORED = 'drawbridge.batch.draft';
const SAVE_PAUSE_MS = 300;

function useDraft(startsWithExample: boolean) {
  const { t } = batchTexts.useText();
  const [draft, setDraft] = useState<BatchDraft>(() => {
    const stored = parseBatchDraft(readStored(DRAFT_STORED));
    const isBlank = stored.lines.trim() === '' && stored.matrixPrompts.trim() === '';
    return startsWithExample && isBlank
      ? { ...stored, source: 'lines', lines: t('new.lines.placeholder') }
      : stored;
  });
  const newest = useRef(draft);
  newest.current = draft;
  useEffect(() => {
    const timer = setTimeout(() => writeStored(DRAFT_STORED, storedDraft(draft)), SAVE_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [draft]);
  useEffect(() => {
    const save = () => writeStored(DRAFT_STORED, storedDraft(newest.current));
    window.addEventListener('pagehide', save);
    return () => window.removeEventListener('pagehide', save);
  }, []);
  return {
    draft,
    change: (part: Partial<BatchDraft>) => setDraft((before) => ({ ...before, ...part })),
    forget() {
      // The part leaves the page next, so nothing writes the old draft back.
      newest.current = EMPTY_DRAFT;
      setDraft(EMPTY_DRAFT);
      writeStored(DRAFT_STORED, null);
    },
  };
}

/** What the models that are chosen can do together. */
function offersOf(models: readonly Model[], draft: BatchDraft) {
  const ids = draft.source === 'matrix' && draft.models.length > 0 ? draft.models : [draft.model];
  const chosen = models.filter((model) =>
    ids.some((id) => (id === null ? model.drawbridge.is_default : model.id === id)),
  );
  const capable = (chosen.length > 0 ? chosen : models).map(({ drawbridge }) => drawbridge.capabilities);
  return {
    ratios: [...new Set(capable.flatMap(({ aspect_ratios }) => aspect_ratios))],
    mostImages: Math.max(1, ...capable.map(({ max_images }) => max_images)),
  };
}

interface LinesProps {
  draft: BatchDraft;
  onChange(change: Partial<BatchDraft>): void;
  onSubmit(): void;
  id: string;
}

function LinesSource({ draft, onChange, onSubmit, id }: LinesProps) {
  const { t } = batchTexts.useText();
  const lines = linesOf(draft.lines).length;
  return (
    <div className="flex flex-col gap-1.5">
      <label className="eyebrow" htmlFor={id}>
        {t('new.lines')}
      </label>
      <textarea
        id={id}
        className="field"
        rows={10}
        value={draft.lines}
        placeholder={t('new.lines.placeholder')}
        aria-describedby={`${id}-hint`}
        onInput={(event) => onChange({ lines: event.currentTarget.value })}
        onKeyDown={(event) => {
          if (!isSubmitKey(event.nativeEvent ?? event)) return;
          event.preventDefault();
          onSubmit();
        }}
      />
      <p id={`${id}-hint`} className="flex flex-wrap justify-between gap-x-4 text-sm text-soft">
        <span>{t('new.lines.hint')}</span>
        {lines > 0 && <span className="figures">{t('new.lines.count', { n: lines })}</span>}
      </p>
    </div>
  );
}

/** Makes the batch once, however often it is asked for: one key for one content. */
function useStart(request: BatchRequest | null, onMade: () => void) {
  const router = useRouter();
  const client = useQueryClient();
  const action = useAction();
  const key = useRef({ request, value: randomUuid() });
  if (key.current.request !== request) key.current = { request, value: randomUuid() };
  const start = () => {
    if (!request) return;
    action.run(async () => {
      const batch = await createBatch(request, key.current.value);
      void client.invalidateQueries({ queryKey: batchesQuery.queryKey });
      void client.invalidateQueries({ queryKey: ['credits'] });
      onMade();
      await router.navigate({ to: '/batches/$batchId', params: { batchId: batch.id } });
    });
  };
  return { ...action, start };
}

export function NewBatchPage() {
  const { example } = route.useSearch();
  const { t, language, locale } = batchTexts.useText();
  const linesId = useId();
  const { draft, change, forget } = useDraft(example === true);
  const [file, setFile] = useState<SourceFile | null>(null);
  const [columns, setColumns] = useState<Readonly<Record<string, string | null>>>({});
  const { data: models = [] } = useQuery(modelsQuery);
  const { data: categories = [] } = useQuery(stylesQuery(language));
  const { ratios, mostImages } = useMemo(() => offersOf(models, draft), [models, draft]);
  const request = useMemo(() => toRequest(draft, file, columns), [draft, file, columns]);
  const check = useCheck(request);
  const starting = useStart(request, forget);
  const [hint, setHint] = useState<string | null>(null);
  useRoomTitle(t('new.title'));
  useEffect(() => setHint(null), [request, check.isCurrent]);

  const { result, isCurrent } = check;
  const isReady = request !== null && isCurrent && result?.valid === true;
  const submit = () => {
    if (isReady) starting.start();
    else if (!request) setHint(t('new.start.notYet'));
    else setHint(t(isCurrent ? 'new.start.invalid' : 'new.start.checking'));
  };
  const goToLine = (row: number) => {
    const field = document.getElementById(linesId);
    if (!(field instanceof HTMLTextAreaElement)) return;
    field.focus();
    field.setSelectionRange(...lineRange(field.value, row));
    const lineHeight = Number.parseFloat(getComputedStyle(field).lineHeight);
    field.scrollTop = Math.max(0, (row - 3) * lineHeight);
  };
  const isLines = draft.source === 'lines';
  const price = result && result.cost_credits > 0 ? formatCredits(result.cost_credits, locale) : null;
  const startLabel = starting.isBusy
    ? t('new.start.busy')
    : !isReady || !result
      ? t('new.start.none')
      : price === null
        ? t('new.start', { n: result.pictures })
        : t('new.start.price', { n: result.pictures, amount: price });

  return (
    <div className="mx-auto max-w-[84rem] px-4 py-6 sm:px-6">
      <Link
        to="/batches"
        className="-ml-1 flex min-h-11 items-center gap-1 self-start text-sm text-soft sm:min-h-6"
      >
        <Icon name="left" className="size-4.5" />
        {t('batch.back')}
      </Link>
      <h1 className="mb-4 text-2xl font-semibold tracking-tight">{t('new.title')}</h1>
      <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_26rem]">
        <form
          className="sheet flex min-w-0 flex-col gap-6 p-5"
          aria-label={t('new.title')}
          onSubmit={(event) => {
            event.preventDefault();
            submit();
          }}
        >
          <ChoiceGroup
            legend={t('new.source')}
            choices={SOURCES}
            value={draft.source}
            onChange={(source) => change({ source })}
            draw={(source) => t(`new.source.${source}`)}
            className="grid auto-cols-fr grid-flow-col gap-2"
          />
          {isLines && <LinesSource draft={draft} onChange={change} onSubmit={submit} id={linesId} />}
          {draft.source === 'file' && (
            <>
              <FileSource
                file={file}
                onFile={(taken) => {
                  setFile(taken);
                  setColumns({});
                }}
              />
              {file && result && (
                <Columns
                  source={result.source}
                  chosen={columns}
                  onChoose={(header, field) => setColumns({ ...columns, [header]: field })}
                />
              )}
            </>
          )}
          {draft.source === 'matrix' && (
            <MatrixSource
              draft={draft}
              onChange={change}
              models={models}
              styles={categories.flatMap(({ styles }) => styles)}
              ratios={ratios}
            />
          )}
          <CommonFields
            draft={draft}
            onChange={change}
            models={models}
            categories={categories}
            ratios={ratios}
            mostImages={mostImages}
          />
          <BatchFields draft={draft} onChange={change} />
        </form>
        <div className="lg:sticky lg:top-20">
          <CheckPanel
            check={check}
            isEmpty={request === null}
            onRow={isLines ? goToLine : null}
            onLeaveOut={isLines ? (rows) => change({ lines: withoutLines(draft.lines, rows) }) : null}
          >
            {starting.problem && <ProblemNote problem={starting.problem} />}
            <button
              type="button"
              className="button button-lamp figures w-full text-base"
              aria-disabled={!isReady || starting.isBusy}
              onClick={submit}
            >
              {startLabel}
            </button>
            <p role="status" className="text-sm text-soft empty:hidden">
              {hint}
            </p>
          </CheckPanel>
        </div>
      </div>
    </div>
  );
}
