// The pictures to start from, on their way to the server: uploaded as soon as they are given, then kept in the draft by id,
// so that a reload still has them. What a reload interrupts is sent again; what fails keeps its reason and can be tried again.
import { networkProblem, type Problem, problemOf } from '../api/problem.ts';
import { uploadPicture } from '../api/upload.ts';
import { announce } from '../ui/announce.tsx';
import { currentText } from '../ui/language.ts';
import { randomUuid } from '../ui/random-id.ts';
import { forgetFile, keepFile, pendingFiles } from './draft-storage.ts';
import type { DraftStore } from './draft-store.ts';
import type { DraftInput } from './model.ts';

export interface PictureUpload {
  key: string;
  name: string;
  previewUrl: string;
  sentBytes: number;
  totalBytes: number;
  /** null while it is on its way. */
  problem: Problem | null;
}

interface Running extends PictureUpload {
  file: Blob;
  abort: AbortController;
}

/** What the server takes; a larger picture is made smaller here first. */
const MAX_UPLOAD_BYTES = 32_000_000;
const MAX_SIDE_PX = 8192;
const SHRUNK_SIDE_PX = 4096;
const SHRUNK_QUALITY = 0.92;

/** The decoded picture, upright as its EXIF orientation says; rejects when the browser cannot open it. */
export function decode(url: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = url;
  return image.decode().then(() => image);
}

/** The file itself, or a smaller, upright copy of a picture that the server would refuse for its size. */
export async function withinLimit(file: Blob, image: HTMLImageElement): Promise<Blob> {
  const longSide = Math.max(image.naturalWidth, image.naturalHeight);
  if (file.size <= MAX_UPLOAD_BYTES && longSide <= MAX_SIDE_PX) return file;
  const scale = Math.min(1, SHRUNK_SIDE_PX / longSide);
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(image.naturalWidth * scale);
  canvas.height = Math.round(image.naturalHeight * scale);
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error('no blob'))),
      'image/jpeg',
      SHRUNK_QUALITY,
    ),
  );
}

export class InputUploads {
  readonly #draft: DraftStore;
  readonly #accountId: string;
  readonly #listeners = new Set<() => void>();
  /** How many pictures the chosen model takes; the form says so. */
  #limit = 1;
  #uploads: readonly Running[] = [];

  constructor(draft: DraftStore, accountId: string) {
    this.#draft = draft;
    this.#accountId = accountId;
  }

  get = (): readonly PictureUpload[] => this.#uploads;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Several pictures are gathered up to the limit; with a limit of one, a new picture replaces the one before. */
  set limit(limit: number) {
    this.#limit = Math.max(1, limit);
  }

  /** Uploads the picture and puts it into the draft. Never rejects: a failure becomes the upload's problem. */
  async take(file: Blob, name: string, key: string = randomUuid()): Promise<void> {
    if (this.#limit === 1) for (const upload of this.#uploads) this.cancel(upload.key);
    const upload: Running = {
      key,
      name,
      file,
      previewUrl: URL.createObjectURL(file),
      sentBytes: 0,
      totalBytes: file.size,
      problem: null,
      abort: new AbortController(),
    };
    this.#change([...this.#uploads, upload]);
    keepFile({ key, accountId: this.#accountId, name, file });
    await this.#send(upload);
  }

  /** Sends a failed upload again. */
  async tryAgain(key: string): Promise<void> {
    const upload = this.#uploads.find((known) => known.key === key);
    if (!upload?.problem) return;
    this.#replace(key, { problem: null, sentBytes: 0 });
    await this.#send(upload);
  }

  /** Puts a picture that the server has already into the draft. */
  add(input: DraftInput): void {
    const before = this.#draft.get().inputs.filter(({ id }) => id !== input.id);
    this.#draft.update({ inputs: [...before, input].slice(-this.#limit), mask: null });
    this.#draft.flush();
  }

  /** Stops an upload; what the draft already has stays. */
  cancel(key: string): void {
    const upload = this.#uploads.find((known) => known.key === key);
    if (!upload) return;
    upload.abort.abort();
    this.#end(upload);
  }

  /** Sends what an earlier page could not finish. */
  async resume(): Promise<void> {
    for (const { key, name, file } of await pendingFiles(this.#accountId))
      if (!this.#uploads.some((upload) => upload.key === key)) void this.take(file, name, key);
  }

  /** The page is left: nothing is sent any more, everything is kept for the next one. */
  pause(): void {
    for (const upload of this.#uploads) {
      upload.abort.abort();
      URL.revokeObjectURL(upload.previewUrl);
    }
    this.#uploads = [];
  }

  async #send(upload: Running): Promise<void> {
    const { signal } = upload.abort;
    try {
      const image = await decode(upload.previewUrl).catch(() => null);
      if (signal.aborted) return;
      if (!image) {
        // It would fail again after every reload.
        forgetFile(upload.key);
        this.#replace(upload.key, { problem: { ...networkProblem(), code: 'image', retryable: false } });
        return;
      }
      const body = await withinLimit(upload.file, image);
      const show = (sentBytes: number, totalBytes: number) =>
        this.#replace(upload.key, { sentBytes, totalBytes });
      const { id, thumb_url: url, width, height } = await uploadPicture(body, upload.name, show, signal);
      this.add({ kind: 'upload', id, url, name: upload.name, width, height });
      announce(currentText().t('image.ready', { name: upload.name }));
      this.#end(upload);
    } catch (error) {
      if (!signal.aborted) this.#replace(upload.key, { problem: problemOf(error) });
    }
  }

  #end(upload: Running): void {
    forgetFile(upload.key);
    URL.revokeObjectURL(upload.previewUrl);
    this.#change(this.#uploads.filter(({ key }) => key !== upload.key));
  }

  #replace(key: string, change: Partial<Running>): void {
    this.#change(this.#uploads.map((upload) => (upload.key === key ? { ...upload, ...change } : upload)));
  }

  #change(uploads: readonly Running[]): void {
    this.#uploads = uploads;
    for (const listener of this.#listeners) listener();
  }
}
