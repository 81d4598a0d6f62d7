// The small pictures that large cells show: loaded once, a limited number kept, the least recently used let go first.

const MOST_KEPT = 400;

export class Thumbnails {
  readonly #images = new Map<string, HTMLImageElement>();
  readonly #failed = new Set<string>();

  /** The picture if it is here; otherwise it is fetched and `onLoad` is told. */
  get(url: string, onLoad: () => void): HTMLImageElement | null {
    const known = this.#images.get(url);
    if (known) {
      this.#images.delete(url);
      this.#images.set(url, known);
      return known.complete && known.naturalWidth > 0 ? known : null;
    }
    if (this.#failed.has(url)) return null;
    const image = new Image();
    image.decoding = 'async';
    image.onload = onLoad;
    image.onerror = () => {
      this.#images.delete(url);
      this.#failed.add(url);
    };
    image.src = url;
    this.#images.set(url, image);
    for (const oldest of this.#images.keys()) {
      if (this.#images.size <= MOST_KEPT) break;
      this.#images.delete(oldest);
    }
    return null;
  }
}
