// The outline of a story, to be changed freely: title, what it is about, its pages in their order, and who is in it. Everything
// is saved by itself; beside the heading stands whether it is.
import { type ReactNode, useId } from 'react';
import { Icon } from '../ui/Icon.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { CharacterSheet } from './CharacterSheet.tsx';
import { GrowingText } from './GrowingText.tsx';
import type { DraftState } from './outline-draft.ts';
import { MAX_SUMMARY_CHARS, MAX_TITLE_CHARS } from './outline-edit.ts';
import { PageRows } from './PageRows.tsx';
import { storyTexts } from './story-text.ts';
import type { EditedStory } from './use-outline.ts';

function SaveState({ status }: Pick<DraftState, 'status'>) {
  const { t } = storyTexts.useText();
  const isDone = status === 'saved';
  return (
    <p role="status" className="flex items-center gap-1.5 text-sm text-soft" data-save={status}>
      {isDone && <Icon name="check" className="size-4 text-calm" />}
      {t(`outline.save.${status}`)}
    </p>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="flex flex-col gap-3 border-t border-line pt-5">
      <h3 id={id} className="text-base font-semibold">
        {title}
      </h3>
      {children}
    </section>
  );
}

interface OutlineEditorProps {
  edit: EditedStory;
  language: string;
  /** Whether pages are written already, which stay as they are. */
  isTold: boolean;
  headingId: string;
}

export function OutlineEditor({ edit, language, isTold, headingId }: OutlineEditorProps) {
  const { t } = storyTexts.useText();
  const id = useId();
  const { draft, state } = edit;
  const { edited, status, problem } = state;
  return (
    <div className="sheet flex min-w-0 flex-col gap-5 p-4 sm:p-6" data-outline="">
      <div className="flex flex-wrap items-baseline justify-between gap-x-4">
        <h2 id={headingId} tabIndex={-1} className="text-lg font-semibold outline-none">
          {t('outline.title')}
        </h2>
        <SaveState status={status} />
      </div>
      {isTold && <p className="-mt-3 text-sm text-soft">{t('outline.told')}</p>}
      {problem && status === 'failed' && (
        <div role="alert">
          <ProblemNote problem={problem}>
            <button type="button" className="button" onClick={() => void draft.flush()}>
              {t('outline.saveAgain')}
            </button>
          </ProblemNote>
        </div>
      )}
      <div className="flex flex-col gap-1.5">
        <label className="eyebrow" htmlFor={`${id}-title`}>
          {t('outline.name')}
        </label>
        <GrowingText
          id={`${id}-title`}
          isLine
          className="text-lg font-semibold"
          lang={language}
          maxLength={MAX_TITLE_CHARS}
          value={edited.title}
          aria-invalid={edited.title.trim() === ''}
          onText={(title) => draft.change({ title })}
        />
      </div>
      <div className="flex flex-col gap-1.5">
        <label className="eyebrow" htmlFor={`${id}-summary`}>
          {t('outline.summary')}
        </label>
        <GrowingText
          id={`${id}-summary`}
          className="min-h-16"
          lang={language}
          maxLength={MAX_SUMMARY_CHARS}
          value={edited.summary}
          onText={(summary) => draft.change({ summary })}
        />
      </div>
      <Part title={t('outline.pages', { n: edited.pages.length })}>
        <PageRows pages={edited.pages} language={language} onChange={(pages) => draft.change({ pages })} />
      </Part>
      <Part title={t('new.characters')}>
        <CharacterSheet
          characters={edited.characters}
          language={language}
          onChange={(characters) => draft.change({ characters })}
        />
      </Part>
    </div>
  );
}
