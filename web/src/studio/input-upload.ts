// The picture to start from, on its way to the server: uploaded as soon as it is given, then kept in the draft by its id,
// so that a reload still has it. One at a time: a new picture replaces the one before.
import { networkProblem, type Problem, problemOf } from '../api/problem.ts';
import { uploadPicture } from '../api/upload.ts';
import { announce } from '../ui/announce.tsx';
import { currentText } from '../ui/language.ts';
import type { DraftStore } from './draft-store.ts';

export type UploadStatus =
  | { state: 'idle' }
  | { state: 'uploading'; name: string; previewUrl: string; sentBytes: number; totalBytes: number }
  | { state: 'failed'; problem: Problem };

const IDLE: UploadStatus = { state: 'idle' };
/** What the server takes; a larger picture is made smaller here first. */
const MAX_UPLOAD_BYTES = 32_000_000;
const SHRUNK_SIDE_PX = 4096;
const SHRUNK_QUALITY = 0.92;

/** The file itself, or a smaller copy of a picture that the server would refuse for its size. */
async function withinLimit(file: Blob): Promise<Blob> {
  if (file.size <= MAX_UPLOAD_BYTES) return file;
  const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
  const scale = Math.min(1, SHRUNK_SIDE_PX / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((resolve, reject) =>
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error('no blob'))),
      'image/jpeg',
      SHRUNK_QUALITY,
    ),
  );
}

/** Whether the browser can open the picture; it is shown before the server has seen it. */
function canOpen(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(true);
    image.onerror = () => resolve(false);
    image.src = url;
  });
}

export class InputUpload {
  readonly #draft: DraftStore;
  readonly #listeners = new Set<() => void>();
  #status: UploadStatus = IDLE;
  #running: AbortController | null = null;

  constructor(draft: DraftStore) {
    this.#draft = draft;
  }

  get = (): UploadStatus => this.#status;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Uploads the picture and puts it into the draft. Never rejects: a failure becomes the status. */
  async take(file: Blob, name: string): Promise<void> {
    this.cancel();
    const running = new AbortController();
    this.#running = running;
    const previewUrl = URL.createObjectURL(file);
    const show = (sentBytes: number, totalBytes: number) => {
      if (!running.signal.aborted) this.#set({ state: 'uploading', name, previewUrl, sentBytes, totalBytes });
    };
    try {
      show(0, file.size);
      if (!(await canOpen(previewUrl))) {
        if (!running.signal.aborted) this.#fail({ ...networkProblem(), code: 'image', retryable: false });
        return;
      }
      const upload = await uploadPicture(await withinLimit(file), name, show, running.signal);
      const { id, thumb_url: url, width, height } = upload;
      this.#draft.update({ input: { kind: 'upload', id, url, name, width, height } });
      this.#draft.flush();
      announce(currentText().t('image.ready', { name }));
      this.#set(IDLE);
    } catch (error) {
      if (!running.signal.aborted) this.#fail(problemOf(error));
    } finally {
      URL.revokeObjectURL(previewUrl);
      if (this.#running === running) this.#running = null;
    }
  }

  /** Stops an upload; what the draft already has stays. */
  cancel(): void {
    this.#running?.abort();
    this.#running = null;
    if (this.#status !== IDLE) this.#set(IDLE);
  }

  #fail(problem: Problem): void {
    this.#set({ state: 'failed', problem });
  }

  #set(status: UploadStatus): void {
    this.#status = status;
    for (const listener of this.#listeners) listener();
  }
}
