// What a new link shows, for how long and to whom.
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { type Problem, problemOf } from '../api/problem.ts';
import { announce } from '../ui/announce.tsx';
import { ChoiceGroup } from '../ui/ChoiceGroup.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import {
  createShare,
  MAX_PASSWORD_CHARS,
  MAX_TITLE_CHARS,
  MIN_PASSWORD_CHARS,
  type Share,
} from './share-api.ts';
import { shareTexts } from './share-text.ts';

const DAY_MS = 86_400_000;
/** Days that a link works; 0: until it is revoked. */
const DAYS = [0, 1, 7, 30] as const;
type Days = (typeof DAYS)[number];
const DAY_NAMES = {
  0: 'share.expiry.never',
  1: 'share.expiry.day',
  7: 'share.expiry.week',
  30: 'share.expiry.month',
} as const;

interface FieldProps {
  label: string;
  hint?: string;
  children(ids: { id: string; 'aria-describedby'?: string }): ReactNode;
}

function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="eyebrow">
        {label}
      </label>
      {children(hint ? { id, 'aria-describedby': `${id}-hint` } : { id })}
      {hint && (
        <p id={`${id}-hint`} className="text-sm text-soft">
          {hint}
        </p>
      )}
    </div>
  );
}

interface CheckProps {
  label: string;
  hint: string;
  checked: boolean;
  onChange(checked: boolean): void;
}

function Check({ label, hint, checked, onChange }: CheckProps) {
  const id = useId();
  return (
    <div className="flex items-start gap-3">
      <input
        id={id}
        type="checkbox"
        className="mt-1 size-5 shrink-0"
        checked={checked}
        aria-describedby={`${id}-hint`}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <div>
        <label htmlFor={id} className="font-medium">
          {label}
        </label>
        <p id={`${id}-hint`} className="text-sm text-soft">
          {hint}
        </p>
      </div>
    </div>
  );
}

/** The id ties the dialog's button, which stands outside of the form, to it. */
export function ShareForm(props: {
  id: string;
  imageIds: readonly string[];
  /** What is shared instead of the pictures alone; its title is the link's, where no other is typed. */
  story?: { id: string; title: string };
  onMade(share: Share): void;
  onBusy(isBusy: boolean): void;
}) {
  const { t } = shareTexts.useText();
  const client = useQueryClient();
  const [title, setTitle] = useState('');
  const [password, setPassword] = useState('');
  const [days, setDays] = useState<Days>(0);
  const [showsPrompt, setShowsPrompt] = useState(false);
  const [allowsDownload, setAllowsDownload] = useState(true);
  const [problem, setProblem] = useState<Problem | null>(null);
  const isShort = password !== '' && password.length < MIN_PASSWORD_CHARS;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isShort) return;
    props.onBusy(true);
    setProblem(null);
    try {
      const share = await createShare(client, {
        ...(props.story ? { story_id: props.story.id } : { image_ids: [...props.imageIds] }),
        ...(props.story && title.trim() === '' ? {} : { title: title.trim() }),
        show_prompt: showsPrompt,
        allow_download: allowsDownload,
        ...(password === '' ? {} : { password }),
        ...(days === 0 ? {} : { expires_at: new Date(Date.now() + days * DAY_MS).toISOString() }),
      });
      announce(t('share.ready.announce'));
      props.onMade(share);
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      props.onBusy(false);
    }
  };
  return (
    <form id={props.id} className="flex flex-col gap-5" onSubmit={(event) => void submit(event)}>
      <Field label={t('share.name')}>
        {(ids) => (
          <input
            {...ids}
            className="field"
            maxLength={MAX_TITLE_CHARS}
            autoComplete="off"
            placeholder={props.story?.title ?? t('share.name.placeholder')}
            value={title}
            onInput={(event) => setTitle(event.currentTarget.value)}
          />
        )}
      </Field>
      <ChoiceGroup<Days>
        legend={t('share.expiry')}
        choices={DAYS}
        value={days}
        onChange={setDays}
        draw={(choice) => <span className="px-2">{t(DAY_NAMES[choice])}</span>}
      />
      <Check
        label={t('share.showPrompt')}
        hint={t(props.story ? 'share.story.showPrompt.hint' : 'share.showPrompt.hint')}
        checked={showsPrompt}
        onChange={setShowsPrompt}
      />
      <Check
        label={t('share.download')}
        hint={t('share.download.hint')}
        checked={allowsDownload}
        onChange={setAllowsDownload}
      />
      <Field label={t('share.password')} hint={t(isShort ? 'share.password.short' : 'share.password.hint')}>
        {(ids) => (
          <input
            {...ids}
            className="field"
            type="text"
            maxLength={MAX_PASSWORD_CHARS}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            aria-invalid={isShort}
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        )}
      </Field>
      {problem && <ProblemNote problem={problem} />}
    </form>
  );
}
