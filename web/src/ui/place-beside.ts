// Puts a layer below or above its button, within the screen. By hand, since older browsers have no anchor positioning; on
// phones the style sheet makes every such layer a bottom sheet, and nothing is placed.

const PHONE = '(max-width: 39.99rem)';
const GAP_PX = 6;
const EDGE_PX = 8;

/** A layer that still loads what it shows gets at least this much room, if there is. */
const USUAL_HEIGHT_PX = 320;

export function placeBeside(layer: HTMLElement, anchor: HTMLElement): void {
  const { style } = layer;
  for (const property of ['left', 'top', 'bottom', 'max-height']) style.removeProperty(property);
  if (matchMedia(PHONE).matches) return;
  const at = anchor.getBoundingClientRect();
  const { clientWidth: screenWidth, clientHeight: screenHeight } = document.documentElement;
  const below = screenHeight - at.bottom - GAP_PX - EDGE_PX;
  const above = at.top - GAP_PX - EDGE_PX;
  const goesBelow = Math.max(layer.offsetHeight, USUAL_HEIGHT_PX) <= below || below >= above;
  const width = layer.offsetWidth;
  const startsLeft = at.left + width <= screenWidth - EDGE_PX ? at.left : at.right - width;
  style.left = `${Math.max(EDGE_PX, startsLeft)}px`;
  if (goesBelow) style.top = `${at.bottom + GAP_PX}px`;
  else style.bottom = `${screenHeight - at.top + GAP_PX}px`;
  style.maxHeight = `${goesBelow ? below : above}px`;
}
