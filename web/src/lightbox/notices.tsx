// What stands in the place of a picture that cannot be shown: why, and what can be done.
import { useState } from 'react';
import type { GalleryRow } from '../../../src/media/contract.ts';
import { problemOf } from '../api/problem.ts';
import { Icon } from '../ui/Icon.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { repairImage } from './image-query.ts';
import { lightboxTexts } from './lightbox-text.ts';

/** The file is missing, damaged or could not be loaded; offers to look for a good copy where there may be one. */
export function Damaged({ row, onRepaired }: { row: GalleryRow; onRepaired(): void }) {
  const { t } = lightboxTexts.useText();
  const [outcome, setOutcome] = useState<'asking' | 'none' | null>(null);
  const repair = async () => {
    setOutcome('asking');
    const answer = await repairImage(row.id).catch(() => ({ outcome: 'damaged' as const }));
    setOutcome('none');
    if (answer.outcome !== 'damaged') onRepaired();
  };
  const isDamaged = Boolean(row.damage);
  const canRepair = row.damage ? row.damage.repair === 'possible' : true;
  return (
    <div className="lightbox-notice">
      <Icon name="alert" className="size-8" />
      <h2 className="text-xl font-semibold">
        {t(isDamaged ? 'lightbox.damaged.title' : 'lightbox.unloaded.title')}
      </h2>
      <p>{t(isDamaged ? 'lightbox.damaged.text' : 'lightbox.unloaded.text')}</p>
      {canRepair && outcome !== 'none' ? (
        <button
          type="button"
          className="button"
          aria-disabled={outcome === 'asking'}
          onClick={() => {
            if (outcome === null) void repair();
          }}
        >
          {t(outcome === 'asking' ? 'lightbox.working' : 'lightbox.damaged.repair')}
        </button>
      ) : (
        <p role="status">{t('lightbox.damaged.none')}</p>
      )}
    </div>
  );
}

/** There is no such picture, or it could not be asked for. */
export function Gone({ error }: { error: unknown }) {
  const { t } = lightboxTexts.useText();
  const problem = problemOf(error);
  return (
    <div className="lightbox-notice">
      {problem.status === 404 ? (
        <>
          <h2 className="text-xl font-semibold">{t('lightbox.gone.title')}</h2>
          <p>{t('lightbox.gone.text')}</p>
        </>
      ) : (
        <ProblemNote problem={problem} />
      )}
    </div>
  );
}
