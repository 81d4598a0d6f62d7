// How far a batch is, as one bar of its states; what it shows is always written beside it.
import { cssVariables } from '../ui/css-variables.ts';
import type { BatchCounts } from './batch-api.ts';
import { batchTexts } from './batch-text.ts';

/** Items that have come to their end. */
export const endedOf = (counts: BatchCounts) => counts.succeeded + counts.failed + counts.cancelled;

const PARTS = [
  ['succeeded', 's'],
  ['failed', 'f'],
  ['cancelled', 'c'],
  ['running', 'r'],
] as const;

export function Progress({ counts }: { counts: BatchCounts }) {
  const { t } = batchTexts.useText();
  const total = Math.max(1, counts.total);
  return (
    <div
      role="progressbar"
      aria-label={t('batch.progress.label')}
      aria-valuemin={0}
      aria-valuemax={counts.total}
      aria-valuenow={endedOf(counts)}
      aria-valuetext={t('batch.progress', { done: endedOf(counts), n: counts.total })}
      className="parts"
    >
      {PARTS.map(([name, letter]) => (
        <span
          key={name}
          className={`state-${letter}`}
          style={cssVariables({ '--part': counts[name] / total })}
        />
      ))}
    </div>
  );
}
