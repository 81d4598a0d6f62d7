// The sign of a state beside its name: the same shapes as in the grid, so that the filters are its legend.
import { STATES, type StateLetter, type StateName } from './item-states.ts';

const OUTLINE = 'M3 1h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H3a2 2 0 0 1-2-2V3a2 2 0 0 1 2-2z';
const letterOf = (name: StateName) =>
  (Object.keys(STATES) as StateLetter[]).find((letter) => STATES[letter] === name) ?? 'q';

export function StateSign({ state }: { state: StateName }) {
  const letter = letterOf(state);
  const isFull = letter === 's' || letter === 'f';
  return (
    <svg
      viewBox="0 0 14 14"
      aria-hidden="true"
      className={`state-${letter} size-3.5 shrink-0`}
      fill={isFull ? 'currentColor' : 'none'}
      stroke="currentColor"
      strokeWidth="1.6"
    >
      <path d={OUTLINE} />
      {letter === 'r' && (
        <path
          d="M1.500 7h11v4a1.500 1.500 0 0 1-1.500 1.500H3A1.500 1.500 0 0 1 1.500 11z"
          fill="currentColor"
          stroke="none"
        />
      )}
      {letter === 'f' && <path d="m4.500 4.500 5 5m0-5-5 5" stroke="var(--color-paper)" />}
      {letter === 'c' && <path d="M4.500 7h5" />}
    </svg>
  );
}
