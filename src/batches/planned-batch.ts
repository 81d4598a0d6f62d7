// What a batch would be, as read from its source: the answer of a check, and why it cannot start.
import { formatCredits, toCredits } from '../credits/credits.ts';
import { AppError } from '../kernel/errors.ts';
import { reasonOf } from '../kernel/field-reasons.ts';
import type { TaskParams } from '../tasks/tasks.ts';
import {
  type BatchCheckBody,
  type CreateBatchBody,
  MAX_SHOWN_ERRORS,
  type RowError,
  SAMPLE_ITEMS,
} from './contract.ts';
import type { BatchPlan } from './plan.ts';
import type { Source } from './source.ts';

const MICROS_PER_CREDIT = 1_000_000;

export interface Planned extends BatchPlan {
  source: Source;
}

/** Micro-credits from credits as a body gives them. */
export const toMicros = (credits: number) => Math.round(credits * MICROS_PER_CREDIT);

/** What is planned from a source that could not be read. */
export function emptyPlan(body: CreateBatchBody): Planned {
  const kind = (['items', 'lines', 'csv', 'jsonl', 'matrix'] as const).find(
    (name) => body[name] !== undefined,
  );
  return {
    items: [],
    errors: [],
    uploadIds: [],
    pictures: 0,
    costMicros: 0,
    source: {
      kind: kind ?? 'csv',
      encoding: null,
      separator: null,
      columns: [],
      rows: [],
      skipped: 0,
      templates: false,
    },
  };
}

/** Says how many rows are wrong, and names the first of them. */
export function wrongRows(errors: readonly RowError[]): AppError {
  const rows = new Set(errors.map(({ row }) => row)).size;
  return new AppError('validation_failed', {
    detail: `${rows} ${rows === 1 ? 'row is' : 'rows are'} wrong; nothing was made.`,
    errors: errors.slice(0, MAX_SHOWN_ERRORS).map(({ row, field, detail }) => ({
      pointer: `/rows/${row}${field === null ? '' : `/${field}`}`,
      detail,
    })),
  });
}

/** Why a source gives no items. */
export function nothingLeft({ skipped }: Source): AppError {
  const detail =
    skipped > 0
      ? `All ${skipped} rows of the manifest are done already; include_done makes them again.`
      : 'The source has no rows.';
  return new AppError('validation_failed', { detail, errors: [{ pointer: '', detail }] });
}

/** Throws `validation_failed` for a batch that costs more than its cap. */
export function requireBudget(costMicros: number, budgetCredits: number | undefined): void {
  if (budgetCredits === undefined || costMicros <= toMicros(budgetCredits)) return;
  const detail = `the batch costs ${formatCredits(costMicros)} credits, which is more than that`;
  throw new AppError('validation_failed', { errors: [{ pointer: '/budget_credits', detail }] });
}

/** Throws `insufficient_credits` for a batch that costs more than there is. */
export function requireCredits(costMicros: number, availableMicros: number): void {
  if (costMicros <= availableMicros) return;
  throw new AppError('insufficient_credits', {
    detail: `This needs ${formatCredits(costMicros)} credits, and ${formatCredits(availableMicros)} are available.`,
  });
}

/** A batch without a name is called by its file or its first prompt. */
export function nameOf(body: CreateBatchBody, { items }: Planned): string {
  const file = body.file?.name.replace(/^.*[/\\]/, '').trim();
  return (file || items[0]?.prompt.trim() || 'Batch').slice(0, 80);
}

function byModel({ items }: Planned): BatchCheckBody['by_model'] {
  return [...Map.groupBy(items, ({ model, lane }) => `${model}\n${lane}`).values()].map((group) => {
    const [{ model, lane: provider }] = group as [(typeof group)[number]];
    const pictures = group.reduce((sum, item) => sum + item.pictures, 0);
    const costMicros = group.reduce((sum, item) => sum + item.unitMicros * item.pictures, 0);
    return { model, provider, items: group.length, pictures, cost_credits: toCredits(costMicros) };
  });
}

function sampleOf({ row, prompt, model, params, pictures }: Planned['items'][number]) {
  const { width, height, style } = JSON.parse(params) as TaskParams;
  return { row, prompt, model, size: `${width}x${height}`, style: style?.names.en ?? null, n: pictures };
}

/** The answer of a check. */
export function reportOf(
  planned: Planned,
  {
    problems,
    availableMicros,
    spendableMicros,
    etaS,
  }: {
    problems: BatchCheckBody['problems'];
    availableMicros: number;
    /** Null: the account has no limits. */
    spendableMicros: number | null;
    etaS: number | null;
  },
): BatchCheckBody {
  return {
    dry_run: true,
    valid: problems.length === 0 && planned.errors.length === 0,
    source: {
      kind: planned.source.kind,
      encoding: planned.source.encoding,
      separator: planned.source.separator,
      columns: planned.source.columns,
    },
    rows: planned.source.rows.length + planned.source.skipped,
    items: planned.items.length,
    pictures: planned.pictures,
    skipped: planned.source.skipped,
    error_count: planned.errors.length,
    errors: planned.errors
      .slice(0, MAX_SHOWN_ERRORS)
      .map((error) => ({ ...error, ...reasonOf(error.detail) })),
    problems,
    cost_credits: toCredits(planned.costMicros),
    available_credits: toCredits(availableMicros),
    spendable_credits: spendableMicros === null ? null : toCredits(spendableMicros),
    eta_s: etaS,
    by_model: byModel(planned),
    sample: planned.items.slice(0, SAMPLE_ITEMS).map(sampleOf),
  };
}
