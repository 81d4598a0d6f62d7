// How far a picture is zoomed and moved. Scale 1 is the picture fitted into its stage; a point under the pointer stays
// under it while zooming, and the picture is never pulled away from the stage further than its own edge.

export interface Zoom {
  scale: number;
  /** How far the picture's centre is from the stage's, in px. */
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

export const FITTED: Zoom = { scale: 1, x: 0, y: 0 };
export const LARGEST_SCALE = 12;

function clampMove(move: number, shown: number, stage: number): number {
  const reach = Math.max(0, (shown - stage) / 2);
  return Math.min(reach, Math.max(-reach, move));
}

/** The zoom within its bounds; `fitted` is the size of the picture at scale 1. */
export function bound(zoom: Zoom, fitted: Size, stage: Size): Zoom {
  const scale = Math.min(LARGEST_SCALE, Math.max(1, zoom.scale));
  if (scale === 1) return FITTED;
  return {
    scale,
    x: clampMove(zoom.x, fitted.width * scale, stage.width),
    y: clampMove(zoom.y, fitted.height * scale, stage.height),
  };
}

/** Zooms by `factor` around a point, given from the stage's centre. */
export function zoomAt(
  zoom: Zoom,
  factor: number,
  point: { x: number; y: number },
  fitted: Size,
  stage: Size,
): Zoom {
  const scale = Math.min(LARGEST_SCALE, Math.max(1, zoom.scale * factor));
  const real = scale / zoom.scale;
  return bound(
    { scale, x: point.x - (point.x - zoom.x) * real, y: point.y - (point.y - zoom.y) * real },
    fitted,
    stage,
  );
}

/** The picture's size when it is fitted into the stage, never larger than it is. */
export function fit(picture: Size, stage: Size): Size {
  const scale = Math.min(1, stage.width / picture.width, stage.height / picture.height);
  return { width: picture.width * scale, height: picture.height * scale };
}
