// The mark and the measure of progress: a bascule bridge whose leaves come down as the work goes on.
import { cssVariables } from './css-variables.ts';

/** Degrees that a leaf stands up when nothing has been done yet. */
const FULL_LIFT_DEG = 62;

interface BridgeProps {
  /** From 0 (open) to 1 (closed), or null where nobody knows: the leaves sway. */
  progress: number | null;
  className?: string;
}

/** Decoration only: what it shows is always written beside it. */
export function Bridge({ progress, className = '' }: BridgeProps) {
  const lift = `${(1 - Math.min(1, Math.max(0, progress ?? 0))) * FULL_LIFT_DEG}deg`;
  return (
    <svg
      viewBox="0 0 120 72"
      fill="none"
      strokeLinecap="round"
      aria-hidden="true"
      className={`${progress === null ? 'bridge-swaying ' : ''}${className}`}
      style={cssVariables({ '--lift': lift })}
    >
      <path d="M4 44h16M100 44h16" stroke="currentColor" strokeWidth="5" />
      <path d="M24 46v14M96 46v14" stroke="currentColor" strokeWidth="5" />
      <path
        d="M8 66h10M28 66h14M52 66h20M80 66h12M102 66h10"
        stroke="currentColor"
        strokeWidth="1.5"
        opacity="0.5"
      />
      <g className="bridge-leaf bridge-left">
        <path d="M24 44h33" stroke="currentColor" strokeWidth="4" />
        <circle className="bridge-lamp fill-lamp" cx="58" cy="44" r="3.4" />
      </g>
      <g className="bridge-leaf bridge-right">
        <path d="M96 44H63" stroke="currentColor" strokeWidth="4" />
        <circle className="bridge-lamp fill-lamp" cx="62" cy="44" r="3.4" />
      </g>
    </svg>
  );
}
