// A small light in the header: whether the page is told of changes as they happen. Said in words too, never by colour alone.
import { useLiveStatus } from '../live/live-status.ts';
import { useText } from '../ui/language.ts';

export function LiveDot() {
  const { t } = useText();
  const { state } = useLiveStatus();
  if (state === 'signed-out') return null;
  const name = t(`live.${state}`);
  const colour = state === 'open' ? 'text-calm' : 'text-soft';
  return (
    <svg viewBox="0 0 12 12" role="img" aria-label={name} className={`size-3 shrink-0 ${colour}`}>
      <title>{name}</title>
      <circle
        cx="6"
        cy="6"
        r="3.5"
        fill={state === 'open' ? 'currentColor' : 'none'}
        stroke="currentColor"
        strokeWidth="1.5"
      />
    </svg>
  );
}
