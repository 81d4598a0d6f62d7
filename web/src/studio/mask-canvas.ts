// The drawing of a mask, apart from its buttons: what is painted is what may change. On the screen it is a veil over the
// picture; on the wire it is a picture of the same size that is transparent there.

/** Enough for a provider to follow the brush; larger masks only cost time. */
const MAX_MASK_SIDE_PX = 2048;

export interface MaskPoint {
  /** From 0 to 1 across the picture. */
  x: number;
  y: number;
}

export class MaskCanvas {
  readonly #canvas: HTMLCanvasElement;
  readonly #pen: CanvasRenderingContext2D | null;
  #last: MaskPoint | null = null;

  /** `canvas` gets the picture's proportions. */
  constructor(canvas: HTMLCanvasElement, width: number, height: number) {
    const scale = Math.min(1, MAX_MASK_SIDE_PX / Math.max(width, height));
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    this.#canvas = canvas;
    this.#pen = canvas.getContext('2d');
  }

  /** Paints a line from the last point of the stroke; `size` is the brush's width as a part of the picture's width. */
  stroke(to: MaskPoint, size: number, erases: boolean): void {
    const pen = this.#pen;
    if (!pen) return;
    const { width, height } = this.#canvas;
    const from = this.#last ?? to;
    pen.globalCompositeOperation = erases ? 'destination-out' : 'source-over';
    pen.strokeStyle = getComputedStyle(this.#canvas).color;
    pen.lineWidth = size * width;
    pen.lineCap = 'round';
    pen.beginPath();
    pen.moveTo(from.x * width, from.y * height);
    pen.lineTo(to.x * width, to.y * height);
    pen.stroke();
    this.#last = to;
  }

  lift(): void {
    this.#last = null;
  }

  clear(): void {
    this.#pen?.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
  }

  isEmpty(): boolean {
    const pixels = this.#pen?.getImageData(0, 0, this.#canvas.width, this.#canvas.height).data;
    return !pixels?.some((value, index) => index % 4 === 3 && value > 0);
  }

  /** The mask as the API takes it: opaque where nothing may change, transparent where the brush was. */
  toBlob(): Promise<Blob> {
    const result = document.createElement('canvas');
    result.width = this.#canvas.width;
    result.height = this.#canvas.height;
    const pen = result.getContext('2d');
    pen?.fillRect(0, 0, result.width, result.height);
    if (pen) pen.globalCompositeOperation = 'destination-out';
    pen?.drawImage(this.#canvas, 0, 0);
    return new Promise((resolve, reject) =>
      result.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no blob'))), 'image/png'),
    );
  }
}
