// The last day of a provider as 90 strips: calm where it worked, amber where it was probed, red where it was open or its tasks
// failed, hollow where it was drained or had nothing to do.
import type { Heartbeat } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';

const STEP = 5;
const WIDTH = 4;
const HEIGHT = 24;
const LOW = 14;
/** More failures than this part of all is red although the breaker was closed. */
const FAILING_PART = 0.5;

type Segment = Heartbeat['segments'][number];
export type Beat = 'ok' | 'some' | 'bad' | 'probing' | 'drained' | 'idle';

export function beatOf({ state, succeeded, failed }: Segment): Beat {
  if (state === 'open') return 'bad';
  if (state === 'drained') return 'drained';
  if (state === 'probing') return 'probing';
  if (succeeded + failed === 0) return 'idle';
  if (failed === 0) return 'ok';
  return failed > succeeded * FAILING_PART ? 'bad' : 'some';
}

const FILL: Record<Beat, string> = {
  ok: 'fill-calm',
  some: 'fill-lamp',
  probing: 'fill-lamp',
  bad: 'fill-alarm',
  drained: 'fill-edge',
  idle: 'fill-line',
};

export function HeartbeatBar({ beat }: { beat: Heartbeat }) {
  const { t, locale } = adminTexts.useText();
  const succeeded = beat.segments.reduce((sum, segment) => sum + segment.succeeded, 0);
  const failed = beat.segments.reduce((sum, segment) => sum + segment.failed, 0);
  const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
  return (
    <svg
      viewBox={`0 0 ${beat.segments.length * STEP} ${HEIGHT}`}
      preserveAspectRatio="none"
      className="h-6 w-full"
      role="img"
      aria-label={t('beat.label', { provider: beat.provider, succeeded, failed })}
    >
      {beat.segments.map((segment, index) => {
        const kind = beatOf(segment);
        const height = kind === 'idle' || kind === 'drained' ? LOW : HEIGHT;
        const time = clock.format(Date.parse(segment.at));
        const { succeeded: good, failed: bad } = segment;
        return (
          <rect
            key={segment.at}
            x={index * STEP}
            y={(HEIGHT - height) / 2}
            width={WIDTH}
            height={height}
            rx="1"
            className={FILL[kind]}
          >
            <title>{`${time} · ${t(`beat.${kind}`)} · ${t('beat.counts', { good, bad })}`}</title>
          </rect>
        );
      })}
    </svg>
  );
}
