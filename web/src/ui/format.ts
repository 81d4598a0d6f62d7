// How amounts, durations, sizes and times are written for people.

/** Seconds as `8 s` (`8 秒` in Chinese), `1:05` or `1:02:03`; negative values (clocks that differ) read as 0. */
export function formatDuration(milliseconds: number, locale = 'en'): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} ${locale.startsWith('zh') ? '秒' : 's'}`;
  const pad = (value: number) => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${pad(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(seconds % 60)}`;
}

const BYTE_UNITS: readonly (readonly [number, string])[] = [
  [1e12, 'TB'],
  [1e9, 'GB'],
  [1e6, 'MB'],
];

/** Credits with at most three decimals. */
export function formatCredits(amount: number, locale: string): string {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: 3 }).format(amount);
}

export function formatBytes(bytes: number, locale: string): string {
  const [size, unit] = BYTE_UNITS.find(([least]) => bytes >= least) ?? [1000, 'kB'];
  const digits = { maximumFractionDigits: unit === 'kB' ? 0 : 1 };
  return `${new Intl.NumberFormat(locale, digits).format(bytes / size)} ${unit}`;
}

/** A time today as hours and minutes, otherwise with its date. */
export function formatTime(epochMs: number, nowMs: number, locale: string): string {
  const today = new Date(nowMs).toDateString() === new Date(epochMs).toDateString();
  return new Intl.DateTimeFormat(
    locale,
    today ? { hour: '2-digit', minute: '2-digit' } : { dateStyle: 'medium', timeStyle: 'short' },
  ).format(epochMs);
}
