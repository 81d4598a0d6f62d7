// How large the JPEG of a shared picture is. Chat programs show a link with a picture of at least 300 pixels a side; what is
// smaller or very long gets a plain border up to that.

export const PREVIEW_SIDE = 1_200;
export const LEAST_PREVIEW_SIDE = 300;

export interface PreviewSize {
  /** Of the whole JPEG. */
  width: number;
  height: number;
  /** Of the picture in its middle. */
  innerWidth: number;
  innerHeight: number;
}

export function previewSize(picture: { width: number; height: number }): PreviewSize {
  const scale = Math.min(1, PREVIEW_SIDE / Math.max(picture.width, picture.height));
  const innerWidth = Math.max(1, Math.round(picture.width * scale));
  const innerHeight = Math.max(1, Math.round(picture.height * scale));
  return {
    width: Math.max(LEAST_PREVIEW_SIDE, innerWidth),
    height: Math.max(LEAST_PREVIEW_SIDE, innerHeight),
    innerWidth,
    innerHeight,
  };
}

/** Whether the JPEG shows the picture and nothing else. */
export function hasNoBorder({ width, height, innerWidth, innerHeight }: PreviewSize): boolean {
  return width === innerWidth && height === innerHeight;
}
