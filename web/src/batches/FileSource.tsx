// A table or list from a file: chosen or dropped, read into the page, and, for tables, what its columns mean. Spreadsheets that
// are no text are turned away with the way to save them as CSV.
import { type DragEvent, useState } from 'react';
import { formatBytes } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import type { BatchCheck } from './batch-api.ts';
import { batchTexts } from './batch-text.ts';
import { isSpreadsheet, type SourceFile } from './new-batch.ts';

/** What the server takes. */
const MOST_BYTES = 16_000_000;
const HEAD_BYTES = 8;
/** Less would read as nothing. */
const LEAST_SHOWN_BYTES = 1000;
const FIELDS = [
  'prompt',
  'negative_prompt',
  'model',
  'style',
  'aspect_ratio',
  'size',
  'n',
  'seed',
  'mode',
  'images',
  'mask',
  'strength',
  'provider',
] as const;

type Refusal = { kind: 'xlsx' | 'tooLarge' | 'empty'; name: string };

function readBase64(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ''));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

async function takeFile(file: File): Promise<SourceFile | Refusal> {
  const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  if (isSpreadsheet(file.name, head)) return { kind: 'xlsx', name: file.name };
  if (file.size === 0) return { kind: 'empty', name: file.name };
  if (file.size > MOST_BYTES) return { kind: 'tooLarge', name: file.name };
  return { name: file.name, bytes: file.size, b64: await readBase64(file) };
}

interface FileSourceProps {
  file: SourceFile | null;
  onFile(file: SourceFile | null): void;
}

export function FileSource({ file, onFile }: FileSourceProps) {
  const { t, locale } = batchTexts.useText();
  const [isOver, setOver] = useState(false);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const take = (given: File | undefined) => {
    if (!given) return;
    void takeFile(given).then((taken) => {
      const refused = 'kind' in taken ? taken : null;
      setRefusal(refused);
      onFile(refused ? null : (taken as SourceFile));
    });
  };
  const onDrag = (event: DragEvent<HTMLElement>) => {
    event.preventDefault();
    setOver(event.type === 'dragover');
    if (event.type === 'drop') take(event.dataTransfer?.files[0]);
  };
  const size = formatBytes(MOST_BYTES, locale);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a shortcut; the file input inside is the control.
    <div
      className={`drop-well ${isOver ? 'drop-well-over' : ''}`}
      onDragOver={onDrag}
      onDragLeave={onDrag}
      onDrop={onDrag}
    >
      <p className="flex items-center gap-2 text-lg font-medium">
        <Icon name="input" />
        {file ? file.name : t('new.file.drop')}
        {file && (
          <span className="figures text-sm font-normal text-soft">
            {formatBytes(Math.max(LEAST_SHOWN_BYTES, file.bytes), locale)}
          </span>
        )}
      </p>
      <label className="button input-label">
        {t(file ? 'new.file.replace' : 'new.file.choose')}
        <input
          type="file"
          aria-label={t('new.file')}
          accept=".csv,.tsv,.jsonl,.ndjson,.txt,text/plain,text/csv"
          onChange={(event) => take(event.currentTarget.files?.[0])}
        />
      </label>
      <p className="text-sm text-soft">{t('new.file.hint', { size })}</p>
      {refusal && (
        <div role="alert" className="flex flex-col gap-1">
          <p className="flex gap-2 font-semibold text-alarm">
            <Icon name="alert" className="mt-0.5 size-5" />
            {t(`new.file.${refusal.kind}`, { name: refusal.name, size })}
          </p>
          {refusal.kind === 'xlsx' && <p>{t('new.file.xlsx.fix')}</p>}
        </div>
      )}
    </div>
  );
}

interface ColumnsProps {
  source: BatchCheck['source'];
  chosen: Readonly<Record<string, string | null>>;
  onChoose(header: string, field: string | null): void;
}

/** How the file was read, and which column is which field. */
export function Columns({ source, chosen, onChoose }: ColumnsProps) {
  const { t } = batchTexts.useText();
  const separator =
    source.separator === '\t' || source.separator === 'tab' ? t('new.file.separator.tab') : source.separator;
  const facts = [
    ...(source.encoding ? [t('new.file.encoding', { encoding: source.encoding.toUpperCase() })] : []),
    ...(separator ? [t('new.file.separator', { separator })] : []),
  ];
  return (
    <div className="flex flex-col gap-3">
      {facts.length > 0 && <p className="text-sm text-soft">{facts.join(' · ')}</p>}
      {source.columns.length > 0 && (
        <fieldset className="min-w-0">
          <legend className="eyebrow mb-1.5">{t('new.columns')}</legend>
          <div className="grid grid-cols-[minmax(0,1fr)_minmax(0,1fr)] items-center gap-2">
            {source.columns.map(({ header, field }) => (
              <label key={header} className="col-span-2 grid grid-cols-subgrid items-center">
                <span className="truncate" title={header}>
                  {header}
                </span>
                <select
                  className="field"
                  aria-label={t('new.columns.field', { header })}
                  value={(header in chosen ? chosen[header] : field) ?? ''}
                  onChange={(event) => onChoose(header, event.currentTarget.value || null)}
                >
                  <option value="">{t('new.columns.keep')}</option>
                  {FIELDS.map((name) => (
                    <option key={name} value={name}>
                      {t(`new.field.${name}`)}
                    </option>
                  ))}
                </select>
              </label>
            ))}
          </div>
        </fieldset>
      )}
    </div>
  );
}
