// Says that the line is down, after a moment of grace, and that the work goes on without it.
import { useLiveStatus } from '../live/live-status.ts';
import { formatTime } from '../ui/format.ts';
import { useText } from '../ui/language.ts';
import { useNow } from '../ui/ticker.ts';

/** Shorter gaps are nobody's business. */
const GRACE_MS = 2_000;

function Banner({ lostAtMs }: { lostAtMs: number }) {
  const { t, locale } = useText();
  const nowMs = useNow();
  if (nowMs - lostAtMs < GRACE_MS) return null;
  return (
    <p role="status" className="bg-glow px-4 py-2 text-center text-sm">
      {t('live.banner')}{' '}
      <span className="figures">{t('live.lastUpdate', { time: formatTime(lostAtMs, nowMs, locale) })}</span>
    </p>
  );
}

export function ConnectionBanner() {
  const { state, lostAtMs } = useLiveStatus();
  if (lostAtMs === null || state === 'signed-out') return null;
  return <Banner lostAtMs={lostAtMs} />;
}
