// Everything that is known about a picture, beside it.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { CopyButton } from '../ui/CopyButton.tsx';
import { formatBytes } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { type GalleryRow, taskQuery } from './gallery-api.ts';
import { galleryTexts } from './gallery-text.ts';

interface InfoPanelProps {
  row: GalleryRow;
  /** Shows another picture of the same stack. */
  onShow(id: string): void;
}

function isKnownMode(mode: string): mode is 'text-to-image' | 'image-to-image' | 'upscale' {
  return mode === 'text-to-image' || mode === 'image-to-image' || mode === 'upscale';
}

function Stack({ row, onShow }: InfoPanelProps) {
  const { t } = galleryTexts.useText();
  const variants = row.stack?.ids ?? [];
  if (variants.length === 0 && row.parent_id === null) return null;
  const { parent_id: parentId } = row;
  return (
    <div className="flex flex-wrap gap-2">
      {parentId !== null && (
        <button type="button" className="button" onClick={() => onShow(parentId)}>
          <Icon name="picture" />
          {t('gallery.info.parent')}
        </button>
      )}
      {variants.map((id, at) => (
        <button key={id} type="button" className="button" onClick={() => onShow(id)}>
          <Icon name="hd" />
          {t('gallery.info.variant', { n: at + 1 })}
        </button>
      ))}
    </div>
  );
}

export function InfoPanel({ row, onShow }: InfoPanelProps) {
  const { t, locale, language } = galleryTexts.useText();
  const { data: task } = useQuery(taskQuery(row.task_id));
  const time = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const negative = task?.params.negative_prompt ?? '';
  const notes = [row.extra && t('gallery.info.extra'), row.late && t('gallery.info.late')].filter(Boolean);
  const facts: [string, ReactNode][] = [
    [t('gallery.info.negative'), negative],
    [t('gallery.info.model'), row.model],
    [t('gallery.info.provider'), row.provider],
    [t('gallery.info.style'), row.style?.names[language]],
    [t('gallery.info.seed'), row.seed === null ? null : String(row.seed)],
    [t('gallery.info.size'), `${row.width} × ${row.height}`],
    [
      t('gallery.info.file'),
      `${row.mime.replace('image/', '').toUpperCase()}, ${formatBytes(row.bytes, locale)}`,
    ],
    [t('gallery.info.from'), isKnownMode(row.mode) ? t(`gallery.mode.${row.mode}`) : row.mode],
    [t('gallery.info.origin'), row.origin && t(`gallery.origin.${row.origin}`)],
    [t('gallery.info.tags'), (row.tags ?? []).map((tag) => `#${tag}`).join(' ')],
    [t('gallery.info.made'), time.format(Date.parse(row.created_at))],
    [t('gallery.info.trashed'), row.trashed_at && time.format(Date.parse(row.trashed_at))],
    [t('gallery.info.note'), notes.join(' ')],
  ];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard.
    <aside className="lightbox-panel" aria-label={t('gallery.info')} tabIndex={0}>
      <div className="flex flex-col gap-1">
        <h2 className="eyebrow">{t('gallery.info.prompt')}</h2>
        <p className="whitespace-pre-wrap">{row.prompt}</p>
        <div className="-ml-2.5">
          <CopyButton text={row.prompt}>{t('gallery.copyPrompt')}</CopyButton>
        </div>
      </div>
      <Stack row={row} onShow={onShow} />
      <dl className="flex flex-col gap-2.5 text-sm">
        {facts
          .filter(([, value]) => value !== null && value !== undefined && value !== '')
          .map(([name, value]) => (
            <div key={name} className="grid grid-cols-[6.5rem_minmax(0,1fr)] gap-3">
              <dt className="text-soft">{name}</dt>
              <dd className="figures">{value}</dd>
            </div>
          ))}
        <div className="grid grid-cols-[6.5rem_minmax(0,1fr)] gap-3">
          <dt className="text-soft">{t('gallery.info.id')}</dt>
          <dd className="font-mono text-xs break-all">{row.id}</dd>
        </div>
      </dl>
    </aside>
  );
}
