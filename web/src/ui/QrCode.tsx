// An address as a QR code, for a phone held against the screen: one path, dark on white in both themes, with the empty margin
// that scanners need.
import { generate } from 'lean-qr';

/** Empty modules around the code; the standard asks for four. */
const MARGIN = 4;

/** The dark modules as one path, a run of each row at a time. */
function pathOf(code: ReturnType<typeof generate>): string {
  let path = '';
  for (let y = 0; y < code.size; y += 1)
    for (let x = 0; x < code.size; x += 1) {
      if (!code.get(x, y)) continue;
      const from = x;
      while (code.get(x + 1, y)) x += 1;
      path += `M${from} ${y}h${x - from + 1}v1H${from}z`;
    }
  return path;
}

export function QrCode({ text, label }: { text: string; label: string }) {
  const code = generate(text);
  const side = code.size + 2 * MARGIN;
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox={`${-MARGIN} ${-MARGIN} ${side} ${side}`}
      className="size-52 rounded-control bg-white"
      shapeRendering="crispEdges"
    >
      <path d={pathOf(code)} fill="black" />
    </svg>
  );
}
