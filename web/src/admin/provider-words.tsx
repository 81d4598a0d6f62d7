// How the state of a provider and its breakers is said.
import type { Text } from '../ui/language.ts';
import type { Provider } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { Countdown, State, type Tone } from './parts.tsx';

const TONES: Record<Provider['state'], Tone> = { healthy: 'calm', degraded: 'work', down: 'alarm' };

export function ProviderState({ provider }: { provider: Pick<Provider, 'state' | 'drained'> }) {
  const { t } = adminTexts.useText();
  if (provider.drained) return <State tone="off">{t('provider.drained')}</State>;
  return <State tone={TONES[provider.state]}>{t(`provider.${provider.state}`)}</State>;
}

type Breaker = Provider['models'][number]['breaker'];
const BREAKER_TONES: Record<Breaker['state'], Tone> = { closed: 'calm', half_open: 'work', open: 'alarm' };

/** Why it does not work: what the error means in the page's language, then what the server said of it, which is English. */
export function spokenReason(
  { code, detail }: NonNullable<Provider['reason']>,
  { language, errors }: Pick<Text, 'language' | 'errors'>,
): string {
  const title = language === 'en' ? undefined : errors[code]?.title;
  return title === undefined ? detail : `${title}：${detail}`;
}

/** A breaker with its reason and, while it is open, the time to the next probe. */
export function BreakerState({ breaker }: { breaker: Breaker }) {
  const text = adminTexts.useText();
  const { t } = text;
  return (
    <span className="flex flex-wrap items-center gap-x-3">
      <State tone={BREAKER_TONES[breaker.state]}>{t(`breaker.${breaker.state}`)}</State>
      {breaker.next_probe_at && (
        <span className="text-sm text-soft">
          {t('breaker.nextProbe')} <Countdown until={breaker.next_probe_at} />
        </span>
      )}
      {breaker.reason && <span className="text-sm text-soft">{spokenReason(breaker.reason, text)}</span>}
    </span>
  );
}
