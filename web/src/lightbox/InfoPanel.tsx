// Everything that is known about a picture, beside it.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { GalleryRow } from '../../../src/media/contract.ts';
import type { ImageDetail } from '../api/resources.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { formatBytes, formatDuration } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { imageQuery } from './image-query.ts';
import { lightboxTexts } from './lightbox-text.ts';

interface InfoPanelProps {
  row: GalleryRow;
  /** Shows another picture of the same stack. */
  onShow(id: string): void;
}

function isKnownMode(mode: string): mode is 'text-to-image' | 'image-to-image' | 'upscale' {
  return mode === 'text-to-image' || mode === 'image-to-image' || mode === 'upscale';
}

function Stack({ row, onShow }: InfoPanelProps) {
  const { t } = lightboxTexts.useText();
  const variants = row.stack?.ids ?? [];
  if (variants.length === 0 && row.parent_id === null) return null;
  const { parent_id: parentId } = row;
  return (
    <div className="flex flex-wrap gap-2">
      {parentId !== null && (
        <button type="button" className="button" onClick={() => onShow(parentId)}>
          <Icon name="picture" />
          {t('lightbox.info.parent')}
        </button>
      )}
      {variants.map((id, at) => (
        <button key={id} type="button" className="button" onClick={() => onShow(id)}>
          <Icon name="hd" />
          {t('lightbox.info.variant', { n: at + 1 })}
        </button>
      ))}
    </div>
  );
}

/** Words with a button that copies them. */
function Words({ name, text, copies }: { name: string; text: string; copies: string }) {
  return (
    <div className="flex flex-col gap-1">
      <h2 className="eyebrow">{name}</h2>
      <p className="whitespace-pre-wrap">{text}</p>
      <div className="-ml-2.5">
        <CopyButton text={text}>{copies}</CopyButton>
      </div>
    </div>
  );
}

type Facts = [string, ReactNode][];

/** What was asked for, where it says more than the picture itself. */
function useMaking(row: GalleryRow, making: ImageDetail['making'] | undefined): Facts {
  const { t, locale } = lightboxTexts.useText();
  if (!making) return [];
  const asked = making.size.replace('x', ' × ');
  const { strength, final_negative_prompt: finalNegative, negative_prompt: negative } = making;
  return [
    [t('lightbox.info.negative'), negative],
    [t('lightbox.info.finalNegative'), finalNegative === negative ? null : finalNegative],
    [t('lightbox.info.asked'), asked === `${row.width} × ${row.height}` ? null : asked],
    [t('lightbox.info.strength'), strength === null ? null : `${Math.round(strength * 100)} %`],
    [t('lightbox.info.together'), making.n > 1 ? making.n : null],
    [t('lightbox.info.took'), making.total_ms === null ? null : formatDuration(making.total_ms, locale)],
  ];
}

/** The pictures that this one was made from. */
function Inputs({ making }: { making: NonNullable<ImageDetail['making']> }) {
  const { t } = lightboxTexts.useText();
  if (making.images.length === 0 || making.mode === 'upscale') return null;
  return (
    <div className="flex flex-col gap-1.5">
      <h2 className="eyebrow">{t('lightbox.info.inputs')}</h2>
      <ul className="flex flex-wrap gap-2">
        {making.images.map((input, at) => (
          <li key={input.url}>
            <img
              src={input.url}
              alt={`${t('lightbox.info.inputs')} ${at + 1}`}
              width={input.width}
              height={input.height}
              loading="lazy"
              className="h-20 w-auto rounded-control"
            />
          </li>
        ))}
      </ul>
    </div>
  );
}

export function InfoPanel({ row, onShow }: InfoPanelProps) {
  const { t, locale, language } = lightboxTexts.useText();
  const { data: detail } = useQuery(imageQuery(row.id));
  const making = detail?.making;
  const asked = useMaking(row, making);
  const time = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const notes = [
    row.extra && t('lightbox.info.extra'),
    row.late && t('lightbox.info.late'),
    making === null && t('lightbox.info.unknown'),
  ].filter(Boolean);
  const facts: Facts = [
    [t('lightbox.info.model'), row.model],
    [t('lightbox.info.provider'), row.provider],
    [t('lightbox.info.style'), row.style?.names[language]],
    [t('lightbox.info.seed'), row.seed === null ? null : String(row.seed)],
    [t('lightbox.info.size'), `${row.width} × ${row.height}`],
    [
      t('lightbox.info.file'),
      `${row.mime.replace('image/', '').toUpperCase()}, ${formatBytes(row.bytes, locale)}`,
    ],
    [t('lightbox.info.from'), isKnownMode(row.mode) ? t(`lightbox.mode.${row.mode}`) : row.mode],
    [t('lightbox.info.origin'), t(`lightbox.origin.${row.origin}`)],
    ...asked,
    [t('lightbox.info.tags'), row.tags.map((tag) => `#${tag}`).join(' ')],
    [t('lightbox.info.made'), time.format(Date.parse(row.created_at))],
    [t('lightbox.info.trashed'), row.trashed_at && time.format(Date.parse(row.trashed_at))],
    [t('lightbox.info.note'), notes.join(' ')],
  ];
  const ids: [string, string | null | undefined][] = [
    [t('lightbox.info.id'), row.id],
    [t('lightbox.info.task'), row.task_id],
    [t('lightbox.info.batch'), making?.batch_id],
  ];
  const copies = t('lightbox.copyPrompt');
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard.
    <aside className="lightbox-panel" aria-label={t('lightbox.info')} tabIndex={0}>
      <Words name={t('lightbox.info.prompt')} text={row.prompt} copies={copies} />
      {making && making.final_prompt !== row.prompt && (
        <Words name={t('lightbox.info.finalPrompt')} text={making.final_prompt} copies={copies} />
      )}
      <Stack row={row} onShow={onShow} />
      {making && <Inputs making={making} />}
      <dl className="flex flex-col gap-2.5 text-sm">
        {facts
          .filter(([, value]) => value !== null && value !== undefined && value !== '')
          .map(([name, value]) => (
            <div key={name} className="grid grid-cols-[6.5rem_minmax(0,1fr)] gap-3">
              <dt className="text-soft">{name}</dt>
              <dd className="figures">{value}</dd>
            </div>
          ))}
        {ids
          .filter(([, id]) => id)
          .map(([name, id]) => (
            <div key={name} className="grid grid-cols-[6.5rem_minmax(0,1fr)] gap-3">
              <dt className="text-soft">{name}</dt>
              <dd className="font-mono text-xs break-all">{id}</dd>
            </div>
          ))}
      </dl>
    </aside>
  );
}
