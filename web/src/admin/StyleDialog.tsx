// A style's form: names in both languages, the template with the place of the prompt, and what it recommends.
import { useState } from 'react';
import { call } from '../api/client.ts';
import { uploadPicture } from '../api/upload.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import type { Style } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { Field } from './parts.tsx';
import { useAdminAction } from './use-action.ts';

interface StyleDialogProps {
  /** Null makes a new one. */
  style: Style | null;
  categoryId: string;
  onClose(): void;
}

interface Draft {
  en: string;
  zh: string;
  template: string;
  negative: string;
  model: string;
  ratio: string;
}

const NEW_TEMPLATE = '{prompt}, ';
const FIELDS = ['en', 'zh', 'template', 'negative', 'model', 'ratio'] as const;
const LONG = new Set<keyof Draft>(['template', 'negative']);
const REQUIRED = new Set<keyof Draft>(['en', 'zh', 'template']);

function draftOf(style: Style | null): Draft {
  return {
    en: style?.names.en ?? '',
    zh: style?.names.zh ?? '',
    template: style?.prompt_template ?? NEW_TEMPLATE,
    negative: style?.negative_prompt ?? '',
    model: style?.model ?? '',
    ratio: style?.aspect_ratio ?? '',
  };
}

export function StyleDialog({ style, categoryId, onClose }: StyleDialogProps) {
  const { t } = adminTexts.useText();
  const { run, isBusy, problem } = useAdminAction();
  const [draft, setDraft] = useState(() => draftOf(style));
  const [cover, setCover] = useState<File | null>(null);
  const save = async () => {
    const body = {
      names: { en: draft.en, zh: draft.zh },
      prompt_template: draft.template,
      negative_prompt: draft.negative,
      model: draft.model === '' ? null : draft.model,
      aspect_ratio: draft.ratio === '' ? null : draft.ratio,
    };
    const done = await run(async () => {
      const { id } = style
        ? await call<Style>('PATCH', `v1/admin/styles/${style.id}`, { body })
        : await call<Style>('POST', 'v1/admin/styles', { body: { ...body, category_id: categoryId } });
      if (!cover) return;
      const upload = await uploadPicture(cover, cover.name, () => {}, new AbortController().signal);
      await call('PUT', `v1/admin/styles/${id}/cover`, { body: { upload_id: upload.id } });
    }, t('saved'));
    if (done) onClose();
  };
  return (
    <Dialog
      title={style ? t('style.edit', { name: style.name }) : t('style.new')}
      onClose={onClose}
      footer={
        <button type="submit" form="style" className="button button-lamp" aria-disabled={isBusy}>
          {t('save')}
        </button>
      }
    >
      <form
        id="style"
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        {FIELDS.map((name) => (
          <Field
            key={name}
            label={t(`style.${name}`)}
            {...(name === 'template' ? { hint: t('style.template.hint') } : {})}
          >
            {(id) => {
              const shared = {
                id,
                className: 'field',
                required: REQUIRED.has(name),
                value: draft[name],
                onInput: (event: { currentTarget: { value: string } }) =>
                  setDraft({ ...draft, [name]: event.currentTarget.value }),
              };
              return LONG.has(name) ? <textarea rows={3} {...shared} /> : <input {...shared} />;
            }}
          </Field>
        ))}
        <Field label={t('style.cover')}>
          {(id) => (
            <input
              id={id}
              type="file"
              accept="image/png,image/jpeg,image/webp"
              className="field"
              onChange={(event) => setCover(event.currentTarget.files?.[0] ?? null)}
            />
          )}
        </Field>
      </form>
      {problem && <ProblemNote problem={problem} />}
    </Dialog>
  );
}
