// Lines of the log, compact; rows out of sight are not laid out.
import type { LogLine } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';

const LEVEL_LOOK: Record<LogLine['level'], string> = {
  debug: 'text-soft',
  info: 'text-soft',
  warn: 'font-semibold',
  error: 'font-semibold text-alarm',
};

const fieldText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

export function LogLines({ lines }: { lines: readonly LogLine[] }) {
  const { locale, t } = adminTexts.useText();
  const clock = new Intl.DateTimeFormat(locale, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
    hour12: false,
  });
  return (
    <ol className="sheet overflow-hidden py-1 font-mono text-xs leading-5" aria-label={t('nav.logs')}>
      {lines.map(({ id, level, time, component, message, fields }) => (
        <li key={id} className="admin-log">
          <time dateTime={time} className="figures text-soft">
            {clock.format(Date.parse(time))}
          </time>
          <span className={LEVEL_LOOK[level]}>{level}</span>
          <span className="min-w-0 break-words">
            {component && <span className="text-soft">{component} </span>}
            {message}
            {Object.entries(fields).map(([name, value]) => (
              <span key={name} className="text-soft">
                {' '}
                {name}={fieldText(value)}
              </span>
            ))}
          </span>
        </li>
      ))}
    </ol>
  );
}
