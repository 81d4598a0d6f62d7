// Rows as the API shows them. The only place where a picture's row meets its URLs.
import type { z } from 'zod';
import { toTimestamp } from '../kernel/clock.ts';
import type { imageSchema, taskImageSchema, uploadSchema } from './contract.ts';
import type { PublicCopiesTable } from './public-copy-store.ts';
import type { ImagesTable } from './store.ts';
import type { UploadsTable } from './upload-store.ts';
import { type MediaUrls, ownDownloadName } from './urls.ts';

/** The helper that enlarges without a model (src/providers/resize). */
const RESIZE_PROVIDER = 'resize';

type ImageResource = z.output<typeof imageSchema>;
type TaskImageResource = z.output<typeof taskImageSchema>;
type UploadResource = z.output<typeof uploadSchema>;

/** The part of a picture that its task shows too; without a thumbnail the picture itself stands in. */
function shown(row: ImagesTable, urls: MediaUrls, baseUrl: string) {
  const url = urls.view(baseUrl, row.kind, row.file_key);
  return {
    id: row.id,
    kind: row.kind,
    url,
    thumb_url: row.thumb_key ? urls.view(baseUrl, 'thumb', row.thumb_key) : url,
    download_url: urls.download(baseUrl, row.kind, row.file_key, ownDownloadName(row.id, row.mime)),
    width: row.width,
    height: row.height,
    mime: row.mime,
    bytes: row.bytes,
    seed: row.seed,
    thumbhash: row.thumbhash,
    extra: row.extra === 1,
    late: row.late === 1,
  };
}

/** `baseUrl` is what every URL of the answer starts with, without a trailing slash. */
export function taskImageResource(row: ImagesTable, urls: MediaUrls, baseUrl: string): TaskImageResource {
  return { ...shown(row, urls, baseUrl), trashed: row.trashed_at !== null };
}

export function imageResource(row: ImagesTable, urls: MediaUrls, baseUrl: string): ImageResource {
  return {
    ...shown(row, urls, baseUrl),
    task_id: row.task_id,
    position: row.position,
    sha256: row.sha256,
    mode: row.mode,
    model: row.model,
    provider: row.provider,
    prompt: row.prompt,
    style: row.style_id === null ? null : { id: row.style_id, names: styleNames(row) },
    favourite: row.favourite === 1,
    tags: JSON.parse(row.tags) as string[],
    parent_id: row.parent_id,
    method: row.kind === 'hd' ? (row.provider === RESIZE_PROVIDER ? 'resize' : 'provider') : null,
    created_at: toTimestamp(row.created_at),
    trashed_at: row.trashed_at === null ? null : toTimestamp(row.trashed_at),
    version: row.version,
  };
}

/** The names of a picture's style as it was then. */
function styleNames({ style_id: id, style_names: names }: ImagesTable): { en: string; zh: string } {
  return names === null ? { en: id ?? '', zh: id ?? '' } : (JSON.parse(names) as { en: string; zh: string });
}

/** For the owner of the picture alone: who has the page can delete the copy. */
export function publicCopyResource(row: PublicCopiesTable) {
  return {
    url: row.url,
    delete_url: row.delete_url,
    expires_at: row.expires_at === null ? null : toTimestamp(row.expires_at),
  };
}

export function uploadResource(row: UploadsTable, urls: MediaUrls, baseUrl: string): UploadResource {
  const url = urls.view(baseUrl, 'original', row.file_key);
  return {
    id: row.id,
    url,
    thumb_url: row.thumb_key ? urls.view(baseUrl, 'thumb', row.thumb_key) : url,
    width: row.width,
    height: row.height,
    mime: row.mime,
    bytes: row.bytes,
    sha256: row.sha256,
    thumbhash: row.thumbhash,
    created_at: toTimestamp(row.created_at),
    expires_at: toTimestamp(row.expires_at),
  };
}
