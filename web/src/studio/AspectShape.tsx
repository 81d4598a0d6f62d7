// A shape drawn as a small rectangle of constant area, with its ratio beneath.
import { parseRatio } from './model.ts';

/** The side of the square in drawing units; every shape has its area. */
const SIDE = 16;

export function AspectShape({ ratio }: { ratio: string }) {
  const value = parseRatio(ratio) ?? 1;
  const width = SIDE * Math.sqrt(value);
  const height = SIDE / Math.sqrt(value);
  return (
    <span className="flex flex-col items-center gap-1 py-1.5">
      <svg
        viewBox="0 0 28 28"
        className="size-7"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.6"
        aria-hidden="true"
      >
        <rect x={14 - width / 2} y={14 - height / 2} width={width} height={height} rx="1.5" />
      </svg>
      <span className="figures text-xs">{ratio}</span>
    </span>
  );
}
